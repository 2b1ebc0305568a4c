import { defineCoro, moduleCoros } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { build, buildAsync } from '../../packages/plumber/src/build.js'
import { type CoroMap, Coros } from '../../packages/plumber/src/coro-map.js'

const one = (): number => 1
const two = (): number => 2
const defined = defineCoro({ run: one })
const module = new URL('data:text/javascript,export const twice = x => 2 * x; export const math = { half: x => x / 2 }')

const find = (coroMap: unknown, ref: string): unknown => {
  const found = new Coros(coroMap).find(ref, 'node')
  return found instanceof Promise
    ? found.then((entry) => entry?.value)
    : (found as { value: unknown } | undefined)?.value
}

/** The message of the only issue of a graph with one node. */
const problem = (coroMap: unknown, coro: string): string =>
  build({ nodes: { n: { coro } }, graph: {} }, { coroMap: coroMap as CoroMap })
    .issues.map(({ code, message }) => `${code} ${message}`)
    .join('\n')

describe('an object', () => {
  class Strings {
    static reverse = one
    upper = two
  }
  const table = { one, defined, text: { two, deep: { one } }, 'a.b': two, Strings, instance: new Strings(), five: 5 }

  test('gives names with dots for groups', () => {
    expect(find(table, 'one')).toBe(one)
    expect(find(table, 'defined')).toBe(defined)
    expect(find(table, 'text.two')).toBe(two)
    expect(find(table, 'text.deep.one')).toBe(one)
    expect(find(table, 'a.b')).toBe(two)
    expect(new Coros(table).names()).toEqual(['one', 'defined', 'a.b', 'text.two', 'text.deep.one', 'std.inlet'])
  })

  test('is searched neither in functions nor in instances nor in prototypes', () => {
    for (const ref of ['Strings.reverse', 'instance.upper', 'defined.run', 'one.name', 'toString', 'text.toString', ''])
      expect(find(table, ref)).toBeUndefined()
  })

  test('with a class gets advice', () => {
    expect(problem(table, 'Strings.reverse')).toMatchInlineSnapshot(
      `"PLB_CORO_NOT_FOUND Node "n" uses the coroutine "Strings.reverse", which is not in the coroMap. "Strings" is a class, and only plain objects are searched: list its functions, as in { reverse: Strings.reverse }."`,
    )
    expect(problem(table, 'Strings')).toMatchInlineSnapshot(
      `"PLB_CORO_NOT_FUNCTION Node "n" uses the coroutine "Strings", which is a class. Give a function, or the result of defineCoro()."`,
    )
    expect(problem(Strings, 'reverse')).toContain('is a class; give an object of its functions')
  })

  test('with something else than a coroutine says what it is', () => {
    expect(problem(table, 'five')).toContain('which is 5. Give a function')
    expect(problem(table, 'text')).toContain('which is an object')
  })

  test('that contains itself is listed once', () => {
    const loop: Record<string, unknown> = { one }
    loop['self'] = loop
    expect(new Coros(loop).names()).toEqual(['one', 'std.inlet'])
    expect(find(loop, 'self.self.one')).toBe(one)
  })

  test('with a getter that throws gives the cause', () => {
    const broken = {
      get one() {
        throw new Error('no such disk')
      },
    }
    expect(problem(broken, 'one')).toMatch(/^PLB_CORO_LOAD .*no such disk/)
  })
})

test('a Map may have dotted keys, nested Maps and nested objects', () => {
  const map = new Map<string, unknown>([
    ['text.one', one],
    ['group', new Map([['two', two]])],
    ['plain', { one }],
  ])
  expect(['text.one', 'group.two', 'plain.one'].map((ref) => find(map, ref))).toEqual([one, two, one])
  expect(find(map, 'constructor')).toBeUndefined()
  expect(new Coros(map).names()).toEqual(['text.one', 'group.two', 'plain.one', 'std.inlet'])
})

test('a module namespace is a group', async () => {
  const namespace: object = await import(module.href)
  expect(find(namespace, 'math.half')).toBeTypeOf('function')
})

