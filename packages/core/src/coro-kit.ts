/*
 * What modules of coroutines need, and the workers that load them: a small part of the package, which is loaded by every
 * thread and process. Measured: the whole package takes 70 ms to load, this part 6.
 */
export { type Context, type ContextWorker, type Logger, SILENT } from './context.js'
export type { Coro, CoroDefinition, CoroKind, Meta, SourceOutput, TeardownReason } from './coro.js'
export { DROP, defineCoro, isCoroDefinition } from './coro.js'
export { entryOf, functionOf, isGroup, isPlain, lookUp } from './coro-names.js'
export { isPipelineError, PipelineError } from './errors.js'
export type { CoroOrigin } from './executor.js'
export { type AnyIterator, isGenerator, isThenable, iteratorOf } from './iterate.js'
export { reasonOf, show } from './text.js'
