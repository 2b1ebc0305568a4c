import { flow } from '@pipelines/flow'
import type { Pipeline } from '@pipelines/plumber'
import { describe, expect, test } from 'vitest'
import { turns } from '../support/turns.js'
import { all, double, Endless, first } from './flow-support.js'

/** A screen that is no terminal, and keeps what is written. */
function paper(): { readonly lines: string[]; write(text: string): void } {
  const lines: string[] = []
  return { lines, write: (text) => void lines.push(text) }
}

describe('progress', () => {
  test('of a run is shown, to its end', async () => {
    const screen = paper()
    await flow([1, 2, 3]).map(double).run(undefined, { progress: screen })
    expect(screen.lines).toEqual([expect.stringMatching(/^completed: 3 done/)])
  })

  test('of items that are given back is shown, in whatever way they are', async () => {
    const screen = paper()
    expect(await flow([1, 2]).toArray(undefined, { progress: screen })).toEqual([1, 2])
    expect(await all(flow([1, 2]).toIterable({ progress: screen }))).toEqual([1, 2])
    await first(1, flow(new Endless()).toIterable({ progress: screen }))
    expect(screen.lines).toHaveLength(3)
  })

  test('is shown as it is asked for', async () => {
    const screen = paper()
    await flow([1, 2]).run(undefined, { progress: { screen, total: 4, done: () => 2, everyMs: 1_000 } })
    expect(screen.lines).toEqual([expect.stringMatching(/^completed: 2 of 4 \(50%\)/)])
  })

  test('of a run that fails is told as well', async () => {
    const screen = paper()
    const failing = flow([1]).map(() => {
      throw new RangeError('no')
    })
    await expect(failing.run(undefined, { progress: screen })).rejects.toThrow('no')
    expect(screen.lines).toEqual([expect.stringMatching(/^failed: 0 done/)])
  })

  test('leaves onStart to whoever has given that', async () => {
    const started: Pipeline[] = []
    await flow([1]).run(undefined, { progress: paper(), onStart: (pipeline) => void started.push(pipeline) })
    expect(started).toHaveLength(1)
  })

  test('is shown nowhere unless that is asked for', async () => {
    await expect(flow([1]).run(undefined, { progress: undefined })).resolves.toMatchObject({ outcome: 'completed' })
  })

  test('of which something wrong is said ends the run with that', async () => {
    const items = new Endless()
    const run = flow(items).run(undefined, { progress: { screen: paper(), total: -1 } })
    await expect(run).rejects.toMatchObject({ code: 'PLB_OPTION_INVALID' })
    const { read } = items
    await turns()
    expect(items.read).toBe(read)
  })
})
