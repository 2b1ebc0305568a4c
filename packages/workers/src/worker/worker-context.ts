import { type Context, type ContextWorker, type Logger, type Meta, SILENT } from '@pipelines/core/coro'
import { decodeError, type EncodedError, encodeError, encodeFields } from '../error-code.js'
import type { Emitted, Particulars, ToHost } from '../messages.js'
import type { Session } from '../session.js'

const NO_META: Meta = Object.freeze({})

/** What coroutines are told beside their input, in a worker. One object serves all calls of a session, one at a time. */
export class WorkerContext implements Context {
  meta: Meta = NO_META
  env: Readonly<Record<string, unknown>>
  state: unknown = undefined
  attempt = 1
  index = 0
  readonly node: string
  readonly args: Readonly<Record<string, unknown>>
  worker: ContextWorker
  readonly log: Logger
  /** Where what is emitted goes besides, as it comes; absent where it leaves with the result. */
  onEmit: ((emitted: Emitted) => void) | undefined
  readonly #session: Session
  #emitted: Emitted[] | undefined
  /** Made when first read. */
  #controller: AbortController | undefined
  #told: { readonly reason: unknown } | undefined

  constructor(session: Session, args: Readonly<Record<string, unknown>>, post: (message: ToHost) => void) {
    const { node, env, worker, logs } = session
    this.#session = session
    this.node = node
    this.args = args
    this.env = env
    this.worker = { ...worker, active: 0 }
    this.log = logs ? loggerOf(post) : SILENT
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#told !== undefined) this.#controller.abort(this.#told.reason)
    }
    return this.#controller.signal
  }

  get idempotencyKey(): string {
    return `${this.#session.run}/${this.node}/${this.index}`
  }

  emit(port: string, value: unknown, options?: { readonly meta?: Meta }): void {
    const emitted = { port, value, meta: options?.meta }
    if (this.onEmit === undefined) {
      this.#emitted ??= []
      this.#emitted.push(emitted)
    } else this.onEmit(emitted)
  }

  /** So many other workers of the node are set up, and not torn down. */
  tellActive(active: number): void {
    if (active !== this.worker.active) this.worker = { ...this.worker, active }
  }

  /** A call is about to begin. */
  begin(index: number, { meta = NO_META, attempt = 1, env = this.#session.env }: Particulars = {}): void {
    this.index = index
    this.meta = meta
    this.attempt = attempt
    this.env = env
    this.onEmit = undefined
    this.#emitted = undefined
    this.#controller = undefined
    this.#told = undefined
  }

  /** Why the present call was told to stop. */
  get told(): unknown {
    return this.#told?.reason
  }

  /** The present call is told to stop. */
  tell(reason: EncodedError): void {
    if (this.#told !== undefined) return
    this.#told = { reason: decodeError(reason) }
    this.#controller?.abort(this.#told.reason)
  }

  takeEmitted(): readonly Emitted[] | undefined {
    const emitted = this.#emitted
    this.#emitted = undefined
    return emitted
  }

  /** What a call has thrown: where that only says that it obeyed, the host knows the reason. */
  encode(thrown: unknown): EncodedError {
    if (this.#told === undefined) return encodeError(thrown)
    const { reason } = this.#told
    const obeyed = thrown === reason || (thrown instanceof Error && thrown.cause === reason && reason !== undefined)
    return obeyed ? { is: 'told' } : encodeError(thrown)
  }
}

function loggerOf(post: (message: ToHost) => void): Logger {
  const at =
    (level: keyof Logger) =>
    (fields: object, message?: string): void => {
      post({
        type: 'log',
        level,
        fields: encodeFields(fields),
        message: message === undefined ? message : String(message),
      })
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
