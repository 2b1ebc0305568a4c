import type { Context } from '@pipelines/core'
import { defineCoro } from '@pipelines/core'
import { HttpError } from '@pipelines/http'
import fastifyPipelines, { type FastifyPipelinesOptions } from '@pipelines/http/fastify'
import { gate } from '@pipelines/testkit'
import fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify'
import { afterEach, describe, expect, test } from 'vitest'
import { Client, recordsOf } from './client.js'
import { own } from './frameworks.js'
import { count, double, held, line } from './graphs.js'
import { eventually } from './serving.js'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** An app with graphs, which closes after the test. */
function appWith(options: FastifyPipelinesOptions, app: FastifyInstance = fastify()): FastifyInstance {
  closers.push(() => app.close())
  app.register(fastifyPipelines, options)
  return app
}

/** Adds a route for each graph, under its name. */
const mount = (app: FastifyInstance, ...names: readonly string[]) =>
  app.after(() => {
    for (const name of names) app.post(`/${name}`, own(app.pipelines, name).handler())
  })

const json = { 'content-type': 'application/json' }
const inject = async (app: FastifyInstance, url: string, value: unknown) => {
  const { statusCode, body } = await app.inject({ method: 'POST', url, headers: json, payload: JSON.stringify(value) })
  return [statusCode, body]
}

