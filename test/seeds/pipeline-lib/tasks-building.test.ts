import type { Context, Issue } from '@pipelines/core'
import { type Constants, execute, type Gives, type Takes, type TasksOptions, task, tasks } from '@pipelines/flow/tasks'
import { expect, expectTypeOf, test } from 'vitest'
import { taken } from './tasks-support.js'

/*
 * pipeline-lib reads annotations when a pipeline is built. Here the compiler reads types, so half of each rule is a line
 * that it must refuse; the other half is what can be told of functions and schemas at run time.
 */

function* load(_: { files: string[]; mode?: 'fast' | 'safe' }): Generator<string> {}
async function* measure(inputs: AsyncIterable<string>, { by }: { by: number }, _?: Context): AsyncGenerator<number> {
  for await (const text of inputs) yield text.length * by
}
async function report(_: AsyncIterable<number>): Promise<void> {}

const files = { files: ['a'] }
const loading = { run: load, constants: files }
const measuring = { run: measure, constants: { by: 2 } }

/** What is wrong with tasks that no compiler has seen. */
const issuesOf = (list: readonly object[], options: TasksOptions = {}): readonly Issue[] =>
  tasks(list as never, options).issues()

/** A list of three, with these options in the middle. */
const around = (middle: object): readonly object[] => [loading, { ...measuring, ...middle }, { run: report }]

const filesSchema = {
  type: 'object',
  properties: { files: { type: 'array' }, mode: { enum: ['fast', 'safe'] } },
  required: ['files'],
  additionalProperties: false,
}
const text = { type: 'string' }
const number = { type: 'number' }

test('L-02 an unknown "parallelism" is told, together with all else that is wrong', () => {
  const pointers = issuesOf(around({ workers: 0 }), { parallelism: 'fibre' as never }).map(({ pointer }) => pointer)
  expect(pointers).toEqual(['', '/1/workers'])
})

test('L-02 there is one kind of process: it begins afresh', () => {
  for (const parallelism of ['process-fork', 'process-spawn'])
    expect(issuesOf([], { parallelism: parallelism as never })[0]?.hint).toContain('Use "process"')
})

test('L-23 what neighbours declare must be equal, and both are shown', () => {
  const [issue, ...others] = issuesOf([{ ...loading, output: text }, { ...measuring, input: number }, { run: report }])
  expect(others).toEqual([])
  expect(issue).toMatchObject({ code: 'PLB_CORO_TYPE', pointer: '/1/input' })
  for (const words of ['"measure"', '"load"', '{"type":"number"}', '{"type":"string"}'])
    expect(issue?.message).toContain(words)
})

test('L-23 equal is not "fits": a narrower schema is another one; "typeCheck: false" looks at none', () => {
  const list = [
    { ...loading, output: { type: 'integer' } },
    { run: report, input: number },
  ]
  expect(issuesOf(list)).toHaveLength(1)
  expect(issuesOf(list, { typeCheck: false })).toEqual([])
})

test('L-24 every rule of the chain is checked at once, before anything starts', async () => {
  let started = false
  const first = async () => {
    started = true
  }
  const list = [{ run: first }, { run: report }, { run: measure, constantsSchema: filesSchema, constants: { file: 1 } }]
  const found = issuesOf(list).map(({ pointer }) => pointer)
  expect(found).toEqual(['/0/run', '/1/run', '/2/run', '/2/constants/files', '/2/constants/file'])
  await expect(execute(list as never)).rejects.toMatchObject({ code: 'PLB_GRAPH_INVALID' })
  expect(started).toBe(false)
})

test.each([
  [{ workers: 0 }],
  [{ workers: -1 }],
  [{ workers: 1.5 }],
  [{ workers: 129, packetsInFlight: 200 }],
  [{ packetsInFlight: 0 }],
  [{ workers: 3, packetsInFlight: 2 }],
])('L-25 %o is refused, also with the type check off', (middle) => {
  for (const typeCheck of [true, false]) expect(issuesOf(around(middle), { typeCheck })).toHaveLength(1)
})

test.each([
  [{ workers: 128, packetsInFlight: 128 }],
  [{ workers: 3, packetsInFlight: 3 }],
  [{ packetsInFlight: 1000 }],
])('L-25 %o is fine', (middle) => {
  expect(issuesOf(around(middle))).toEqual([])
})

test('L-25 the packets in flight of the last task mean nothing, so they limit nothing', () => {
  expect(issuesOf([loading, { run: taken, workers: 4 }])).toEqual([])
})

test('L-26 a generator as the last task is refused, whatever is checked', () => {
  // @ts-expect-error: the last one gives something
  const lists = [true, false].map((typeCheck) => tasks([loading, measuring], { typeCheck }))
  for (const list of lists) expect(list.issues()).toMatchObject([{ code: 'PLB_CORO_TYPE', pointer: '/1/run' }])
})

test('L-26 one that is not seen to be a generator fails when it is called, and does not hang', async () => {
  const wrapped = (inputs: AsyncIterable<string>) => measure(inputs, { by: 1 })
  const running = execute([loading, { run: wrapped as never }])
  await expect(running).rejects.toMatchObject({ cause: { code: 'PLB_CORO_TYPE' } })
})

test('L-T18 of a function can be told what it takes, what it gives and which constants it needs', () => {
  expectTypeOf<Takes<typeof measure>>().toEqualTypeOf<string>()
  expectTypeOf<Gives<typeof measure>>().toEqualTypeOf<number>()
  expectTypeOf<Constants<typeof measure>>().toEqualTypeOf<{ readonly constants: { by: number } }>()
  expectTypeOf<Takes<typeof load>>().toBeNever()
  expectTypeOf<Gives<typeof report>>().toBeNever()
})

