import { isCoroDefinition } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import type { Session } from '../../packages/workers/src/session.js'
import { load } from '../../packages/workers/src/worker/load.js'
import { endOf, notLoaded } from '../../packages/workers/src/worker-errors.js'

const module = new URL('./coros/named.mjs', import.meta.url).href
const at = (name: string): { module: string; export: string } => ({ module, export: name })
/** Only what is read of a session here. */
const sessionOf = (name: string, more: object = {}): Session =>
  ({ coro: at(name), args: {}, references: [], ...more }) as unknown as Session

describe('the coroutine of a session', () => {
  test.each(['plain', 'group.deep.plain', 'group.with.dot'])('is found by its name: %s', async (name) => {
    const { coro } = await load(sessionOf(name))
    expect(Reflect.apply(coro.run, coro, [7 as never])).toBe(7)
  })

  test('stays a definition, with its own this', async () => {
    const { coro } = await load(sessionOf('defined'))
    expect([isCoroDefinition(coro), Reflect.apply(coro.run, coro, [7 as never])]).toEqual([true, 14])
  })

  test.each([
    'nothing',
    'text',
    'group',
    'group.list',
    'plain.length',
    'toString',
    'constructor',
    'group.constructor',
    '__proto__',
  ])('is not "%s"', async (name) => {
    await expect(load(sessionOf(name))).rejects.toThrow(`has no coroutine ${JSON.stringify(name)} here`)
  })

  test('is not in a module that is not there', async () => {
    const coro = { module: `${module}.not-there.mjs`, export: 'plain' }
    await expect(load(sessionOf('plain', { coro }))).rejects.toMatchObject({ code: 'ERR_MODULE_NOT_FOUND' })
  })
})

describe('the args of a session', () => {
  test('have the coroutines that they name, alone and in lists, in their places', async () => {
    const references = [
      { arg: 'one', coro: at('plain') },
      { arg: 'many', place: 1, coro: at('defined') },
      { arg: 'many', place: 0, coro: at('plain') },
    ]
    const { args } = await load(sessionOf('plain', { args: { n: 1 }, references }))
    const many = args['many'] as ((value: number) => number)[]
    expect([args['n'], many.map((call) => call(3)), Object.isFrozen(args), Object.isFrozen(many)]).toEqual([
      1,
      [3, 6],
      true,
      true,
    ])
  })

  test('cannot change any prototype', async () => {
    const references = [{ arg: '__proto__', place: 0, coro: at('plain') }]
    const { args } = await load(sessionOf('plain', { references }))
    expect(Object.getPrototypeOf(args)).toBe(Object.prototype)
  })
})

describe('why a coroutine could not be loaded', () => {
  test('is said with what to do where Node cannot read the source', () => {
    const cause = Object.assign(new TypeError('Unknown file extension ".ts".'), { code: 'ERR_UNKNOWN_FILE_EXTENSION' })
    const { code, message } = notLoaded('a', cause)
    expect([code, message]).toEqual([
      'PLB_WORKER_START',
      expect.stringContaining('Unknown file extension ".ts". Point'),
    ])
  })

  test.each([new Error('mine.'), 'mine', { code: 'ERR_UNKNOWN_FILE_EXTENSION' }])(
    'is said for whatever was thrown: %o',
    (cause) => {
      expect(notLoaded('a', cause)).toMatchObject({ details: { node: 'a', hint: undefined }, cause })
    },
  )
})

describe('the end of a worker', () => {
  const how = { how: 'ended with the exit code 3', cause: 'known here' }

  test('is another error before it has begun than after', () => {
    const codes = [true, false].map((wasOpening) => endOf('a', how, { said: undefined, wasOpening }).code)
    expect(codes).toEqual(['PLB_WORKER_START', 'PLB_WORKER_DIED'])
  })

  test('has the cause that the worker told, before any other', () => {
    const said = { type: 'exiting', call: 0, error: { is: 'value', value: 'told' } } as const
    expect([
      endOf('a', how, { said, wasOpening: false }).cause,
      endOf('a', how, { said: undefined, wasOpening: false }).cause,
    ]).toEqual(['told', 'known here'])
  })
})
