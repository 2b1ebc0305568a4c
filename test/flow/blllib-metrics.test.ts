import { type Callable, Pipeline } from '@pipelines/flow/blllib'
import { describe, expect, test } from 'vitest'
import { double, nodesOf } from './flow-support.js'

/** A function that says this of itself. */
const having = <F extends (input: never) => unknown>(metrics: object, fn: F): F & Callable => Object.assign(fn, metrics)

describe('what a callable says', () => {
  /** The properties of the only callable. */
  const propertiesOf = (callable: Callable): unknown =>
    Object.values(nodesOf(new Pipeline([callable]).apply([1])))[1]?.properties

  const free = { stateful: false, workers: 4, queueSize: 4 }

  test('is said by a function', () => {
    expect(propertiesOf(having({ stateful: false, batchSize: 4 }, (n) => n))).toEqual(free)
  })

  test('is said by an object', () => {
    expect(propertiesOf({ stateful: false, batchSize: 4, call: (n: number) => n })).toEqual(free)
  })

  test('is said by a class, and by the class that it extends', () => {
    class Free {
      static readonly stateful = false
      static readonly batchSize = 4
      call(n: number): number {
        return n
      }
    }
    class More extends Free {}
    expect(propertiesOf(new Free())).toEqual(free)
    expect(propertiesOf(new More())).toEqual(free)
  })

  test('of an object comes before what its class says', () => {
    class Busy {
      static readonly stateful = false
      static readonly batchSize = 1
      readonly batchSize = 4
      call(n: number): number {
        return n
      }
    }
    expect(propertiesOf(new Busy())).toEqual(free)
  })

  test('may be said by an object of no class', async () => {
    const bare: Callable = Object.assign(Object.create(null), { stateful: false, batchSize: 4, call: double })
    expect(propertiesOf(bare)).toEqual(free)
    expect(await new Pipeline([bare]).apply([2]).toArray()).toEqual([4])
  })

  test('is nothing where its constructor is no class', () => {
    const odd: Callable = { constructor: 5, call: (n: number) => n } as never
    expect(propertiesOf(odd)).toEqual({ stateful: true, queueSize: 1 })
  })

  test.each([{}, [], 0, false, undefined])('runInMaster: %o keeps it here, one item after the other', (runInMaster) => {
    const here = having({ runInMaster, stateful: false, batchSize: 4 }, (n) => n)
    expect(propertiesOf(here)).toMatchObject({ stateful: true })
    const windows = having({ runInMaster, stateful: 2 }, (n) => n)
    expect(propertiesOf(windows)).toMatchObject({ stateful: 2 })
  })

  test.each([0, -1, 1.5, Number.NaN, '2', null, {}])('stateful: %o says nothing, and is refused', (stateful) => {
    expect(() => new Pipeline([double, having({ stateful }, (n) => n)])).toThrow(
      expect.objectContaining({
        code: 'PLB_OPTION_INVALID',
        details: expect.objectContaining({ option: 'callables[1].stateful' }),
      }),
    )
  })

  test.each([0, -1, 1.5, Number.NaN, '2', null, true])('batchSize: %o says nothing, and is refused', (batchSize) => {
    expect(() => new Pipeline([having({ batchSize }, (n) => n)])).toThrow('callables[0].batchSize')
  })

  test.each([5, 'call', null, undefined, {}, { call: 5 }])('%o is no callable', (callable) => {
    expect(() => new Pipeline([callable as never])).toThrow(expect.objectContaining({ code: 'PLB_OPTION_INVALID' }))
  })
})