test('L-T18 L-T24 the first argument of a source are its constants; what may be left out counts too', () => {
  expectTypeOf<Gives<typeof load>>().toEqualTypeOf<string>()
  expectTypeOf<Constants<typeof load>['constants']>().toEqualTypeOf<{ files: string[]; mode?: 'fast' | 'safe' }>()
  expect(issuesOf([loading, { run: taken }])).toEqual([])
  tasks([{ run: load, constants: { files: [], mode: 'safe' } }, { run: taken }])
})

test('L-T19 what takes no items in the middle, or gives none, is refused', () => {
  const takesList = async function* (_: string[]) {}
  const givesNumber = (_: AsyncIterable<string>) => 3
  // @ts-expect-error: a list is no stream
  tasks([loading, { run: takesList }, { run: taken }])
  // @ts-expect-error: a number is no stream
  const list = tasks([loading, { run: givesNumber }, { run: taken }])
  expect(list.issues()).toEqual([])
})

test('L-T19 what a plain function gives is seen when it returns', async () => {
  const running = execute([{ run: (() => 3) as never }, { run: taken }])
  await expect(running).rejects.toMatchObject({ code: 'PLB_NODE_FAILED', cause: { code: 'PLB_CORO_TYPE' } })
})

test('L-T20 only an iterable is taken as a stream of inputs', () => {
  const takes = {
    list: async (_: string[]) => {},
    generator: async (_: Generator<string>) => {},
    async: async (_: AsyncIterable<string>) => {},
    atOnce: (_: Iterable<string>) => {},
  }
  // @ts-expect-error: a list
  tasks([loading, { run: takes.list }])
  // @ts-expect-error: a generator
  tasks([loading, { run: takes.generator }])
  expect(tasks([loading, { run: takes.async }]).issues()).toEqual([])
  expect(tasks([loading, { run: takes.atOnce }]).issues()).toEqual([])
})

test('L-T20 an async function is given an AsyncIterable, and nothing else', () => {
  // @ts-expect-error: an Iterable
  tasks([loading, { run: async (_: Iterable<string>) => {} }])
  // @ts-expect-error: an Iterable
  tasks([loading, { run: async function* (_: Iterable<string>) {} }, { run: taken }])
})

test('L-T20 a text is one value, not a stream of letters', async () => {
  // @ts-expect-error: a text
  const running = execute([{ run: () => 'abc' }, { run: taken }])
  await expect(running).rejects.toMatchObject({ cause: { code: 'PLB_CORO_TYPE' } })
})

test('L-T21 a chain that fits has no issues', () => {
  expect(tasks([loading, measuring, { run: report }]).issues()).toEqual([])
  const typed = [
    { ...loading, output: text, constantsSchema: filesSchema },
    { ...measuring, input: text, output: number },
    { run: report, input: number },
  ] as const
  expect(tasks(typed as never).issues()).toEqual([])
})

test('L-T22 neighbours of different types are refused, by the compiler and by their schemas', () => {
  // @ts-expect-error: Task 2 takes number, but task 1 gives string
  tasks([loading, { run: report }])
  const list = [
    { ...loading, output: text },
    { run: report, input: number },
  ]
  expect(issuesOf(list)).toMatchObject([{ code: 'PLB_CORO_TYPE', pointer: '/1/input' }])
})

test('L-T23 a sink as the first of several tasks is refused', () => {
  // @ts-expect-error: it takes items, and there are none
  const list = tasks([{ run: report }, { run: report }])
  expect(list.issues()).toMatchObject([{ code: 'PLB_CORO_TYPE', pointer: '/0/run' }])
})

test('L-T24 a source may take constants in its first argument', async () => {
  const seen: string[] = []
  const named = function* ({ names }: { names: readonly string[] }) {
    yield* names
  }
  const keep = async (inputs: AsyncIterable<string>) => {
    for await (const name of inputs) seen.push(name)
  }
  await execute([{ run: named, constants: { names: ['a', 'b'] } }, { run: keep }])
  expect(seen).toEqual(['a', 'b'])
})

test('L-T25 a task in the middle that gives nothing is refused', () => {
  // @ts-expect-error: it gives nothing
  const list = tasks([loading, measuring, { run: report }, { run: taken }])
  expect(list.issues()).toMatchObject([{ code: 'PLB_CORO_TYPE', pointer: '/2/run' }])
})

test('L-T26 a last task that gives something is refused; one that gives nothing passes', () => {
  // @ts-expect-error: it gives something
  expect(tasks([loading, measuring]).issues()).toMatchObject([{ pointer: '/1/run' }])
  expect(tasks([loading, measuring, { run: report }]).issues()).toEqual([])
})

test.each([
  ['there', { files: [] }, []],
  ['missing', {}, ['/0/constants/files']],
  ['none at all', undefined, ['/0/constants/files']],
  ['too many', { files: [], file: 'a' }, ['/0/constants/file']],
  ['of a wrong type', { files: [], mode: 'slow' }, ['/0/constants/mode']],
])('L-T27 constants are compared with their schema: %s', (_, constants, pointers) => {
  const list = [{ run: load, constants, constantsSchema: filesSchema }, { run: taken }]
  expect(issuesOf(list).map(({ pointer }) => pointer)).toEqual(pointers)
})

test('L-T27 constants are compared with the function by the compiler', () => {
  task({ run: load, constants: files })
  // @ts-expect-error: missing
  task({ run: load })
  // @ts-expect-error: missing
  task({ run: load, constants: {} })
  // @ts-expect-error: too many
  task({ run: load, constants: { files: [], file: 'a' } })
  // @ts-expect-error: the function takes none
  expect(tasks([loading, { run: taken, constants: { level: 1 } }]).issues()).toEqual([])
})
