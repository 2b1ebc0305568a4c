import { Plumber } from '@pipelines/plumber'
import { collect } from '@pipelines/testkit'
import { expect, test } from 'vitest'

const document = {
  nodes: { numbers: { coro: 'std.inlet' }, sink: { coro: 'sink' }, double: { coro: 'double' } },
  graph: { numbers: ['sink'], sink: ['double'] },
}
const double = (n: number) => 2 * n

test('a sink keeps what comes, with its meta, and hands it on', async () => {
  const sink = collect<number>()
  const outputs: unknown[] = []
  const plumber = new Plumber(document, { coroMap: { sink: sink.coro, double } })
  const pipeline = plumber.createPipeline({ onOutput: ({ value }) => void outputs.push(value) })
  await pipeline.put(1, { meta: { from: 'test' } })
  await pipeline.put(2)
  pipeline.end()
  await pipeline.settled
  expect(sink.values).toEqual([1, 2])
  expect(sink.metas).toEqual([{ from: 'test' }, {}])
  expect(outputs).toEqual([2, 4])
})

test('a sink can be waited for', async () => {
  const sink = collect<number>()
  const pipeline = new Plumber(document, { coroMap: { sink: sink.coro, double } }).createPipeline()
  const two = sink.until(2)
  for (const n of [1, 2, 3]) await pipeline.put(n)
  expect(await two).toEqual([1, 2])
  expect(await sink.until(3)).toEqual([1, 2, 3])
  expect(await sink.until(1)).toEqual([1])
  await pipeline.drain()
})
