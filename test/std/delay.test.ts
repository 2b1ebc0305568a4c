import { describe, expect, test } from 'vitest'
import { inVirtualTime, now } from '../support/virtual-time.js'
import { lineOf, through } from './ready.js'

/** When items have left that came together. */
const times = (ms: number, workers: number): Promise<number[]> =>
  inVirtualTime(async () => {
    const start = now()
    const left: number[] = []
    const line = lineOf([['inlet'], ['delay', { ms }, { workers }]])
    await line.run([1, 2, 3, 4], { onOutput: () => void left.push(now() - start) })
    return left
  })

describe('std.delay', () => {
  test('passes items on later, one after the other', async () => {
    expect(await times(100, 1)).toEqual([100, 200, 300, 400])
  })

  test('holds as many at once as the node has workers', async () => {
    expect(await times(100, 2)).toEqual([100, 100, 200, 200])
  })

  test('of 0 passes on what it gets', async () => {
    expect(await through('delay', [1, 2], { ms: 0 })).toEqual([1, 2])
  })

  test('waits no longer when the run is doomed, and leaves no timer', async () => {
    const report = await inVirtualTime(async () => {
      const pipeline = lineOf([['inlet'], ['delay', { ms: 60_000 }, { workers: 2 }]]).createPipeline()
      await pipeline.put(1)
      await pipeline.put(2)
      return pipeline.doomsday()
    })
    expect(report).toMatchObject({
      outcome: 'doomed',
      durationMs: 0,
      abandoned: [],
      nodes: { delay: { unprocessed: 2 } },
    })
  })

  test('waits no longer when its own time is up', async () => {
    const report = await inVirtualTime(async () => {
      const line = lineOf([['inlet'], ['delay', { ms: 60_000 }, { timeoutMs: 10, onError: 'skip' }]])
      return line.run([1])
    })
    expect(report).toMatchObject({ durationMs: 10, nodes: { delay: { failed: 1 } } })
  })
})
