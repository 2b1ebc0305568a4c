import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Plumber } from '@pipelines/plumber'
import { expect, test } from 'vitest'
import * as strings from '../../demos/socket-server/src/strings.js'
import { demoFolder, emptyFolder } from './demo.js'
import { serve, serveAll } from './served.js'

const folder = demoFolder('socket-server')
const url = serveAll('socket-server')
const graph = readFileSync(join(folder, 'graph.json'), 'utf8')
const run = promisify(execFile)

/** What the demo's client prints, and its exit code. */
async function client(...args: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  const command = [join(folder, 'dist/client.js'), ...args]
  return run(process.execPath, command).then(
    ({ stdout }) => ({ code: 0, out: stdout }),
    ({ code, stdout }) => ({ code, out: stdout }),
  )
}

const textsOf = (out: string): string[] => [...out.matchAll(/text: '(\w+)'/g)].map(([, text = '']) => text)

test('five strings come back as ten messages', async () => {
  const { code, out } = await client(url())
  expect(code).toBe(0)
  expect(textsOf(out).sort()).toEqual(['ANT', 'BEE', 'COW', 'DOE', 'EEL', 'eeb', 'eod', 'lee', 'tna', 'woc'])
  expect(out.endsWith('\ndone\n')).toBe(true)
})

test('each client gets the messages of its own graph alone', async () => {
  const printed = await Promise.all([client(url()), client(url()), client(url())])
  const sids = printed.map(({ out }) => new Set([...out.matchAll(/sid: '([^']+)'/g)].map(([, sid]) => sid)))
  expect(sids.map(({ size }) => size)).toEqual([1, 1, 1])
  expect(new Set(sids.flatMap((set) => [...set])).size).toBe(3)
})

test.each([
  ['a coroutine that is not offered', graph.replace('strings.upper', 'process.exit'), 'PLB_CORO_NOT_FOUND'],
  ['a coroutine that everything has', graph.replace('strings.upper', 'strings.constructor'), 'PLB_CORO_NOT_FOUND'],
  ['args that are not allowed', graph.replace('"ant"', '7'), 'PLB_CORO_ARGS'],
  ['something else', '[]', 'PLB_GRAPH_SCHEMA'],
])('a client that sends %s is told so', async (_what, document, code) => {
  const file = join(await emptyFolder(), 'graph.json')
  await writeFile(file, document)
  const printed = await client(url(), file)
  expect(printed.code).toBe(1)
  expect(printed.out).toContain(`code: '${code}'`)
})

test('SIGTERM ends the process, whoever is connected', async () => {
  const { url, stop } = await serve('socket-server')
  await client(url)
  expect(await stop()).toBe(0)
})

test('its graph has no issue, its schema is where it says, and it is short', () => {
  expect(Plumber.check(graph, { coroMap: { strings } })).toEqual([])
  expect(existsSync(join(folder, JSON.parse(graph).$schema))).toBe(true)
  const sources = readdirSync(join(folder, 'src')).map((name) => readFileSync(join(folder, 'src', name), 'utf8'))
  expect(sources.join('').split('\n').length).toBeLessThanOrEqual(100)
})
