/** Attempts and the delays between them. */
export interface Retry {
  /** Invocations, the first included. */
  readonly attempts: number
  /** Longest delay before the second attempt, in milliseconds. */
  readonly minDelayMs: number
  /** Longest delay before any attempt, in milliseconds. */
  readonly maxDelayMs: number
  /** How many times longer each delay may be than the one before. */
  readonly factor: number
  /** `full`: anything from zero to the longest delay; `none`: the longest delay. */
  readonly jitter: 'full' | 'none'
}

/** So many of something in any stretch of time of that length. */
export interface Rate {
  readonly count: number
  readonly perMs: number
}

/** Items that one call gets together. */
export interface Batch {
  readonly size: number
  /** Milliseconds after which an incomplete batch goes ahead. */
  readonly maxWaitMs?: number
  /** `each`: the call returns a list with one result per item; `one`: one value for all of them. */
  readonly returns: 'each' | 'one'
}

/** Consecutive items that one call gets together; the next call gets those `step` further on. */
export interface Window {
  readonly size: number
  readonly step: number
  /** Whether the last items, if they were in no window, make an incomplete one. */
  readonly partial: boolean
}

/** How a node may be set: what people leave out is filled in from {@link NODE_PROPERTIES}, or absent where that has no default. */
export interface NodeProperties {
  /** With two or more inputs: `true` joins one of each into a tuple, `false` merges them by arrival. */
  readonly aggregateInputs: boolean
  /** How a join pairs: `lineage`, by what its inputs descend from; `position`, the n-th of each. */
  readonly match: 'lineage' | 'position'
  /** What a join by lineage does with an item of which an input got nothing. */
  readonly missing: 'skip' | 'partial' | 'fail'
  /** What a join by lineage does with an item of which an input got several values. */
  readonly collect: 'one' | 'all' | 'product'
  /** What a join by position does when one side ends before the others. */
  readonly unequal: 'strict' | 'shortest' | 'longest'
  /** Items in progress at once; `0` = as many as the queue holds. */
  readonly workers: number
  /** Whether outputs leave in input order whatever `workers` is; `false` = in order of completion. */
  readonly ordered: boolean
  /** Name of a coroutine that gives an item's key: per key one item at a time, in order. */
  readonly partitionBy?: string
  /** Capacity of each input queue, in packets. */
  readonly queueSize: number
  /** Outputs that may be on their way to a successor or in work there. */
  readonly packetsInFlight?: number
  /** Whether an output by port `out` goes to all the successors there, or to the one that takes it first. */
  readonly fanOut: 'copy' | 'share'
  /** Milliseconds that an attempt may take. */
  readonly timeoutMs?: number
  readonly retry?: Retry
  /** What an item that fails does: ends the run, is counted and left out, or leaves by port `error`. */
  readonly onError: 'fail' | 'skip' | 'route'
  /** The same of an item whose last attempt ran out of time. */
  readonly onTimeout?: 'fail' | 'skip' | 'route'
  /** More failures than this do what `onError: "fail"` does. */
  readonly maxErrors?: Rate
  /** Calls that may start, attempts counted. */
  readonly rateLimit?: Rate
  readonly batch?: Batch
  readonly window?: Window
  /** `true`: one worker, in order. A number: sliding windows of so many. `false`: any worker. */
  readonly stateful?: boolean | number
  /** `atomic`: the outputs of a generator leave when it has ended. */
  readonly emit?: 'atomic'
  /** Name of the executor that runs the coroutine. */
  readonly executor: string
  /** Whether the node may share one call chain with its neighbours. */
  readonly fuse: boolean
}

/** One row of the table: the default, the rule as JSON Schema, the meaning in a sentence. */
export interface PropertySpec<T> {
  /** Absent where the property is off unless it is set. */
  readonly default?: T
  readonly schema: SchemaObject
  readonly description: string
}

