import { type Context, PipelineError } from '@pipelines/core/coro'

/**
 * Throws where a node has several workers, and each of them would keep an account of its own.
 *
 * @param does what the coroutine does, for the message
 */
export function onlyWorker({ node, worker }: Pick<Context, 'node' | 'worker'>, does: string): void {
  if (worker.count === 1) return
  throw new PipelineError('OPTION_CONFLICT', {
    node,
    what: `has ${worker.count} workers, but its coroutine ${does}, which only one worker can do`,
    hint: 'Leave "workers" out.',
  })
}
