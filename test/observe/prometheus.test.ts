import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { Snapshot } from '@pipelines/core'
import { type AnyRegistry, collectPipelines, Registry } from '@pipelines/observe/prometheus'
import { Plumber } from '@pipelines/plumber'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { type ParsedSample, parseExposition } from './exposition.js'
import { edge, node, snapshot } from './snapshots.js'

/** A pipeline that stands still. */
const still = (shot: Snapshot) => ({ snapshot: () => shot })
const scrape = async (registry: AnyRegistry) => parseExposition(await registry.metrics())
const read = (samples: readonly ParsedSample[], name: string, labels: Record<string, string> = {}) =>
  samples.find((sample) => sample.name === name && Object.entries(labels).every(([k, v]) => sample.labels[k] === v))
    ?.value

/** A standing pipeline of two nodes, `jobs → work`. */
const standing = () =>
  new Plumber({
    nodes: { jobs: { coro: 'std.inlet' }, work: { coro: (n: number) => n } },
    graph: { jobs: ['work'] },
  }).createPipeline()

const SHOT = snapshot({
  state: 'draining',
  nodes: {
    'a.b': node({ received: 12, completed: 9, failed: 2, unprocessed: 1, inProgress: 4, busyMs: 1500 }),
    c: node({ emitted: 3, dropped: 5, retried: 6, late: 7 }),
  },
  edges: [edge('a.b → c', { entered: 9, left: 5, unprocessed: 1, waits: 2, depth: 3, capacity: 8, oldestMs: 250 })],
})

