import { type NodeBinding, SILENT } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { resolveOptions } from '../../packages/workers/src/options.js'
import { type Session, sessionOf } from '../../packages/workers/src/session.js'

const origin = { module: 'file:///coros.mjs', export: 'a' }
const other = { module: 'file:///coros.mjs', export: 'b' }

function made(more: object = {}, { logger = SILENT, env = {} }: { logger?: object; env?: object } = {}): Session {
  const binding = {
    node: 'a',
    kind: 'map',
    origin,
    args: {},
    properties: { workers: 3 },
    run: { env, logger, run: 'r1' },
    ...more,
  }
  // Only what a session is made of.
  return sessionOf(binding as unknown as NodeBinding, resolveOptions({}, 'thread'), structuredClone)
}

describe('a session', () => {
  test('says what a worker has to know, and can be sent', () => {
    const session = made({ args: { n: 1 } })
    expect(session).toMatchObject({
      node: 'a',
      kind: 'map',
      coro: origin,
      args: { n: 1 },
      run: 'r1',
      worker: { index: 0, count: 3 },
    })
    expect(structuredClone(session)).toEqual(session)
  })

  test('has names in the place of the coroutines in args', () => {
    const references = [
      { arg: 'one', origin: other },
      { arg: 'many', place: 1, origin: other },
    ]
    const session = made({ args: { one: () => 1, many: [() => 1, () => 2], n: 1 }, references })
    expect([session.args, session.references]).toEqual([
      { n: 1 },
      [
        { arg: 'one', coro: other },
        { arg: 'many', place: 1, coro: other },
      ],
    ])
  })

  test('has the part of the environment that can be sent', () => {
    expect(made({}, { env: { n: 1, open: () => 1 } }).env).toEqual({ n: 1 })
  })

  test('tells whether anybody reads the log', () => {
    expect([made().logs, made({}, { logger: console }).logs]).toEqual([false, true])
  })

  test('cannot be made of a coroutine that is in no module', () => {
    expect(() => made({ origin: undefined })).toThrow(expect.objectContaining({ code: 'PLB_INTERNAL' }))
  })
})
