import { describe, expect, test } from 'vitest'
import { type Given, type GivenTogether, together } from '../../packages/workers/src/given.js'
import { type Feed, RemoteOutputs } from '../../packages/workers/src/remote-outputs.js'
import { settlesSoon, turns } from '../support/turns.js'

/** Outputs, and what their worker and the node are told. */
function outputsOf(feed?: Feed, inStep = false) {
  const told: unknown[] = []
  const source = { taken: (count: number) => void told.push(count), wantsNoMore: () => void told.push('no more') }
  const emitted: unknown[] = []
  const context = { emit: (...args: unknown[]) => void emitted.push(args) }
  return { told, emitted, outputs: new RemoteOutputs(source, context, { inStep, ...(feed && { feed }) }) }
}

const values = (...list: readonly unknown[]): GivenTogether => ({ values: list })
const given = (...list: readonly Given[]): GivenTogether => together(list)

describe('outputs of a generator elsewhere', () => {
  test('come in their order, and the worker is told how many when they run out', async () => {
    const { outputs, told } = outputsOf()
    outputs.add(values(1, 2))
    expect([await outputs.next(), await outputs.next()]).toEqual([1, 2].map((value) => ({ done: false, value })))
    expect(told).toEqual([])
    const third = outputs.next()
    await turns(1)
    expect(told).toEqual([2])
    outputs.add(values(3))
    expect(await third).toEqual({ done: false, value: 3 })
  })

  test('end, and stay at their end', async () => {
    const { outputs } = outputsOf()
    outputs.add(values(1))
    outputs.end()
    const steps = [await outputs.next(), await outputs.next(), await outputs.next()]
    expect(steps.map(({ done }) => done)).toEqual([false, true, true])
  })

  test('end with an error after what came before, once', async () => {
    const { outputs } = outputsOf()
    outputs.add(values(1))
    outputs.end({ error: new Error('mine') })
    expect(await outputs.next()).toEqual({ done: false, value: 1 })
    await expect(outputs.next()).rejects.toThrow('mine')
    expect(await outputs.next()).toEqual({ done: true, value: undefined })
  })

  test('that have a port are emitted in their turn', async () => {
    const { outputs, emitted } = outputsOf()
    outputs.add(given({ port: 'left', value: 1, meta: { m: 1 } }, { value: 2 }))
    expect(await outputs.next()).toEqual({ done: false, value: 2 })
    expect(emitted).toEqual([['left', 1, { meta: { m: 1 } }]])
  })

  test('may be undefined', async () => {
    const { outputs } = outputsOf()
    outputs.add(values(undefined))
    expect(await outputs.next()).toEqual({ done: false, value: undefined })
  })

  test('are given up, when the worker has cleaned up', async () => {
    const { outputs, told } = outputsOf()
    outputs.add(values(1, 2, 3))
    await outputs.next()
    const left = outputs.return()
    expect(await settlesSoon(left)).toBe(false)
    outputs.end()
    expect([await left, told[0]]).toEqual([{ done: true, value: undefined }, 'no more'])
  })

  test('are given up once, however often that is asked for', async () => {
    const { outputs, told } = outputsOf()
    const all = [outputs.return(), outputs.return()]
    outputs.end()
    await Promise.all(all)
    expect(told.filter((one) => one === 'no more')).toHaveLength(1)
  })

  test('tell what the cleaning up threw', async () => {
    const { outputs } = outputsOf()
    const left = outputs.return()
    outputs.end({ error: new Error('in return') })
    await expect(left).rejects.toThrow('in return')
  })

  test('say nothing to a worker that is at its end', async () => {
    const { outputs, told } = outputsOf()
    outputs.add(values(1))
    outputs.end()
    await outputs.return()
    expect(told).toEqual([])
  })

  test('wake all that wait for them', async () => {
    const { outputs } = outputsOf()
    const waits = [outputs.next(), outputs.return()]
    outputs.end()
    expect(await Promise.all(waits)).toEqual(Array(2).fill({ done: true, value: undefined }))
  })
})

