import { type Context, DROP } from '@pipelines/core'
import { expect, test } from 'vitest'
import { chain, plumberOf, type SourceOutput, same } from '../support/blackbox.js'

const readMeta = (_: unknown, ctx: Context) => ({ ...ctx.meta })

/** A source of one item with this meta. */
const sourceOf = (meta: Readonly<Record<string, unknown>>) => async (output: SourceOutput) => {
  await output.put('item', { meta })
}

/** Passes its item on, with more meta. */
const adding = (meta: Readonly<Record<string, unknown>>) => (value: unknown, ctx: Context) => {
  ctx.emit('out', value, { meta })
  return DROP
}

test('an item without meta has an empty one', async () => {
  expect(await chain({ in: 'std.inlet', readMeta }).collect([1])).toEqual([{}])
})

test('what put gives is inherited by all that comes of the item', async () => {
  const metas: unknown[] = []
  function* twice(value: unknown) {
    yield value
    yield value
  }
  const pipeline = chain({ in: 'std.inlet', mid: same, twice, out: same }).createPipeline({
    onOutput: ({ meta }) => void metas.push(meta),
  })
  await pipeline.put(1, { meta: { user: 'ann' } })
  await pipeline.put(2, { meta: { user: 'ben' } })
  await pipeline.drain()
  expect(metas).toEqual([{ user: 'ann' }, { user: 'ann' }, { user: 'ben' }, { user: 'ben' }])
})

test('emit merges into it, one level deep', async () => {
  const plumber = chain({
    src: sourceOf({ keep: 1, change: 1, nested: { gone: true } }),
    add: adding({ change: 2, more: 3, nested: { new: true } }),
    readMeta,
  })
  expect(await plumber.collect()).toEqual([{ keep: 1, change: 2, more: 3, nested: { new: true } }])
})

test('emit of one output leaves the meta of the others alone', async () => {
  const fork = (value: unknown, ctx: Context) => {
    ctx.emit('out', value, { meta: { branch: true } })
    return value
  }
  expect(await chain({ src: sourceOf({ line: 1 }), fork, readMeta }).collect()).toEqual([
    { line: 1, branch: true },
    { line: 1 },
  ])
})

test('a branch does not see what another branch adds', async () => {
  const plumber = plumberOf(
    { src: sourceOf({ line: 1 }), add: adding({ added: true }), a: readMeta, b: readMeta },
    { src: ['add', 'b'], add: ['a'] },
  )
  expect(await plumber.collect()).toEqual(expect.arrayContaining([{ line: 1, added: true }, { line: 1 }]))
})

test('a join merges in the order of its tuple', async () => {
  const join = (branches: readonly string[]) =>
    plumberOf(
      { src: sourceOf({ line: 1 }), a: adding({ who: 'a', a: 1 }), b: adding({ who: 'b', b: 1 }), readMeta },
      { src: ['a', 'b'], ...Object.fromEntries(branches.map((name) => [name, ['readMeta']])) },
    ).collect()
  expect(await join(['a', 'b'])).toEqual([{ line: 1, who: 'b', a: 1, b: 1 }])
  expect(await join(['b', 'a'])).toEqual([{ line: 1, who: 'a', a: 1, b: 1 }])
})

test('the meta that a caller put in is not changed', async () => {
  const meta = Object.freeze({ user: 'ann' })
  const pipeline = chain({ in: 'std.inlet', add: adding({ more: 1 }), out: same }).createPipeline()
  await pipeline.put(1, { meta })
  expect((await pipeline.drain()).outcome).toBe('completed')
  expect(meta).toEqual({ user: 'ann' })
})
