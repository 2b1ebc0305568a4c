import { type Context, isGenerator } from '@pipelines/core/coro'

/** A function that an arg has named. */
export type Named = (value: unknown, ctx: Context) => unknown

/** A generator that was never begun, given by a function that only answers: it would look like a yes, or do nothing. */
export function refuseGenerator(answer: unknown): void {
  if (typeof answer !== 'object' || answer === null || !isGenerator(answer)) return
  throw new TypeError(
    'The function in "fn" is a generator, and here nothing would run it. Use a plain or an async one.',
  )
}
