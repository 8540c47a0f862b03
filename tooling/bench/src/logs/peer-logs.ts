import { join } from 'node:path'
import { grouped, keyOf, valueOf, type LogContender, type OpenLog } from './log-contender.ts'

/** classic-level with the least group commit before it: no checksums, no sums, no clock mark. */
export async function openLevelLog(folder: string): Promise<LogContender> {
  const { ClassicLevel } = await import('classic-level')
  const database = new ClassicLevel(folder, {
    keyEncoding: 'view',
    valueEncoding: 'view'
  })
  await database.open()
  const append = grouped<number>(indexes => {
    const batch = database.batch()
    for (const index of indexes) batch.put(Buffer.from(keyOf(index)), Buffer.from(valueOf(index)))
    return batch.write({ sync: true })
  })
  return { append, close: () => database.close() }
}

/** lmdb, resolving when its transaction is flushed. */
export async function loadLmdb(): Promise<OpenLog> {
  const { open } = await import('lmdb')
  return async folder => {
    const database = open({
      path: join(folder, 'lmdb'),
      overlappingSync: false,
      encoding: 'string'
    })
    return {
      async append(index) {
        await database.put(keyOf(index), valueOf(index))
      },
      close: () => database.close()
    }
  }
}

/** What both SQLites have in common. */
interface Sqlite {
  exec(sql: string): unknown
  prepare(sql: string): { run(key: string, value: string): unknown }
  close(): unknown
}

export async function loadBetterSqlite(): Promise<OpenLog> {
  const { default: Database } = await import('better-sqlite3')
  return async folder => openSqlite(new Database(join(folder, 'log.sqlite')))
}

/** Node's own. */
export async function loadNodeSqlite(): Promise<OpenLog> {
  const { DatabaseSync } = await import('node:sqlite')
  return async folder => openSqlite(new DatabaseSync(join(folder, 'log.sqlite')))
}

/** Write-ahead log, `synchronous = FULL`, one transaction for all that waited. */
function openSqlite(database: Sqlite): LogContender {
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE log (k TEXT PRIMARY KEY, v TEXT)'
  )
  const insert = database.prepare('INSERT OR REPLACE INTO log VALUES (?, ?)')
  const append = grouped<number>(async indexes => {
    database.exec('BEGIN')
    for (const index of indexes) insert.run(keyOf(index), valueOf(index))
    database.exec('COMMIT')
  })
  return {
    append,
    async close() {
      database.close()
    }
  }
}
