export type { ProcessOptions, ThreadOptions, WorkerOptions } from './options.js'
export { processes } from './processes.js'
export { threads } from './threads.js'
export type { WorkerExecutor } from './worker-executor.js'
