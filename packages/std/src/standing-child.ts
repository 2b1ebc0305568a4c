import { show } from '@pipelines/core/coro'
import { Child, whileWanted } from './child.js'
import { type ExecArgs, inputOf, MAX_BYTES, outputName } from './exec-options.js'
import { lineBlocks } from './lines.js'
import { Unpacked } from './unpacked.js'

type Step = IteratorResult<string, undefined>

/** A program that answers each line with a line. One line is under way at a time. */
export class StandingChild {
  readonly #args: ExecArgs
  #talk: Talk | undefined

  constructor(args: ExecArgs) {
    this.#args = args
  }

  /** Asks it, and starts it first where there is none. After an error, or when the signal aborted, it is gone. */
  async answer(item: unknown, signal: AbortSignal): Promise<string> {
    const line = questionOf(item)
    this.#talk ??= await Talk.begin(this.#args)
    const talk = this.#talk
    try {
      return await whileWanted(talk.child, signal, () => talk.ask(line))
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Tells it that nothing more comes, and waits for its end. Rejects where that is no good one. */
  async finish(signal: AbortSignal): Promise<void> {
    const talk = this.#talk
    if (talk === undefined) return
    try {
      await whileWanted(talk.child, signal, () => talk.finish())
    } finally {
      await this.stop()
    }
  }

  /** Ends it, whatever it is at. */
  async stop(): Promise<void> {
    const talk = this.#talk
    this.#talk = undefined
    await talk?.child.end()
  }
}

/** The questions and answers of one program. */
class Talk {
  readonly child: Child
  readonly #args: ExecArgs
  readonly #lines: Unpacked<string>
  /** Reads ahead, so that a line that nobody has asked for does not become the answer to the next question. */
  #next: Promise<Step>
  #isThere = false

  private constructor(child: Child, args: ExecArgs) {
    this.child = child
    this.#args = args
    const { maxBytes: maxLineBytes = MAX_BYTES } = args
    this.#lines = new Unpacked(linesOf(child, { where: outputName(args), maxLineBytes }))
    this.#next = this.#read()
  }

  static async begin(args: ExecArgs): Promise<Talk> {
    const { command, args: told = [], cwd, env, killSignal } = args
    return new Talk(await Child.start(command, told, { cwd, env, killSignal, stdin: 'pipe', stdout: 'pipe' }), args)
  }

  async ask(line: string): Promise<string> {
    if (this.#isThere) throw await this.#unasked()
    await this.child.put(line)
    const step = await this.#next
    if (step.done === true) throw await this.#ended()
    this.#next = this.#read()
    return step.value
  }

  async finish(): Promise<void> {
    this.child.endInput()
    const step = await this.#next
    if (step.done !== true) throw await this.#unasked()
    await this.child.finished(this.#args.okCodes)
  }

  #read(): Promise<Step> {
    this.#isThere = false
    const next = Promise.resolve(this.#lines.next())
    const there = (): void => {
      this.#isThere = true
    }
    next.then(there, there)
    return next
  }

  async #unasked(): Promise<Error> {
    const step = await this.#next
    if (step.done === true) return this.#ended()
    return new Error(`"${this.#args.command}" wrote a line that nobody had asked for: ${show(step.value)}.`)
  }

  async #ended(): Promise<Error> {
    await this.child.finished().catch(() => {})
    return this.child.failure(' before its input had ended')
  }
}

async function* linesOf(
  child: Child,
  options: { readonly where: string; readonly maxLineBytes: number },
): AsyncGenerator<readonly string[], void, void> {
  for await (const { lines } of lineBlocks(child.output, options)) yield lines
}

function questionOf(item: unknown): string {
  const given = inputOf(item)
  const line = typeof given === 'string' ? given : Buffer.from(given).toString('utf8')
  if (line.includes('\n'))
    throw new Error(`A program that answers line by line takes no line with an end inside: ${show(line)}.`)
  return `${line}\n`
}
