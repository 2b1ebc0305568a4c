import { type Issue, type StandardSchema, show } from '@pipelines/core'
import { type TasksOptions, tasks } from '@pipelines/flow/tasks'
import { expect, test } from 'vitest'

const source = function* () {}
const stage = async function* () {}
const sink = async () => {}

/** What is wrong with tasks that no compiler has seen. */
const issuesOf = (list: unknown, options: object = {}): readonly Issue[] =>
  tasks(list as never, options as TasksOptions).issues()

/** A list of three tasks, with options of the one in the middle. */
const around = (middle: object): readonly object[] => [{ run: source }, { run: stage, ...middle }, { run: sink }]

test('tasks that fit have no issues', () => {
  expect(issuesOf(around({ workers: 2, packetsInFlight: 2, name: 'middle', constants: {} }))).toEqual([])
  expect(issuesOf([])).toEqual([])
})

test('all issues are found at once, and building throws them', () => {
  const list = tasks([
    { run: sink, workers: 0 },
    { run: stage, constants: [], packetsInFlight: 1.5 },
    { run: 'x' },
  ] as never)
  const pointers = ['/0/workers', '/0/run', '/1/constants', '/1/packetsInFlight', '/2/run']
  expect(list.issues().map(({ pointer }) => pointer)).toEqual(pointers)
  expect(() => list.toBlueprint()).toThrow(
    expect.objectContaining({ code: 'PLB_GRAPH_INVALID', details: { issues: list.issues() } }),
  )
})

test('running rejects with them too, and starts nothing', async () => {
  let started = false
  const first = () => {
    started = true
    return []
  }
  const run = tasks([{ run: first }, { run: stage }] as never).execute()
  await expect(run).rejects.toMatchObject({ code: 'PLB_GRAPH_INVALID', details: { issues: [{ pointer: '/1/run' }] } })
  expect(started).toBe(false)
})

test.each([
  [{ workers: 0 }, 'Option "workers" of task "stage" must be an integer from 1 to 128, got 0.'],
  [
    { workers: 129, packetsInFlight: 200 },
    'Option "workers" of task "stage" must be an integer from 1 to 128, got 129.',
  ],
  [{ packetsInFlight: 0 }, 'Option "packetsInFlight" of task "stage" must be an integer ≥ 1, got 0.'],
  [
    { workers: 3, packetsInFlight: 2 },
    'Node "stage" has "workers": 3, but only 2 of its items may be made at a time. Set "packetsInFlight" to 3 or more.',
  ],
  [{ run: class {} }, 'Option "run" of task "task-2" must be a function, got a class.'],
  [{ run: undefined }, 'Option "run" of task "task-2" must be a function, got undefined.'],
  [{ name: 7 }, 'Option "name" of task "stage" must be a text, got 7.'],
  [{ constants: new Map() }, undefined],
  [{ constants: null }, 'Option "constants" of task "stage" must be an object, got null.'],
  [{ input: 'text' }, 'Option "input" of task "stage" must be a schema, got "text".'],
  [
    { parallelism: 'fibre' },
    'Option "parallelism" of task "stage" must be "coroutine", "thread" or "process", got "fibre".',
  ],
  [{ num_workers: 2 }, 'Option "num_workers" of task "stage" does not exist. Did you mean "workers"?'],
  [{ sharedBuffer: true }, expect.stringContaining('SharedArrayBuffer')],
  [{ max_message_size: 9 }, expect.stringContaining('an item may be of any size')],
  [{ colour: 'red' }, expect.stringContaining('There are "run", "name", "constants"')],
  [{ parallelism: 'process-fork' }, expect.stringContaining('Use "process"')],
])('%o: what is said of it', (middle, message) => {
  const [issue] = issuesOf(around(middle))
  expect(issue?.message).toEqual(message)
})

test('constants of a class of their own are given as they are', () => {
  expect(issuesOf(around({ constants: new (class {})() }))).toEqual([])
})

test('a first task with several workers is refused: each of them would give all items', () => {
  const [issue] = issuesOf([{ run: source, workers: 2, packetsInFlight: 2 }, { run: sink }])
  expect(issue).toMatchObject({ code: 'PLB_OPTION_CONFLICT', pointer: '/0/workers' })
  expect(issue?.message).toContain('each worker would give all items again')
})

