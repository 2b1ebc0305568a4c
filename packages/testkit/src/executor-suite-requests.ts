import { told } from './executor-suite-played.js'
import { line, type Scenario } from './executor-suite-scenario.js'

/** What a request is refused with. */
async function refusal(request: Promise<unknown>): Promise<unknown> {
  try {
    return { answer: await request }
  } catch (error) {
    return told(error)
  }
}

/** Requests to a graph that stands. */
export const REQUESTS: readonly Scenario[] = [
  {
    name: 'each request gets its own answer',
    play: async (stage) => {
      const work = { coro: 'later', properties: { workers: 2 } }
      const { pipeline, ended } = await stage.start(line({ work, after: { coro: 'numbers.double' } }))
      const answers = await Promise.all([1, 2, 3, 4].map((n) => pipeline.process(n)))
      await ended()
      return answers
    },
    gives: [2, 4, 6, 8],
    loose: true, // who is first
  },
  {
    name: 'a request gets all outputs that descend from it',
    play: async (stage) => {
      const { pipeline, ended } = await stage.start({ coro: 'below' })
      const answers = await Promise.all([2, 0, 3].map((n) => pipeline.processAll(n)))
      await ended()
      return answers
    },
    gives: [[0, 1], [], [0, 1, 2]],
  },
  {
    name: 'a request has an env and a meta of its own',
    play: async (stage) => {
      const { pipeline, ended } = await stage.start(
        { coro: 'facts', args: { facts: ['env', 'meta'] } },
        { env: { a: 1 } },
      )
      const answers = [
        await pipeline.process(0, { env: { b: 2 }, meta: { c: 3 } }),
        await pipeline.process(0),
        await pipeline.process(0, { env: { a: 4 } }),
      ]
      await ended()
      return answers
    },
    gives: [
      { env: { a: 1, b: 2 }, meta: { c: 3 } },
      { env: { a: 1 }, meta: {} },
      { env: { a: 4 }, meta: {} },
    ],
  },
  {
    name: 'the env of a request is told, as far as it is data',
    play: async (stage) => {
      const { pipeline, ended } = await stage.start({ coro: 'fromEnv' }, { env: { who: 'all' } })
      const env = { who: { name: 'one' }, call: () => 1 }
      const answers = [await pipeline.process(0, { env }), await pipeline.process(0)]
      await ended()
      return answers
    },
    gives: [{ name: 'one' }, 'all'],
  },
  {
    name: 'an error is that of its own request alone',
    play: async (stage) => {
      const { pipeline, ended } = await stage.start({ coro: 'fails', args: { except: 'fine' } })
      const answers = await Promise.all(['fine', 'text', 'fine'].map((value) => refusal(pipeline.process(value))))
      const { outcome } = await ended()
      return [outcome, answers[0], Reflect.get(Object(answers[1]), 'cause'), answers[2]]
    },
    gives: ['completed', { answer: 'fine' }, 'a text', { answer: 'fine' }],
  },
  {
    name: 'a request that is cancelled tells its own call alone',
    play: async (stage) => {
      const { pipeline, noted, ended } = await stage.start({ coro: 'holds', properties: { workers: 2 } })
      const controller = new AbortController()
      const held = refusal(pipeline.process('wait', { signal: controller.signal }))
      await noted('waits')
      const other = pipeline.process('other')
      controller.abort('gone')
      const answers = [Reflect.get(Object(await held), 'code'), await other]
      const { outcome, notes } = await ended()
      return [outcome, answers, notes]
    },
    gives: ['completed', ['PLB_RUN_CANCELLED', 'other'], ['waits', ['told', 'gone']]],
    loose: true, // whether the other one had begun
  },
  {
    name: 'a request that is cancelled before its call begins leaves without one',
    play: async (stage) => {
      const { pipeline, noted, ended } = await stage.start({ coro: 'holds' })
      const [first, second] = [new AbortController(), new AbortController()]
      const held = refusal(pipeline.process('wait', { signal: first.signal }))
      await noted('waits')
      const waiting = refusal(pipeline.process('wait', { signal: second.signal }))
      second.abort('gone')
      const codes = [Reflect.get(Object(await waiting), 'code')]
      first.abort('gone too')
      codes.push(Reflect.get(Object(await held), 'code'), await pipeline.process('after'))
      const { notes } = await ended()
      return [codes, notes]
    },
    gives: [
      ['PLB_RUN_CANCELLED', 'PLB_RUN_CANCELLED', 'after'],
      ['waits', ['told', 'gone too']],
    ],
    loose: true, // whether it was taken
  },
  {
    name: 'a request whose time is up tells its call',
    play: async (stage) => {
      const { pipeline, noted, ended } = await stage.start({ coro: 'holds' })
      await pipeline.process('warm')
      const answer = refusal(pipeline.process('wait', { timeoutMs: 400 }))
      await noted('told')
      const { code, message } = Object(await answer)
      const { outcome } = await ended()
      return [outcome, code, message]
    },
    gives: ['completed', 'PLB_RUN_DEADLINE', 'The request did not end within 400 ms; it was at "work".'],
    loose: true, // when it was told
  },
  {
    name: 'a request that is cancelled ends its generator',
    play: async (stage) => {
      const { pipeline, noted, ended } = await stage.start({ coro: 'endless' })
      const stream = pipeline.processStream(0)
      const first = await stream.next()
      stream.cancel('gone')
      await noted('cleaned up')
      const { outcome } = await ended()
      return [outcome, first.value?.value]
    },
    gives: ['completed', 0],
    loose: true, // how far it was ahead
  },
  {
    name: 'requests whose calls are tried again get what came of it',
    play: async (stage) => {
      const retry = { attempts: 2, minDelayMs: 0 }
      const work = { coro: 'failsUntil', args: { until: 2 }, properties: { retry, workers: 2 } }
      const { pipeline, ended } = await stage.start(work)
      const answers = await Promise.all(['a', 'b', 'c'].map((value) => pipeline.process(value)))
      await ended()
      return answers
    },
    gives: ['a', 'b', 'c'].map((value) => [value, 2]),
  },
  {
    name: 'requests may share a batch',
    play: async (stage) => {
      const { pipeline, ended } = await stage.start({ coro: 'doubleAll', properties: { batch: { size: 3 } } })
      const answers = await Promise.all([1, 2, 3].map((n) => pipeline.process(n)))
      await ended()
      return answers
    },
    gives: [2, 4, 6],
    loose: true, // how many are in one
  },
]
