import PQueue from 'p-queue'

/** Runs a node's bursts on its p-queue: how many at once, and whether at all. */
export class Bursts {
  paused = false
  #workers: number
  #perWorker = 1
  /** Made for the first burst; a node in a chain may need none. */
  #queue: PQueue | undefined

  constructor(workers: number) {
    this.#workers = workers
  }

  get workers(): number {
    return this.#workers
  }

  /** How many may be in progress at once. */
  get most(): number {
    return this.#workers * this.#perWorker
  }

  setWorkers(count: number): void {
    this.#workers = count
    this.#resize()
  }

  /** How many bursts a worker has at once: more than one where a runner wants calls in advance. */
  setPerWorker(count: number): void {
    this.#perWorker = count
    this.#resize()
  }

  pause(): void {
    this.paused = true
    this.#queue?.pause()
  }

  resume(): void {
    this.paused = false
    this.#queue?.start()
  }

  run(burst: () => Promise<void>): Promise<void> {
    this.#queue ??= new PQueue({ concurrency: this.most, autoStart: !this.paused })
    return this.#queue.add(burst)
  }

  #resize(): void {
    if (this.#queue !== undefined) this.#queue.concurrency = this.most
  }
}
