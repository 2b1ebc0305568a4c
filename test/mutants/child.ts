import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Catcher, Mutant } from './mutant.js'
import type { Job, Results } from './serve.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const server = fileURLToPath(new URL('server.mjs', import.meta.url))

/** What a run of tests has told. */
export interface Verdict extends Results {
  /** Whether it was stopped because it took too long, or has ended by itself. */
  readonly stopped: boolean
  /** What was printed meanwhile. */
  readonly printed: string
}

const NOTHING: Results = { passed: 0, failures: [], broken: [] }

/**
 * Runs tests in a process of their own, on one mutant of the engine after the other. Whatever a mutant does, it ends: what
 * takes too long is stopped, with everything that it has started, and the next one gets a new process.
 */
export class TestServer {
  #child: ChildProcess | undefined
  #printed = ''
  /** Nothing of it may outlive this process. */
  readonly #kill = (): void => {
    this.#child?.kill('SIGKILL')
  }

  constructor() {
    process.once('exit', this.#kill)
  }

  /** Runs tests on a mutant; or on the engine itself, for which one seed is enough. */
  async run(
    catchers: readonly Catcher[],
    { mutant, timeoutMs }: { readonly mutant?: Mutant; readonly timeoutMs: number },
  ): Promise<Verdict> {
    const job: Job = {
      mutant: mutant?.name,
      changed: [...new Set(mutant?.changes.map(({ file }) => file))],
      files: [...new Set(catchers.map(({ file }) => file))],
      seed: mutant === undefined ? 1 : undefined,
      pattern: catchers.flatMap(({ tests }) => tests.map(escaped)).join('|'),
    }
    const child = this.#child ?? this.#start()
    this.#printed = ''
    const results = await new Promise<Results | undefined>((resolve) => {
      const late = setTimeout(this.#kill, timeoutMs)
      const settle = (told?: Results): void => {
        clearTimeout(late)
        child.off('exit', ended).off('message', settle)
        resolve(told)
      }
      const ended = (): void => settle()
      child.on('exit', ended).on('message', settle)
      child.send(job, () => {}) // one that has ended says so by its exit
    })
    return { ...(results ?? NOTHING), stopped: results === undefined, printed: this.#printed }
  }

  /** Ends the process. */
  async close(): Promise<void> {
    process.off('exit', this.#kill)
    const child = this.#child
    if (child === undefined) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    this.#kill()
    await ended
  }

  #start(): ChildProcess {
    const { SEED: _seed, SOAK: _soak, MUTANT: _mutant, VITEST: _vitest, ...env } = process.env
    const child = fork(server, { cwd: root, env, execArgv: [], silent: true })
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#printed += text
      })
    child.once('exit', () => {
      this.#child = undefined
    })
    this.#child = child
    return child
  }
}

const escaped = (name: string): string => name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
