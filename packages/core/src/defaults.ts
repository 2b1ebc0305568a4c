/** How a node may be set, all present: what people leave out is filled in from {@link NODE_PROPERTIES}. */
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
  /** Capacity of each input queue, in packets. */
  readonly queueSize: number
  /** What an item that fails does: ends the run, or is counted and left out. */
  readonly onError: 'fail' | 'skip'
  /** Name of the executor that runs the coroutine. */
  readonly executor: string
  /** Whether the node may share one call chain with its neighbours. */
  readonly fuse: boolean
}

/** One row of the table: the default, the rule as JSON Schema, the meaning in a sentence. */
export interface PropertySpec<T> {
  readonly default: T
  readonly schema: Readonly<Record<string, unknown>>
  readonly description: string
}

/** Node properties: the one table that the JSON Schema, `normalize` and the docs are made from. */
export const NODE_PROPERTIES: { readonly [K in keyof NodeProperties]: PropertySpec<NodeProperties[K]> } = {
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
  queueSize: {
    default: 64,
    schema: { type: 'integer', minimum: 1 },
    description: 'Capacity of each input queue, in packets. An edge may set its own.',
  },
  onError: {
    default: 'fail',
    schema: { type: 'string', enum: ['fail', 'skip'] },
    description: 'An item that fails: "fail" ends the run with its error, "skip" counts it and goes on.',
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
