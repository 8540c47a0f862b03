import type { ReplicatedMap, StarlingNode } from '@starling/node'

/** A value as typed at the prompt: JSON where it is JSON, else the text itself. */
export function parseValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export const PROMPT_HELP = `set KEY VALUE   write a value (JSON, or plain text)
get KEY         read it; concurrent values are all shown
del KEY         remove it
keys            list the keys
peers           list the sessions with other nodes
help            this text
quit            stop the node`

/** Does one command and returns what to print; `undefined` means the person wants to leave. */
export async function runCommand(
  line: string,
  node: StarlingNode,
  map: ReplicatedMap<unknown>
): Promise<string | undefined> {
  const [command = '', key = '', ...rest] = line.trim().split(/\s+/u)
  switch (command) {
    case '':
      return ''
    case 'set': {
      if (key === '' || rest.length === 0) return 'set takes a key and a value: set colour "blue"'
      await map.set(
        key,
        parseValue(
          line
            .trim()
            .slice(line.trim().indexOf(key) + key.length)
            .trim()
        )
      )
      return 'ok: on disk here, and on its way'
    }
    case 'get': {
      const values = map.conflicts(key)
      if (values.length === 0) return '(absent)'
      return values.map(({ value }) => show(value)).join('   | written at the same time: ')
    }
    case 'del':
      return (await map.delete(key)) ? 'ok: removed' : '(absent)'
    case 'keys':
      return [...map.keys()].sort().join('\n') || '(no keys)'
    case 'peers': {
      const { peers } = node.inspect()
      return peers.map(peer => `${peer.peer}  ${peer.status}`).join('\n') || '(no peers)'
    }
    case 'help':
      return PROMPT_HELP
    case 'quit':
    case 'exit':
      return undefined
    default:
      return `"${command}" is no command; help lists them`
  }
}

/** Plain JSON with what JSON lacks written out. */
export function show(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === 'bigint') return `${each}n`
    if (each instanceof Uint8Array) return `bytes(${each.length})`
    return each
  })
}
