import type { JSX } from 'preact'
import type { Entry } from '../../../src/api/types.ts'
import { shortText } from '../model/value-text.ts'
import { timeOfDay } from '../model/wording.ts'

interface EntriesTableProps {
  readonly entries: readonly Entry[]
  readonly changed: ReadonlySet<string>
  readonly onEdit: (entry: Entry) => void
  readonly onRemove: (entry: Entry) => void
}

/** One page of entries. What has just changed lights up for a moment. */
export function EntriesTable({ entries, changed, onEdit, onRemove }: EntriesTableProps): JSX.Element {
  return (
    <div class="table-frame">
      <table>
        <thead>
          <tr>
            <th scope="col">Key, version</th>
            <th scope="col">Value</th>
            <th scope="col">
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map(entry => (
            <tr key={entry.key}>
              <th scope="row" class="mono">
                {entry.key}
                <span class="version" title={`version ${entry.version}`}>
                  {entry.version.slice(-8)}
                </span>
              </th>
              <td class="value">
                <Value entry={entry} fresh={changed.has(entry.key)} />
              </td>
              <td class="row-buttons">
                <button
                  type="button"
                  class="small"
                  aria-label={`Edit ${entry.key}`}
                  onClick={() => onEdit(entry)}
                >
                  Edit
                </button>
                <button
                  type="button"
                  class="small"
                  aria-label={`Delete ${entry.key}`}
                  onClick={() => onRemove(entry)}
                >
                  Delete
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Made anew with each version, so that the light goes on again. */
function Value({ entry, fresh }: { readonly entry: Entry; readonly fresh: boolean }): JSX.Element {
  const { value, version, conflicts, expiresAtMs } = entry
  return (
    <div key={version} class={fresh ? 'fresh' : ''}>
      <code>{shortText(value)}</code>
      {conflicts !== undefined && conflicts.length > 1 && (
        <div class="conflicts">
          <strong>conflict: {conflicts.length} values, written at the same time</strong>
          {conflicts.slice(1, 4).map((other, place) => (
            <code key={place}>{shortText(other)}</code>
          ))}
          {conflicts.length > 4 && <span>and {conflicts.length - 4} more</span>}
        </div>
      )}
      {expiresAtMs !== undefined && <span class="note">expires {timeOfDay(expiresAtMs)}</span>}
    </div>
  )
}
