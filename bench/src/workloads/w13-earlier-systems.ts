import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ItemsOptions } from '@pipelines/flow'
import { Pipeline } from '@pipelines/flow/blllib'
import { iter, nest } from '@pipelines/flow/nest'
import * as pl from '@pipelines/flow/pypeln'
import { execute, type Parallelism, portable } from '@pipelines/flow/tasks'
import { Plumber } from '@pipelines/plumber'
import { processes, threads } from '@pipelines/workers'
import { increment, incrementAsync, numbers, sink, sumAfter, taken } from '../numbers.js'
import * as coros from '../workers/coros.js'
import { endKept, kept } from '../workers/kept.js'
import type { Contestant, Race, Workload } from '../workload.js'

portable(coros, new URL('../../dist/workers/coros.js', import.meta.url))

const onThreads = kept(
  () => [threads()],
  (made) => Promise.all(made.map((executor) => executor.close())),
)
const inProcesses = kept(
  () => [processes()],
  (made) => Promise.all(made.map((executor) => executor.close())),
)

/** Microseconds per item, of items per second that somebody came to. */
const perSecond = (items: number): number => Number((1e6 / items).toPrecision(3))

/**
 * What the earlier systems came to with 50,000 small items through 3 stages, on CPython 3.11: measured once on a machine
 * like that of the tables, where a range was found the fastest of it.
 */
const EARLIER = {
  'pypeln, sync': perSecond(731_000),
  'pypeln, task': perSecond(18_000),
  'pypeln, thread': perSecond(137_000),
  'pypeln, process': perSecond(4_600),
  'mpyx, nest': perSecond(14_000),
  blllib: perSecond(45_000),
  'pipelines, JSON': perSecond(57_000),
  'pipeline-lib, coroutine': perSecond(27_800_000),
  'pipeline-lib, thread, 1 worker, 1 packet': perSecond(13_000),
  'pipeline-lib, thread, 4 workers, 12 packets': perSecond(134_000),
  'pipeline-lib, process, 1 worker, 1 packet': perSecond(6_000),
  'pipeline-lib, process, 4 workers, 12 packets': perSecond(99_000),
} as const

type Earlier = keyof typeof EARLIER

/** The part of the items that slow rows do. */
const SHARES: Partial<Readonly<Record<Earlier, number>>> = {
  'pipeline-lib, thread, 1 worker, 1 packet': 1 / 25,
  'pipeline-lib, thread, 4 workers, 12 packets': 1 / 10,
  'pipeline-lib, process, 1 worker, 1 packet': 1 / 25,
  'pipeline-lib, process, 4 workers, 12 packets': 1 / 10,
}

/** The small workload of the systems that the notations come from, in each notation. */
export const earlierSystems: Workload = {
  name: 'W13',
  parts: [
    race('source → +1 → +1 → +1, taken as a list', 3, {
      'pypeln, sync': (items) => summed(pl.pipe(numbers(items), plus(pl.sync), plus(pl.sync), plus(pl.sync)).toArray()),
      'pypeln, task': (items) =>
        summed(pl.pipe(numbers(items), later(pl.task), later(pl.task), later(pl.task)).toArray()),
      'pypeln, thread': (items) => onWorkers(items, pl.thread, onThreads()),
      'pypeln, process': (items) => onWorkers(items, pl.process, inProcesses()),
      'mpyx, nest': (items) => summed(nest(iter(numbers(items)), increment, increment, increment).list()),
      blllib: (items) => summed(new Pipeline(CALLABLES).apply(numbers(items)).toArray()),
    }),
    race('source → +1 → sink', 1, {
      'pipelines, JSON': graph,
      'pipeline-lib, coroutine': atOnce,
      'pipeline-lib, thread, 1 worker, 1 packet': (items) =>
        onTasks(items, { place: 'thread', workers: 1, packets: 1 }),
      'pipeline-lib, thread, 4 workers, 12 packets': (items) =>
        onTasks(items, { place: 'thread', workers: 4, packets: 12 }),
      'pipeline-lib, process, 1 worker, 1 packet': (items) =>
        onTasks(items, { place: 'process', workers: 1, packets: 1 }),
      'pipeline-lib, process, 4 workers, 12 packets': (items) =>
        onTasks(items, { place: 'process', workers: 4, packets: 12 }),
    }),
  ],
}

function race(title: string, steps: number, runs: Readonly<Record<string, Contestant['run']>>): Race {
  const names = Object.keys(runs) as Earlier[] // of that record
  return {
    kind: 'race',
    title: `W13: ${title}, as the earlier systems write it, time on the wall`,
    items: { full: 50_000, short: 20_000, quick: 200 },
    figure: 'usPerItem',
    checksum: (items) => sumAfter(steps, items),
    contestants: Object.entries(runs).map(([name, run]) => ({
      name,
      ours: true,
      bounds: true,
      run,
      share: SHARES[name as Earlier] ?? 1,
    })),
    targets: names.map((ours) => ({ kind: 'figure', ours, figure: 'usPerItem', atMost: EARLIER[ours] })),
    close: endKept,
  }
}

const plus = (module: pl.PypelnModule) => module.map(increment)
const later = (module: pl.PypelnModule) => module.map(incrementAsync, { workers: 4 })

const CALLABLES = Array.from({ length: 3 }, () =>
  Object.assign((value: number) => increment(value), { stateful: false, batchSize: 4 }),
)

/** All that came out is put in a list first, as `list(stage)` does. */
async function summed(items: Promise<readonly unknown[]>): Promise<number> {
  for (const value of await items) sink(Number(value))
  return taken()
}

function onWorkers(
  items: number,
  { map }: pl.PypelnModule,
  executors: NonNullable<ItemsOptions['executors']>,
): Promise<number> {
  const stage = map(coros.plusOne)
  return summed(pl.pipe(numbers(items), stage, stage, stage).toArray(undefined, { executors }))
}

let source: (() => Iterable<number>) | undefined
const plumber = new Plumber(
  {
    nodes: { source: { coro: 'source' }, plus: { coro: 'plus' }, sink: { coro: 'sink' } },
    graph: { source: ['plus'], plus: ['sink'] },
  },
  { coroMap: { source: () => source?.() ?? [], plus: increment, sink } },
)

async function graph(items: number): Promise<number> {
  source = () => numbers(items)
  await plumber.run()
  return taken()
}

/** Generators that call each other, as those of pipeline-lib do where nothing runs beside them. */
async function atOnce(items: number): Promise<number> {
  const sum = (values: Iterable<number>): void => {
    for (const value of values) sink(value)
  }
  await execute([{ run: coros.countUp, constants: { items, file: '' } }, { run: coros.addOneAtOnce }, { run: sum }])
  return taken()
}

/** The sum comes by a file, because what a worker has summed up is not known here. */
async function onTasks(items: number, { place, workers, packets }: Setting): Promise<number> {
  const file = join(tmpdir(), `pipelines-w13-${process.pid}`)
  const constants = { items, file }
  await execute(
    [
      { run: coros.countUp, constants, packetsInFlight: packets },
      { run: coros.addOne, workers, packetsInFlight: packets },
      { run: coros.addUp, constants },
    ],
    { parallelism: place, executors: place === 'thread' ? onThreads() : inProcesses() },
  )
  const sum = Number(await readFile(file, 'utf8'))
  await rm(file)
  return sum
}

interface Setting {
  readonly place: Exclude<Parallelism, 'coroutine'>
  readonly workers: number
  readonly packets: number
}