/** Longest that a timer can wait, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1
const MS = { type: 'number', minimum: 0, maximum: LONGEST_MS } as const

type SchemaObject = Readonly<Record<string, unknown>>

/** The schema of an object that has these keys and no others. */
function closed(required: readonly string[], properties: Readonly<Record<string, SchemaObject>>): SchemaObject {
  return { type: 'object', additionalProperties: false, required, properties }
}

function rate(description: string): SchemaObject {
  return closed(['count', 'perMs'], {
    count: { type: 'integer', minimum: 1, description },
    perMs: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: LONGEST_MS,
      description: 'In any stretch of so many milliseconds.',
    },
  })
}

/** Node properties: the one table that the JSON Schema, `normalize` and the docs are made from. */
export const NODE_PROPERTIES: {
  readonly [K in keyof NodeProperties]-?: undefined extends NodeProperties[K]
    ? PropertySpec<NodeProperties[K]>
    : Required<PropertySpec<NodeProperties[K]>>
} = {
  aggregateInputs: {
    default: true,
    schema: { type: 'boolean' },
    description:
      'With two or more inputs: true joins one of each into a tuple, in the order in which the predecessors appear in "graph"; false merges them by arrival. With one input: the value itself.',
  },
  match: {
    default: 'lineage',
    schema: { type: 'string', enum: ['lineage', 'position'] },
    description:
      'How a join pairs. "lineage": what descends from the same item of the nearest node that all inputs come from. "position": the n-th of each input, which is refused where something between could drop, add or overtake. Inputs without a common ancestor always pair by position.',
  },
  missing: {
    default: 'skip',
    schema: { type: 'string', enum: ['skip', 'partial', 'fail'] },
    description:
      'An item of which an input of a join gets nothing: "skip" filters it, "partial" hands the tuple over with undefined in that place, "fail" makes it an error.',
  },
  collect: {
    default: 'one',
    schema: { type: 'string', enum: ['one', 'all', 'product'] },
    description:
      'An item of which an input of a join gets several values: "one" makes it an error, "all" hands over a list for every input, "product" a tuple for each combination.',
  },
  unequal: {
    default: 'strict',
    schema: { type: 'string', enum: ['strict', 'shortest', 'longest'] },
    description:
      'A join that pairs by position, when one side ends first: "strict" fails the run after the pairs there are, "shortest" closes the longer sides, "longest" fills in undefined.',
  },
  workers: {
    default: 1,
    schema: { type: 'integer', minimum: 0 },
    description: 'Items in progress at once; 0 = as many as the queue holds.',
  },
  ordered: {
    default: true,
    schema: { type: 'boolean' },
    description: 'true: outputs leave in input order whatever "workers" is; false: in order of completion.',
  },
  partitionBy: {
    schema: { type: 'string', minLength: 1, maxLength: 256 },
    description:
      'Name of a coroutine that gives an item its key: at most one item per key is in progress, and items of one key stay in order. With "ordered": false those of other keys may overtake one that waits.',
  },
  queueSize: {
    default: 64,
    schema: { type: 'integer', minimum: 1 },
    description: 'Capacity of each input queue, in packets. An edge may set its own.',
  },
  packetsInFlight: {
    schema: { type: 'integer', minimum: 1 },
    description:
      'Outputs of the node that may be on their way to a successor or in work there. 1: the next one is made when the successor asks for it.',
  },
  fanOut: {
    default: 'copy',
    schema: { type: 'string', enum: ['copy', 'share'] },
    description:
      'Where an output goes that leaves by port "out": "copy", to all the successors there; "share", to one of them, the first in turn that has room.',
  },
  timeoutMs: {
    schema: { type: 'number', exclusiveMinimum: 0, maximum: LONGEST_MS },
    description:
      'Milliseconds that an attempt may take; then its signal aborts and it has failed. Its worker is free again when the call has really returned.',
  },
  retry: {
    schema: closed(['attempts'], {
      attempts: { type: 'integer', minimum: 1, description: 'Invocations, the first included.' },
      minDelayMs: { ...MS, default: 100, description: 'Longest delay before the second attempt.' },
      maxDelayMs: { ...MS, default: 30_000, description: 'Longest delay before any attempt.' },
      factor: { type: 'number', minimum: 1, default: 2, description: 'How many times longer each delay may be.' },
      jitter: {
        type: 'string',
        enum: ['full', 'none'],
        default: 'full',
        description: '"full": anything from zero to the longest delay; "none": the longest delay.',
      },
    }),
    description: 'Calls that fail are made again, after a delay that grows; not once something was handed on.',
  },
  onError: {
    default: 'fail',
    schema: { type: 'string', enum: ['fail', 'skip', 'route'] },
    description:
      'An item that fails for good: "fail" ends the run with its error, or the request it came with; "skip" counts it and goes on; "route" sends { error, input, meta } to the successors on port "error".',
  },
  onTimeout: {
    schema: { type: 'string', enum: ['fail', 'skip', 'route'] },
    description: 'The same for an item whose last attempt ran out of time; as "onError" says unless it is set.',
  },
  maxErrors: {
    schema: rate('Failures that are allowed.'),
    description: 'More failures than "count" in any "perMs" milliseconds do what "onError": "fail" does.',
  },
  rateLimit: {
    schema: rate('Calls that may start.'),
    description: 'In any "perMs" milliseconds at most "count" calls start, attempts counted.',
  },
  batch: {
    schema: closed(['size'], {
      size: { type: 'integer', minimum: 1, description: 'Items in a full batch.' },
      maxWaitMs: { ...MS, description: 'Milliseconds after which an incomplete batch goes ahead.' },
      returns: {
        type: 'string',
        enum: ['each', 'one'],
        default: 'each',
        description: '"each": the call returns a list, one result per item; "one": one value for all of them.',
      },
    }),
    description: 'The coroutine gets a list of items. The last batch may be shorter.',
  },
  window: {
    schema: closed(['size'], {
      size: { type: 'integer', minimum: 1, description: 'Items in a window.' },
      step: { type: 'integer', minimum: 1, default: 1, description: 'How much further on the next window begins.' },
      partial: {
        type: 'boolean',
        default: false,
        description: 'Whether the last items, if they were in no window, make an incomplete one.',
      },
    }),
    description: 'The coroutine gets a list of consecutive items; windows slide over the input.',
  },
  stateful: {
    schema: { type: ['boolean', 'integer'], minimum: 1 },
    description:
      'true: one worker, in order. A number: sliding windows of so many items. false: any worker, which is the default.',
  },
  emit: {
    schema: { type: 'string', enum: ['atomic'] },
    description:
      '"atomic": what a generator yields leaves when it has ended, all or nothing, so that the call may be tried again.',
  },
  executor: {
    default: 'inline',
    schema: { type: 'string', minLength: 1 },
    description: 'Where the coroutine runs: "inline", or the name of an executor given to the Plumber.',
  },
  fuse: {
    default: true,
    schema: { type: 'boolean' },
    description: 'Permission to run in one call chain with its neighbours; false forbids it.',
  },
}

/** Milliseconds that coroutines get to end after they were told to; then they are named in the report and abandoned. */
export const GRACE_MS = 5000
/** Milliseconds that `drain` may take before what is left is doomed. */
export const DRAIN_MS = 25_000
/** Milliseconds that the end of an `await using` scope may take. */
export const DISPOSE_MS = 5000
/** The part of a drain's deadline after which what still flows is doomed, so that teardown fits into the rest. */
export const DRAIN_SHARE = 0.8
/** Most entries in a report's list of unprocessed items; the counts are exact. */
export const UNPROCESSED_LISTED = 1000
/** Most errors that a report lists. */
export const ERRORS_LISTED = 100
/** Items that one burst may take before others of the same p-queue get their turn. */
export const QUANTUM = 1024
/** Fewest open frames that a fork may have; more where its region has many workers. */
export const FRAMES = 32
/** Samples per second that a tap gives at most. */
export const SAMPLES_PER_SECOND = 10
/** Most requests that may be in flight. */
export const MAX_IN_FLIGHT = 1024
