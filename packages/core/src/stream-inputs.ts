import type { Meta } from './coro.js'

/** What a stream coroutine consumes. Who brings items far away may take several at once. */
export interface StreamInputs extends AsyncIterableIterator<unknown> {
  /** Takes at most so many of those that wait, beyond what `next` has given. The one in hand stays so. */
  ahead(most: number): readonly { readonly value: unknown; readonly meta: Meta }[]
  /** The next of those is in hand now, as if `next` had given it. */
  advance(): Promise<void>
}

/** Where the inputs come from: the same, but for `next`, which is called when the one before has settled. */
export interface InputsSource extends Pick<StreamInputs, 'ahead' | 'advance'> {
  readonly next: () => Promise<IteratorResult<unknown>>
  /** No more are wanted. */
  readonly left: () => void
}

/** No more inputs. */
export const END_OF_INPUTS: IteratorReturnResult<undefined> = { done: true, value: undefined }

/** What a stream coroutine consumes, of a source that is asked by nobody else. */
export function inputsOf({ next: step, ahead, advance, left }: InputsSource): StreamInputs {
  // One after the other, as generators do: two at once would not know which of them an output descends from.
  let last: Promise<unknown> | undefined
  const inputs: StreamInputs = {
    next: () => {
      const result = last === undefined ? step() : last.then(step, step)
      last = result
      const settled = (): void => {
        if (last === result) last = undefined
      }
      result.then(settled, settled)
      return result
    },
    ahead,
    advance,
    return: async () => {
      left()
      return END_OF_INPUTS
    },
    [Symbol.asyncIterator]: () => inputs,
  }
  return inputs
}
