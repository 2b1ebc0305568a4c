export { imbalances } from './books.js'
export type { Context, ContextWorker, Logger } from './context.js'
export { SILENT } from './context.js'
export type {
  Coro,
  CoroDefinition,
  CoroKind,
  JsonSchema,
  Meta,
  Schema,
  SourceOutput,
  StandardResult,
  StandardSchema,
  TeardownReason,
} from './coro.js'
export { DROP, defineCoro, isCoroDefinition } from './coro.js'
export { entryOf, functionOf, isClass, isCoro, isGroup, isPlain, lookUp, namesIn } from './coro-names.js'
export { Counters } from './counters.js'
export type { Batch, NodeProperties, PropertySpec, Rate, Retry, Window } from './defaults.js'
export { DISPOSE_MS, DRAIN_MS, GRACE_MS, NODE_PROPERTIES } from './defaults.js'
export { Dominators, type Ordered } from './dominators.js'
export type { ErrorCode, ErrorDetails, Issue, PublicCode, StalledNode } from './errors.js'
export { ERROR_CODES, isPipelineError, issue, PipelineError } from './errors.js'
export type { RunEvents } from './events.js'
export type {
  CallDone,
  CoroOrigin,
  CoroReference,
  Executor,
  NodeBinding,
  NodeCode,
  NodeControl,
  Refusal,
  RunFacts,
  Runner,
} from './executor.js'
export { inline, isRunnerError, RunnerError } from './executor.js'
export type { PutOptions } from './feed.js'
export { type AnyIterator, isGenerator, isThenable, iteratorOf } from './iterate.js'
export type { Output } from './leaf.js'
export type { NodeState, RunState } from './lifecycle.js'
export { loadHint } from './load-hint.js'
export { isModuleCoros, ModuleCoros, type ModuleCorosOptions, moduleCoros } from './module-coros.js'
export { Network } from './network.js'
export type { NetworkOptions } from './network-options.js'
export { pacer } from './pacer.js'
export { Packet, packet } from './packet.js'
export type { Tie } from './pairing.js'
export type { Plan, PlanEdge, PlanNode } from './plan.js'
export { ERROR, isLeaf, isShared, OUT, routes } from './plan.js'
export { Queue } from './queue.js'
export type {
  EdgeRegions,
  Fork,
  Incidence,
  NodeRegions,
  Overflow,
  PortRegions,
  RegionGraph,
  RegionOptions,
  Regions,
  Token,
} from './regions.js'
export { analyseRegions } from './regions.js'
export type {
  EdgeCounts,
  EdgeSnapshot,
  Load,
  NodeCounts,
  NodeSnapshot,
  RunReport,
  Snapshot,
  UnprocessedItem,
} from './report.js'
export type { Answer, Overload, RequestOptions, TraceStep } from './request.js'
export type { RequestHandle, RequestLimits } from './requests.js'
export type { VerdictCounts } from './roots.js'
export type { ProcessorReport, ProcessorSettings, StandaloneProcessor } from './standalone.js'
export { startProcessor } from './standalone.js'
export type { SomeInputs, StreamInput, StreamInputs } from './stream-inputs.js'
export type { Sample, TapOptions, TapSettings, TapTarget } from './taps.js'
export { cut, quote, reasonOf, show } from './text.js'
