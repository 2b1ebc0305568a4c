import { type ChildProcess, fork } from 'node:child_process'
import type { Listening } from './listening.js'
import { SERVERS, type ServerName } from './servers.js'

/** A server that is measured while others send it requests. */
export interface Served extends Listening {
  /** Processor time of its process so far, in nanoseconds; what it has left to the collector is collected first. */
  cpuNs(): Promise<number>
}

const SCRIPT = new URL('../children/server.js', import.meta.url)

/** Starts a server in a process of its own, so that it does not share a processor with whoever asks. */
export async function serveApart(name: ServerName): Promise<Served> {
  const child = fork(SCRIPT, [name], { execArgv: ['--expose-gc'] })
  const url = await told<string>(child)
  return {
    url,
    cpuNs: () => {
      const answer = told<number>(child)
      child.send('cpu')
      return answer
    },
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.disconnect()
      }),
  }
}

/** The other side of {@link serveApart}. Ends when the channel to its parent does. */
export async function serveHere(name: ServerName): Promise<void> {
  const { url, close } = await SERVERS[name]()
  process.on('message', () => process.send?.(cpuNs()))
  process.once('disconnect', () => void close())
  process.send?.(url)
}

/** Of this process. */
export function cpuNs(): number {
  globalThis.gc?.({ type: 'minor' })
  const { user, system } = process.cpuUsage()
  return (user + system) * 1e3
}

/** The next message. */
function told<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`the server ended with ${code}`))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message as T) // our own script's
    })
  })
}
