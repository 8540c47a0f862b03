// Reads the pictures of docs/semantics.md. A picture has a column for each node; a cell is what the node does or shows, an
// arrow spans the columns of the nodes between which something travels, a line that starts with a dot is time that passes.

/** One step of a picture. */
export type PictureStep =
  | { readonly type: 'do'; readonly node: number; readonly text: string }
  | {
      readonly type: 'arrow'
      readonly left: number
      readonly right: number
      readonly heads: 'left' | 'right' | 'both'
    }
  | { readonly type: 'wait'; readonly text: string }

/** A picture: the texts above its columns, and its steps from top to bottom. */
export interface Picture {
  /** The heading that it stands under, and its number there. */
  readonly title: string
  readonly nodes: readonly string[]
  readonly steps: readonly PictureStep[]
}

/** All pictures of a page. */
export function readPictures(markdown: string): readonly Picture[] {
  const pictures: Picture[] = []
  let heading = ''
  let count = 0
  let lines: string[] | undefined
  for (const line of markdown.split('\n')) {
    if (lines !== undefined && line !== '```') lines.push(line)
    else if (lines !== undefined) {
      pictures.push(readPicture(`${heading}, picture ${++count}`, lines))
      lines = undefined
    } else if (line === '```picture') lines = []
    else if (line.startsWith('## ')) {
      heading = line.slice(3)
      count = 0
    }
  }
  return pictures
}

function readPicture(title: string, [header = '', ...lines]: readonly string[]): Picture {
  const starts = [...header.matchAll(/(?<=^|\s{2})\S/g)].map(match => match.index)
  const cells = (line: string) =>
    starts.map((start, i) => line.slice(start, starts[i + 1] ?? line.length).trim())
  return { title, nodes: cells(header), steps: lines.flatMap(line => readLine(line, starts, cells)) }
}

function readLine(
  line: string,
  starts: readonly number[],
  cells: (line: string) => readonly string[]
): readonly PictureStep[] {
  if (line.startsWith('·')) return [{ type: 'wait', text: line.slice(1).trim() }]
  if (/[◀▶]/.test(line)) {
    const nearest = (at: number) => starts.findIndex(start => Math.abs(start - at) <= 2)
    const left = nearest(line.search(/\S/))
    const right = nearest(line.length)
    if (left < 0 || right <= left) throw new Error(`this arrow does not span columns: ${line}`)
    const heads = /◀.*▶/.test(line) ? 'both' : line.includes('◀') ? 'left' : 'right'
    return [{ type: 'arrow', left, right, heads }]
  }
  return cells(line).flatMap((text, node) => (text === '' ? [] : [{ type: 'do', node, text } as const]))
}
