import { runCoro } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import * as shop from '../../demos/express-service/src/shop.js'
import { expectTidy, list, post, recordsOf, serve, serveAll, Upload } from './served.js'

const url = serveAll('express-service')
const LINES = 'application/x-ndjson'
const ann = { id: 1, name: 'Ann', orders: ['tea', 'jam'], total: 8 }

test('a customer is answered with a page that was joined from two branches', async () => {
  const response = await fetch(`${url()}/customers/1`)
  expect([response.status, await response.json()]).toEqual([200, ann])
})

test('many who ask at once each get their own page', async () => {
  const ids = Array.from({ length: 40 }, (_, place) => 1 + (place % 4))
  const pages = await Promise.all(ids.map(async (id) => (await fetch(`${url()}/customers/${id}`)).json()))
  expect(pages).toMatchObject(ids.map((id) => ({ id })))
})

test.each([
  ['9', 404, { error: 'Not Found', message: 'There is no customer 9.' }],
  ['x', 400, { code: 'PLB_HTTP_INPUT', issues: [{ pointer: '' }] }],
  ['0', 400, { code: 'PLB_HTTP_INPUT', issues: [{ pointer: '' }] }],
])('customer %s is answered with %i by the error handler of the app', async (id, status, error) => {
  const response = await fetch(`${url()}/customers/${id}`)
  expect([response.status, await response.json()]).toMatchObject([status, error])
})

test('several customers are answered line by line, in the order in which they were asked for', async () => {
  const records = await list(recordsOf(await post(`${url()}/customers`, '3\n1\n', LINES)))
  expect(records).toMatchObject([{ value: { name: 'Cleo' } }, { value: ann }, { end: { outputs: 2 } }])
})

test('the orders of several customers are one query', async () => {
  const { outputs } = await runCoro(shop.orders, [1, 2, 3], { properties: { batch: { size: 50 } } })
  const found = outputs.map(({ value }) => value)
  expect(found).toMatchObject([[{ item: 'tea' }, { item: 'jam' }], [], [{ item: 'bread' }]])
})

test('routes tell that it is ready, and what it has done', async () => {
  const { url } = await serve('express-service')
  await fetch(`${url}/customers/1`)
  expect((await fetch(`${url}/ready`)).status).toBe(200)
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toContain('pipelines_http_requests_total{graph="customers",outcome="completed"} 1\n')
})

test('SIGTERM lets the answer that is being made be completed, and ends the process', async () => {
  const { url, stop } = await serve('express-service')
  const upload = new Upload()
  const [response] = await Promise.all([post(`${url}/customers`, upload.body, LINES), upload.line(1)])
  const records = recordsOf(response)
  expect((await records.next()).value).toMatchObject({ value: ann })
  const stopped = stop()
  await upload.end()
  expect((await records.next()).value).toEqual({ end: { outputs: 1 } })
  expect(await stopped).toBe(0)
})

test('its graph has no issue, its schema is where it says, and it is short', () => {
  expectTidy('express-service', { shop })
})
