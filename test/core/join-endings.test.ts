import { type Coro, DROP } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { finish, items, same, start } from '../support/plans.js'
import { turns } from '../support/turns.js'

type Inputs = AsyncIterable<number>

test('a join goes on while frames are open, also when the branch into it has ended', async () => {
  const slow = gate()
  const three = async function* (inputs: Inputs): AsyncGenerator<number> {
    let seen = 0
    for await (const n of inputs) {
      yield n
      if (++seen === 3) return
    }
  }
  const run = start({
    src: { coro: items(1, 2, 3), to: ['fork', 'join'] },
    fork: { coro: same, to: ['three', 'side'] },
    three: { kind: 'stream', coro: three as unknown as Coro, to: ['join'] },
    side: { coro: () => slow.opened, props: { queueSize: 1 } },
    join: { coro: same },
  })
  await turns()
  slow.open()
  expect((await run.report()).outcome).toBe('completed')
  expect(run.values).toEqual([1, 2, 3].map((n) => [n, n]))
})

test('what a branch gave twice is counted once, though frames before it were still open', async () => {
  const first = gate()
  const twice = async function* (n: number): AsyncGenerator<number> {
    if (n === 1) await first.opened
    yield n
    yield n
  }
  const run = start({
    src: { coro: items(1, 2, 3), to: ['twice', 'once'] },
    twice: { coro: twice, props: { workers: 3, ordered: false }, to: ['join'] },
    once: { coro: same, to: ['join'] },
    join: { coro: same },
  })
  await turns()
  first.open()
  expect((await run.report()).error).toMatchObject({ code: 'PLB_NODE_CARDINALITY' })
})

test('an output that descends from no input fails in front of a join that pairs by descent', async () => {
  const sum = async function* (inputs: Inputs): AsyncGenerator<number> {
    let total = 0
    for await (const n of inputs) total += n
    yield total
  }
  const early = async function* (): AsyncGenerator<number> {
    yield 0
  }
  for (const coro of [sum, early]) {
    const { report } = await finish({
      src: { coro: items(1, 2, 3), to: ['stream', 'other'] },
      stream: { kind: 'stream', coro: coro as unknown as Coro, to: ['join'] },
      other: { coro: same, to: ['join'] },
      join: { coro: () => DROP },
    })
    expect(report.error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: { code: 'PLB_CORO_TYPE' } })
  }
})
