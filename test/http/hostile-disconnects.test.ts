import { describe, expect, test } from 'vitest'
import { chunk, chunkedHead, dialAll, head, honest, obedient, post, type Wire } from './bad-clients.js'
import { NDJSON } from './client.js'
import { NAMES } from './frameworks.js'
import { alone, type Served, serving } from './serving.js'

/*
 * Clients that leave, at every moment at which that is possible. After each test the graph is empty, nothing is in
 * progress, and the books balance; no timer, handle or listener is left.
 */

const serve = serving()
const COUNT = 30

/** So many clients come this far and leave; whoever is honest is answered before, meanwhile and afterwards. */
async function expectUnmoved(served: Served, come: (wires: readonly Wire[]) => unknown): Promise<void> {
  const stop = honest(served, '/honest')
  const wires = await dialAll(served.url, COUNT)
  await come(wires)
  await Promise.all(wires.map((wire) => wire.leave()))
  await served.quiet()
  await stop()
  expect((await served.client.post('after', { path: '/honest' })).json).toBe('after')
}

const sendAll = (wires: readonly Wire[], text: string): void => {
  for (const wire of wires) wire.send(text)
}

describe.each(NAMES)('clients that leave, %s:', (framework) => {
  const open = (reply: 'value' | 'ndjson' | 'sse') => {
    const { graphs, handlers } = alone(obedient(), { reply })
    return serve(framework, { graphs, handlers: { ...handlers, '/honest': { graph: 'g' } } })
  }

  test('before they have said what they want', async () => {
    const served = await open('value')
    await expectUnmoved(served, (wires) => sendAll(wires, 'POST / HTTP/1.1\r\nhost: loc'))
    expect((await served.facts()).requests).toMatchObject({ failed: 0, left: 0 })
  })

  test('in the middle of a body', async () => {
    const served = await open('value')
    await expectUnmoved(served, (wires) => sendAll(wires, `${head({ headers: ['content-length: 100'] })}"half`))
  })

  test('in the middle of a line', async () => {
    const served = await open('ndjson')
    await expectUnmoved(served, async (wires) => {
      sendAll(wires, `${chunkedHead({ type: NDJSON })}${chunk('1\n2\n"thr')}`)
      await Promise.all(wires.map((wire) => wire.until((text) => text.includes('"value":2'))))
    })
    expect((await served.facts()).requests).toMatchObject({ failed: 0, left: COUNT })
  })

  test.each(['value', 'ndjson', 'sse'] as const)('while their work is in progress (%s)', async (reply) => {
    const served = await open(reply)
    await expectUnmoved(served, async (wires) => {
      sendAll(wires, post('stuck'))
      await expect.poll(() => served.pipeline().snapshot().nodes['work']?.inProgress).toBeGreaterThanOrEqual(COUNT)
    })
    expect((await served.facts()).requests).toMatchObject({ failed: 0, left: COUNT })
  })

  test.each(['ndjson', 'sse'] as const)('while an answer without end is coming (%s)', async (reply) => {
    const served = await open(reply)
    await expectUnmoved(served, async (wires) => {
      sendAll(wires, post({ count: 1e9, size: 100 }))
      await Promise.all(wires.map((wire) => wire.until((text) => text.length > 1_000)))
    })
    expect((await served.facts()).requests).toMatchObject({ failed: 0, left: COUNT })
  })

  test('at once after they have asked', async () => {
    const served = await open('ndjson')
    await expectUnmoved(served, (wires) => sendAll(wires, post('stuck')))
  })

  test('while they upload lines, of which some are inside', async () => {
    const served = await open('ndjson')
    await expectUnmoved(served, async (wires) => {
      sendAll(wires, `${chunkedHead({ type: NDJSON })}${chunk('"stuck"\n'.repeat(20))}`)
      await expect.poll(() => served.pipeline().snapshot().nodes['work']?.inProgress).toBeGreaterThan(8 * COUNT - 1)
    })
    expect((await served.facts()).requests).toMatchObject({ failed: 0, left: COUNT })
  })
})

// Hosts of fetch handlers tell only of the request that is being answered.
describe.each(['fastify', 'express', 'node:http'] as const)('clients with many requests in a row, %s,', (framework) => {
  test('leave with all of them', async () => {
    const { graphs, handlers } = alone(obedient(), { reply: 'ndjson' })
    const served = await serve(framework, {
      graphs,
      handlers: { ...handlers, '/honest': { graph: 'g', reply: 'value' } },
    })
    const stop = honest(served, '/honest')
    const wires = await dialAll(served.url, 5)
    sendAll(wires, post('stuck').repeat(20))
    await expect.poll(() => served.pipeline().snapshot().nodes['work']?.inProgress).toBeGreaterThanOrEqual(100)
    await Promise.all(wires.map((wire) => wire.leave()))
    await served.quiet()
    await stop()
  })
})
