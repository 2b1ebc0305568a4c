import type { Logger, Output } from '@pipelines/core'

/** Something that a case waits for. */
interface Waiting {
  readonly isThere: () => boolean
  readonly resolve: () => void
  readonly reject: () => void
}

/** What a case sees of a run while it goes on: outputs, and what coroutines tell by `ctx.log`. */
export class Seen {
  readonly notes: unknown[] = []
  readonly outputs: Output[] = []
  readonly logger: Logger
  #waiting: Waiting[] = []
  #over = false

  constructor() {
    const at =
      (level: keyof Logger) =>
      (fields: object, message?: string): void => {
        if (!('note' in fields)) return // the engine's own
        this.notes.push(message === undefined ? fields.note : { level, message, note: fields.note })
        this.#look()
      }
    this.logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  }

  readonly onOutput = ({ node, port, value, meta }: Output): void => {
    this.outputs.push({ node, port, value, meta })
    this.#look()
  }

  /** Resolves when coroutines have told `what` so many times; rejects when the run has ended before. */
  noted(what: string, times = 1): Promise<void> {
    const isIt = (note: unknown): boolean => what === (Array.isArray(note) ? note[0] : note)
    return this.#until(() => this.notes.filter(isIt).length >= times, `"${what}" was told`)
  }

  /** Resolves when so many outputs were handed over; rejects when the run has ended before. */
  given(count: number): Promise<void> {
    return this.#until(() => this.outputs.length >= count, `it had given ${count}`)
  }

  /** The run has ended. */
  over(): void {
    this.#over = true
    for (const { reject } of this.#waiting.splice(0)) reject()
  }

  #until(isThere: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (): void => reject(new Error(`The run ended before ${what}.`))
      if (isThere()) resolve()
      else if (this.#over) failed()
      else this.#waiting.push({ isThere, resolve, reject: failed })
    })
  }

  #look(): void {
    for (const { isThere, resolve } of this.#waiting) if (isThere()) resolve()
    this.#waiting = this.#waiting.filter(({ isThere }) => !isThere())
  }
}
