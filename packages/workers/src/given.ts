import type { Meta } from '@pipelines/core/coro'

/** Something that a generator, a stream or a source gave, in turn. */
export interface Given {
  /** Where there is none, the value is yielded. */
  readonly port?: string | undefined
  readonly value?: unknown
  readonly meta?: Meta | undefined
  /** How many inputs a stream had taken. */
  readonly inputs?: number | undefined
  /** It is no output: the stream waits for its next input, and has been at the last ones for so many milliseconds. */
  readonly wants?: number
}

/** Some of these, as they travel: in lists of numbers and values, which are copied faster than a list of objects. */
export interface GivenTogether {
  readonly values: readonly unknown[]
  /** By place in `values`; absent where it is no stream. */
  readonly inputs?: readonly number[]
  /** By place in `values`: those that are not yielded. */
  readonly emitted?: readonly (readonly [number, Pick<Given, 'port' | 'meta'>])[]
  /** Behind all others, a stream waits for its next input: how many it had taken, and `wants`. */
  readonly asks?: readonly [inputs: number, wants: number]
}

/** What {@link apart} takes apart again. Only the last of them may be none that is an output. */
export function together(given: readonly Given[]): GivenTogether {
  const last = given.at(-1)
  const outputs = last?.wants !== undefined ? given.slice(0, -1) : given
  const emitted = outputs.flatMap(({ port, meta }, place) =>
    port === undefined ? [] : [[place, { port, meta }] as const],
  )
  return {
    values: outputs.map(({ value }) => value),
    ...(outputs[0]?.inputs !== undefined && { inputs: outputs.map(({ inputs = 0 }) => inputs) }),
    ...(emitted.length > 0 && { emitted }),
    ...(last?.wants !== undefined && { asks: [last.inputs ?? 0, last.wants] }),
  }
}

/** One after the other. */
export function apart({ values, inputs, emitted = [], asks }: GivenTogether): readonly Given[] {
  const others = new Map(emitted)
  const given: Given[] = values.map((value, place) => ({ value, inputs: inputs?.[place], ...others.get(place) }))
  if (asks !== undefined) given.push({ inputs: asks[0], wants: asks[1] })
  return given
}
