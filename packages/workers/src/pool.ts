import type { Link } from './link.js'
import type { ResolvedOptions } from './options.js'

/** Workers that nobody uses, kept warm for whoever needs one next. */
export class Pool {
  readonly #options: Pick<ResolvedOptions, 'share' | 'idleMs'>
  readonly #start: () => Link
  /** By node where workers are not shared; the latest last. */
  readonly #idle = new Map<string, Idle[]>()
  /** Those that are ending. */
  readonly #ending = new Set<Promise<void>>()
  #closed = false

  constructor(options: Pick<ResolvedOptions, 'share' | 'idleMs'>, start: () => Link) {
    this.#options = options
    this.#start = start
  }

  /** A worker for a node: one that waits, or a new one. */
  take(node: string): { readonly link: Link; readonly isUsed: boolean } {
    const waiting = this.#idle.get(this.#key(node))?.pop()
    if (waiting === undefined) return { link: this.#start(), isUsed: false }
    clearTimeout(waiting.timer)
    waiting.link.user = undefined
    return { link: waiting.link, isUsed: true }
  }

  /** Takes a worker back that is in no session any more. */
  give(link: Link, node: string): Promise<void> | undefined {
    link.letGo()
    const { idleMs } = this.#options
    if (this.#closed || idleMs === 0) return this.#end(link)
    const key = this.#key(node)
    const list = this.#idle.get(key) ?? []
    this.#idle.set(key, list)
    const leave = (): void => void list.splice(list.indexOf(idle), 1)
    const timer = setTimeout(() => {
      leave()
      void this.#end(link)
    }, idleMs).unref()
    const idle: Idle = { link, timer }
    list.push(idle)
    link.user = {
      received: () => {},
      ended: () => {
        clearTimeout(timer)
        leave()
      },
    }
    return undefined
  }

  /** Ends all that wait, and from now on whatever is given back. */
  async close(): Promise<void> {
    this.#closed = true
    for (const list of this.#idle.values())
      for (const { link, timer } of list.splice(0)) {
        clearTimeout(timer)
        link.user = undefined
        void this.#end(link)
      }
    await Promise.all(this.#ending)
  }

  #end(link: Link): Promise<void> {
    const ending = link.kill().finally(() => this.#ending.delete(ending))
    this.#ending.add(ending)
    return ending
  }

  #key(node: string): string {
    return this.#options.share === 'node' ? node : ''
  }
}

interface Idle {
  readonly link: Link
  readonly timer: NodeJS.Timeout
}
