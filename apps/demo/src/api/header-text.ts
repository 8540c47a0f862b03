/** Whether a header can carry a text as it is: printable ASCII, without a space at either end. */
export function isHeaderText(text: string): boolean {
  return /^[\u0021-\u007E](?:[\u0020-\u007E]*[\u0021-\u007E])?$/u.test(text)
}
