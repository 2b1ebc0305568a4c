import type { Meta } from './coro.js'

/** One that was taken. */
export interface StreamInput {
  readonly value: unknown
  readonly meta: Meta
}

/** What a stream coroutine consumes. Who brings items far away may take several at once. */
export interface StreamInputs extends AsyncIterableIterator<unknown> {
  /** As `next`, with those that wait behind it: at most so many together. None at the end. The first is in hand. */
  some(most: number): Promise<SomeInputs>
  /** The next of those is in hand now, as if `next` had given it. */
  advance(): void | Promise<void>
  /** Where each output needs a place: takes some, and tells for how many outputs there are any now. */
  places(most: number): number
}

/** Several that were taken together. */
export interface SomeInputs {
  readonly inputs: readonly StreamInput[]
  /** For how many outputs there are places. */
  readonly places: number
}

/** Where the inputs come from. The next is not asked for before the last one has come. */
export interface InputsSource extends Pick<StreamInputs, 'advance' | 'places'> {
  /** @param ahead how many more may be taken with it */
  readonly next: (ahead: number) => Promise<IteratorResult<unknown, undefined>>
  /** The one in hand, which has this value, and those that were taken with it. */
  readonly taken: (value: unknown) => SomeInputs
  /** No more are wanted. */
  readonly left: () => void
}

/** No more inputs. */
export const END_OF_INPUTS: IteratorReturnResult<undefined> = { done: true, value: undefined }

/** What a stream coroutine consumes, of a source that is asked by nobody else. */
export function inputsOf({ next: step, taken, advance, places, left }: InputsSource): StreamInputs {
  // One after the other, as generators do: two at once would not know which of them an output descends from.
  let last: Promise<unknown> | undefined
  const next = (ahead: number): Promise<IteratorResult<unknown>> => {
    const another = (): Promise<IteratorResult<unknown>> => step(ahead)
    const result = last === undefined ? another() : last.then(another, another)
    last = result
    const settled = (): void => {
      if (last === result) last = undefined
    }
    result.then(settled, settled)
    return result
  }
  const inputs: StreamInputs = {
    next: () => next(0),
    some: async (most) => {
      const step = await next(most - 1)
      return step.done === true ? { inputs: [], places: 0 } : taken(step.value)
    },
    advance,
    places,
    return: async () => {
      left()
      return END_OF_INPUTS
    },
    [Symbol.asyncIterator]: () => inputs,
  }
  return inputs
}
