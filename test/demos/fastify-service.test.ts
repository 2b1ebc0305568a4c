import { expect, test } from 'vitest'
import * as text from '../../demos/fastify-service/src/text.js'
import { expectTidy, list, post, recordsOf, serve, serveAll, Upload } from './served.js'

const url = serveAll('fastify-service')
const LINES = 'application/x-ndjson'
const fox = { text: 'The quick fox jumps. The lazy dog sleeps, and the quick cat too!' }
const analysis = { characters: 64, words: 13, sentences: 2, seconds: 4, frequent: ['quick', 'jumps', 'lazy'] }

test('a text is answered with what three branches tell of it', async () => {
  const response = await post(`${url()}/analyse`, JSON.stringify(fox))
  expect([response.status, await response.json()]).toEqual([200, analysis])
})

test.each([
  ['{ "txt": 7 }', 400, { code: 'PLB_HTTP_INPUT', issues: [{ pointer: '/text' }, { pointer: '/txt' }] }],
  ['{ "text": "…" }', 422, { code: 'NO_WORDS', message: 'There is no word in the text.' }],
  ['{ "text": ', 400, { code: 'FST_ERR_CTP_INVALID_JSON_BODY' }],
])('%s is answered with %i, and why', async (body, status, error) => {
  const response = await post(`${url()}/analyse`, body)
  expect([response.status, await response.json()]).toMatchObject([status, error])
})

test('texts in bulk are answered line by line, each before the next one is sent', async () => {
  const upload = new Upload()
  const [response] = await Promise.all([post(`${url()}/analyse/bulk`, upload.body, LINES), upload.line(fox)])
  const records = recordsOf(response)
  expect((await records.next()).value).toEqual({ node: 'analysis', value: analysis })
  await upload.line({ text: 'one' })
  expect((await records.next()).value).toMatchObject({ value: { words: 1 } })
  await upload.end()
  expect((await records.next()).value).toEqual({ end: { outputs: 2 } })
})

test('the first text that fails ends a bulk, and the last record says which it was', async () => {
  const response = await post(`${url()}/analyse/bulk`, `${JSON.stringify(fox)}\n{ "text": "!" }\n`, LINES)
  const records = await list(recordsOf(response))
  expect(records).toMatchObject([{ value: analysis }, { error: { statusCode: 422, code: 'NO_WORDS', item: 2 } }])
})

test('a list of texts is answered by events', async () => {
  const response = await post(`${url()}/analyse/live`, JSON.stringify([fox, { text: 'one' }]))
  expect(response.headers.get('content-type')).toMatch('text/event-stream')
  const events = (await response.text()).split('\n\n')
  expect(events[0]).toBe(`id: 1\ndata: ${JSON.stringify({ node: 'analysis', value: analysis })}`)
  expect(events.slice(2)).toEqual(['event: end\ndata: {"outputs":2}', ''])
})

test('what is too much is answered with 503 and when to come back, and the place is free again afterwards', async () => {
  const { url } = await serve('fastify-service', { MAX_IN_FLIGHT: '1' })
  const upload = new Upload()
  const [response] = await Promise.all([post(`${url}/analyse/bulk`, upload.body, LINES), upload.line(fox)])
  const refused = await post(`${url}/analyse`, JSON.stringify(fox))
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
  expect(await refused.json()).toMatchObject({ code: 'PLB_RUN_OVERLOADED' })
  await upload.end()
  await response.text()
  expect((await post(`${url}/analyse`, JSON.stringify(fox))).status).toBe(200)
})

test('routes tell that it is ready, and what it has done', async () => {
  const { url } = await serve('fastify-service')
  await post(`${url}/analyse`, JSON.stringify(fox))
  const ready = await fetch(`${url}/ready`)
  expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready', graphs: { analysis: true } }])
  expect((await fetch(`${url}/health`)).status).toBe(200)
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toContain('pipelines_http_requests_total{graph="analysis",outcome="completed"} 1\n')
  const stats = await (await fetch(`${url}/stats`)).json()
  expect(stats).toMatchObject({ graphs: { analysis: { requests: { completed: 1 }, inFlight: 0 } } })
})

test('SIGTERM lets the answer that is being made be completed, and ends the process', async () => {
  const { url, stop } = await serve('fastify-service')
  const upload = new Upload()
  const [response] = await Promise.all([post(`${url}/analyse/bulk`, upload.body, LINES), upload.line(fox)])
  const records = recordsOf(response)
  await records.next()
  const stopped = stop()
  await upload.end()
  expect((await records.next()).value).toEqual({ end: { outputs: 1 } })
  expect(await stopped).toBe(0)
})

test('its graph has no issue, its schema is where it says, and it is short', () => {
  expectTidy('fastify-service', { text })
})
