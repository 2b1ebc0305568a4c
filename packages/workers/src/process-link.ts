import { type ChildProcess, fork } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Copy, copyApart } from './cloneable.js'
import type { Link, LinkUser, WorkerEnd } from './link.js'
import type { FromWorker, ToWorker } from './messages.js'
import type { ResolvedOptions } from './options.js'

/** The built file, also where this one is run from source: not every Node can load TypeScript. */
const ENTRY = fileURLToPath(new URL('../dist/worker/process.js', import.meta.url))
/** Where the child finds the pipe that closes when this program has ended: see `worker/lifeline.ts`. */
const LIFELINE = 4
/** Milliseconds that the last words of a child may take: others may have its channel open too. */
const LATE_MS = 500
/** Options of Node that say what program to run, or where to debug it. */
const OWN = /^--(?:input-type|inspect|test)/

/** A worker that is a child process. */
export class ProcessLink implements Link {
  readonly copy: Copy = copyApart
  user: LinkUser | undefined
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #killed = false

  constructor({ execArgv, env }: ResolvedOptions) {
    this.#child = fork(ENTRY, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
      execArgv: [...(execArgv ?? process.execArgv.filter((option) => !OWN.test(option)))],
      ...(env && { env }),
    })
    this.letGo()
    // A pipe on this side is a socket, which can be let go.
    const lifeline = this.#child.stdio[LIFELINE] as Socket | null
    lifeline?.on('error', () => {})
    lifeline?.unref()
    this.#child.on('message', (message) => this.user?.received(message as unknown as FromWorker))
    this.#child.on('error', () => {}) // what could not be sent was sent to one that has ended
    this.#ended = new Promise((resolve) => {
      const over = (end: WorkerEnd): void => {
        lifeline?.destroy()
        resolve()
        const { user } = this
        this.user = undefined
        user?.ended(end)
      }
      // What it has said before its end may still be on its way: only then does it disconnect.
      this.#child.once('exit', (code, signal) => {
        const end = this.#end(code, signal)
        if (!this.#child.connected) return over(end)
        const late = setTimeout(() => over(end), LATE_MS)
        this.#child.once('disconnect', () => {
          clearTimeout(late)
          over(end)
        })
      })
      if (this.#child.pid === undefined)
        this.#child.once('error', (cause) => over({ how: 'could not be started', cause }))
    })
  }

  post(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  hold(): void {
    this.#child.ref()
    this.#child.channel?.ref()
  }

  letGo(): void {
    this.#child.unref()
    this.#child.channel?.unref()
  }

  async kill(): Promise<void> {
    this.#killed = true
    this.hold() // until it has ended
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  #end(code: number | null, signal: string | null): WorkerEnd {
    if (this.#killed) return { how: 'was ended, because it did not stop in time' }
    if (signal === null) return { how: `ended with the exit code ${code}` }
    // Node ends itself in this way when its memory is full.
    const hint = 'It may have run out of memory: give it more by "execArgv", such as ["--max-old-space-size=4096"].'
    return { how: `was killed by ${signal}`, ...(signal === 'SIGABRT' && { hint }) }
  }
}
