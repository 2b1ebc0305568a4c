import type { Context, Meta } from '@pipelines/core'

/** A sink for tests: a coroutine that keeps what it is called with. */
export interface Collected<T = unknown> {
  /** The coroutine. It hands its input on, so that it may stand at a leaf or anywhere else. */
  readonly coro: (value: T, context: Context) => T
  /** What has come so far, in the order of the calls. */
  readonly values: readonly T[]
  /** The meta of each value. */
  readonly metas: readonly Meta[]
  /** Resolves with the first `count` values as soon as they have come; never rejects. */
  until(count: number): Promise<readonly T[]>
}

/**
 * Makes an empty sink.
 *
 * @example
 * const sink = collect<number>()
 * const pipeline = new Plumber(document, { coroMap: { double, sink: sink.coro } }).createPipeline()
 * await pipeline.put(1)
 * expect(await sink.until(1)).toEqual([2])
 */
export function collect<T = unknown>(): Collected<T> {
  const values: T[] = []
  const metas: Meta[] = []
  let waiting: { readonly count: number; readonly resolve: (values: readonly T[]) => void }[] = []
  return {
    values,
    metas,
    coro: (value, { meta }) => {
      values.push(value)
      metas.push(meta)
      for (const { count, resolve } of waiting) if (count <= values.length) resolve(values.slice(0, count))
      waiting = waiting.filter(({ count }) => count > values.length)
      return value
    },
    until: (count) =>
      new Promise((resolve) => {
        if (count <= values.length) resolve(values.slice(0, count))
        else waiting.push({ count, resolve })
      }),
  }
}
