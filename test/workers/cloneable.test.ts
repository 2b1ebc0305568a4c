import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cloneablePart, cloneError, copyApart, uncloneable as search } from '../../packages/workers/src/cloneable.js'
import { hostileValues, trapped } from './hostile-values.js'

const fn = (): void => {}
/** As between threads. */
const uncloneable = (value: unknown): ReturnType<typeof search> => search(value, structuredClone)

describe('what cannot be copied', () => {
  test.each<[place: string, value: unknown, path: string]>([
    ['a function', fn, ''],
    ['a symbol', Symbol('s'), ''],
    ['in an object', { rows: [{}, { open: fn }] }, '.rows[1].open'],
    ['under a key that is no name', { 'a b': fn }, '["a b"]'],
    ['in a Map', new Map<unknown, unknown>([['k', fn]]), '.get("k")'],
    ['in a Set', new Set([fn]), '.values()'],
  ])('is found: %s', (_, value, path) => {
    expect(uncloneable(value)).toMatchObject({ path, why: expect.stringContaining('could not be cloned') })
  })

  test.each([1, 'a', null, undefined, [], new Map(), new Date(0), new Error('e'), new Uint8Array(2)])(
    'is not %s',
    (value) => expect(uncloneable(value)).toBeUndefined(),
  )

  test('is found in what refers to itself', () => {
    const round: Record<string, unknown> = { fn }
    round['self'] = round
    expect(uncloneable(round)).toBeDefined()
  })

  test('is judged by whoever copies', () => {
    const refuse = (): never => {
      throw new Error('No copies today.')
    }
    expect(search({ a: 1 }, refuse)).toEqual({ path: '.a', why: 'No copies today' })
  })

  test('is shared memory, on the way to another process', () => {
    const value = { at: [new SharedArrayBuffer(8)] }
    expect([search(value, structuredClone), search(value, copyApart)?.path]).toEqual([undefined, '.at[0]'])
  })

  test.each(trapped())('is told of %s without an error', (_, value) => {
    expect(() => uncloneable(value)).not.toThrow()
    expect(() => uncloneable({ deep: [value] })).not.toThrow()
  })

  test('is told for whatever there is, at the value itself or below it', () => {
    fc.assert(
      fc.property(hostileValues(), (make) => {
        const value = make()
        const found = uncloneable(value)
        expect(typeof (found?.path ?? '')).toBe('string')
      }),
    )
  })

  test('is named with its node in the error', () => {
    const error = cloneError({ node: 'a', what: 'An output', path: '.x', why: 'it is a function.' })
    expect(error.message).toContain('An output of node "a" cannot be copied, because of ".x" in it: it is a function.')
  })
})

describe('the part that can be copied', () => {
  test('leaves out functions and symbols, wherever they are', () => {
    expect(cloneablePart({ a: 1, f: fn, s: Symbol('s'), in: { f: fn, b: [2] } })).toEqual({ a: 1, in: { b: [2] } })
  })

  test('is nothing of a function', () => expect(cloneablePart(fn)).toBeUndefined())

  test('keeps its places in a list', () => {
    expect(cloneablePart([1, fn, 3])).toEqual([1, undefined, 3])
  })

  test('refers to itself where the value did', () => {
    const round: Record<string, unknown> = { n: 1 }
    round['self'] = round
    const copy = cloneablePart(round) as Record<string, unknown>
    expect(copy['self']).toBe(copy)
    expect(copy).not.toBe(round)
  })

  test('has a key __proto__ as one of its own', () => {
    const copy = cloneablePart(JSON.parse('{ "__proto__": { "polluted": true } }')) as object
    expect(Object.hasOwn(copy, '__proto__')).toBe(true)
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
  })

  test('is without what a getter throws for', () => {
    const value = {
      kept: 1,
      get lost(): never {
        throw new Error('mine')
      },
    }
    expect(cloneablePart(value)).toEqual({ kept: 1 })
  })

  test.each(trapped())('is told of %s without an error', (_, value) => {
    expect(() => cloneablePart(value)).not.toThrow()
    expect(() => cloneablePart({ deep: [value] })).not.toThrow()
  })

  test('can always be copied', () => {
    fc.assert(
      fc.property(hostileValues(), (make) => {
        const value = make()
        const kept = cloneablePart(value)
        expect(() => structuredClone(kept)).not.toThrow()
        expect(() => copyApart(kept)).not.toThrow()
      }),
    )
  })

  test('is the whole of what is plain', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        expect(cloneablePart(value)).toEqual(value)
      }),
    )
  })
})
