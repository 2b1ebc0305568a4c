import { PassThrough, Readable, Transform, Writable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { connect, from, map, merge, type Observable, zip } from 'rxjs'
import { chain, fan, onlySum } from '../graphs.js'
import { increment, numbers, sumAfter } from '../numbers.js'
import type { Contestant, Race, Workload } from '../workload.js'

const WIDTH = 100
const SHORT_CHAIN = 'Pipelines, 5 nodes'
const LONG_CHAIN = 'Pipelines, 50 nodes'

/** Nodes of a chain that are neither source nor sink, and its hops. */
const SIZES = [5, 50] as const
const steps = (nodes: number): number => nodes - 2
const hops = (nodes: number): number => nodes - 1

const chains: Race = {
  kind: 'race',
  title: 'W6: chains of 5 and 50 nodes, fuse: false',
  items: { full: 200_000, short: 40_000, quick: 500 },
  figure: 'nsPerHop',
  checksum: (items) => sumAfter(steps(5), items),
  contestants: [
    ...SIZES.map((nodes) => sized('Pipelines', nodes, true, onlySum(chain({ nodes, fuse: false })))),
    ...SIZES.map((nodes) => sized('Node streams', nodes, true, (items) => streams(items, steps(nodes)))),
    ...SIZES.map((nodes) => sized('RxJS map', nodes, false, (items) => rx(items, steps(nodes)))),
  ],
  targets: [{ kind: 'time', ours: LONG_CHAIN, of: [SHORT_CHAIN], atMost: 1.4 }],
}

const fans: Race = {
  kind: 'race',
  title: `W6: source → ${WIDTH} × (+1) → join or merge, fuse: false`,
  items: { full: 10_000, short: 2_000, quick: 50 },
  figure: 'nsPerHop',
  checksum: (items) => WIDTH * sumAfter(1, items),
  contestants: [
    wide('Pipelines, join', true, onlySum(fan({ width: WIDTH, join: true }))),
    wide('Pipelines, merge', true, onlySum(fan({ width: WIDTH, join: false }))),
    wide('Node streams, merge', true, streamFan),
    wide('RxJS connect + zip', false, (items) => rxFan(items, true)),
    wide('RxJS connect + merge', false, (items) => rxFan(items, false)),
  ],
  targets: [],
}

/** What a hop costs when there are many of them. */
export const longAndWide: Workload = { name: 'W6', parts: [chains, fans] }

/** As many hops in a long chain as in a short one. */
function sized(name: string, nodes: number, bounds: boolean, run: Contestant['run']): Contestant {
  return {
    name: `${name}, ${nodes} nodes`,
    ours: name === 'Pipelines',
    bounds,
    run,
    share: hops(5) / hops(nodes),
    hops: hops(nodes),
    checksum: (items) => sumAfter(steps(nodes), items),
  }
}

function wide(name: string, bounds: boolean, run: Contestant['run']): Contestant {
  return { name, ours: name.startsWith('Pipelines'), bounds, run, hops: 2 * WIDTH }
}

/** Node's documentation, `stream.pipeline`. */
async function streams(items: number, length: number): Promise<number> {
  const sink = summing()
  await pipeline([source(items), ...Array.from({ length }, incrementing), sink.stream])
  return sink.sum()
}

/**
 * Node's documentation, `readable.pipe`: several writable streams may be attached to one readable. It has no join; all
 * branches flow into one stream, which is as much as can be had.
 */
async function streamFan(items: number): Promise<number> {
  const fork = new PassThrough({ objectMode: true, highWaterMark: 64 }).setMaxListeners(0)
  const sink = summing()
  sink.stream.setMaxListeners(0)
  const branches = Array.from({ length: WIDTH }, incrementing)
  for (const branch of branches) fork.pipe(branch).pipe(sink.stream, { end: false })
  source(items).pipe(fork)
  await Promise.all(branches.map((branch) => finished(branch, { writable: false })))
  sink.stream.end()
  await finished(sink.stream)
  return sink.sum()
}

function source(items: number): Readable {
  const iterator = numbers(items)
  return new Readable({
    objectMode: true,
    highWaterMark: 64,
    read() {
      for (let more = true; more; ) {
        const { value, done } = iterator.next()
        more = this.push(done ? null : value) && !done
      }
    },
  })
}

function incrementing(): Transform {
  return new Transform({
    objectMode: true,
    highWaterMark: 64,
    transform: (value, _encoding, callback) => callback(null, increment(value)),
  })
}

function summing(): { readonly stream: Writable; readonly sum: () => number } {
  let sum = 0
  const stream = new Writable({
    objectMode: true,
    highWaterMark: 64,
    write(value, _encoding, callback) {
      sum += value
      callback()
    },
  })
  return { stream, sum: () => sum }
}

function rx(items: number, length: number): number {
  let sum = 0
  let values: Observable<number> = from(numbers(items))
  for (let i = 0; i < length; i++) values = values.pipe(map(increment))
  values.subscribe((value) => {
    sum += value
  })
  return sum
}

/** rxjs.dev, `connect`. */
function rxFan(items: number, join: boolean): number {
  let sum = 0
  const branches = (shared: Observable<number>): Observable<number>[] =>
    Array.from({ length: WIDTH }, () => shared.pipe(map(increment)))
  from(numbers(items))
    .pipe(
      connect<number, Observable<number | number[]>>((shared) =>
        join ? zip(branches(shared)) : merge(...branches(shared)),
      ),
    )
    .subscribe((values) => {
      if (typeof values === 'number') sum += values
      else for (const value of values) sum += value
    })
  return sum
}
