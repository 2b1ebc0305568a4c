import { defineCoro, type Executor, type StreamInputs } from '@pipelines/core'
import { Plumber } from '@pipelines/plumber'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { turns } from '../support/turns.js'

test('a cancelled request takes nothing of what a stream has taken ahead for others', async () => {
  const go = gate()
  const far: Executor = {
    name: 'far',
    open: () => ({
      // Takes what waits at once, as a worker does, and gives it back when the gate is open.
      run: async function* (given) {
        const inputs = given as StreamInputs
        for (let some = await inputs.some(6); some.inputs.length > 0; some = await inputs.some(6)) {
          await go.opened
          for (const [place, { value }] of some.inputs.entries()) {
            if (place > 0) await inputs.advance()
            yield value
          }
        }
      },
    }),
  }
  const coro = defineCoro({ kind: 'stream', run: () => expect.unreachable() })
  const plumber = new Plumber(
    { nodes: { in: { coro: 'std.inlet' }, x: { coro, properties: { executor: 'far' } } }, graph: { in: ['x'] } },
    { executors: [far] },
  )
  const pipeline = plumber.createPipeline()
  const client = new AbortController()
  const gone = pipeline.process('gone', { signal: client.signal })
  const other = pipeline.process('other')
  await turns(10)
  client.abort('left')
  await expect(gone).rejects.toMatchObject({ code: 'PLB_RUN_CANCELLED' })
  go.open()
  expect(await other).toBe('other')
  expect((await pipeline.drain()).nodes['x']).toMatchObject({ received: 2, completed: 1, unprocessed: 1 })
})
