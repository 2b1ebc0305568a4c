import { expect, test } from 'vitest'
import { range } from '../support/blackbox.js'
import { causesOf, ended, inThreadsAndProcesses, lineOf } from './worker-lines.js'

const skips = (coro: string): { coro: string; onError: string } => ({ coro, onError: 'skip' })
/** Whether this is the oldest Node that is supported. */
const isOldest = process.versions.node.startsWith('20.')
const trap = (): never => {
  throw new Error('trapped')
}

inThreadsAndProcesses('values', (make) => {
  test.each<[what: string, value: unknown]>([
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['with a getter that throws', { get: Object.defineProperty({}, 'x', { get: trap, enumerable: true }) }],
    ['a proxy that throws', new Proxy({}, { ownKeys: trap, getPrototypeOf: trap })],
    [
      'an object that throws an object without a prototype',
      Object.defineProperty({}, 'x', { get: bare, enumerable: true }),
    ],
  ])('that cannot be sent fail for themselves: %s', async (_, value) => {
    const plumber = await lineOf(make(), 'values.mjs', { src: () => [0, value, 2], a: skips('same') })
    const { values, report } = await ended(plumber)
    expect(values).toEqual([0, 2])
    expect(causesOf(report)).toEqual(['PLB_WORKER_CLONE'])
  })

  test('that cannot be sent are named with their place', async () => {
    const value = { rows: [{}, { open: () => 1 }] }
    const { error } = await ended(await lineOf(make(), 'values.mjs', { src: () => [value], a: 'same' }))
    expect(error).toMatchObject({ cause: { code: 'PLB_WORKER_CLONE', details: { node: 'a', path: '.rows[1].open' } } })
  })

  test.each(['strange', 'strangeLater'])('that cannot come back fail for themselves (%s)', async (coro) => {
    const { values, report } = await ended(await lineOf(make(), 'values.mjs', { src: () => range(10), a: skips(coro) }))
    // A view whose buffer is gone has no bytes; later Nodes send it to processes as what it is.
    const gone = values.filter((value) => value instanceof Uint8Array && value.length === 0).length
    expect(values.filter((value) => typeof value === 'number')).toEqual([0, 8, 9])
    expect(new Set(causesOf(report))).toEqual(new Set(['PLB_WORKER_CLONE']))
    expect(report.nodes['a']).toMatchObject({ completed: 3 + gone, failed: 7 - gone })
    expect(gone).toBeLessThanOrEqual(isOldest ? 0 : 1)
  })

  test('that throw when they are looked at are blamed on nobody else', async () => {
    const { values } = await ended(
      await lineOf(make(), 'values.mjs', { src: () => range(1_000), a: skips('throwsOnce') }),
    )
    const others = range(1_000).filter((n) => n !== 600)
    expect(values.filter((value) => typeof value === 'number')).toEqual(others)
  })

  test('that are one buffer, filled again and again, are the bytes of their moment or later, and never gone', async () => {
    const stages = { src: () => range(200), a: 'refill', b: { coro: 'first', workers: 2 } }
    const { values, error } = await ended(await lineOf(make(), 'values.mjs', stages))
    expect(error).toBeUndefined()
    expect(values.map((value) => (value as number[])[1])).toEqual(Array(200).fill(65_536))
  })

  test('that a generator gives as one buffer all arrive', async () => {
    const stages = { src: () => [1], a: 'refills', b: { coro: 'first', workers: 2 } }
    const { values, error } = await ended(await lineOf(make(), 'values.mjs', stages))
    expect([error, values.map((value) => (value as number[])[1])]).toEqual([undefined, Array(5).fill(65_536)])
  })

  test('that a dead worker had not begun are whole for the next one', async () => {
    const stages = { src: () => range(400), a: 'large', b: { coro: 'exitAt', args: { at: 300 }, onError: 'skip' } }
    const { values, report } = await ended(await lineOf(make(), 'values.mjs', stages))
    expect(new Set(values)).toEqual(new Set([20_000]))
    expect(new Set(causesOf(report))).toEqual(new Set(['PLB_WORKER_DIED']))
    expect(report.nodes['b']).toMatchObject({ received: 400, unprocessed: 0 })
  })

  test('of a class arrive as their data', async () => {
    const { values } = await ended(await lineOf(make(), 'values.mjs', { src: () => [1], a: 'instance' }))
    expect(values).toEqual([{ x: 2 }])
  })

  test.each([undefined, null, 'text', 7, { code: 3 }])('that are thrown arrive as the cause: %o', async (thrown) => {
    const at = [undefined, null, 'text', 7].includes(thrown as never)
      ? [undefined, null, 'text', 7].indexOf(thrown as never)
      : 4
    const { error } = await ended(await lineOf(make(), 'values.mjs', { src: () => [at], a: 'throws' }))
    expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { cause: thrown } })
  })

  test('in args may be large', async () => {
    const args = { text: 'x'.repeat(1_000_000) }
    const { values } = await ended(
      await lineOf(make(), 'values.mjs', { src: () => [1], a: { coro: 'argLength', args } }),
    )
    expect(values).toEqual([1_000_000])
  })

  test('that are emitted and cannot be sent fail their call', async () => {
    const { error } = await ended(await lineOf(make(), 'values.mjs', { src: () => [1], a: 'emits' }))
    expect(error).toMatchObject({ cause: { code: 'PLB_WORKER_CLONE' } })
  })

  test('of the environment that cannot be sent are left out', async () => {
    const stages = { src: () => [1], a: 'envKeys' }
    const env = { n: 1, open: () => 1, deep: { f: () => 1, kept: 2 } }
    expect((await ended(await lineOf(make(), 'values.mjs', stages, { env }))).values).toEqual([['deep', 'n']])
  })
})

inThreadsAndProcesses('shared memory', (make, kind) => {
  const isShared = kind === 'thread'

  test(isShared ? 'is shared' : 'is refused as a result', async () => {
    const { values, report } = await ended(
      await lineOf(make(), 'values.mjs', { src: () => [1, 2], a: skips('shared') }),
    )
    expect([values.length, causesOf(report)]).toEqual(
      isShared ? [2, []] : [0, ['PLB_WORKER_CLONE', 'PLB_WORKER_CLONE']],
    )
  })

  test('in an error does not hide the error', async () => {
    const { error } = await ended(await lineOf(make(), 'values.mjs', { src: () => [1], a: 'failWithShared' }))
    expect(error).toMatchObject({ cause: { message: 'mine', kept: 1 } })
  })

  test(isShared ? 'in the environment is shared' : 'in the environment is left out', async () => {
    const env = { memory: new SharedArrayBuffer(8), n: 1 }
    const { values } = await ended(await lineOf(make(), 'values.mjs', { src: () => [1], a: 'envKeys' }, { env }))
    expect(values).toEqual([isShared ? ['memory', 'n'] : ['n']])
  })

  test(isShared ? 'in args is shared' : 'in args is refused when the graph is built', async () => {
    const args = { text: { memory: new SharedArrayBuffer(8) } }
    const built = lineOf(make(), 'values.mjs', { src: () => [1], a: { coro: 'same', args } })
    const result = await built.then(
      async (plumber) => (await ended(plumber)).values,
      ({ code }) => code,
    )
    expect(result).toEqual(isShared ? [1] : 'PLB_GRAPH_INVALID')
  })
})

function bare(): never {
  throw Object.create(null)
}
