import { Plumber } from '@pipelines/plumber'
import { std } from '@pipelines/std'
import { threads, type WorkerExecutor } from '@pipelines/workers'
import { expect, test } from 'vitest'
import { failureOf } from '../support/blackbox.js'
import { folderWith } from '../support/folder.js'
import { expectGone, noteIn, pidIn, program } from './programs.js'

/** Ready coroutines in one line, each on a thread. */
function chain(coros: Readonly<Record<string, Readonly<Record<string, unknown>>>>, executor: WorkerExecutor): Plumber {
  const names = Object.keys(coros)
  const nodes = Object.fromEntries(
    Object.entries(coros).map(([coro, args]) => [coro, { coro, args, properties: { executor: 'thread' } as const }]),
  )
  const graph = Object.fromEntries(names.map((name, place) => [name, names.slice(place + 1, place + 2)]))
  return new Plumber({ nodes, graph }, { coroMap: std, executors: [executor] })
}

test('files are found, read and written on threads', async () => {
  await using executor = threads()
  const folder = folderWith({ 'a.csv': 'n\n1\n2\n', 'b.csv': 'n\n3\n' })
  const output = folder.of('all.ndjson')
  const coros = {
    'std.glob': { pattern: '*.csv', cwd: folder.path },
    'std.read': {},
    'std.write': { path: output },
  }
  expect(await chain(coros, executor).collect()).toEqual([{ n: '1' }, { n: '2' }, { n: '3' }])
  expect(folder.text('all.ndjson')).toBe('{"n":"1"}\n{"n":"2"}\n{"n":"3"}\n')
})

test('what fails on a thread leaves the old file, and keeps what is known of the error', async () => {
  await using executor = threads()
  const folder = folderWith({ a: 'old' })
  const coros = {
    'std.const': { value: 'x' },
    'std.write': { path: folder.of('a') },
    'std.exec': program('echo sorry >&2; exit 3'),
  }
  const { cause } = await failureOf(() => chain(coros, executor).run())
  expect(cause).toMatchObject({ code: 3, signal: null, stderr: 'sorry\n', message: expect.stringContaining('code 3') })
  expect([folder.names(), folder.text('a')]).toEqual([['a'], 'old'])
})

test('a program that a thread has started ends with the run, however that ends', async () => {
  await using executor = threads()
  const folder = folderWith()
  const standing = { ...program(`${noteIn(folder)} exec cat`), mode: 'standing' }
  const coros = { 'std.const': { value: 'x' }, 'std.exec': standing, 'std.take': { count: 2 } }
  expect(await chain(coros, executor).collect()).toEqual(['x', 'x'])
  expectGone(await pidIn(folder))
})
