/** How a command ended, for scripts. Stable. */
export const EXIT = {
  done: 0,
  /** It was done and the answer is no: the key is absent, a check failed. */
  no: 1,
  /** A mistake on the command line. */
  usage: 2,
  /** Nothing answers at the address. */
  unreachable: 3,
  /** The node refused; its problem is told. */
  refused: 4,
  /** The key has changed meanwhile. */
  changed: 5,
  /** Ctrl-C, as shells count it. */
  interrupted: 130
} as const

export const EXIT_HELP = `Exit codes: 0 done; 1 the answer is no (absent, a check failed); 2 a mistake on the command line; 3 nothing answers
there; 4 the node refused; 5 the key has changed meanwhile; 130 interrupted.`
