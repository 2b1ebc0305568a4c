import { defineCoro } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { check } from '../../../packages/plumber/src/build.js'
import { Findings } from '../../../packages/plumber/src/graph/findings.js'
import { LIMITS } from '../../../packages/plumber/src/graph/limits.js'
import { parse } from '../../../packages/plumber/src/graph/parse.js'

function parsed(given: unknown, limits: object = {}): { document: unknown; issues: string[] } {
  const findings = new Findings(100)
  const result = parse(given, { ...LIMITS, ...limits }, findings)
  return { document: result?.document, issues: findings.list().map(({ pointer, message }) => `${pointer}: ${message}`) }
}

const argsOf = (args: unknown): Record<string, unknown> => {
  const { document } = parsed({ nodes: { a: { args } } })
  return (document as { nodes: { a: { args: Record<string, unknown> } } }).nodes.a.args
}

describe('text', () => {
  test('that is too long is not parsed', () => {
    expect(parsed('"ä"', { bytes: 3 }).issues[0]).toMatch(/^: The graph has 4 bytes of text; at most 3 are allowed/)
    expect(parsed('"ä"', { bytes: 4 }).issues).toEqual([])
  })

  test('that is no JSON says where', () => {
    expect(parsed('{\n  "nodes": {,}\n}').issues[0]).toMatch(
      /^: The document is not JSON at line 2, column 13 \(position 14\)/,
    )
  })

  test('may start with a byte order mark', () => {
    expect(parsed('\uFEFF{}').issues).toEqual([])
  })
})

describe('a copy', () => {
  test("is nobody else's, without prototype outside of args", () => {
    const given = { nodes: { a: { coro: 'x', args: { list: [{ b: 1 }] } } }, graph: { a: ['a'] } }
    const { document } = parsed(given)
    expect(document).toEqual(given)
    expect(Object.getPrototypeOf(document)).toBeNull()
    expect((document as typeof given).nodes.a.args.list).not.toBe(given.nodes.a.args.list)
    expect(Object.getPrototypeOf((document as typeof given).nodes.a.args)).toBe(Object.prototype)
  })

  test('freezes plain values in args and keeps all others by reference', () => {
    const date = new Date(0)
    const own = new (class Own {
      field = {}
    })()
    const args = argsOf({ deep: { list: [1, { a: 1 }] }, date, own, call: parsed, none: undefined })
    expect(args).toEqual({ deep: { list: [1, { a: 1 }] }, date, own, call: parsed, none: undefined })
    expect([args['date'], args['own']]).toEqual([date, own])
    expect([args, args['deep'], Object.values(args['deep'] as object)[0]].every(Object.isFrozen)).toBe(true)
    expect(Object.isFrozen(own)).toBe(false)
  })

  test('keeps a key called __proto__ as a key', () => {
    const args = argsOf(JSON.parse('{"__proto__": {"polluted": 1}}'))
    expect(Object.keys(args)).toEqual(['__proto__'])
    expect(args['polluted']).toBeUndefined()
    expect(Object.getPrototypeOf(args)).toBe(Object.prototype)
  })

  test('takes own enumerable keys with values only', () => {
    const given = Object.create({ inherited: 1 }, { hidden: { value: 1 }, shown: { value: 1, enumerable: true } })
    expect(
      parsed(Object.assign(Object.create(null), { name: undefined, [Symbol('s')]: 1, nodes: {} })).document,
    ).toEqual({ nodes: {} })
    expect(argsOf({ given })['given']).toBe(given)
  })

  test('holds functions and definitions at coro by reference', () => {
    const coro = defineCoro({ run: () => 1 })
    const { document } = parsed({ nodes: { a: { coro }, b: { coro: parsed } } })
    expect(document).toEqual({ nodes: { a: { coro }, b: { coro: parsed } } })
    expect((document as { nodes: { a: { coro: unknown } } }).nodes.a.coro).toBe(coro)
  })

  test('has one copy of an object in many places, so that sharing cannot explode', () => {
    let shared: unknown[] = [1]
    for (let level = 0; level < 50; level++) shared = [shared, shared]
    const args = argsOf({ shared })
    expect((args['shared'] as unknown[])[0]).toBe((args['shared'] as unknown[])[1])
  })
})

describe('what cannot be copied is an issue at its place:', () => {
  test('a getter that throws', () => {
    const args = {
      get secret() {
        throw new Error('locked')
      },
    }
    expect(parsed({ nodes: { a: { args } } }).issues).toEqual([
      '/nodes/a/args/secret: "nodes.a.args.secret" cannot be read: locked.',
    ])
  })

  test('an object that contains itself', () => {
    const args: Record<string, unknown> = { list: [] }
    args['self'] = [args]
    expect(parsed({ nodes: { a: { args } } }).issues).toEqual([
      '/nodes/a/args/self/0: "nodes.a.args.self.0" contains itself. Remove the cycle.',
    ])
  })

  test('a list with holes', () => {
    const list = [1]
    list[2] = 3
    expect(parsed({ graph: { a: list } }).issues[0]).toMatch(/^\/graph\/a\/1: .* has a hole/)
  })

  test.each([100, 500_000])('%i levels, in text and in objects', (levels) => {
    const text = `${'['.repeat(levels)}${']'.repeat(levels)}`
    for (const given of [text, JSON.parse(text)]) {
      const { issues } = parsed(given)
      expect(issues).toHaveLength(1)
      expect(issues[0]).toContain('at most 64 are allowed')
    }
  })
})

test('a list of millions of holes is one problem', () => {
  expect(parsed({ graph: { a: new Array(3_000_000) } }).issues).toHaveLength(1)
  expect(parsed({ nodes: { a: { args: { list: new Array(3_000_000) } } } }).issues).toHaveLength(1)
})

test('so much that cannot be read that nobody would be told of it is not read', () => {
  let reads = 0
  const args = {}
  for (let n = 0; n < 1_000; n++)
    Object.defineProperty(args, `k${n}`, {
      enumerable: true,
      get: () => {
        reads++
        throw new Error('locked')
      },
    })
  const { document, issues } = parsed({ nodes: { a: { args } } })
  expect([document, reads, issues.length]).toEqual([undefined, 101, 101])
  expect(issues.at(-1)).toMatch(/^: 1 more issue is not listed/)
})

test('a key that is far too long for a name is one problem, and what is behind it is not looked at', () => {
  const key = 'A'.repeat(800_000)
  const text = `{"nodes":{"a":{"coro":"a"}},"graph":{"${key}":[${Array(3_000).fill(1).join()}]}}`
  const issues = check(text)
  expect(issues.map(({ code }) => code)).toEqual(['PLB_GRAPH_NAME'])
  expect(JSON.stringify(issues).length).toBeLessThan(2_000)
})
