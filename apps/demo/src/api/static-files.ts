import { serveStatic } from '@hono/node-server/serve-static'
import { Hono, type MiddlewareHandler } from 'hono'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const NOT_BUILT = `<!doctype html>
<html lang="en">
<title>Starling</title>
<h1>The page is not built</h1>
<p>This server's API is at <a href="/api/v1/role">/api/v1/role</a>. To build the page run <code>npm run setup</code> in the
project's folder, and load this page again.</p>
</html>
`

/**
 * The files of the dashboard in `folder`, and its page for every path that is no file: the page knows its own paths. What the build
 * names after its content may be kept for ever, the page itself may not.
 */
export function staticFiles(folder: string): Hono {
  const index = join(folder, 'index.html')
  let files: MiddlewareHandler | undefined
  return new Hono().get('*', async (context, next) => {
    const { path } = context.req
    if (path.startsWith('/api/')) return await next()
    if (!existsSync(index)) return context.html(NOT_BUILT)
    const named = path.startsWith('/assets/')
    context.header('cache-control', named ? 'max-age=31536000, immutable' : 'no-cache')
    files ??= serveStatic({ root: folder })
    return await files(context, async () => {
      if (named) await next()
      else context.res = (await serveStatic({ path: index })(context, next)) ?? context.res
    })
  })
}
