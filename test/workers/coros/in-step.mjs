import { defineCoro } from '@pipelines/core/coro'

/** Coroutines that count what they make, where others see it. */

const stream = (run) => defineCoro({ kind: 'stream', run })
const makes = ({ env: { made } }) => Atomics.add(made, 0, 1)

/** Gives each input as often as `args` say. */
export const repeats = stream(async function* (inputs, ctx) {
  for await (const n of inputs)
    for (let left = ctx.args.times ?? 1; left > 0; left--) {
      makes(ctx)
      yield n
    }
})

/** Emits each input, and is no generator. */
export const emits = stream(async (inputs, ctx) => {
  for await (const n of inputs) {
    makes(ctx)
    ctx.emit('out', n)
  }
})

/** Emits each input, and yields it. */
export const emitsAndYields = stream(async function* (inputs, ctx) {
  for await (const n of inputs) {
    makes(ctx)
    ctx.emit('out', n)
    makes(ctx)
    yield n
  }
})

/** The same, called per item. */
export function* emitsAndYieldsEach(n, ctx) {
  makes(ctx)
  ctx.emit('out', n)
  makes(ctx)
  yield n
}

/** Emits each input, and yields nothing. */
export const emitsOnly = stream(async function* (inputs, ctx) {
  for await (const n of inputs) {
    makes(ctx)
    ctx.emit('out', n)
  }
  yield* []
})

/** Gives each input, and asks for the next one before that. */
export const asksFirst = stream(async function* (inputs) {
  let next = inputs.next()
  for (let step = await next; !step.done; step = await next) {
    next = inputs.next()
    yield step.value
  }
})

/** Gives each input with a buffer that is large. */
export const enlarges = stream(async function* (inputs) {
  for await (const n of inputs) yield { n, bytes: new Uint8Array(2 ** 20) }
})
