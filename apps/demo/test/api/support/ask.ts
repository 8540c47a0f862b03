import { request, type IncomingHttpHeaders } from 'node:http'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly json: unknown
}

export interface Question {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Send the body in chunks, without a length. */
  readonly chunked?: boolean
}

/** Asks as no browser would: any host, any origin, any path. */
export function ask(url: string, path: string, question: Question = {}): Promise<Answer> {
  const { hostname, port } = new URL(url)
  const { method = 'GET', headers = {}, body, chunked = false } = question
  const length = body === undefined || chunked ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  return new Promise((resolve, reject) => {
    const asking = request(
      { agent: false, hostname, port, path, method, headers: { ...length, ...headers } },
      response => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', chunk => (text += String(chunk)))
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: parsed(text) })
        )
      }
    )
    asking.on('error', reject)
    if (chunked) asking.write(body ?? '')
    asking.end(chunked ? '' : body)
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
