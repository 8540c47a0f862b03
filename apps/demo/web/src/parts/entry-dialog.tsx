import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { Entry } from '../../../src/api/types.ts'
import { ApiError, sentence, type NodeClient } from '../data/api-client.ts'
import { tell } from '../data/notices.ts'
import { longText, readValue, shortText } from '../model/value-text.ts'
import { Dialog } from './dialog.tsx'

interface EntryDialogProps {
  readonly client: NodeClient
  readonly map: string
  /** The entry to edit as it was when the dialogue was opened; undefined adds one. */
  readonly entry: Entry | undefined
  /** The same entry as it is now, as far as the page knows. */
  readonly latest: Entry | undefined
  readonly onClose: () => void
}

/** Adds or edits an entry. Somebody else's change in between is shown, never silently written over. */
export function EntryDialog({ client, map, entry, latest, onClose }: EntryDialogProps): JSX.Element {
  const [key, setKey] = useState(entry?.key ?? '')
  const [text, setText] = useState(entry === undefined ? '' : longText(entry.value))
  const [expected, setExpected] = useState(entry)
  const [error, setError] = useState<string>()
  const typed = readValue(text)
  const moved = expected !== undefined && latest !== undefined && latest.version !== expected.version

  const submit = async (): Promise<void> => {
    if (key === '') return setError('Type a key.')
    if (typed.type === 'bad') return setError(typed.reason)
    try {
      await client.put(
        map,
        key,
        typed.value,
        expected === undefined ? 'absent' : { version: expected.version }
      )
      tell(`“${key}” is saved.`)
      onClose()
    } catch (problem) {
      const exists = expected === undefined && problem instanceof ApiError && problem.status === 412
      setError(exists ? 'There is an entry with this key already: edit that one.' : sentence(problem))
    }
  }

  return (
    <Dialog
      title={entry === undefined ? `Add an entry to “${map}”` : 'Edit an entry'}
      onClose={onClose}
      onSubmit={() => void submit()}
    >
      <label class="field">
        Key
        <input
          class="mono"
          value={key}
          readOnly={entry !== undefined}
          autocomplete="off"
          spellcheck={false}
          onInput={({ currentTarget }) => setKey(currentTarget.value)}
        />
      </label>
      <label class="field">
        Value
        <textarea
          class="mono"
          rows={6}
          value={text}
          autofocus={entry !== undefined}
          spellcheck={false}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      </label>
      <p class="hint">
        {typed.type === 'value' ? `Will be stored as ${typed.kind}.` : 'JSON, or plain text.'}
      </p>
      {entry?.conflicts !== undefined && entry.conflicts.length > 1 && (
        <div class="conflict-choice">
          <p>
            Written at the same time on different nodes, so all {entry.conflicts.length} values are kept. What
            you save replaces them.
          </p>
          <ul>
            {entry.conflicts.map((value, place) => (
              <li key={place}>
                <button type="button" class="small" onClick={() => setText(longText(value))}>
                  Take this
                </button>
                <code>{shortText(value)}</code>
              </li>
            ))}
          </ul>
        </div>
      )}
      {moved && (
        <div class="hint bad" role="status">
          Meanwhile it was changed to <code>{shortText(latest.value)}</code>.{' '}
          <button type="button" class="small" onClick={() => setExpected(latest)}>
            Write over it
          </button>
        </div>
      )}
      {error !== undefined && (
        <p class="hint bad" role="alert">
          {error}
        </p>
      )}
      <div class="buttons end">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" class="primary">
          Save
        </button>
      </div>
    </Dialog>
  )
}