test('the packets in flight of the last task are not looked at', () => {
  expect(issuesOf([{ run: source }, { run: sink, workers: 4 }])).toEqual([])
})

test.each([
  ['thread', undefined],
  ['threads', 'Option "parallelism" must be "coroutine", "thread" or "process", got "threads".'],
  ['process-spawn', expect.stringContaining('Use "process"')],
])('parallelism %j of a list', (parallelism, message) => {
  expect(issuesOf([], { parallelism })[0]?.message).toEqual(message)
})

test('the names of pipeline-lib lead to those that there are', () => {
  const [first, second] = issuesOf([], { inactivity_timeout: 1, type_check_pipeline: false })
  expect(first?.hint).toBe('Did you mean "inactivityMs"?')
  expect(second?.hint).toBe('Did you mean "typeCheck"?')
})

test.each([undefined, 'tasks', { run: source }])('%o is no list', (list) => {
  expect(issuesOf(list)).toMatchObject([{ pointer: '', message: `Option "tasks" must be a list, got ${show(list)}.` }])
})

test('what is no task says so', () => {
  expect(issuesOf([source, { run: sink }]).map(({ pointer }) => pointer)).toContain('/0')
})

test.each([
  ['a generator as the last task', [source, stage], '/1/run'],
  ['a generator by itself', [source], '/0/run'],
  ['an async function in the middle', [source, sink, sink], '/1/run'],
  ['an async function at the beginning', [sink, sink], '/0/run'],
])('%s is refused, whatever "typeCheck" is', (_, runs, pointer) => {
  for (const typeCheck of [true, false])
    expect(
      issuesOf(
        runs.map((run) => ({ run })),
        { typeCheck },
      ),
    ).toMatchObject([{ code: 'PLB_CORO_TYPE', pointer }])
})

test.each([
  ['a middle task that gives nothing', [() => [1], () => 3, sink], 'task-2'],
  ['a first task that gives a text', [() => 'abc', sink], 'task-1'],
  ['a last task that gives items', [() => [1], (inputs: AsyncIterable<unknown>) => withEach(inputs)], 'task-2'],
])('%s fails when it is called, where nobody could know it before', async (_, runs, node) => {
  const list = tasks(runs.map((run) => ({ run })) as never)
  expect(list.issues()).toEqual([])
  await expect(list.execute()).rejects.toMatchObject({ details: { node }, cause: { code: 'PLB_CORO_TYPE' } })
})
async function* withEach(inputs: AsyncIterable<unknown>) {
  yield* inputs
}

test('two tasks of the same name are refused; functions that are there twice get numbers', () => {
  const named = (name: string) => ({ run: stage, name })
  const last = { run: sink }
  expect(issuesOf([{ run: source }, named('a'), named('a'), last])).toMatchObject([{ pointer: '/2/name' }])
  const twice = tasks([{ run: source }, { run: stage }, { run: stage }, last] as never)
  expect(Object.keys(twice.toBlueprint().graph.nodes)).toEqual(['source', 'stage', 'stage-2', 'sink'])
})

test('a name that nodes cannot have is an issue of the task', () => {
  expect(issuesOf(around({ name: 'two words' }))).toMatchObject([{ code: 'PLB_GRAPH_NAME', pointer: '/1/name' }])
})

const number = { type: 'number', minimum: 0 }
const typed = (output: unknown, input: unknown): readonly object[] => [
  { run: source, output },
  { run: sink, input },
]

test.each([
  ['the same object', number, number],
  ['equal ones, whatever the order of keys', number, { minimum: 0, type: 'number' }],
  ['none before', undefined, number],
  ['none behind', number, undefined],
])('schemas of neighbours that fit: %s', (_, output, input) => {
  expect(issuesOf(typed(output, input))).toEqual([])
})

test('schemas of neighbours that differ are shown, unless they are not to be looked at', () => {
  const list = typed(number, { type: 'number' })
  expect(issuesOf(list)).toMatchObject([
    {
      code: 'PLB_CORO_TYPE',
      pointer: '/1/input',
      message:
        'Node "sink" takes {"type":"number"}, but "source" before it gives {"type":"number","minimum":0}. Declare the same for both.',
    },
  ])
  expect(issuesOf(list, { typeCheck: false })).toEqual([])
})

