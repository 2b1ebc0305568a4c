import type { Output } from '@pipelines/core'

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

/**
 * Outputs of a run that begins when the first of them is asked for. Not a generator: one that waits for an output would not
 * hear that nobody wants it any more.
 */
export function lazily<T>(
  open: () => Promise<AsyncGenerator<Output, void, void>>,
  toItem: (output: Output) => T,
): AsyncGenerator<T, void, void> {
  let opened: Promise<AsyncGenerator<Output, void, void>> | undefined
  let isOver = false
  const end = async (): Promise<IteratorResult<T, void>> => {
    isOver = true
    await (await opened)?.return()
    return DONE
  }
  return {
    async next() {
      if (isOver) return DONE
      opened ??= open().catch((error) => {
        isOver = true
        opened = undefined
        throw error
      })
      const step = await (await opened).next()
      return step.done === true ? DONE : { done: false, value: toItem(step.value) }
    },
    return: end,
    async throw(error) {
      await end()
      throw error
    },
    [Symbol.asyncIterator]() {
      return this
    },
    async [Symbol.asyncDispose]() {
      await end()
    },
  }
}
