import { loadHint } from './load-hint.js'
import { cyclePath, quote, reasonOf } from './text.js'

/** One problem of a graph document, as `Plumber.check` lists it. */
export interface Issue {
  /** The full code, such as `PLB_GRAPH_CYCLE`. */
  readonly code: `PLB_${keyof typeof CATALOGUE}`
  /** Where in the document, as an RFC 6901 JSON pointer (`''` is the whole document). */
  readonly pointer: string
  /** What is wrong and what to do, in sentences. */
  readonly message: string
  /** What to do, alone: the end of `message`, where there is advice to give. */
  readonly hint?: string
}

/** A node that waits, when nothing moves. */
export interface StalledNode {
  readonly node: string
  /** The node that it waits for. */
  readonly on?: string | undefined
  /** What it waits for, in words that follow its name. */
  readonly why: string
}

/** What a catalogue entry says: what is wrong, and what to do about it. */
export interface Wording {
  readonly problem: string
  readonly hint?: string
}

const say = (problem: string, hint?: string): Wording => (hint === undefined ? { problem } : { problem, hint })
const didYouMean = (suggestion: string | undefined): string | undefined =>
  suggestion === undefined ? undefined : `Did you mean ${quote(suggestion)}?`
const times = (n: number): string => `${n} attempt${n === 1 ? '' : 's'}`

/**
 * Every error and issue the library can report, with its wording. Codes are permanent: once published, a code keeps its
 * meaning. `docs/errors.md` lists them all; a test keeps the two in step.
 *
 * @see fastify's error table, from which the idea of one catalogue with typed entries is taken.
 */
