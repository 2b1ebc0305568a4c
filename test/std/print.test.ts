import { getEventListeners } from 'node:events'
import type { Context } from '@pipelines/core'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { print } from '../../packages/std/src/coros.js'
import { turns } from '../support/blackbox.js'
import { lineOf, through } from './ready.js'

/** What is printed from now on. */
function printed(): { readonly out: unknown[]; readonly err: unknown[] } {
  const lines = { out: [] as unknown[], err: [] as unknown[] }
  const log = vi.spyOn(console, 'log').mockImplementation((...line: unknown[]) => void lines.out.push(...line))
  const error = vi.spyOn(console, 'error').mockImplementation((...line: unknown[]) => void lines.err.push(...line))
  onTestFinished(() => {
    log.mockRestore()
    error.mockRestore()
  })
  return lines
}

/** A program whose output nobody reads, until somebody does. */
function stuckOutput(): { isFull: boolean; readonly listeners: () => number } {
  const state = { isFull: true, listeners: () => process.stdout.listenerCount('drain') }
  Object.defineProperty(process.stdout, 'writableNeedDrain', { configurable: true, get: () => state.isFull })
  onTestFinished(() => void Reflect.deleteProperty(process.stdout, 'writableNeedDrain'))
  return state
}

describe('std.print', () => {
  test('prints each item in a line of its own, and passes it on', async () => {
    const { out } = printed()
    const items = ['a', 1, null, { b: [2, { c: 3 }] }]
    expect(await through('print', items)).toEqual(items)
    expect(out).toEqual(['a', '1', 'null', '{ b: [ 2, { c: 3 } ] }'])
  })

  test('begins each line as it is told', async () => {
    const { out } = printed()
    await through('print', ['a', 100], { prefix: '100%s> ' })
    expect(out).toEqual(['100%s> a', '100%s> 100'])
  })

  test('prints where it is told', async () => {
    const { out, err } = printed()
    await through('print', ['a'], { to: 'stderr' })
    expect([out, err]).toEqual([[], ['a']])
  })

  test('prints something large in one line all the same', async () => {
    const { out } = printed()
    await through('print', [Array.from({ length: 50 }, (_, n) => ({ number: n }))])
    expect(out).toHaveLength(1)
    expect(out[0]).not.toContain('\n')
  })
})

describe('std.stamp', () => {
  test('prints the number of each item, and passes it on', async () => {
    const { out } = printed()
    expect(await through('stamp', ['a', 'b'])).toEqual(['a', 'b'])
    expect(out).toEqual(['item 1', 'item 2'])
  })

  test('prints some of them, with a label, where it is told', async () => {
    const { out, err } = printed()
    await through('stamp', [1, 2, 3, 4, 5], { label: 'row', every: 2, to: 'stderr' })
    expect([out, err]).toEqual([[], ['row 2', 'row 4']])
  })

  test('counts for all workers together', async () => {
    const { out } = printed()
    await through('stamp', [1, 2, 3], {}, { workers: 3 })
    expect(out).toEqual(['item 1', 'item 2', 'item 3'])
  })
})

describe.each(['print', 'stamp'])('where nobody reads what is printed, std.%s', (coro) => {
  test('waits, with one listener whatever the number of workers, and goes on when somebody does', async () => {
    const { out } = printed()
    const output = stuckOutput()
    const before = output.listeners()
    const run = through(coro, [1, 2, 3, 4], {}, { workers: 3 })
    await vi.waitFor(() => expect(out).toHaveLength(3))
    expect(output.listeners()).toBe(before + 1)
    output.isFull = false
    process.stdout.emit('drain')
    expect(await run).toEqual([1, 2, 3, 4])
    expect(output.listeners()).toBe(before)
  })

  test('waits no longer when the run is doomed', async () => {
    printed()
    const output = stuckOutput()
    const before = output.listeners()
    const pipeline = lineOf([['inlet'], [coro]]).createPipeline()
    await pipeline.put(1)
    await turns(20)
    expect(output.listeners()).toBe(before + 1)
    expect(await pipeline.doomsday()).toMatchObject({ outcome: 'doomed', abandoned: [] })
    expect(output.listeners()).toBe(before)
  })

  test('does not wait for an output that is closed', async () => {
    printed()
    const output = stuckOutput()
    const run = through(coro, [1])
    await vi.waitFor(() => expect(output.listeners()).toBeGreaterThan(0))
    process.stdout.emit('close')
    expect(await run).toEqual([1])
  })
})

describe('a call of std.print that has to wait', () => {
  test('was told to stop before: it waits for nothing', async () => {
    printed()
    stuckOutput()
    await expect(printing(AbortSignal.abort('over'))).rejects.toBe('over')
  })

  test('leaves no listener at its signal', async () => {
    printed()
    stuckOutput()
    const { signal } = new AbortController()
    const call = printing(signal)
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    process.stdout.emit('drain')
    await call
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  const printing = (signal: AbortSignal): unknown => print.run(1, { args: {}, signal } as unknown as Context)
})
