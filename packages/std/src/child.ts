import type { ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { ChildError, type Ending, notStarted } from './child-error.js'
import { put } from './put.js'

export interface ChildOptions {
  readonly cwd?: string | undefined
  /** Variables besides those of this program. */
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly stdin: 'pipe' | 'ignore'
  readonly stdout: 'pipe' | 'ignore'
  /** Whether its error output goes to that of this program, too. */
  readonly verbose?: boolean | undefined
  /** What asks it to end. */
  readonly killSignal?: NodeJS.Signals | undefined
}

/** Bytes of the error output that are kept. */
const TAIL = 4096
/** Milliseconds after which a program that was asked to end is made to. */
const PATIENCE_MS = 1000

/**
 * A program at work, without a shell. Whoever starts one has to call {@link end}: afterwards it is gone, and nothing of
 * it is left.
 */
export class Child {
  readonly #process: ChildProcess
  readonly #command: string
  readonly #killSignal: NodeJS.Signals
  readonly #closed: Promise<void>
  /** Settles when its error output has ended. */
  readonly #told: Promise<void>
  #tail: Buffer = Buffer.alloc(0)
  #patience: NodeJS.Timeout | undefined

  private constructor(process: ChildProcess, command: string, { killSignal = 'SIGTERM', verbose }: ChildOptions) {
    this.#process = process
    this.#command = command
    this.#killSignal = killSignal
    this.#closed = new Promise((resolve) => process.once('close', () => resolve()))
    this.#told = new Promise((resolve) => process.stderr?.once('close', resolve))
    process.once('exit', () => clearTimeout(this.#patience))
    process.on('error', () => {}) // that it could not be started is told by `start`; a kill that comes too late is none
    process.stdin?.on('error', () => {}) // it may end, or close its input, without having read everything
    process.stderr?.on('data', (chunk: Buffer) => {
      this.#tail = Buffer.concat([this.#tail, chunk]).subarray(-TAIL)
      if (verbose === true) globalThis.process.stderr.write(chunk)
    })
  }

  /** Starts a program; rejects where there is none. */
  static async start(command: string, args: readonly string[], options: ChildOptions): Promise<Child> {
    const { spawn } = await import('node:child_process')
    const { cwd, env, stdin, stdout } = options
    const process = spawn(command, args, {
      cwd,
      env: { ...globalThis.process.env, ...env },
      stdio: [stdin, stdout, 'pipe'],
      windowsHide: true,
    })
    const child = new Child(process, command, options)
    await new Promise<void>((resolve, reject) => {
      process.once('spawn', resolve)
      process.once('error', (error) => reject(notStarted(error, command, cwd)))
    })
    return child
  }

  /** What it writes. Ends when it does. */
  get output(): Readable {
    const { stdout } = this.#process
    if (stdout === null) throw new Error(`The output of "${this.#command}" is not read.`)
    return stdout
  }

  /** Whether it has ended. */
  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  /** Writes to its input; a promise where the next piece has to wait. It settles, too, when it takes no more. */
  put(piece: string | Uint8Array): undefined | Promise<void> {
    const { stdin } = this.#process
    return stdin === null ? undefined : put(stdin, piece)
  }

  /** There is no more input. */
  endInput(): void {
    this.#process.stdin?.end()
  }

  /** Waits until it has ended and all its output was read; rejects where its exit code is not one of these. */
  async finished(okCodes: readonly number[] = [0]): Promise<void> {
    await this.#closed
    if (!okCodes.includes(this.#process.exitCode ?? -1)) throw this.failure()
  }

  /** What to throw of a program that has ended badly; `undefined` where it has not. Its output may be unread. */
  async problem(): Promise<ChildError | undefined> {
    if (!this.hasEnded || this.#process.exitCode === 0) return undefined
    await this.#told
    return this.failure()
  }

  /** What to throw of a program that has ended. */
  failure(more?: string): ChildError {
    const { exitCode: code, signalCode: signal } = this.#process
    const ending: Ending = { command: this.#command, code, signal, stderr: this.#tail.toString() }
    return new ChildError(ending, more)
  }

  /** Asks it to end, and soon makes it. */
  kill(): void {
    if (this.#patience !== undefined || this.hasEnded) return
    const { stdin, stdout, stderr } = this.#process
    this.#patience = setTimeout(() => this.#process.kill('SIGKILL'), PATIENCE_MS)
    stdin?.destroy()
    this.#process.once('exit', () => {
      // Somebody else may hold their other ends: a program that it has started.
      stdout?.destroy()
      stderr?.destroy()
    })
    this.#process.kill(this.#killSignal)
  }

  /** Kills it when a signal aborts; the function that comes back ends that. */
  obey(signal: AbortSignal): () => void {
    const kill = (): void => this.kill()
    signal.addEventListener('abort', kill)
    if (signal.aborted) kill()
    return () => signal.removeEventListener('abort', kill)
  }

  /** Kills it if it has not ended; settles when nothing of it is left. Never rejects. */
  async end(): Promise<void> {
    const { stdin, stdout, stderr } = this.#process
    this.kill()
    if (this.hasEnded) for (const stream of [stdin, stdout, stderr]) stream?.destroy()
    await this.#closed
  }
}

/** Runs `work`, and kills the program when the signal aborts meanwhile: then it rejects with the reason of that. */
export async function whileWanted<T>(child: Child, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const leave = child.obey(signal)
  try {
    return await work()
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    leave()
  }
}
