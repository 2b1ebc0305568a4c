import { describe, expect, test } from 'vitest'
import { buffersIn } from '../../packages/workers/src/buffers.js'
import { trapped } from './hostile-values.js'

const LARGE = 16_384

describe('large buffers', () => {
  test.each([1, 'text', null, undefined, {}, [], new Date(0), new Uint8Array(LARGE - 1)])('are not in %o', (value) => {
    expect(buffersIn(value)).toEqual({ bytes: 0, all: [], movable: [] })
  })

  test('are found as themselves, as views, and as parts', () => {
    const buffers = [0, 1, 2].map(() => new ArrayBuffer(LARGE))
    const [first, second = new ArrayBuffer(0), third = new ArrayBuffer(0)] = buffers
    const found = buffersIn({ first, list: [new Uint8Array(second)], deep: { view: new DataView(third) } })
    expect(found).toEqual({ bytes: 3 * LARGE, all: buffers, movable: buffers })
  })

  test('count once where several parts show them', () => {
    const bytes = new Uint8Array(LARGE)
    expect(buffersIn([bytes, bytes, bytes.buffer])).toEqual({
      bytes: LARGE,
      all: [bytes.buffer],
      movable: [bytes.buffer],
    })
  })

  test('are not movable where only a part of them shows', () => {
    const pool = new Uint8Array(2 * LARGE)
    expect(buffersIn([pool.subarray(0, LARGE), pool])).toEqual({ bytes: 2 * LARGE, all: [pool.buffer], movable: [] })
  })

  test('are not movable where they are shared', () => {
    const shared = new SharedArrayBuffer(LARGE)
    expect(buffersIn(shared)).toEqual({ bytes: LARGE, all: [shared], movable: [] })
  })

  test('are not looked for in classes, nor beyond three levels, nor beyond 64 parts', () => {
    const view = new Uint8Array(LARGE)
    class Box {
      view = view
    }
    expect(buffersIn(new Box()).bytes).toBe(0)
    expect(buffersIn([[[view]]]).bytes).toBe(LARGE)
    expect(buffersIn([[[[view]]]]).bytes).toBe(0)
    expect(buffersIn([...Array(64).keys(), view]).bytes).toBe(0)
  })

  test('of a buffer that was moved away are none', () => {
    const view = new Uint8Array(LARGE)
    structuredClone(view, { transfer: [view.buffer] })
    expect(buffersIn(view)).toEqual({ bytes: 0, all: [], movable: [] })
  })

  test.each(trapped())('are looked for without an error in %s', (_, value) => {
    expect(() => buffersIn(value)).not.toThrow()
    expect(() => buffersIn([value])).not.toThrow()
  })
})
