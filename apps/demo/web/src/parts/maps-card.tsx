import type { JSX } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Entry, Pulse } from '../../../src/api/types.ts'
import { NodeClient } from '../data/api-client.ts'
import { MapView } from '../data/map-view.ts'
import { attempt } from '../data/notices.ts'
import { count } from '../model/wording.ts'
import { EntriesTable } from './entries-table.tsx'
import { EntryDialog } from './entry-dialog.tsx'

/** A node whose maps can be shown: this page's own (no index), or a member of the cluster. */
export interface MapSource {
  readonly index?: number
  readonly name: string
  readonly pulse: Pulse
}

/** The maps as one node holds them. */
export function MapsCard({ sources }: { readonly sources: readonly MapSource[] }): JSX.Element {
  const [node, setNode] = useState<number>()
  const [chosen, setChosen] = useState<string>()
  const source = sources.find(({ index }) => index === node) ?? sources[0]
  const maps = source?.pulse.maps ?? []
  const map = maps.find(({ name }) => name === chosen) ?? maps[0]
  const index = source?.index
  const client = useMemo(() => new NodeClient(index), [index])

  return (
    <section class="card maps" aria-labelledby="maps-title">
      <div class="card-head">
        <h2 id="maps-title">Maps</h2>
        <div class="controls">
          {maps.length > 0 && (
            <label class="inline">
              Map
              <select value={map?.name} onChange={({ currentTarget }) => setChosen(currentTarget.value)}>
                {maps.map(({ name }) => (
                  <option key={name} value={name}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
          )}
          {sources.length > 1 && (
            <label class="inline">
              as held by
              <select
                value={String(index)}
                onChange={({ currentTarget }) => setNode(Number(currentTarget.value))}
              >
                {sources.map(({ index, name }) => (
                  <option key={index} value={String(index)}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
          )}
        </div>
      </div>
      {source === undefined ? (
        <p class="empty">No running node to read from.</p>
      ) : map === undefined ? (
        <p class="empty">{source.name} hosts no map yet.</p>
      ) : (
        <OneMap key={`${index} ${map.name}`} client={client} name={map.name} health={map.health} />
      )}
    </section>
  )
}

interface OneMapProps {
  readonly client: NodeClient
  readonly name: string
  readonly health: readonly string[]
}

function OneMap({ client, name, health }: OneMapProps): JSX.Element {
  const view = useMemo(() => new MapView(client, name), [client, name])
  useEffect(() => () => view.close(), [view])
  const [prefix, setPrefix] = useState('')
  /** The `after` of every page up to this one. */
  const [pages, setPages] = useState<readonly string[]>([])
  const [editing, setEditing] = useState<{ readonly entry?: Entry }>()
  const { page, changed, error } = view.shown.value

  const go = (nextPrefix: string, nextPages: readonly string[]): void => {
    setPrefix(nextPrefix)
    setPages(nextPages)
    view.show(nextPrefix, nextPages.at(-1))
  }
  const remove = (entry: Entry): void =>
    void attempt(() => client.remove(name, entry), `“${entry.key}” is deleted.`)

  return (
    <>
      <div class="map-tools">
        <label class="inline grow">
          Keys beginning with
          <input
            class="mono"
            type="search"
            value={prefix}
            autocomplete="off"
            spellcheck={false}
            onInput={({ currentTarget }) => go(currentTarget.value, [])}
          />
        </label>
        <button type="button" class="primary" onClick={() => setEditing({})}>
          Add an entry
        </button>
      </div>
      {health.map(reason => (
        <p key={reason} class="hint bad">
          {reason}
        </p>
      ))}
      {error !== undefined && (
        <p class="hint bad" role="alert">
          {error}
        </p>
      )}
      {page === undefined ? (
        error === undefined && <p class="empty">Reading…</p>
      ) : page.entries.length === 0 ? (
        <p class="empty">
          {prefix !== ''
            ? 'No key begins like this.'
            : pages.length > 0
              ? 'Nothing on this page any more.'
              : 'No entries yet: add one.'}
        </p>
      ) : (
        <EntriesTable
          entries={page.entries}
          changed={changed}
          onEdit={entry => setEditing({ entry })}
          onRemove={remove}
        />
      )}
      {page !== undefined && (
        <div class="pager">
          <span>{count(page.size, 'entry', 'entries')}</span>
          {(pages.length > 0 || page.next !== undefined) && (
            <div class="buttons">
              <button
                type="button"
                class="small"
                aria-disabled={pages.length === 0}
                onClick={() => pages.length > 0 && go(prefix, pages.slice(0, -1))}
              >
                Previous
              </button>
              <span>page {pages.length + 1}</span>
              <button
                type="button"
                class="small"
                aria-disabled={page.next === undefined}
                onClick={() => page.next !== undefined && go(prefix, [...pages, page.next])}
              >
                Next
              </button>
            </div>
          )}
        </div>
      )}
      {editing !== undefined && (
        <EntryDialog
          client={client}
          map={name}
          entry={editing.entry}
          latest={page?.entries.find(({ key }) => key === editing.entry?.key)}
          onClose={() => setEditing(undefined)}
        />
      )}
    </>
  )
}
