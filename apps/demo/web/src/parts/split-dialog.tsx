import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { ClusterMember } from '../../../src/api/types.ts'
import { split } from '../data/api-client.ts'
import { attempt } from '../data/notices.ts'
import { Dialog } from './dialog.tsx'

interface SplitDialogProps {
  readonly members: readonly ClusterMember[]
  readonly onClose: () => void
}

/** Asks which nodes are to be cut off from the others. */
export function SplitDialog({ members, onClose }: SplitDialogProps): JSX.Element {
  const [side, setSide] = useState<ReadonlySet<number>>(
    () => new Set(members.slice(0, Math.ceil(members.length / 2)).map(({ index }) => index))
  )
  const one = members.filter(({ index }) => side.has(index))
  const other = members.filter(({ index }) => !side.has(index))
  const possible = one.length > 0 && other.length > 0

  const submit = async (): Promise<void> => {
    if (possible && (await attempt(() => split([...side]), 'The cluster is split.'))) onClose()
  }

  return (
    <Dialog title="Split the cluster in two" onClose={onClose} onSubmit={() => void submit()}>
      <p>The two sides will not hear each other until you heal the split. Both go on taking writes.</p>
      <fieldset>
        <legend>Nodes on the first side</legend>
        {members.map(({ index, name }) => (
          <label key={index} class="check">
            <input
              type="checkbox"
              checked={side.has(index)}
              onChange={({ currentTarget }) => {
                const next = new Set(side)
                if (currentTarget.checked) next.add(index)
                else next.delete(index)
                setSide(next)
              }}
            />
            {name}
          </label>
        ))}
      </fieldset>
      <p role="status" class={possible ? 'hint' : 'hint bad'}>
        {possible
          ? `First side: ${names(one)}. Second side: ${names(other)}.`
          : 'Each side needs at least one node.'}
      </p>
      <div class="buttons end">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" class="primary" aria-disabled={!possible}>
          Split
        </button>
      </div>
    </Dialog>
  )
}

function names(members: readonly ClusterMember[]): string {
  return members.map(({ name }) => name).join(', ')
}
