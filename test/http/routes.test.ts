import { type HandlerOptions, PipelineService } from '@pipelines/http'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { parseExposition } from '../observe/exposition.js'
import { NAMES } from './frameworks.js'
import { double, having, held, line } from './graphs.js'
import { alone, eventually, type GraphFacts, serving } from './serving.js'

const serve = serving()
const JSON_UTF8 = 'application/json; charset=utf-8'

describe.each(NAMES)('what a service tells, %s:', (framework) => {
  test('that the process lives', async () => {
    const { client } = await serve(framework, alone(line({ double })))
    const { status, headers, json } = await client.get('/-/health')
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([200, JSON_UTF8, 'no-store'])
    expect(json).toEqual({ status: 'ok' })
  })

  test('that it takes requests', async () => {
    const graphs = { a: line({ double }), b: line({ double }, { mode: 'perRequest' }) }
    const { client } = await serve(framework, { graphs, handlers: {} })
    const { status, headers, json } = await client.get('/-/ready')
    expect([status, headers['cache-control']]).toEqual([200, 'no-store'])
    expect(json).toEqual({ status: 'ready', graphs: { a: true, b: true } })
  })

  test('that one of its graphs has ended, until a request makes it anew', async () => {
    const { client, pipeline } = await serve(framework, alone(line({ double })))
    await pipeline().doomsday(new Error('a secret'))
    const { status, json, text } = await client.get('/-/ready')
    expect([status, json]).toEqual([503, { status: 'serving', graphs: { g: false } }])
    expect(text).not.toContain('secret')
    await client.post(1)
    expect((await client.get('/-/ready')).status).toBe(200)
  })

  test('what became of requests, and how every node and edge is', async () => {
    const { client } = await serve(framework, alone(line({ double }, { maxInFlight: 7 })))
    await client.post(1)
    const { status, headers, json } = await client.get('/-/stats')
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([200, JSON_UTF8, 'no-store'])
    expect(json).toMatchObject({
      state: 'serving',
      graphs: {
        g: {
          mode: 'shared',
          inFlight: 0,
          maxInFlight: 7,
          requests: { completed: 1, failed: 0, refused: 0, left: 0 },
          snapshot: {
            nodes: { in: { received: 1 }, double: { completed: 1 } },
            edges: [{ from: 'in', to: 'double', left: 1 }],
          },
        },
      },
    })
  })

  test('rates, from the second look on', async () => {
    const { facts, client } = await serve(framework, alone(line({ double })))
    expect((await facts()).rates).toBeUndefined()
    await client.post(1)
    const { rates } = await facts()
    expect(rates).toMatchObject({ nodes: { double: { completedPerSecond: expect.any(Number) } } })
    expect(Object(rates).nodes.double.completedPerSecond).toBeGreaterThan(0)
  })

  test('rates of a pipeline that was made anew, when it was looked at twice', async () => {
    const { facts, client, pipeline } = await serve(framework, alone(line({ double })))
    await facts()
    await pipeline().doomsday()
    await client.post(1)
    await facts()
    expect((await facts()).snapshot?.nodes['double']?.completed).toBe(1)
  })

  test('metrics, as Prometheus reads them', async () => {
    const { client } = await serve(framework, alone(line({ double })))
    await client.post(1)
    await client.post('x'.repeat(10))
    const { status, headers, text } = await client.get('/-/metrics')
    expect([status, headers['content-type']]).toEqual([200, expect.stringMatching(/^text\/plain; version=0\.0\.4/)])
    const { types, samples } = parseExposition(text)
    const read = (name: string, label: string) =>
      samples.find((sample) => sample.name === name && Object.values(sample.labels).includes(label))?.value
    expect(types.get('pipelines_http_requests_total')).toBe('counter')
    expect(read('pipelines_http_requests_total', 'completed')).toBe(2)
    expect(read('pipelines_http_requests_total', 'refused')).toBe(0)
    expect(read('pipelines_http_requests_in_flight', 'g')).toBe(0)
    expect(read('pipelines_node_completed_total', 'double')).toBe(2)
  })

  test('who is in progress', async () => {
    const open = gate()
    const { client, facts } = await serve(framework, alone(line({ held: held(open) })))
    const answer = client.post(1)
    await eventually(() => facts().then(({ inFlight }) => inFlight)).toBe(1)
    const { text } = await client.get('/-/metrics')
    expect(text).toContain('pipelines_http_requests_in_flight{graph="g"} 1')
    open.open()
    await answer
  })

  test('which of several graphs did what', async () => {
    const graphs = { a: line({ double }), b: line({ double: having({ workers: 2 }, double) }) }
    const { client, facts } = await serve(framework, {
      graphs,
      handlers: { '/a': { graph: 'a' }, '/b': { graph: 'b' } },
    })
    await client.post(1, { path: '/a' })
    await client.send({ path: '/b', type: 'text/x', body: '1' })
    const counts = async (name: string): Promise<GraphFacts['requests']> => (await facts(name)).requests
    expect((await counts('a')).completed).toBe(1)
    expect((await counts('b')).completed).toBe(0)
  })
})