describe('a resolver', () => {
  test('is asked with the name and the node', () => {
    const asked: unknown[] = []
    const { issues } = build(
      { nodes: { n: { coro: 'x' } }, graph: {} },
      { coroMap: (...all: unknown[]) => asked.push(...all) && one },
    )
    expect([issues, asked]).toEqual([[], ['x', 'n']])
  })

  test('that throws gives the cause', () => {
    const throws = (): never => {
      throw new Error('registry is down')
    }
    expect(problem(throws, 'x')).toMatch(/^PLB_CORO_LOAD .*registry is down/)
  })

  test('that has nothing says so with null or undefined', () => {
    for (const nothing of [null, undefined]) expect(problem(() => nothing, 'x')).toMatch(/^PLB_CORO_NOT_FOUND/)
  })
})

describe('a list', () => {
  test('gives the first match', async () => {
    expect(find([{ one }, { one: two, two }], 'one')).toBe(one)
    expect(find([{ one }, [new Map([['two', two]])]], 'two')).toBe(two)
    expect(await find([() => undefined, async () => undefined, { one }], 'one')).toBe(one)
  })

  test('waits only for those that are reached', () => {
    expect(find([{ one }, async () => two], 'one')).toBe(one)
  })
})

describe('a module', () => {
  test('is imported when it is needed, and keeps where a coroutine comes from', async () => {
    const coros = new Coros(moduleCoros(module))
    expect(await coros.find('math.half', 'n')).toMatchObject({ origin: { module: module.href, export: 'math.half' } })
    expect(coros.names()).toEqual(['twice', 'math.half', 'std.inlet'])
    expect(coros.find('twice', 'n')).toMatchObject({ origin: { export: 'twice' } })
  })

  test('that cannot be loaded gives the cause', async () => {
    const missing = moduleCoros('data:text/javascript,throw new Error("torn")')
    const { issues } = await buildAsync({ nodes: { n: { coro: 'x' } }, graph: {} }, { coroMap: missing })
    expect(issues).toEqual([
      expect.objectContaining({ code: 'PLB_CORO_LOAD', message: expect.stringContaining('torn') }),
    ])
  })
})

describe('a module with a group', () => {
  const loaded = { twice: one, math: { half: two } }

  test('has names that begin with it, and answers at once where it is loaded', () => {
    const coros = new Coros(moduleCoros('file:///work.js', { group: 'work', loaded }))
    expect(coros.find('work.math.half', 'n')).toEqual({
      value: two,
      origin: { module: 'file:///work.js', export: 'math.half' },
    })
    expect([coros.find('math.half', 'n'), coros.find('work', 'n')]).toEqual([undefined, undefined])
    expect(coros.names()).toEqual(['work.twice', 'work.math.half', 'std.inlet'])
  })

  test('called "std" may have the reserved names, all but that of the inlet', () => {
    const coros = new Coros([moduleCoros('file:///std.js', { group: 'std', loaded: { inlet: one, mine: two } })])
    expect(coros.find('std.mine', 'n')).toMatchObject({ value: two })
    expect(coros.find('std.inlet', 'n')).not.toMatchObject({ value: one })
  })
})

describe('std.*', () => {
  test('is never looked up in a coroMap of other names', () => {
    expect(problem({ std: { inlet: one, mine: one }, 'std.mine': one }, 'std.mine')).toMatch(/^PLB_CORO_NOT_FOUND/)
    expect(problem(() => one, 'std.inlte')).toContain('Did you mean "std.inlet"?')
    expect(problem({}, 'std.filter')).toContain('import { std } from "@pipelines/std"')
  })

  test('has an inlet', () => {
    const { plan } = build({ nodes: { n: { coro: 'std.inlet' } }, graph: {} }, { coroMap: {} })
    expect(plan?.nodes[0]).toMatchObject({ kind: 'inlet' })
    expect(plan?.nodes[0]).not.toHaveProperty('coro')
  })
})

test.each([
  ['without run', { kind: 'map' }],
  ['of the unknown kind "mapp"', { kind: 'mapp', run: one }],
  ['whose "flush" is not a function', { flush: 1, run: one }],
  ['whose "emits" is not a list of names', { emits: 'x', run: one }],
])('a definition %s is refused', (_what, definition) => {
  expect(problem({ x: defineCoro(definition as never) }, 'x')).toMatch(/^PLB_CORO_TYPE Node "n" has a coroutine/)
})
