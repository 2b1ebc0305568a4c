export type { Load, RequestHandle, RunReport, Sample, Snapshot, TraceStep, VerdictCounts } from '@pipelines/core'
export { moduleCoros } from '@pipelines/core'
export type { BuildOptions } from './build.js'
export type { Contract } from './contract.js'
export type { CoroMap, CoroResolver, CoroTable } from './coro-map.js'
export { defineGraph } from './define-graph.js'
export type {
  CoroRef,
  Graph,
  GraphDocument,
  GraphEdge,
  GraphNode,
  NodeDocument,
  PropertiesDocument,
  Successor,
} from './graph/document.js'
export type { Limits } from './graph/limits.js'
export { pointer } from './graph/names.js'
export type { Input } from './inputs.js'
export { checkOptions, isCount, isFunction, isTimeout, type Rule } from './options.js'
export { Pipeline, type PipelinePutOptions, type RequestStream } from './pipeline.js'
export { type CollectOptions, Plumber, type PlumberOptions, type StreamOptions } from './plumber.js'
export type { ProcessOptions, ProcessStreamOptions, RunOptions } from './run-options.js'
export type { SchemaProblem } from './schemas.js'
export type { EdgeName, TapListener } from './taps.js'
