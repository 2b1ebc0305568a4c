import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { items, line, range, same, start } from '../support/plans.js'
import { turns } from '../support/turns.js'

const twoLeaves = { src: { coro: items(...range(20)), to: ['a', 'b'] }, a: { coro: same }, b: { coro: same } }

describe('the outputs of leaves', () => {
  test('are handed over with node, port, value and meta', async () => {
    const run = start(line({ src: items(7), out: same }))
    await run.report()
    expect(run.outputs).toEqual([{ node: 'out', port: 'out', value: 7, meta: {} }])
  })

  test('are handed over one at a time, whatever leaf they come from', async () => {
    let now = 0
    let most = 0
    const onOutput = async (): Promise<void> => {
      most = Math.max(most, ++now)
      await turns(1)
      now--
    }
    const run = start(twoLeaves, { onOutput })
    expect([(await run.report()).outcome, run.values.length, most]).toEqual(['completed', 40, 1])
  })

  test('keep the order of each leaf when the receiver is slow now and then', async () => {
    const run = start(twoLeaves, { onOutput: ({ value }) => (Number(value) % 3 === 0 ? turns(1) : undefined) })
    await run.report()
    for (const node of ['a', 'b'])
      expect(run.outputs.filter((output) => output.node === node).map(({ value }) => value)).toEqual(range(20))
  })

  test('that the receiver has not taken hold back the source', async () => {
    const held = gate()
    const spec = line({ src: items(...range(50)), out: { coro: same, props: { queueSize: 2 } } })
    const run = start(spec, { onOutput: () => held.opened })
    await turns()
    expect([run.values, run.network.snapshot().nodes.src?.emitted]).toEqual([[0], 3])
    held.open()
    await run.report()
    expect(run.values).toEqual(range(50))
  })
})

describe('a receiver', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('mine')
      },
    ],
    ['rejects', () => Promise.reject(new Error('mine'))],
  ])('that %s ends the run, and is not called again', async (_, onOutput) => {
    const run = start(twoLeaves, { onOutput })
    const report = await run.report()
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_RUN_FAILED', cause: { message: 'mine' } } })
    expect(run.values).toHaveLength(1)
  })

  test('that never answers does not hold up doomsday', async () => {
    const run = start(twoLeaves, { onOutput: () => new Promise(() => {}), graceMs: 2_000 })
    await turns()
    const begun = performance.now()
    const report = await run.network.doomsday()
    expect([report.outcome, report.abandoned, performance.now() - begun < 1_000]).toEqual(['doomed', [], true])
  })

  test('gets nothing after doomsday', async () => {
    const held = gate()
    const run = start(twoLeaves, { onOutput: () => held.opened })
    await turns()
    const settled = run.network.doomsday()
    held.open()
    await settled
    await turns()
    expect(run.values).toHaveLength(1)
  })
})

test('a thenable of the receiver that throws ends the run', async () => {
  const mine = new Error('mine')
  const broken = Object.fromEntries([
    [
      'then',
      () => {
        throw mine
      },
    ],
  ])
  const run = start(line({ src: items(1, 2), out: same }), { onOutput: () => broken })
  expect((await run.report()).error).toMatchObject({ code: 'PLB_RUN_FAILED', cause: mine })
  await turns()
})
