import { performance } from 'node:perf_hooks'
import { memoryUsage } from 'node:process'
import { Plumber } from '@pipelines/plumber'
import type { Figures } from './figures.js'
import { watchLag } from './lag.js'
import { numbers } from './numbers.js'
import { quantile } from './statistics.js'

/** Turns of the loop in the receiver: ten times what an item of the source costs. */
const TURNS = 100
const SAMPLES = 200

export type Flow = 'fused' | 'queued' | 'loop'

/** Passes many items to a receiver ten times slower than their source, and watches memory and timers meanwhile. */
export async function steady(flow: Flow, items: number): Promise<Figures> {
  const rss: number[] = []
  const every = Math.ceil(items / SAMPLES)
  let taken = 0
  let seen = 0
  const receive = (value: number): void => {
    seen ^= work(value)
    if (++taken % every === 0) rss.push(memoryUsage.rss())
  }
  const lag = watchLag()
  const began = performance.now()
  await FLOWS[flow](items, receive)
  const seconds = (performance.now() - began) / 1e3
  lag.stop()
  if (taken !== items) throw new Error(`W12: "${flow}" handed over ${taken} of ${items} items`)
  if (!Number.isInteger(seen)) throw new Error('unreachable: keeps the work from being optimised away')
  // A tenth of the items is there to warm up.
  const afterWarmUp = rss.slice(Math.ceil(rss.length / 10))
  const base = afterWarmUp[0] ?? Number.NaN
  return {
    rssGrowthMb: (Math.max(...afterWarmUp) - base) / 2 ** 20,
    lagP99Ms: quantile(lag.lagsMs, 0.99),
    worstLagMs: Math.max(...lag.lagsMs),
    seconds,
  }
}

type Run = (items: number, receive: (value: number) => void) => Promise<unknown>

const FLOWS: Readonly<Record<Flow, Run>> = {
  fused: (items, receive) => graph(items, receive).run(),
  queued: (items, receive) => graph(items, receive).run(undefined, { fuse: false }),
  loop: async (items, receive) => {
    for (const value of numbers(items)) receive(value)
  },
}

function graph(items: number, receive: (value: number) => void): Plumber {
  const document = { nodes: { source: { coro: 'source' }, sink: { coro: 'sink' } }, graph: { source: ['sink'] } }
  return new Plumber(document, { coroMap: { source: () => numbers(items), sink: receive } })
}

/** Small integers all the way: whether V8 boxes numbers would decide about everything else. */
function work(value: number): number {
  let state = value & 0xffff
  for (let turn = 0; turn < TURNS; turn++) state = (state * 31 + 7) & 0xffff
  return state
}
