import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { moduleCoros, Plumber } from '@pipelines/plumber'
import { threads } from '@pipelines/workers'
import { expect, test, vi } from 'vitest'
import { copyOf, demoFolder, emptyFolder, folderOf, start } from './demo.js'

/** Each test starts programs with several threads or processes, on a machine that may be busy. */
vi.setConfig({ testTimeout: 120_000 })

const demo = demoFolder('thumbnails')
const graph = readFileSync(join(demo, 'graph.json'), 'utf8')

/** A copy of the demo of which one word is changed: where pictures are made smaller. */
async function copyWith(executor: string): Promise<string> {
  const copy = await copyOf('thumbnails')
  await writeFile(join(copy, 'graph.json'), graph.replace('"executor": "thread"', `"executor": "${executor}"`))
  return copy
}

const contents = (folder: string): string[] =>
  readdirSync(folder).map((name) => readFileSync(join(folder, name), 'base64'))

test('24 pictures get thumbnails, which are checked; what is no picture is skipped and named', async () => {
  const folder = await folderOf({ 'pictures/no-picture.png': 'text', 'pictures/notes.txt': 'text' })
  const { code, out, err } = await start(demo, [folder])
  const [first, ...others] = out.split('\n')
  expect([code, first]).toEqual([0, expect.stringMatching(/^completed in [\d.]+ s: 24 in .+thumbnails$/)])
  expect(others).toEqual([
    '  Node "shrink" failed after 1 attempt: "no-picture.png" is no picture.',
    '24 of 24 have the shape and the colours of their pictures.',
    '',
  ])
  expect(err).toMatch(/^completed: 24 done · .+ · 1 failed · .+$/m)
})

test('inline, on threads and in processes the thumbnails are the same', async () => {
  const thumbnails: string[][] = []
  for (const executor of ['inline', 'thread', 'process']) {
    const folder = await emptyFolder()
    expect(await start(await copyWith(executor), [folder])).toMatchObject({ code: 0 })
    thumbnails.push(contents(join(folder, 'thumbnails')))
  }
  expect(new Set(thumbnails[0]).size).toBe(24)
  expect(thumbnails[1]).toEqual(thumbnails[0])
  expect(thumbnails[2]).toEqual(thumbnails[0])
})

test('a thumbnail that is not right is found out', async () => {
  const copy = await copyOf('thumbnails')
  const file = join(copy, 'dist/coros.js')
  const narrow = "(name.endsWith('-7.png') ? picture.resize({ w: 5 }) : picture)"
  const wrong = readFileSync(file, 'utf8').replace('picture.getBuffer', `${narrow}.getBuffer`)
  await writeFile(file, wrong.replace('await writeFile(', "if (name !== 'picture-9.png') await writeFile("))
  const { code, out } = await start(copy, [await emptyFolder()])
  expect([code, out.split('\n')[1]]).toEqual([1, expect.stringMatching(/^22 of 24 have the shape/)])
})

test('Ctrl-C ends it, also threads that are stuck', async () => {
  const copy = await copyOf('thumbnails')
  const file = join(copy, 'dist/coros.js')
  const wait = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'
  const busy = readFileSync(file, 'utf8').replace(
    'picture.resize',
    `process.stderr.write('busy'); ${wait}; picture.resize`,
  )
  await writeFile(file, busy)
  const { code, out } = await start(copy, [await emptyFolder()], (interrupt) => interrupt())
  expect([code, out.split('\n')]).toEqual([1, [expect.stringMatching(/^doomed in .+: 0 in /), expect.any(String), '']])
})

test('its graph has no issue, its schema is where it says, and it is short', async () => {
  const coroMap = moduleCoros(new URL(`file://${join(demo, 'dist/coros.js')}`))
  await expect(Plumber.create(graph, { coroMap, executors: [threads()] })).resolves.toBeInstanceOf(Plumber)
  expect(existsSync(join(demo, JSON.parse(graph).$schema))).toBe(true)
  const sources = readdirSync(join(demo, 'src')).map((file) => readFileSync(join(demo, 'src', file), 'utf8'))
  expect(sources.join('').split('\n').length).toBeLessThanOrEqual(100)
})