export const CATALOGUE = {
  // The description of a graph is wrong; nothing has started.
  GRAPH_INVALID: (d: { issues: readonly Issue[] }): Wording =>
    say(
      `The graph has ${d.issues.length === 1 ? 'an issue' : `${d.issues.length} issues`}:` +
        d.issues
          .map((issue) => `\n  ${issue.pointer === '' ? '(document)' : issue.pointer}: ${issue.message}`)
          .join(''),
    ),
  GRAPH_SCHEMA: (d: { what: string; suggestion?: string | undefined; hint?: string | undefined }): Wording =>
    say(d.what, didYouMean(d.suggestion) ?? d.hint),
  GRAPH_NAME: (d: { name: string }): Wording =>
    say(
      `${quote(d.name)} is not allowed as a name.`,
      'Start with a letter or "_", go on with letters, digits and "_ . : / -", at most 128 characters; "__proto__", "constructor" and "prototype" are reserved.',
    ),
  GRAPH_UNKNOWN_NODE: (d: { from?: string | undefined; name: string; suggestion?: string | undefined }): Wording =>
    say(
      d.from === undefined
        ? `"graph" lists ${quote(d.name)}, which is not in "nodes".`
        : `Node ${quote(d.from)} sends to ${quote(d.name)}, which is not in "nodes".`,
      didYouMean(d.suggestion) ?? `Add ${quote(d.name)} to "nodes" or remove it here.`,
    ),
  GRAPH_DUPLICATE_EDGE: (d: { from: string; to: string; port: string }): Wording =>
    say(
      `Node ${quote(d.from)} sends to ${quote(d.to)} twice by port ${quote(d.port)}.`,
      'Remove one of the two, or give them different ports.',
    ),
  GRAPH_CYCLE: (d: { path: readonly string[] }): Wording =>
    say(`The graph has a cycle: ${cyclePath(d.path)}.`, 'Remove one of these edges.'),
  GRAPH_NO_SOURCE: (_: object): Wording =>
    say('The graph has no source: every node has an incoming edge.', 'Add a node without incoming edges.'),
  GRAPH_PORT: (d: {
    node: string
    port: string
    suggestion?: string | undefined
    ports: readonly string[]
    /** The join that waits for two of `ports`, where that is the problem. */
    join?: string | undefined
    /** Whether `ports` are the names of two successors that share the outputs of the node. */
    shared?: boolean | undefined
  }): Wording =>
    d.join === undefined
      ? say(
          `Node ${quote(d.node)} has no port ${quote(d.port)}.`,
          didYouMean(d.suggestion) ?? `Its ports are ${d.ports.map(quote).join(', ')}.`,
        )
      : say(
          d.shared === true
            ? `Node ${quote(d.join)} waits for both ${d.ports.map(quote).join(' and ')}, but these share the outputs of ${quote(d.node)}, and an item goes to only one.`
            : `Node ${quote(d.join)} waits for both ${d.ports.map(quote).join(' and ')} of ${quote(d.node)}, but an item takes only one.`,
          'Set "aggregateInputs": false. Setting "missing" allows it: with "partial", what an item did not take is undefined.',
        ),
  GRAPH_UNEVEN_JOIN: (d: { node: string; why: string; hint?: string | undefined }): Wording =>
    say(
      `Node ${quote(d.node)} cannot pair its inputs: ${d.why}.`,
      d.hint ??
        'Set "aggregateInputs": false to merge them instead, or "match": "position" if everything before gives one output per item.',
    ),
  GRAPH_LIMIT: (d: {
    what: string
    limit: number
    found?: number | undefined
    option: string
    hint?: string | undefined
  }): Wording =>
    say(
      `The graph has ${d.found === undefined ? 'too many' : d.found} ${d.what}; at most ${d.limit} are allowed.`,
      d.hint ?? `Raise "limits.${d.option}" if this is meant.`,
    ),
  GRAPH_MORE: (d: { more: number }): Wording =>
    say(`${d.more} more issue${d.more === 1 ? ' is' : 's are'} not listed.`, 'Correct the ones above first.'),

  // A coroutine cannot be found or used.
  CORO_NOT_FOUND: (d: {
    node: string
    ref: string
    suggestion?: string | undefined
    hint?: string | undefined
  }): Wording =>
    say(
      `Node ${quote(d.node)} uses the coroutine ${quote(d.ref)}, which is not in the coroMap.`,
      d.hint ?? didYouMean(d.suggestion) ?? 'Add it to the coroMap.',
    ),
  CORO_NOT_FUNCTION: (d: { node: string; ref: string; found: string }): Wording =>
    say(
      `Node ${quote(d.node)} uses the coroutine ${quote(d.ref)}, which is ${d.found}.`,
      'Give a function, or the result of defineCoro().',
    ),
  CORO_ASYNC: (d: { node: string; ref: string }): Wording =>
    say(
      `The coroutine ${quote(d.ref)} of node ${quote(d.node)} is resolved by a promise.`,
      'Use await Plumber.create().',
    ),
  CORO_LOAD: (d: { node: string; ref: string; cause: unknown }): Wording =>
    say(
      `The coroMap threw for the coroutine ${quote(d.ref)} of node ${quote(d.node)}: ${reasonOf(d.cause)}.`,
      loadHint(d.cause),
    ),
  CORO_NOT_PORTABLE: (d: { node: string; executor: string; what: string; hint?: string | undefined }): Wording =>
    say(`Node ${quote(d.node)} runs in the executor ${quote(d.executor)}, but ${d.what}.`, d.hint),
  CORO_ARGS: (d: { node: string; ref: string; what: string; suggestion?: string | undefined }): Wording =>
    say(
      `The args of node ${quote(d.node)} do not fit the coroutine ${quote(d.ref)}: ${d.what}.`,
      didYouMean(d.suggestion),
    ),
  CORO_TYPE: (d: { node: string; what: string; hint?: string | undefined }): Wording =>
    say(`Node ${quote(d.node)} ${d.what}.`, d.hint),

  // A wrong option, or a call at the wrong time.
  OPTION_INVALID: (d: {
    option: string
    what: string
    suggestion?: string | undefined
    hint?: string | undefined
  }): Wording => say(`Option ${quote(d.option)} ${d.what}.`, didYouMean(d.suggestion) ?? d.hint),
  OPTION_CONFLICT: (d: { node: string; what: string; hint?: string | undefined }): Wording =>
    say(`Node ${quote(d.node)} ${d.what}.`, d.hint),
  STATE_ALREADY_STARTED: (d: { what: string }): Wording =>
    say(`${d.what} has already been started.`, 'Make a new one.'),
  STATE_NOT_RUNNING: (d: { what: string; state: string }): Wording =>
    say(`${d.what} takes no more input: it is ${d.state}.`),

  // User code failed.
  NODE_FAILED: (d: {
    node: string
    attempts: number
    phase: 'run' | 'setup' | 'flush' | 'teardown' | 'partitionBy'
    cause: unknown
  }): Wording =>
    say(
      `Node ${quote(d.node)} failed${d.phase === 'run' ? ` after ${times(d.attempts)}` : ` in ${d.phase}`}: ${reasonOf(d.cause)}.`,
    ),
  NODE_TIMEOUT: (d: { node: string; attempts: number; timeoutMs: number }): Wording =>
    say(`Node ${quote(d.node)} did not return within ${d.timeoutMs} ms, after ${times(d.attempts)}.`),
  NODE_CARDINALITY: (d: {
    node: string
    /** How many values there were; absent where the result was no list. */
    count?: number | undefined
    input?: string | undefined
    /** How many items the batch had, where it was one. */
    size?: number | undefined
  }): Wording => {
    if (d.size !== undefined)
      return say(
        `Node ${quote(d.node)} got a batch of ${d.size}, but gave ${d.count === undefined ? 'no list' : `a list of ${d.count}`}.`,
        'Return a list with one result per item, or set "returns" of the batch to "one".',
      )
    if (d.input === undefined)
      return say(
        `Node ${quote(d.node)} is declared one-to-one, but gave ${d.count === 0 ? 'no output' : `${d.count} outputs`} for one item.`,
        'Let it give one by port "out", or remove "oneToOne" from its coroutine.',
      )
    const input = quote(d.input)
    return d.count === 0
      ? say(
          `Node ${quote(d.node)} joins one value of each input, but ${input} gave none for one item.`,
          'Set "missing" to "skip" or "partial" if this is meant.',
        )
      : say(
          `Node ${quote(d.node)} joins one value of each input, but ${input} gave ${d.count} for one item.`,
          `Let ${input} and what is before it give one output per item, or set "collect" to "all" or "product", or "aggregateInputs" to false.`,
        )
  },

  // The run as a whole.
  RUN_DOOMED: (d: { reason?: unknown }): Wording =>
    say(`The run was doomed${d.reason === undefined ? '' : `: ${reasonOf(d.reason)}`}.`),
  RUN_CANCELLED: (d: { what: string }): Wording => say(`${d.what} was cancelled.`),
  RUN_DEADLINE: (d: { deadlineMs: number; nodes?: readonly string[] | undefined }): Wording =>
    d.nodes === undefined
      ? say(`The run did not end within ${d.deadlineMs} ms.`)
      : say(
          `The request did not end within ${d.deadlineMs} ms${d.nodes.length === 0 ? '' : `; it was at ${d.nodes.map(quote).join(', ')}`}.`,
        ),
  RUN_STALLED: (d: { waits: readonly StalledNode[]; inactivityMs?: number | undefined }): Wording =>
    say(
      `${d.inactivityMs === undefined ? 'Nothing can move any more' : `Nothing has moved for ${d.inactivityMs} ms`}: ${d.waits
        .map(({ node, why }) => `${quote(node)} ${why}`)
        .join('; ')}.`,
    ),
  RUN_OVERLOADED: (d: { maxInFlight: number }): Wording =>
    say(
      `${d.maxInFlight} requests are in flight already, which is all that are allowed.`,
      'Try again later, or set "overload" to "wait", or raise "maxInFlight".',
    ),
  RUN_CARDINALITY: (d: {
    count: number
    /** How many there may be, where that is a limit. */
    most?: number | undefined
  }): Wording =>
    d.most === undefined
      ? say(
          `The request gave ${d.count === 0 ? 'no output' : `${d.count} outputs`} instead of one.`,
          'Use processAll() for any number of outputs.',
        )
      : say(
          `The request gave more than ${d.most} output${d.most === 1 ? '' : 's'}.`,
          'Use processStream() to take them one by one.',
        ),
  RUN_UNEQUAL: (d: { node: string; counts: Readonly<Record<string, number>> }): Wording =>
    say(
      `The inputs of node ${quote(d.node)} have different lengths: ${Object.entries(d.counts)
        .map(([input, count]) => `${quote(input)} gave ${count}`)
        .join(', ')}.`,
      'Set "unequal" to "shortest" or "longest" if this is meant.',
    ),
  RUN_FAILED: (d: { what: string; cause: unknown }): Wording => say(`${d.what} failed: ${reasonOf(d.cause)}.`),

  // A thread or process in which coroutines run.
  WORKER_DIED: (d: { node: string; how: string; hint?: string | undefined }): Wording =>
    say(`A worker of node ${quote(d.node)} ${d.how}.`, d.hint),
  WORKER_START: (d: { node: string; what: string; hint?: string | undefined }): Wording =>
    say(`A worker of node ${quote(d.node)} could not start: ${d.what}.`, d.hint),
  WORKER_CLONE: (d: { node: string; what: string; path: string; why: string; hint: string }): Wording =>
    say(
      `${d.what} of node ${quote(d.node)} cannot be copied${d.path && `, because of ${quote(d.path)} in it`}: ${d.why.replace(/\.$/, '')}.`,
      d.hint,
    ),

  // A request by HTTP. These messages are read by whoever sent it.
  HTTP_BODY_INVALID: (d: { what: string; line?: number | undefined }): Wording =>
    say(d.line === undefined ? `The body ${d.what}.` : `Line ${d.line} of the body ${d.what}.`),
  HTTP_BODY_TOO_LARGE: (d: { limit: number; line?: number | undefined }): Wording =>
    say(`${d.line === undefined ? 'The body' : `Line ${d.line} of the body`} is larger than ${d.limit} bytes.`),
  HTTP_BODY_TIMEOUT: (d: { timeoutMs: number }): Wording =>
    say(`Nothing complete came of the body for ${d.timeoutMs} ms.`),
  HTTP_MEDIA_TYPE: (d: { header: string; found: string | undefined; allowed: readonly string[] }): Wording =>
    say(
      `A body with ${quote(d.header)} ${d.found === undefined ? 'absent' : quote(d.found)} cannot be read.`,
      `Send ${d.allowed.map(quote).join(' or ')}.`,
    ),
  HTTP_HEADER: (d: { header: string; what: string }): Wording => say(`The header ${quote(d.header)} ${d.what}.`),
  HTTP_INPUT: (d: { problems: readonly { pointer: string; what: string }[]; line?: number | undefined }): Wording =>
    say(
      `${d.line === undefined ? 'What was sent' : `Line ${d.line} of the body`} does not fit: ${d.problems
        .slice(0, 5)
        .map(({ pointer, what }) => (pointer === '' ? what : `${pointer}: ${what}`))
        .join('; ')}.`,
    ),
  HTTP_OUTPUT: (d: { what: string; hint?: string | undefined }): Wording => say(`The answer ${d.what}.`, d.hint),
  HTTP_BUSY: (d: { what: string }): Wording => say(`${d.what}.`, 'Try again later.'),
  HTTP_CLOSING: (_: object): Wording => say('The service is closing.', 'Try again, elsewhere or later.'),
  HTTP_SLOW_READER: (d: { timeoutMs: number }): Wording =>
    say(`Nothing of the answer was read for ${d.timeoutMs} ms.`, 'Read faster, or ask for less.'),
  HTTP_FORBIDDEN: (_: object): Wording => say('This is not allowed.'),
  HTTP_TOO_MANY_RUNS: (d: { limit: number }): Wording =>
    say(
      `${d.limit} run${d.limit === 1 ? ' is' : 's are'} in progress already, which is all that are allowed.`,
      'Try again when one of them has ended.',
    ),
  HTTP_RUN_LIMIT: (d: { what: string; limit: number }): Wording =>
    say(`The run was ended: it had more than ${d.limit} ${d.what}.`, 'Make it smaller.'),

  INTERNAL: (d: { what: string }): Wording =>
    say(`A rule of the engine was broken: ${d.what}.`, 'This is a bug of the library; please report it.'),
} as const