describe('a service', () => {
  const ready = async (service: PipelineService) => {
    const { status, body } = await service.routes.ready()({} as never) // that route does not look at the request
    return [status, JSON.parse(String(body)).status]
  }

  test('is ready from its start to the moment it closes', async () => {
    const service = new PipelineService({ graphs: { g: line({ double }) } })
    expect([await ready(service), service.state]).toEqual([[503, 'idle'], 'idle'])
    await service.start()
    expect(await ready(service)).toEqual([200, 'ready'])
    service.stopIntake()
    expect([await ready(service), service.isReady]).toEqual([[503, 'closing'], false])
    await service.close()
    expect([await ready(service), service.state]).toEqual([[503, 'closed'], 'closed'])
  })

  test('has all issues of all graphs in one error, and closes what has started', async () => {
    const bad = { graph: { nodes: { in: { coro: 'std.inlet' }, a: { coro: 'nope' } }, graph: { in: ['a', 'lost'] } } }
    const service = new PipelineService({ graphs: { 'a/b': bad, good: line({ double }), worse: { graph: '{' } } })
    const error = await service.start().catch((reason) => reason)
    expect(error).toMatchObject({ code: 'PLB_GRAPH_INVALID' })
    const pointers = error.details.issues.map(({ pointer }: { readonly pointer: string }) =>
      pointer.split('/').slice(0, 3).join('/'),
    )
    expect(new Set(pointers)).toEqual(new Set(['/a~1b/graph', '/a~1b/nodes', '/worse']))
    expect([service.state, service.graphs.good.pipeline.state]).toEqual(['closed', 'settled'])
  })

  test('does not start with a graph that takes no requests', async () => {
    const graph = line({ sum: having({ batch: { size: 2, returns: 'one' } }, () => 1) })
    const service = new PipelineService({ graphs: { graph } })
    await expect(service.start()).rejects.toMatchObject({ code: 'PLB_OPTION_CONFLICT' })
  })

  test('starts once, and closes once', async () => {
    const service = new PipelineService({ graphs: { g: line({ double }) } })
    expect(service.start()).toBe(service.start())
    await service.start()
    expect(service.close()).toBe(service.close())
    await service.close()
  })

  test.each([
    [{ reply: 'xml' }, 'reply'],
    [{ timeoutMs: -1 }, 'timeoutMs'],
    [{ itemsInFlight: 0 }, 'itemsInFlight'],
    [{ input: 'body' }, 'input'],
    [{ maxInFlight: 1.5 }, 'maxInFlight'],
    [{ mode: 'mine' }, 'mode'],
    [{ bodyLimt: 3 }, 'bodyLimt'],
  ])('refuses %j', (options, option) => {
    const make = () => new PipelineService({ graphs: { g: { ...line({ double }), ...(options as HandlerOptions) } } })
    expect(make).toThrow(
      expect.objectContaining({ code: 'PLB_OPTION_INVALID', details: expect.objectContaining({ option }) }),
    )
  })

  test('has no route for graphs that clients send, unless it is told who may', () => {
    const service = new PipelineService({ graphs: {} })
    expect(() => service.routes.submit()).toThrow(expect.objectContaining({ code: 'PLB_OPTION_INVALID' }))
  })
})
