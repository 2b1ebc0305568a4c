import { type Context, PipelineError } from '@pipelines/core/coro'

/** Whether a coroutine that may be either was called as a source: then its input is what sources put to. */
export function isSource(input: unknown): boolean {
  return typeof input === 'object' && input !== null && 'put' in input && typeof input.put === 'function'
}

/** What to throw where the args of a node and its place in the graph do not go together. */
export function conflict({ node }: Pick<Context, 'node'>, what: string, hint: string): PipelineError {
  return new PipelineError('OPTION_CONFLICT', { node, what, hint })
}
