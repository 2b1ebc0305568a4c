import { readFileSync } from 'node:fs'
import { moduleCoros, Plumber } from '@pipelines/plumber'
import { std } from '@pipelines/std'
import { threads, type WorkerExecutor } from '@pipelines/workers'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import * as coros from '../../packages/std/src/coros.js'
import { failureOf } from '../support/blackbox.js'
import { valuesOf } from './ready.js'

const work = moduleCoros(new URL('./fixtures/work.mjs', import.meta.url))

interface Case {
  readonly args?: Readonly<Record<string, unknown>>
  readonly gives: readonly unknown[]
  /** Whether it stands behind a join of two branches. */
  readonly joins?: boolean
  readonly properties?: object
}

/** What each ready coroutine makes of 1 to 4, as far as it takes items. */
const CASES: Readonly<Record<string, Case>> = {
  const: { args: { value: 'a', count: 2 }, gives: ['a', 'a'] },
  iter: { args: { items: [1, [2]] }, gives: [1, [2]] },
  range: { args: { start: 3, end: 0, step: -1 }, gives: [3, 2, 1] },
  map: {
    args: { fn: 'said', onStart: 'hello', onDone: 'failsUnlessDone' },
    gives: ['map 0: 1', 'map 0: 2', 'map 0: 3', 'map 0: 4'],
  },
  filter: { args: { fn: 'isEven' }, gives: [2, 4] },
  flatMap: { args: { fn: 'late' }, gives: [1, -1, 2, -2, 3, -3, 4, -4] },
  each: { args: { fn: 'double' }, gives: [] },
  tee: { args: { fn: 'nothing' }, gives: [1, 2, 3, 4] },
  pass: { gives: [1, 2, 3, 4] },
  batch: { args: { size: 3 }, gives: [[1, 2, 3], [4]] },
  window: {
    args: { size: 3, partial: true },
    gives: [
      [1, 2, 3],
      [2, 3, 4],
    ],
  },
  take: { args: { count: 2 }, gives: [1, 2] },
  takeWhile: { args: { fn: 'small' }, gives: [1, 2] },
  skip: { args: { count: 3 }, gives: [4] },
  distinct: { args: { fn: 'parity' }, gives: [1, 2] },
  delay: { args: { ms: 0 }, gives: [1, 2, 3, 4] },
  seq: { joins: true, properties: { collect: 'all', missing: 'partial' }, gives: [1, 2, 2, 3, 4, 4] },
  zip: {
    joins: true,
    args: { names: ['all', 'even'] },
    gives: [
      { all: 2, even: 2 },
      { all: 4, even: 4 },
    ],
  },
  print: { args: { prefix: 'by a thread: ' }, gives: [1, 2, 3, 4] },
  stamp: { args: { every: 9 }, gives: [1, 2, 3, 4] },
}

const SOURCES: ReadonlySet<string> = new Set(['const', 'iter', 'range'])

/** A Plumber whose ready coroutine runs on a thread. */
async function plumberOf(
  coro: string,
  { args = {}, joins, properties }: Omit<Case, 'gives'>,
  executor: WorkerExecutor,
) {
  const node = { coro: `std.${coro}`, args, properties: { ...properties, executor: 'thread' } }
  const nodes = {
    in: { coro: 'std.iter', args: { items: [1, 2, 3, 4] } },
    even: { coro: 'std.filter', args: { fn: 'isEven' } },
  }
  const between = joins
    ? { nodes, graph: { in: [coro, 'even'], even: [coro] } }
    : { nodes: { in: nodes.in }, graph: { in: [coro] } }
  const { nodes: before, graph } = SOURCES.has(coro) ? { nodes: {}, graph: {} } : between
  const document = { nodes: { ...before, [coro]: node }, graph }
  return Plumber.create(document, { coroMap: [std, work], executors: [executor] })
}

test('every ready coroutine gives on a thread what it gives here', async () => {
  const printed: string[] = []
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0)
  onTestFinished(() => write.mockRestore())
  await using executor = threads()
  const given: Record<string, readonly unknown[]> = {}
  for (const [coro, one] of Object.entries(CASES)) given[coro] = await valuesOf(await plumberOf(coro, one, executor))
  expect(given).toEqual(Object.fromEntries(Object.entries(CASES).map(([coro, { gives }]) => [coro, gives])))
  await vi.waitFor(() => expect(printed.join('')).toContain('by a thread: 4'))
})

/** Those that have tests of their own: see `docs/guide/files-and-programs.md`. */
const FILES_AND_PROGRAMS = ['exec', 'ffmpeg', 'fetch', 'glob', 'read', 'write']

test('there is a case for every ready coroutine that needs nothing but items', () => {
  const others = Object.keys(coros).filter((name) => !FILES_AND_PROGRAMS.includes(name))
  expect(Object.keys(CASES).sort()).toEqual(others.sort())
})

describe('on a thread', () => {
  test('several workers keep the order, and the places of outputs', async () => {
    await using executor = threads()
    const properties = { workers: 2 }
    const flat = await plumberOf('flatMap', { args: { fn: 'twice', elementIndex: true }, properties }, executor)
    const given: unknown[] = []
    for await (const { value, meta } of flat.stream()) given.push([value, meta['elementIndex']])
    expect(given.slice(0, 3)).toEqual([
      [1, [0, 0]],
      [-1, [0, 1]],
      [2, [1, 0]],
    ])
    expect(given).toHaveLength(8)
  })

  test('a hook that fails at the end fails the run, with its own error', async () => {
    await using executor = threads()
    const plumber = await plumberOf('each', { args: { fn: 'double', onDone: 'fails' } }, executor)
    const { cause } = await failureOf(() => plumber.run())
    expect(cause).toMatchObject({ name: 'RangeError', message: 'it ended' })
  })

  test('a function of this program is refused when the graph is built', async () => {
    const node = { coro: 'std.filter', args: { fn: 'mine' }, properties: { executor: 'thread' } }
    const document = { nodes: { in: { coro: 'std.range', args: { end: 1 } }, node }, graph: { in: ['node'] } }
    const options = { coroMap: [std, { mine: () => true }], executors: [threads()] }
    expect(Plumber.check(document, options)).toMatchObject([
      { code: 'PLB_CORO_NOT_PORTABLE', pointer: '/nodes/node/args/fn' },
    ])
  })
})

/** What a file of the package imports when it is loaded, as far as Node does that. */
function importsOf(file: string): string[] {
  const text = readFileSync(new URL(`../../packages/std/src/${file}`, import.meta.url), 'utf8')
  return [...text.matchAll(/^(?:import|export) (?!type )[^;'"]*? from '([^']+)'/gm)].map(
    ([, specifier = '']) => specifier,
  )
}

test('a thread that is to run them loads nothing else with them', () => {
  const files = ['coros.ts']
  const others = new Set<string>()
  for (const file of files)
    for (const specifier of importsOf(file)) {
      const own = specifier.startsWith('./') ? specifier.slice(2).replace(/js$/, 'ts') : undefined
      if (own === undefined) others.add(specifier)
      else if (!files.includes(own)) files.push(own)
    }
  expect(files.length).toBeGreaterThan(Object.keys(CASES).length)
  expect([...others].filter((specifier) => !specifier.startsWith('node:'))).toEqual(['@pipelines/core/coro'])
})
