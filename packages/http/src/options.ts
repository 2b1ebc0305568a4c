import type { Meta } from '@pipelines/core'
import { checkOptions, isCount, isFunction, isTimeout, type Rule } from '@pipelines/plumber'

/** How one graph answers requests: given for a graph, and for one of its handlers over that. */
export interface HandlerOptions {
  /**
   * `value`: the one output, as JSON; another number of outputs is an error. `array`: all of them, as a JSON array.
   * `ndjson`, `sse`: each as it is made, in a record of its own, and a last one that says how it ended.
   *
   * @defaultValue `'value'`
   */
  readonly reply?: 'value' | 'array' | 'ndjson' | 'sse'
  /**
   * What the body is. `value`: one JSON value. `array`: a JSON array of them. `ndjson`: one of them per line, taken as they
   * come, no faster than the graph does. `auto`: `ndjson` if the content type says so, else `value`.
   *
   * @defaultValue `'auto'`
   */
  readonly body?: 'auto' | 'value' | 'array' | 'ndjson'
  /** Makes the value for the graph from the framework's request, in place of the body. */
  readonly input?: (request: never) => unknown
  /** Name of the inlet; may be left out where there is only one. */
  readonly inlet?: string
  /** More for `ctx.env`, and `ctx.meta`, of the calls for one request, by the framework's request. */
  readonly context?: (request: never) => RequestContext | Promise<RequestContext>
  /**
   * Milliseconds from the arrival of a request to the end of its answer; beyond it 504, which names the nodes where it was.
   *
   * @defaultValue 30000 for `value` and `array`, none for streams
   */
  readonly timeoutMs?: number
  /** A header by which a client may ask for less time, in milliseconds. @defaultValue none */
  readonly timeoutHeader?: string
  /** Most bytes of a body, or of one line of an NDJSON body; beyond it 413. @defaultValue 1048576 */
  readonly bodyLimit?: number
  /** Milliseconds that a body, or the next line of one, may take to come; beyond it 408. @defaultValue 30000 */
  readonly bodyTimeoutMs?: number
  /** What becomes of the work for a client that has left. @defaultValue `'cancel'` */
  readonly onDisconnect?: 'cancel' | 'finish'
  /** Milliseconds of silence after which `sse` sends a comment. @defaultValue 15000 */
  readonly heartbeatMs?: number
  /** Milliseconds that a stream waits for a client that does not read before the work is cancelled. @defaultValue 10000 */
  readonly readerTimeoutMs?: number
  /** Lines or elements of one body that are in the graph at once. @defaultValue 8 */
  readonly itemsInFlight?: number
  /** Most outputs of an answer that is no stream. @defaultValue 100000 */
  readonly maxOutputs?: number
}

/** What the calls for one request see besides its value. */
export interface RequestContext {
  readonly env?: Readonly<Record<string, unknown>>
  readonly meta?: Meta
}

export type ResolvedHandler = Required<
  Omit<HandlerOptions, 'input' | 'inlet' | 'context' | 'timeoutMs' | 'timeoutHeader'>
> &
  Pick<HandlerOptions, 'input' | 'inlet' | 'context' | 'timeoutMs' | 'timeoutHeader'>

/** One of a few words. */
export const isIn =
  (...names: readonly string[]): Rule =>
  (value) =>
    names.includes(String(value)) ? undefined : `must be ${names.map((name) => `"${name}"`).join(' or ')}`
const isText: Rule = (value) => (typeof value === 'string' ? undefined : 'must be a string')
const isAmount: Rule = (value) => (value === Number.POSITIVE_INFINITY ? undefined : isCount(value))

/** What is wrong with the options of a handler, by name. */
export const HANDLER_RULES: Readonly<Record<keyof HandlerOptions, Rule>> = {
  reply: isIn('value', 'array', 'ndjson', 'sse'),
  body: isIn('auto', 'value', 'array', 'ndjson'),
  input: isFunction,
  inlet: isText,
  context: isFunction,
  timeoutMs: isTimeout,
  timeoutHeader: isText,
  bodyLimit: isAmount,
  bodyTimeoutMs: isTimeout,
  onDisconnect: isIn('cancel', 'finish'),
  heartbeatMs: isTimeout,
  readerTimeoutMs: isTimeout,
  itemsInFlight: isCount,
  maxOutputs: isAmount,
}

const DEFAULTS = {
  reply: 'value',
  body: 'auto',
  bodyLimit: 1_048_576,
  bodyTimeoutMs: 30_000,
  onDisconnect: 'cancel',
  heartbeatMs: 15_000,
  readerTimeoutMs: 10_000,
  itemsInFlight: 8,
  maxOutputs: 100_000,
} as const satisfies HandlerOptions
const TIMEOUT_MS = 30_000

/** Fills in defaults. Throws `PLB_OPTION_INVALID` for wrong values and near misses of names. */
export function resolveHandler(...layers: readonly HandlerOptions[]): ResolvedHandler {
  for (const options of layers) checkOptions(options, HANDLER_RULES)
  const given = Object.assign({}, ...layers.map(present)) as HandlerOptions
  const resolved = { ...DEFAULTS, ...given }
  const isStream = resolved.reply === 'ndjson' || resolved.reply === 'sse'
  return isStream || resolved.timeoutMs !== undefined ? resolved : { ...resolved, timeoutMs: TIMEOUT_MS }
}

/** Only what is set: an option that is `undefined` is one that is not given. */
function present(options: HandlerOptions): HandlerOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => value !== undefined && Object.hasOwn(HANDLER_RULES, name)),
  )
}