describe('the plugin', () => {
  test('answers by inject, without a socket', async () => {
    const app = appWith({ graphs: { twice: line({ double }) } })
    mount(app, 'twice')
    expect(await inject(app, '/twice', 21)).toEqual([200, '42'])
  })

  test('answers by inject with streams too', async () => {
    const app = appWith({ graphs: { g: line({ count }) } })
    app.after(() => app.post('/g', own(app.pipelines, 'g').handler({ reply: 'ndjson' })))
    const [status, body] = await inject(app, '/g', 2)
    expect([status, recordsOf({ text: String(body) })]).toEqual([
      200,
      expect.arrayContaining([{ end: { outputs: 2 } }]),
    ])
  })

  test('fails the boot with every issue of every graph', async () => {
    const bad = { graph: { nodes: { in: { coro: 'std.inlet' }, a: { coro: 'nope' } }, graph: { in: ['a', 'lost'] } } }
    const app = appWith({ graphs: { one: bad, two: { graph: '{' }, three: line({ double }) } })
    const error = await app.ready().then(
      () => undefined,
      (reason) => reason,
    )
    expect(error).toMatchObject({ code: 'PLB_GRAPH_INVALID' })
    const tops = error.details.issues.map(({ pointer }: { readonly pointer: string }) => pointer.split('/')[1])
    expect([tops.filter((top: string) => top === 'one').length >= 2, tops.includes('two')]).toEqual([true, true])
  })

  test('has graphs for one context, and others for another', async () => {
    const app = fastify()
    closers.push(() => app.close())
    for (const [prefix, factor] of [
      ['/a', 2],
      ['/b', 3],
    ] as const)
      app.register(
        async (child) => {
          await child.register(fastifyPipelines, { graphs: { g: line({ times: (n: number) => n * factor }) } })
          child.post('/g', own(child.pipelines, 'g').handler())
        },
        { prefix },
      )
    await app.ready()
    expect([await inject(app, '/a/g', 5), await inject(app, '/b/g', 5)]).toEqual([
      [200, '10'],
      [200, '15'],
    ])
    expect(app.hasDecorator('pipelines')).toBe(false)
  })

  test('decorates the instance with two things, and the request and the reply with none', async () => {
    const plain = fastify()
    const app = appWith({ graphs: { g: line({ double }) } })
    await Promise.all([app.ready(), plain.ready()])
    closers.push(() => plain.close())
    for (const name of ['pipelines', 'pipelineRoutes'])
      expect([app.hasDecorator(name), plain.hasDecorator(name)]).toEqual([true, false])
    const added = Object.keys(app).filter((key) => !Object.hasOwn(plain, key))
    expect(added.toSorted()).toEqual(['pipelineRoutes', 'pipelines'])
    expect([Object.keys(app.pipelines), Object.isFrozen(app.pipelines)]).toEqual([['g'], true])
  })

  test('cannot be registered twice on one instance', async () => {
    const app = appWith({ graphs: {} })
    app.register(fastifyPipelines, { graphs: {} })
    await expect(app.ready()).rejects.toMatchObject({
      code: 'FST_ERR_DEC_ALREADY_PRESENT',
      message: expect.stringContaining('pipelines'),
    })
  })

  test('leaves a parser of lines as it is where there is one', async () => {
    const app = fastify()
    closers.push(() => app.close())
    app.addContentTypeParser('application/x-ndjson', { parseAs: 'string' }, (_request, _text, done) =>
      done(null, ['mine']),
    )
    await app.register(fastifyPipelines, { graphs: { g: line({ same: (value: unknown) => value }) } })
    app.post('/g', own(app.pipelines, 'g').handler())
    const headers = { 'content-type': 'application/x-ndjson' }
    const { body } = await app.inject({ method: 'POST', url: '/g', headers, payload: '1\n' })
    expect(body).toBe('["mine"]')
  })

  test('shows errors to the handler of errors that the app has', async () => {
    const app = fastify()
    const seen: FastifyError[] = []
    app.setErrorHandler((error: FastifyError, _request, reply) => {
      seen.push(error)
      return reply.code(error.statusCode ?? 500).send({ mine: error.code })
    })
    appWith({ graphs: { g: line({ fail: () => Promise.reject(new Error('a secret')) }) } }, app)
    mount(app, 'g')
    expect(await inject(app, '/g', 1)).toEqual([500, '{"mine":"PLB_NODE_FAILED"}'])
    expect(seen[0]).toBeInstanceOf(HttpError)
    expect(String(Object(seen[0]?.cause).cause)).toContain('a secret')
  })

  test('shows an overload to it as well', async () => {
    const open = gate()
    const app = appWith({ graphs: { g: line({ held: held(open) }, { maxInFlight: 1 }) } })
    const codes: (string | undefined)[] = []
    app.setErrorHandler((error: FastifyError, _request, reply) => {
      codes.push(error.code)
      return reply.code(error.statusCode ?? 500).send()
    })
    mount(app, 'g')
    await app.ready()
    const first = inject(app, '/g', 1)
    expect((await inject(app, '/g', 2))[0]).toBe(503)
    open.open()
    expect([await first, codes]).toEqual([[200, '1'], ['PLB_RUN_OVERLOADED']])
  })

  test('keeps hooks that the route has', async () => {
    const app = appWith({ graphs: { g: line({ double }) } })
    const order: string[] = []
    const hook = (name: string) => async () => void order.push(name)
    app.after(() =>
      app.post('/g', { onRequest: [hook('a'), hook('b')], preHandler: hook('c') }, own(app.pipelines, 'g').handler()),
    )
    expect(await inject(app, '/g', 2)).toEqual([200, '4'])
    expect(order).toEqual(['a', 'b', 'c'])
  })

  test('gives a schema, by which Fastify checks the body and writes the answer', async () => {
    const pick = defineCoro({
      input: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } },
      output: { type: 'object', properties: { n: { type: 'integer' } }, additionalProperties: false },
      run: (value: { readonly n: number }) => ({ n: value.n, secret: 'not in the schema' }),
    })
    const app = appWith({ graphs: { g: line({ pick }) } })
    app.after(() => {
      const { schema, handler } = own(app.pipelines, 'g')
      app.post('/g', { schema: schema() }, handler())
    })
    expect((await inject(app, '/g', {}))[0]).toBe(400)
    expect((await inject(app, '/g', { n: 'x' }))[0]).toBe(400)
  })

  test('has schemas for what a route takes and gives, as far as that is known', async () => {
    const pick = defineCoro({ input: { type: 'integer' }, output: { type: 'string' }, run: String })
    const app = appWith({ graphs: { g: line({ pick }), open: line({ double }) } })
    await app.ready()
    const { schema } = own(app.pipelines, 'g')
    expect(schema()).toMatchObject({ body: { type: 'integer' }, response: { 200: { type: 'string' } } })
    expect(schema({ body: 'array', reply: 'array' })).toMatchObject({
      body: { type: 'array', items: { type: 'integer' } },
      response: { 200: { type: 'array', items: { type: 'string' } } },
    })
    expect(schema({ input: () => 1, reply: 'ndjson' })).toEqual({})
    expect(own(app.pipelines, 'open').schema()).toEqual({})
  })

  test('gives functions for handlers of one’s own', async () => {
    const app = appWith({ graphs: { g: line({ count }), one: line({ double }) } })
    await app.ready()
    expect(await own(app.pipelines, 'one').process(4)).toBe(8)
    expect(await own(app.pipelines, 'g').processAll(3)).toEqual([1, 2, 3])
    await expect(own(app.pipelines, 'g').process(3)).rejects.toMatchObject({ name: 'HttpError', statusCode: 500 })
    const late = own(app.pipelines, 'one').process(4, { timeoutMs: -1 })
    await expect(late).rejects.toBeInstanceOf(HttpError)
  })

  test('gives its functions the request that they work for', async () => {
    const see = (_: unknown, { env, log }: Context) => {
      log.info({}, 'seen')
      return env
    }
    const app = appWith({ graphs: { g: line({ see }) } }, fastify({ genReqId: () => 'r-1' }))
    app.after(() =>
      app.post('/g', async (request: FastifyRequest, reply) => {
        const env = { user: 'ann' }
        return own(app.pipelines, 'g').process(request.body, { request, reply, env })
      }),
    )
    const [status, body] = await inject(app, '/g', 1)
    expect([status, JSON.parse(String(body))]).toEqual([200, { request: { id: 'r-1' }, user: 'ann' }])
  })

  test('takes what Fastify has made of the body', async () => {
    const app = appWith({ graphs: { g: line({ same: (value: unknown) => value }) } })
    mount(app, 'g')
    const text = { method: 'POST', url: '/g', headers: { 'content-type': 'text/plain' }, payload: 'words' } as const
    expect((await app.inject(text)).body).toBe('"words"')
  })

  test('cancels what its functions do for a client that leaves', async () => {
    const called = gate()
    const wait = async (_: unknown, { signal }: Context) => {
      called.open()
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      throw signal.reason
    }
    const app = appWith({ graphs: { g: line({ wait }) } })
    const failed = gate()
    app.after(() =>
      app.post('/', async (request, reply) => {
        try {
          return await own(app.pipelines, 'g').process(request.body, { request, reply })
        } finally {
          failed.open()
        }
      }),
    )
    const client = new Client(await app.listen({ port: 0, host: '127.0.0.1' }))
    closers.push(() => client.close())
    await client.leaving({ body: '1' }, called.opened)
    await failed.opened
    expect(own(app.pipelines, 'g').pipeline.snapshot().nodes['wait']?.inProgress).toBe(0)
  })

  test('closes with the app: those inside are answered, and its pipelines have settled', async () => {
    const open = gate()
    const app = appWith({ graphs: { g: line({ held: held(open) }) } })
    mount(app, 'g')
    await app.ready()
    const { pipeline } = own(app.pipelines, 'g')
    const inside = inject(app, '/g', 1)
    await eventually(() => pipeline.snapshot().nodes['held']?.inProgress).toBe(1)
    const closed = app.close()
    open.open()
    expect(await inside).toEqual([200, '1'])
    await closed
    expect((await pipeline.settled).outcome).toBe('completed')
  })

  test('ends what does not end by itself when the app closes', async () => {
    const app = appWith({
      graphs: { g: line({ wait: () => new Promise(() => {}) }, { graceMs: 10 }) },
      closeDeadlineMs: 50,
    })
    mount(app, 'g')
    await app.ready()
    const { pipeline } = own(app.pipelines, 'g')
    const inside = inject(app, '/g', 1)
    await eventually(() => pipeline.snapshot().nodes['wait']?.inProgress).toBe(1)
    await app.close()
    expect((await inside)[0]).toBe(503)
    expect(pipeline.state).toBe('settled')
  })
})
