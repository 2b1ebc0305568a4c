import { line, type Scenario } from './executor-suite-scenario.js'

/** How runs are ended, held and changed. */
export const STOPS: readonly Scenario[] = [
  {
    name: 'doomsday tells calls in progress why, and reports every item that was left',
    play: async (stage) => {
      const { pipeline, noted, settled } = await stage.start({ coro: 'holds' })
      for (const value of ['wait', 2, 3]) await pipeline.put(value, { meta: { value } })
      await noted('waits')
      void pipeline.doomsday(new RangeError('enough'))
      const { outcome, reason, notes, values, unprocessed, nodes } = await settled()
      const items = unprocessed
        .map((item) => Object(item))
        .toSorted((a, b) => (String(a.value) < String(b.value) ? -1 : 1))
      return [outcome, reason, notes, values, items, nodes['work']?.['completed']]
    },
    gives: [
      'doomed',
      { name: 'RangeError', message: 'enough', class: 'RangeError' },
      ['waits', ['told', { name: 'RangeError', message: 'enough' }]],
      [],
      [2, 3, 'wait'].map((value) => ({ node: 'work', value, meta: { value } })),
      0,
    ],
    loose: true, // whether they were taken yet
  },
  {
    name: 'doomsday during the start runs nothing',
    play: async (stage) => {
      const { pipeline, settled } = await stage.start({ coro: 'hooked' })
      void pipeline.doomsday('enough')
      const { outcome, reason, notes, abandoned } = await settled()
      return [outcome, reason, notes, abandoned]
    },
    gives: ['doomed', 'enough', [], []],
  },
  {
    name: 'doomsday tells a call of which the time is limited',
    play: async (stage) => {
      const properties = { timeoutMs: 60_000, retry: { attempts: 5 } }
      const { pipeline, noted, settled } = await stage.start({ coro: 'holds', properties })
      await pipeline.put('wait')
      await noted('waits')
      void pipeline.doomsday('enough')
      const { outcome, notes, nodes } = await settled()
      return [outcome, notes, nodes['work']?.['retried']]
    },
    gives: ['doomed', ['waits', ['told', 'enough']], 0],
  },
  {
    name: 'doomsday tells every worker',
    play: async (stage) => {
      const { pipeline, noted, settled } = await stage.start({ coro: 'holds', properties: { workers: 2 } })
      for (const value of ['wait', 'wait']) await pipeline.put(value)
      await noted('waits', 2)
      void pipeline.doomsday('enough')
      const { outcome, notes, unprocessed } = await settled()
      return [outcome, notes, unprocessed.length]
    },
    gives: ['doomed', ['waits', 'waits', ['told', 'enough'], ['told', 'enough']], 2],
  },
  {
    name: 'the signal of the caller dooms the run',
    play: async (stage) => {
      const controller = new AbortController()
      const { pipeline, noted, settled } = await stage.start({ coro: 'holds' }, { signal: controller.signal })
      await pipeline.put('wait')
      await noted('waits')
      controller.abort('by the caller')
      const { outcome, reason, notes, error } = await settled()
      return [outcome, reason, notes, error?.['name']]
    },
    gives: ['doomed', 'by the caller', ['waits', ['told', 'by the caller']], 'AbortError'],
  },
  {
    name: 'the deadline of the run dooms it',
    play: async (stage) => {
      const { pipeline, settled } = await stage.start({ coro: 'holds' }, { deadlineMs: 300 })
      await pipeline.put('wait')
      const { outcome, error, abandoned } = await settled()
      return [outcome, error?.['code'], abandoned]
    },
    gives: ['doomed', 'PLB_RUN_DEADLINE', []],
    loose: true, // whether the call had begun
  },
  {
    name: 'the error of a node tells the calls of the others',
    play: async (stage) => {
      const nodes = { in: { coro: 'std.inlet' }, work: { coro: 'holds' }, other: { coro: 'std.inlet' } }
      const graph = { in: ['work'], other: ['bad'] }
      const { pipeline, noted, settled } = await stage.start({ nodes: { ...nodes, bad: { coro: 'fails' } }, graph })
      await pipeline.put('wait', { node: 'in' })
      await noted('waits')
      await pipeline.put('text', { node: 'other' })
      const { outcome, error, notes, errors } = await settled()
      return [outcome, error?.['cause'], notes, errors.length]
    },
    gives: [
      ...['failed', 'a text'],
      ['waits', ['told', { name: 'PipelineError', message: 'Node "bad" failed after 1 attempt: a text.' }]],
      1,
    ],
  },
  {
    name: 'a call that obeys nobody is abandoned',
    play: async (stage) => {
      const work = { coro: 'deaf', args: { ms: 1000 } }
      const { pipeline, noted, settled } = await stage.start(work, { graceMs: 100 })
      await pipeline.put('wait')
      await noted('waits')
      void pipeline.doomsday('enough')
      const { outcome, abandoned, unprocessed } = await settled()
      return [outcome, abandoned, unprocessed]
    },
    gives: ['doomed', ['work'], [{ node: 'work', value: 'wait', meta: {} }]],
  },
  {
    name: 'what is inside flows out when the run drains',
    play: async (stage) => {
      const { pipeline, settled } = await stage.start(line({ a: { coro: 'later' }, work: { coro: 'adding' } }))
      for (const value of [1, 2, 3]) await pipeline.put(value)
      await pipeline.drain()
      const { outcome, values } = await settled()
      return [outcome, values]
    },
    gives: ['completed', [6]],
  },
  {
    name: 'nothing is taken while the run is paused, and all of it afterwards',
    play: async (stage) => {
      const { pipeline, ended } = await stage.start({ coro: 'spans' })
      pipeline.pause()
      const puts = ['a', 'b'].map((value) => pipeline.put(value))
      const { received } = pipeline.snapshot().nodes['work'] ?? {}
      pipeline.resume()
      await Promise.all(puts)
      return [received, (await ended()).values]
    },
    gives: [0, ['a', 'b']],
    loose: true, // when each begins
  },
  {
    name: 'more workers may be set while one of them is at work',
    play: async (stage) => {
      const properties = { ordered: false }
      const { pipeline, noted, settled } = await stage.start({ coro: 'holds', properties })
      const held = pipeline.process('wait')
      held.catch(() => {})
      await noted('waits')
      pipeline.setWorkers('work', 2)
      const answer = await pipeline.process('free')
      void pipeline.doomsday('enough')
      return [answer, (await settled()).notes]
    },
    gives: ['free', ['waits', ['told', 'enough']]],
    loose: true, // what a doomed request counts as
  },
  {
    name: 'fewer workers may be set while they are at work',
    play: async (stage) => {
      const { pipeline, ended } = await stage.start({ coro: 'spans', properties: { workers: 3 } })
      for (const value of ['a', 'b', 'c']) await pipeline.put(value)
      pipeline.setWorkers('work', 1)
      for (const value of ['d', 'e']) await pipeline.put(value)
      return (await ended()).values
    },
    gives: ['a', 'b', 'c', 'd', 'e'],
    loose: true, // when each begins
  },
]
