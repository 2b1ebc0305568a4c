import { isPipelineError, PipelineError } from '@pipelines/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeError, encodeError } from '../../packages/workers/src/error-code.js'
import { hostileValues, trapped } from './hostile-values.js'

/** What arrives at the other side. */
const sent = (thrown: unknown, told?: unknown): unknown => decodeError(structuredClone(encodeError(thrown)), told)
/** The same, where an Error must arrive. */
const sentError = (thrown: unknown): Error => {
  const error = sent(thrown)
  expect(error).toBeInstanceOf(Error)
  return error as Error
}

describe('an error, on the other side,', () => {
  test.each([Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError])(
    'is a %o again',
    (Class) => {
      const error = sentError(new Class('mine'))
      expect([error.constructor, error.message, Object.hasOwn(error, 'name')]).toEqual([Class, 'mine', false])
    },
  )

  test('has the stack that it had', () => {
    const error = new Error('mine')
    expect(sentError(error).stack).toBe(error.stack)
  })

  test('has its name, though nobody knows its class there', () => {
    class ParseError extends Error {
      override readonly name = 'ParseError'
    }
    const error = sentError(new ParseError('mine'))
    expect([error.constructor, error.name, Object.keys(error)]).toEqual([Error, 'ParseError', []])
  })

  test('has its own properties, as far as they can be copied', () => {
    const error = sentError(Object.assign(new Error('mine'), { code: 'E', at: { line: 3, f: () => 1 }, f: () => 1 }))
    expect({ ...error }).toEqual({ code: 'E', at: { line: 3 } })
  })

  test('has its cause, also one that is no error', () => {
    const error = sentError(new Error('outer', { cause: new TypeError('inner', { cause: 7 }) }))
    expect(error.cause).toBeInstanceOf(TypeError)
    expect(error.cause).toMatchObject({ message: 'inner', cause: 7 })
  })

  test('has no cause if it had none', () => expect('cause' in sentError(new Error('mine'))).toBe(false))

  test('is an AggregateError of the same errors', () => {
    const error = sentError(new AggregateError([new TypeError('a'), 'b'], 'both'))
    expect(error).toBeInstanceOf(AggregateError)
    expect(error).toMatchObject({ message: 'both', errors: [expect.any(TypeError), 'b'] })
  })

  test('is one of this library if it was one', () => {
    const error = sentError(new PipelineError('CORO_NOT_FOUND', { node: 'a', ref: 'f' }))
    expect(isPipelineError(error)).toBe(true)
    expect(error).toMatchObject({ name: 'PipelineError', code: 'PLB_CORO_NOT_FOUND', details: { node: 'a', ref: 'f' } })
  })

  test('is not of this library because it says so', () => {
    expect(isPipelineError(sentError(Object.assign(new Error('mine'), { code: 'PLB_X' })))).toBe(false)
  })

  test('changes no prototype by a key __proto__', () => {
    const error = new Error('mine')
    Object.defineProperty(error, '__proto__', { value: { polluted: true }, enumerable: true })
    expect(sentError(error)).toBeInstanceOf(Error)
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
  })
})

describe('what is thrown without being an error', () => {
  test.each(['text', 7, null, undefined, false])('is %o again', (thrown) => expect(sent(thrown)).toBe(thrown))

  test('is a copy of it, where it is data', () => expect(sent({ code: 3, in: [1] })).toEqual({ code: 3, in: [1] }))

  test('is words, where it cannot be copied', () => {
    expect(sent(() => 1)).toContain('function')
    expect(sent(Symbol('mine'))).toContain('Symbol(mine)')
  })
})

describe('an error that is too much', () => {
  test('is cut: its message and its stack', () => {
    const { message, stack = '' } = sentError(new Error('x'.repeat(1_000_000)))
    expect([message.length, stack.length <= 8192]).toEqual([8192, true])
  })

  test('loses the causes of its causes, where there is no end of them', () => {
    const endless = new Error('me')
    endless.cause = endless
    let depth = 0
    for (let error: unknown = sentError(endless); error instanceof Error; error = error.cause) depth++
    expect(depth).toBe(9)
  })

  test('loses errors of an AggregateError, where there are very many', () => {
    const errors = Array.from({ length: 1_000 }, (_, n) => new Error(String(n)))
    expect(sentError(new AggregateError(errors))).toHaveProperty('errors.length', 8)
  })

  test('is one of few where every cause has many', () => {
    const grow = (depth: number): AggregateError =>
      new AggregateError(depth === 0 ? [] : Array.from({ length: 3 }, () => grow(depth - 1)), 'many')
    expect(() => sent(grow(5))).not.toThrow()
  })
})

describe('whatever is thrown', () => {
  test.each(trapped())('can be sent: %s', (_, value) => {
    expect(() => sent(value)).not.toThrow()
    expect(() => sent(Object.assign(new Error('mine'), { value }))).not.toThrow()
    expect(() => sent(new Error('mine', { cause: value }))).not.toThrow()
  })

  test.each(['name', 'message', 'stack', 'cause', 'errors'])('can be sent though its "%s" throws', (key) => {
    const get = (): never => {
      throw new Error('trapped')
    }
    expect(() => sent(Object.defineProperty(new AggregateError([], 'mine'), key, { get }))).not.toThrow()
  })

  test('can be sent, with its message if it has one', () => {
    fc.assert(
      fc.property(hostileValues(), fc.string(), (make, message) => {
        const value = make()
        expect(() => sent(value)).not.toThrow()
        const error = sent(Object.assign(new Error(message, { cause: value }), { more: value }))
        expect(error).toMatchObject({ message })
      }),
    )
  })
})

describe('that a call was told to stop', () => {
  test('is, on the other side, the very reason', () => {
    const reason = new Error('stop')
    expect(decodeError({ is: 'told' }, reason)).toBe(reason)
  })

  test('is so inside another error too', () => {
    const reason = new Error('stop')
    const encoded = encodeError(new Error('outer', { cause: 1 }))
    if (encoded.is !== 'error') throw new Error('It is no error.')
    expect(decodeError({ ...encoded, cause: { is: 'told' } }, reason)).toHaveProperty('cause', reason)
  })
})
