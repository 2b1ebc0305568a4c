import type { NodeProperties } from '@pipelines/core'
import { moduleCoros, Plumber, type RunReport } from '@pipelines/plumber'
import { processes, type ThreadOptions, threads, type WorkerExecutor } from '@pipelines/workers'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { resolveOptions } from '../../packages/workers/src/options.js'
import { isCode, linesOf, outputsOf } from './examples.js'
import { filesOf, modulesOf, programsOf, workerPages } from './worker-examples.js'

const pages = workerPages()
const guide = pages.find(({ path }) => path === 'docs/guide/workers.md')?.text ?? ''

describe.each(pages)('$path', (page) => {
  const files = filesOf(page)
  afterAll(() => files.remove())
  const programs = programsOf(page)

  for (const program of programs)
    test(`${program.name} runs, with the modules beside it`, async () => {
      const printed = outputsOf(await linesOf(files.write(program)))
      expect(printed).toEqual(program.steps.map(({ output }) => output ?? ''))
    })

  test('has no code but modules and programs', () => {
    expect(programs.length).toBeGreaterThan(0)
    expect(page.blocks.filter(isCode)).toHaveLength(programs.length + modulesOf(page).length)
  })
})

/** The rows of the table of options: name, what its default is, and where it is allowed. */
function optionRows(): string[][] {
  const [, table = ''] = guide.split('\n| option ')
  const rows = table.split('\n\n', 1)[0]?.split('\n').slice(2) ?? []
  return rows.map((row) => row.split(' | ').map((cell) => cell.replaceAll(/^\| | \|$|`/g, '').trim()))
}

describe('the table of options', () => {
  const rows = optionRows()
  const value = { name: 'x', share: 'node', idleMs: 1, stuckMs: 1, execArgv: [], env: {}, resourceLimits: {} }
  const values: Readonly<Record<string, unknown>> = { ...value, transfer: true }

  test('has every option, and its default', () => {
    const { name: _, ...defaults } = resolveOptions({}, 'thread')
    const shown = Object.entries(defaults).map(([name, of]) => [name, of === undefined ? '' : String(of)])
    const listed = rows.map(([name, , of]) => [name, /^(?:\d+|true|false|executor)$/.test(of ?? '') ? of : ''])
    expect(listed.filter(([name]) => name !== 'name').sort()).toEqual(shown.sort())
  })

  test('says which are for threads alone', () => {
    const refused = rows.filter(([name = '']) => {
      threads({ [name]: values[name] })
      try {
        processes({ [name]: values[name] })
        return false
      } catch {
        return true
      }
    })
    expect(refused.map(([name]) => name)).toEqual(
      rows.filter(([, meaning]) => meaning?.startsWith('Threads only')).map(([name]) => name),
    )
    expect(refused).not.toEqual([])
  })

  test('has the names that the executors have', () => {
    expect(rows.find(([name]) => name === 'name')?.[2]).toBe(`${threads().name}, ${processes().name}`)
  })
})

/** Small enough for a URL, which a worker can load as well. */
const coros = moduleCoros(
  `data:text/javascript,${encodeURIComponent(`
    let calls = 0
    export const count = () => ++calls
    export const countToo = count
    export const keys = (_, { env }) => Object.keys(env)
    export const size = ({ byteLength }) => byteLength
    export const log = (text, { log }) => log.info({ text }, 'said')
    export const late = () => {
      setTimeout(() => { throw new Error('too late') })
      return new Promise(() => {})
    }
    export const stop = () => {
      process.kill(process.pid, 'SIGINT')
      return new Promise(() => {})
    }
  `)}`,
)

const logged: unknown[] = []
const note = (fields: object, message?: string): void => void logged.push({ ...fields, message })
const logger = { debug: note, info: note, warn: note, error: note }

/** Threads for the running test. */
function threadsWith(options: ThreadOptions = {}): WorkerExecutor {
  const executor = threads(options)
  onTestFinished(() => executor.close())
  return executor
}

/** Runs a graph of an inlet and one node, which is named after its coroutine. */
async function run(
  executor: WorkerExecutor,
  coro: string,
  values: readonly unknown[],
  { properties = {}, env = {} }: { properties?: Partial<NodeProperties>; env?: Record<string, unknown> } = {},
): Promise<{ readonly outputs: unknown[]; readonly report: RunReport }> {
  const nodes = { values: { coro: 'std.inlet' }, [coro]: { coro, properties: { executor: 'thread', ...properties } } }
  const coroMap = [coros, { parity: (value: number) => value % 2 }]
  const plumber = await Plumber.create(
    { nodes, graph: { values: [coro] } },
    { env, logger, coroMap, executors: [executor] },
  )
  const outputs: unknown[] = []
  const report = await plumber.run(values, { onOutput: ({ value }) => void outputs.push(value) })
  return { outputs, report }
}

describe('what the guide says besides:', () => {
  test('a variable of a module is still there in the next run', async () => {
    const executor = threadsWith()
    await run(executor, 'count', [1, 2])
    expect((await run(executor, 'count', [3])).outputs).toEqual([3])
  })

  test('with "share": "node", another node does not get that worker', async () => {
    const executor = threadsWith({ share: 'node' })
    await run(executor, 'count', [1, 2])
    expect((await run(executor, 'countToo', [3])).outputs).toEqual([1])
  })

  test('of "env", what cannot be copied stays here', async () => {
    const env = { kept: 1, connection: () => {}, both: { kept: 2, connection: () => {} } }
    expect((await run(threadsWith(), 'keys', [1], { env })).outputs).toEqual([['kept', 'both']])
  })

  test('the function of "partitionBy" may be any', async () => {
    const properties = { partitionBy: 'parity' }
    expect((await run(threadsWith(), 'count', [1, 2], { properties })).outputs).toHaveLength(2)
  })

  test('"workers": 0 is refused', async () => {
    const refused = run(threadsWith(), 'count', [1], { properties: { workers: 0 } })
    await expect(refused).rejects.toMatchObject({ details: { issues: [{ code: 'PLB_OPTION_CONFLICT' }] } })
  })

  test('what is logged reaches the logger of the Plumber', async () => {
    await run(threadsWith(), 'log', ['hello'])
    expect(logged).toEqual([{ text: 'hello', message: 'said' }])
  })

  test('with "transfer", who sent a large buffer finds it empty; without, or a small one, not', async () => {
    const [moved, copied, small] = [new ArrayBuffer(16_384), new ArrayBuffer(16_384), new ArrayBuffer(16_383)]
    const { outputs } = await run(threadsWith({ transfer: true }), 'size', [moved, small])
    await run(threadsWith(), 'size', [copied])
    expect(outputs).toEqual([16_384, 16_383])
    expect([moved, copied, small].map(({ byteLength }) => byteLength)).toEqual([0, 16_384, 16_383])
  })

  test('an error that a late timer throws fails the call that the worker is at', async () => {
    const { report } = await run(threadsWith(), 'late', [1], { properties: { onError: 'skip' } })
    expect(report.errors).toMatchObject([{ cause: { code: 'PLB_WORKER_DIED', cause: { message: 'too late' } } }])
  })

  test('nothing in a child listens to signals: SIGINT ends it, and fails its call', async () => {
    const nodes = { values: { coro: 'std.inlet' }, stop: { coro: 'stop', properties: { executor: 'process' } } }
    await using executor = processes()
    const plumber = await Plumber.create(
      { nodes, graph: { values: ['stop'] } },
      { coroMap: coros, executors: [executor] },
    )
    await expect(plumber.run([1])).rejects.toThrow('A worker of node "stop" was killed by SIGINT.')
  })
})