describe('outputs of a stream elsewhere', () => {
  test('let the node follow the inputs, and feed the worker when it has none', async () => {
    const seen: unknown[] = []
    const feed: Feed = {
      ahead: 0,
      advance: async (inputs) => void seen.push(inputs),
      give: () => void seen.push('give'),
    }
    const { outputs } = outputsOf(feed)
    outputs.add(given({ wants: 1, inputs: 0 }))
    outputs.add(given({ value: 'a', inputs: 1 }, { value: 'b', inputs: 2 }))
    expect([(await outputs.next()).value, (await outputs.next()).value]).toEqual(['a', 'b'])
    expect(seen).toEqual([0, 'give', 1, 2])
  })

  test('that are given up still feed it, so that it hears of the end', async () => {
    const seen: unknown[] = []
    const { outputs } = outputsOf({ ahead: 0, advance: () => undefined, give: () => void seen.push('give') })
    outputs.add(given({ value: 1 }, { wants: 1 }))
    const left = outputs.return()
    outputs.end()
    await left
    expect(seen).toEqual(['give'])
  })
})

describe('outputs that are made when they are asked for', () => {
  test('are asked for one by one', async () => {
    const { outputs, told } = outputsOf(undefined, true)
    const first = outputs.next()
    outputs.add(values(1))
    await first
    expect(told).toEqual([1])
    void outputs.next()
    expect(told).toEqual([1, 1])
  })

  test('are not asked for again where the worker only wants an input', async () => {
    const { outputs, told } = outputsOf({ ahead: 0, advance: () => undefined, give: () => {} }, true)
    const first = outputs.next()
    outputs.add(given({ wants: 1 }))
    await turns(1)
    outputs.add(given({ value: 1, inputs: 1 }))
    expect([(await first).value, told]).toEqual([1, [1]])
  })

  test('are asked for in place of those that were emitted', async () => {
    const { outputs, told } = outputsOf(undefined, true)
    const first = outputs.next()
    outputs.add(given({ port: 'out', value: 1 }, { value: 2 }))
    await first
    void outputs.next()
    expect(told).toEqual([1, 2])
  })

  /** The same with five places for outputs, and a worker that was sent so many inputs beyond the one it is at. */
  function withPlaces(ahead?: number) {
    const told: number[] = []
    const source = { taken: (count: number) => void told.push(count), wantsNoMore: () => {} }
    const allowed: number[] = []
    const give: Feed['give'] = (_spentMs, allow) => void allowed.push(allow(4))
    const feed = ahead === undefined ? undefined : { ahead, advance: () => undefined, give }
    const places = (most: number) => Math.min(most, 5)
    const outputs = new RemoteOutputs(source, { emit: () => {} }, { inStep: true, places, ...(feed && { feed }) })
    return { told, allowed, outputs }
  }

  test('are asked for together where there are places, when the last of them were taken', async () => {
    const { outputs, told } = withPlaces()
    const first = outputs.next()
    expect(told).toEqual([5])
    outputs.add(values(1, 2, 3))
    await first
    for (const _ of [2, 3]) await outputs.next()
    void outputs.next()
    expect(told, 'two more may be made').toEqual([5])
    outputs.add(values(4, 5))
    await turns(1)
    for (const _ of [5, 6]) void outputs.next()
    expect(told).toEqual([5, 5])
  })

  test.each([0, 2])('of %i inputs are as many as these, and one to ask for others with', (ahead) => {
    const { outputs, told } = withPlaces(ahead)
    void outputs.next()
    expect(told).toEqual([ahead + 1])
  })

  test('come with the inputs that they are made of, beyond one that may be on its way', async () => {
    const { outputs, told, allowed } = withPlaces(2)
    const first = outputs.next()
    outputs.add(given({ value: 1, inputs: 1 }, { wants: 1, inputs: 1 }))
    await first
    void outputs.next()
    expect([told, allowed]).toEqual([[3], [3]])
  })
})
