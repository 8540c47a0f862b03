import { render, type JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import 'uplot/dist/uPlot.min.css'
import { ClusterPage } from './cluster-page.tsx'
import { RECONNECT_MS_MAX } from './config.ts'
import { readRole, sentence } from './data/api-client.ts'
import { PageNews } from './data/page-news.ts'
import { NodePage } from './node-page.tsx'
import { NoticeList } from './parts/notice-list.tsx'

interface Begun {
  readonly role: 'node' | 'cluster'
  readonly news: PageNews
}

function App(): JSX.Element {
  const [begun, setBegun] = useState<Begun>()
  const [error, setError] = useState<string>()
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>
    const begin = async (): Promise<void> => {
      try {
        const role = await readRole()
        setBegun({ role, news: new PageNews(role) })
      } catch (problem) {
        setError(sentence(problem))
        timer = setTimeout(() => void begin(), RECONNECT_MS_MAX / 4)
      }
    }
    void begin()
    return () => clearTimeout(timer)
  }, [])
  useEffect(() => {
    if (begun !== undefined)
      document.title = begun.role === 'cluster' ? 'Starling: the cluster' : 'Starling: one node'
  }, [begun])

  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      {begun === undefined ? (
        <main id="main" tabIndex={-1} class="lone">
          <h1>Starling</h1>
          <p role="status">{error === undefined ? 'Connecting…' : `${error} Trying again.`}</p>
        </main>
      ) : begun.role === 'cluster' ? (
        <ClusterPage news={begun.news} />
      ) : (
        <NodePage news={begun.news} />
      )}
      <NoticeList />
    </>
  )
}

const place = document.querySelector('#app')
if (place !== null) render(<App />, place)
