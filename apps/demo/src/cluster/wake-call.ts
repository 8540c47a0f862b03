import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'

/** Says nothing until its input ends, which the kernel sees to when this process is gone, however it went. */
const WAIT = 'read -r _; kill -CONT "$0"'

/**
 * Lets a process that stands still go on once this one is gone: it cannot notice by itself. Where there is no shell it stays as it
 * is.
 *
 * @returns takes the call back
 */
export function wakeWhenAlone(pid: number): () => void {
  const waiter = spawn('/bin/sh', ['-c', WAIT, String(pid)], { stdio: ['pipe', 'ignore', 'ignore'] })
  waiter.on('error', () => {})
  // It waits for us, and we not for it.
  waiter.unref()
  ;(waiter.stdin as Socket).unref()
  return () => void waiter.kill('SIGKILL')
}
