import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { execute } from '@pipelines/flow/tasks'
import { expect, test } from 'vitest'
import { failureOf, range, turns } from '../../support/blackbox.js'
import * as example from './fixtures/tasks-example.mjs'
import { giving, keeping, sharedPlaces } from './tasks-support.js'

const on = sharedPlaces(example, new URL('./fixtures/tasks-example.mjs', import.meta.url))

const ARTICLES = range(20).map((n) => ({ title: `Größe & Maß ${n} 😀`, text: `1 < ${n} €`.repeat(n) }))

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const pageOf = ({ title, text }: example.Article): string =>
  `<page>\n<title>${escaped(title)}</title><revision><id>7</id><text>${escaped(text)}</text></revision></page>`
const document = Buffer.from(`<?xml version="1.0"?><mediawiki>${ARTICLES.map(pageOf).join('\n')}</mediawiki>`)

/** Cuts bytes into pieces of this size. */
const piecesOf = (bytes: Uint8Array, size: number): Uint8Array[] =>
  range(Math.ceil(bytes.length / size)).map((n) => bytes.subarray(n * size, (n + 1) * size))

/** A server that answers with these pieces, one after the other. */
async function serverOf(pieces: readonly Uint8Array[]) {
  const server = createServer(async (_, response) => {
    response.setHeader('connection', 'close')
    for (const piece of pieces) {
      response.write(piece)
      await turns(2)
    }
    response.end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo // as it listens at a port
  const close = async (): Promise<void> => {
    await once(server.close(), 'close')
  }
  return { url: `http://127.0.0.1:${port}/`, [Symbol.asyncDispose]: close }
}

test('L-T28 the chunks of a download make the original', async () => {
  await using server = await serverOf(piecesOf(document, 500))
  const { values, task } = keeping<Uint8Array>()
  await execute([{ run: example.download, constants: { url: server.url }, packetsInFlight: 4 }, task])
  expect(values.length).toBeGreaterThan(1)
  expect(Buffer.concat(values).equals(document)).toBe(true)
})

test.each([1, 7, 100])('L-T29 chunks of %i bytes are decompressed across their borders', async (size) => {
  const { values, task } = keeping<Uint8Array>()
  await execute([giving(piecesOf(gzipSync(document), size)), { run: example.unpack }, task])
  expect(Buffer.concat(values).equals(document)).toBe(true)
})

test('L-T29 a compressed file that breaks off is an error, with the reason', async () => {
  const pieces = piecesOf(gzipSync(document), 100).slice(0, -1)
  const error = await failureOf(() => execute([giving(pieces), { run: example.unpack }, keeping().task]))
  expect(error).toMatchObject({ details: { node: 'unpack' }, cause: { code: 'Z_BUF_ERROR' } })
})

test.each([1, 7, 10_000])('L-T30 the splitter gives title and text across the borders of %i bytes', async (size) => {
  const { values, task } = keeping<example.Article>()
  await execute([giving(piecesOf(document, size)), { run: example.articles }, task])
  expect(values).toEqual(ARTICLES)
})

test.each(['coroutine', 'thread'] as const)('L-T28 L-T29 L-T30 the whole example (%s)', async (place) => {
  await using server = await serverOf(piecesOf(gzipSync(document), 50))
  const { values, task } = keeping<example.Article>()
  await execute(
    [
      { run: example.download, constants: { url: server.url }, packetsInFlight: 2 },
      { run: example.unpack, packetsInFlight: 2 },
      { run: example.articles, packetsInFlight: 4 },
      task,
    ],
    on(place),
  )
  expect(values).toEqual(ARTICLES)
})

test('L-28 the example of the README runs as it is written there', async () => {
  const model = { cat: [9, 1], dog: [2, 8] } as const
  const counts = new Map<string, number>()
  const loadImages = function* ({ imgs }: { imgs: readonly (keyof typeof model)[] }) {
    yield* imgs
  }
  const runModel = async function* (images: AsyncIterable<keyof typeof model>, { name }: { name: string }) {
    expect(name).toBe('yolov5s')
    for await (const image of images) yield model[image]
  }
  const remapResults = async function* (
    results: AsyncIterable<readonly number[]>,
    { classmap }: { classmap: Record<number, string> },
  ) {
    for await (const result of results) yield classmap[result.indexOf(Math.max(...result))] ?? ''
  }
  const aggregateResults = async (classes: AsyncIterable<string>) => {
    for await (const name of classes) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  await execute([
    { run: loadImages, constants: { imgs: ['cat', 'dog', 'dog'] }, packetsInFlight: 2 },
    { run: runModel, constants: { name: 'yolov5s' }, packetsInFlight: 4, workers: 2 },
    { run: remapResults, constants: { classmap: { 0: 'a cat', 1: 'a dog' } } },
    { run: aggregateResults },
  ])
  expect(counts).toEqual(
    new Map([
      ['a cat', 1],
      ['a dog', 2],
    ]),
  )
})