describe('a scrape', () => {
  test('has every count of every node and edge, and the state of the run', async () => {
    const registry = new Registry()
    collectPipelines(registry, () => new Map([['g', still(SHOT)]]))
    expect((await registry.metrics()).split('\n').filter((line) => /^[^#].* (?!0$)\S+$/.test(line))).toEqual([
      'pipelines_run_state{graph="g",state="draining"} 1',
      'pipelines_node_received_total{graph="g",node="a.b"} 12',
      'pipelines_node_completed_total{graph="g",node="a.b"} 9',
      'pipelines_node_failed_total{graph="g",node="a.b"} 2',
      'pipelines_node_unprocessed_total{graph="g",node="a.b"} 1',
      'pipelines_node_emitted_total{graph="g",node="c"} 3',
      'pipelines_node_dropped_total{graph="g",node="c"} 5',
      'pipelines_node_retried_total{graph="g",node="c"} 6',
      'pipelines_node_late_total{graph="g",node="c"} 7',
      'pipelines_node_busy_seconds_total{graph="g",node="a.b"} 1.5',
      'pipelines_node_in_progress{graph="g",node="a.b"} 4',
      'pipelines_edge_entered_total{graph="g",from="a.b",port="out",to="c"} 9',
      'pipelines_edge_left_total{graph="g",from="a.b",port="out",to="c"} 5',
      'pipelines_edge_unprocessed_total{graph="g",from="a.b",port="out",to="c"} 1',
      'pipelines_edge_waits_total{graph="g",from="a.b",port="out",to="c"} 2',
      'pipelines_edge_depth{graph="g",from="a.b",port="out",to="c"} 3',
      'pipelines_edge_capacity{graph="g",from="a.b",port="out",to="c"} 8',
      'pipelines_edge_oldest_seconds{graph="g",from="a.b",port="out",to="c"} 0.25',
    ])
  })

  test('has a zero for what has not happened, and for each state that the run is not in', async () => {
    const registry = new Registry()
    collectPipelines(registry, () => [['g', still(SHOT)]])
    const { samples } = await scrape(registry)
    expect(read(samples, 'pipelines_node_failed_total', { node: 'c' })).toBe(0)
    const states = samples.filter(({ name }) => name === 'pipelines_run_state').map(({ labels }) => labels.state)
    expect(states).toEqual(['idle', 'starting', 'running', 'draining', 'doomed', 'settled'])
  })

  test('names its metrics as Prometheus has it: what counts ends in "_total", and nothing else does', async () => {
    const registry = new Registry()
    collectPipelines(registry, () => [])
    const { types } = await scrape(registry)
    expect([...types].filter(([name, type]) => name.endsWith('_total') !== (type === 'counter'))).toEqual([])
    expect([...types.keys()].filter((name) => !/^pipelines_(run|node|edge)_[a-z_]+$/.test(name))).toEqual([])
    expect(types.size).toBe(18)
  })

  test('takes one snapshot of each pipeline, and a fresh one each time', async () => {
    const registry = new Registry()
    const watched = { snapshot: vi.fn(() => SHOT) }
    collectPipelines(registry, () => Object.entries({ g: watched, h: watched }))
    await registry.metrics()
    expect(watched.snapshot).toHaveBeenCalledTimes(2)
    await registry.getMetricsAsJSON()
    expect(watched.snapshot).toHaveBeenCalledTimes(4)
    await registry.getSingleMetricAsString('pipelines_edge_depth')
    expect(watched.snapshot).toHaveBeenCalledTimes(6)
  })

  test('rejects with what the list of pipelines throws, and is well again afterwards', async () => {
    const registry = new Registry()
    let broken = true
    collectPipelines(registry, () => {
      if (broken) throw new RangeError('no list')
      return [['g', still(SHOT)]]
    })
    await expect(registry.metrics()).rejects.toThrow('no list')
    broken = false
    expect(read((await scrape(registry)).samples, 'pipelines_edge_depth')).toBe(3)
  })

  test('of two at once is right for both', async () => {
    const registry = new Registry()
    collectPipelines(registry, () => [['g', still(SHOT)]])
    const [one, two] = await Promise.all([registry.metrics(), registry.metrics()])
    expect(two).toBe(one)
    expect(one).toContain('pipelines_node_received_total{graph="g",node="a.b"} 12\n')
  })
})

describe('over scrapes', () => {
  test('counters only go up while items flow', async () => {
    const registry = new Registry()
    const pipeline = standing()
    collectPipelines(registry, () => [['g', pipeline]])
    let last: readonly ParsedSample[] = []
    for (let round = 0; round < 10; round++) {
      for (let n = 0; n < round; n++) await pipeline.put(n)
      const { samples, types } = await scrape(registry)
      for (const { name, labels, value } of last.filter(({ name }) => types.get(name) === 'counter'))
        expect(read(samples, name, labels), name).toBeGreaterThanOrEqual(value)
      last = samples
    }
    await pipeline.drain()
    const { samples } = await scrape(registry)
    expect(read(samples, 'pipelines_node_completed_total', { node: 'work' })).toBe(45)
  })

  test('a pipeline that has ended keeps its last values, until it is taken out of the list', async () => {
    const registry = new Registry()
    const pipelines = new Map([
      ['one', standing()],
      ['two', standing()],
    ])
    collectPipelines(registry, () => pipelines)
    await pipelines.get('one')?.put(1)
    for (const pipeline of pipelines.values()) await pipeline.drain()
    for (let times = 0; times < 2; times++) {
      const { samples } = await scrape(registry)
      expect(read(samples, 'pipelines_node_received_total', { graph: 'one', node: 'work' })).toBe(1)
      expect(read(samples, 'pipelines_run_state', { graph: 'one', state: 'settled' })).toBe(1)
    }
    pipelines.delete('one')
    const graphs = (await scrape(registry)).samples.map(({ labels }) => labels.graph)
    expect(new Set(graphs)).toEqual(new Set(['two']))
  })

  test('a new pipeline under an old name begins at zero', async () => {
    const registry = new Registry()
    const pipelines = new Map([['g', standing()]])
    collectPipelines(registry, () => pipelines)
    await pipelines.get('g')?.put(1)
    await pipelines.get('g')?.drain()
    await registry.metrics()
    pipelines.set('g', standing())
    expect(read((await scrape(registry)).samples, 'pipelines_node_received_total', { node: 'work' })).toBe(0)
    await pipelines.get('g')?.drain()
  })

  test('of one name that is there twice, the last one counts', async () => {
    const registry = new Registry()
    collectPipelines(registry, () => [
      ['g', still(SHOT)],
      ['g', still(SHOT)],
    ])
    expect(read((await scrape(registry)).samples, 'pipelines_node_received_total', { node: 'a.b' })).toBe(12)
  })
})

test('prom-client is loaded only by those who import this part of the package', () => {
  const loads = (specifier: string): string => {
    const code = `import '${specifier}'; import { createRequire } from 'node:module'
      console.log(Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('prom-client')))`
    const args = ['--input-type=module', '-e', code]
    return execFileSync(process.execPath, args, { cwd: join(import.meta.dirname, '..'), encoding: 'utf8' }).trim()
  }
  expect(loads('@pipelines/observe')).toBe('false')
  expect(loads('@pipelines/observe/prometheus')).toBe('true')
})

describe('the registry', () => {
  test('is the one that was given, and never the global one', () => {
    const global: unknown = Reflect.get(Registry, 'globalRegistry') // which the types of prom-client do not know
    collectPipelines(new Registry(), () => [['g', still(SHOT)]])
    expect(global instanceof Registry && global.getMetricsAsArray()).toEqual([])
  })

  test('adds its default labels, of which ours are not overwritten', async () => {
    const registry = new Registry()
    registry.setDefaultLabels({ app: 'shop', graph: 'theirs' })
    collectPipelines(registry, () => [['ours', still(SHOT)]])
    const { samples } = await scrape(registry)
    expect(new Set(samples.map(({ labels }) => `${labels.app} ${labels.graph}`))).toEqual(new Set(['shop ours']))
  })

  test('may be one for the format of OpenMetrics', async () => {
    const registry = new Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>()
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
    const remove = collectPipelines(registry, () => [['g', still(SHOT)]])
    const text = await registry.metrics()
    expect(text).toContain('# TYPE pipelines_node_received counter\n')
    expect(text).toContain('pipelines_node_received_total{graph="g",node="a.b"} 12\n')
    remove()
    expect(await registry.metrics()).toBe('\n# EOF\n')
  })

  test('is as it was when the metrics are taken out, and they can be added again', async () => {
    const registry = new Registry()
    const remove = collectPipelines(registry, () => [['g', still(SHOT)]])
    expect(() => collectPipelines(registry, () => [])).toThrow('already been registered')
    remove()
    remove()
    expect(registry.getMetricsAsArray()).toEqual([])
    collectPipelines(registry, () => [['h', still(SHOT)]])
    expect(await registry.metrics()).toContain('graph="h"')
  })
})

describe('whatever a graph is called', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\r', ',', '}', '{', ' ', '#', '=', 'n', 'node:', ':') }),
    fc.constantFrom('__proto__', 'constructor', 'a"} 1\nevil{x="', '\u2028', ''),
  )
  const counts = fc.record({
    received: fc.nat(),
    completed: fc.nat(),
    busyMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
  })
  const graphs = fc.dictionary(hostile, fc.record({ node: counts, depth: fc.nat(), oldestMs: fc.nat() }), {
    maxKeys: 5,
  })

  test('the text can be read back, and says what the snapshots say', async () => {
    await fc.assert(
      fc.asyncProperty(graphs, async (random) => {
        const shots = new Map(
          Object.entries(random).map(([name, { node: counted, ...carried }]) => [
            name,
            snapshot({ nodes: { a: node(counted) }, edges: [edge('a → b', carried)] }),
          ]),
        )
        const registry = new Registry()
        collectPipelines(registry, () => [...shots].map(([name, shot]) => [name, still(shot)]))
        const { samples } = await scrape(registry)
        for (const [graph, { nodes, edges }] of shots) {
          const said = (name: string): unknown =>
            read(samples, name, { graph, ...(/_edge_/.test(name) ? {} : { node: 'a' }) })
          expect(said('pipelines_node_received_total')).toBe(nodes.a?.received)
          expect(said('pipelines_node_completed_total')).toBe(nodes.a?.completed)
          expect(said('pipelines_node_busy_seconds_total')).toBe((nodes.a?.busyMs ?? Number.NaN) / 1000)
          expect(said('pipelines_edge_depth')).toBe(edges[0]?.depth)
          expect(said('pipelines_edge_oldest_seconds')).toBe((edges[0]?.oldestMs ?? Number.NaN) / 1000)
        }
        // Six states, ten numbers of each of two nodes, seven of the edge, and not one more.
        expect(samples).toHaveLength(shots.size * (6 + 2 * 10 + 7))
      }),
    )
  })
})