/** A schema of another library, which may tell what it is in JSON Schema. */
function standard(json?: object): StandardSchema {
  const validate = (value: unknown) => ({ value })
  const jsonSchema = json && { input: () => json, output: () => json }
  return { '~standard': { version: 1, vendor: 'test', validate, ...(jsonSchema && { jsonSchema }) } }
}

test('a Standard Schema is compared by what it says in JSON Schema', () => {
  expect(issuesOf(typed(standard(number), standard({ ...number })))).toEqual([])
  expect(issuesOf(typed(standard(number), number))).toEqual([])
  expect(issuesOf(typed(standard(number), standard({})))).toMatchObject([{ pointer: '/1/input' }])
})

test('one that does not say it equals only itself', () => {
  const own = standard()
  expect(issuesOf(typed(own, own))).toEqual([])
  const [issue] = issuesOf(typed(own, standard()))
  expect(issue?.message).toContain('takes a schema of "test", but "source" before it gives another one')
  expect(issue?.hint).toBe('Give both the same schema object.')
})

test('a first task that declares inputs, and a last one that declares outputs, are refused', () => {
  const list = [
    { run: source, input: number },
    { run: sink, output: number },
  ]
  expect(issuesOf(list).map(({ pointer }) => pointer)).toEqual(['/0/input', '/1/output'])
})

const wanted = {
  type: 'object',
  properties: { files: { type: 'array' } },
  required: ['files'],
  additionalProperties: false,
}

test.each([
  ['a missing one', {}, '/0/constants/files'],
  ['none at all', undefined, '/0/constants/files'],
  ['one too many', { files: [], file: 'a' }, '/0/constants/file'],
  ['one of a wrong type', { files: 'a' }, '/0/constants/files'],
])('constants are checked against their schema: %s', (_, constants, pointer) => {
  const list = [{ run: source, constants, constantsSchema: wanted }, { run: sink }]
  expect(issuesOf(list)).toMatchObject([{ code: 'PLB_CORO_ARGS', pointer }])
  expect(issuesOf(list, { typeCheck: false })).toEqual([])
})

test('constants may have a Standard Schema', () => {
  const validate = (value: unknown) =>
    typeof value === 'object' && value !== null && 'files' in value
      ? { value }
      : { issues: [{ message: 'No files', path: ['files'] }] }
  const constantsSchema = { '~standard': { version: 1, vendor: 'test', validate } }
  const list = (constants: object) => [{ run: source, constants, constantsSchema }, { run: sink }]
  expect(issuesOf(list({ files: [] }))).toEqual([])
  expect(issuesOf(list({}))).toMatchObject([{ code: 'PLB_CORO_ARGS', pointer: '/0/constants/files' }])
})

test('constants that are no object are one issue, not two', () => {
  const list = [{ run: source, constants: 7, constantsSchema: wanted }, { run: sink }]
  expect(issuesOf(list)).toMatchObject([{ code: 'PLB_OPTION_INVALID', pointer: '/0/constants' }])
})

test('a function that exists only here cannot run elsewhere', () => {
  const [issue, ...others] = issuesOf(around({ parallelism: 'process' }))
  expect(others).toEqual([])
  expect(issue).toMatchObject({ code: 'PLB_CORO_NOT_PORTABLE', pointer: '/1/run' })
  expect(issue?.message).toContain('Node "stage" runs in the executor "process"')
  expect(issue?.hint).toContain('portable(')
})

test('an executor that was not given is an issue of the tasks that need it', () => {
  const issues = issuesOf(around({ parallelism: 'thread' }), { executors: [] })
  expect(issues).toMatchObject([{ pointer: '/1/parallelism' }])
})

test('a constant that cannot be copied is refused where it would have to be', () => {
  const issues = issuesOf(around({ constants: { open: () => {} }, parallelism: 'thread' }))
  expect(issues.map(({ pointer }) => pointer)).toEqual(['/1/run', '/1/constants'])
})
