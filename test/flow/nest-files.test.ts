import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { iter, nest, read, step, write } from '@pipelines/flow/nest'
import { afterAll, beforeAll, expect, test } from 'vitest'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pipelines-nest-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('what is written to a file goes on, and can be read again, line by line', async () => {
  const path = join(folder, 'lines.txt')
  expect(await nest(iter(['one', 'two']), write(path)).list()).toEqual(['one', 'two'])
  expect(await readFile(path, 'utf8')).toBe('one\ntwo\n')
  expect(await nest(read(path)).list()).toEqual(['one', 'two'])
  expect(await nest(iter([path]), read(undefined, { keepNewlines: true })).list()).toEqual(['one\n', 'two\n'])
})

test('any ready coroutine is a step', async () => {
  expect(await nest(iter([1, 2, 3]), step('std.take', { args: { count: 2 } })).list()).toEqual([1, 2])
})
