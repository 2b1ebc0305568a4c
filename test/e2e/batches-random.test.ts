import { DROP, defineCoro } from '@pipelines/core'
import type { Plumber, Successor } from '@pipelines/plumber'
import { hashOf, type Random, randomOf, Scheduler } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { windowed } from '../support/batches.js'
import { nodeOf, type Pipeline, type Report, range, type Stage, turns } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { type Roots, rootsOf } from '../support/ledger.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { stillClock } from '../support/still-clock.js'

/*
 * Random chains and diamonds with batches, under windows that are much smaller than usual, run in random orders of events
 * and compared with what one item after the other gives when it goes through the same nodes, without any queue.
 *
 * Replay a seed with: SEED=123 npx vitest run --project e2e test/e2e/batches-random.test.ts
 */
const seeds = seedsOf(150, 1_500)

stillClock()

interface Work {
  readonly kind: 'work'
  readonly name: string
  readonly filters: boolean
  readonly fails: boolean
  readonly properties: Properties
}

/** Branches that begin at the node before and end in a join; an empty one is an edge. */
interface Diamond {
  readonly kind: 'diamond'
  readonly branches: readonly Line[]
  readonly join: Work
}

type Line = readonly (Work | Diamond)[]

interface Properties {
  readonly workers: number
  readonly ordered: boolean
  readonly queueSize: number
  readonly fuse: boolean
  readonly onError: 'skip'
  readonly batch?: { readonly size: number; readonly maxWaitMs?: number }
  readonly packetsInFlight?: number
  readonly partitionBy?: 'key'
}

interface Drawn {
  readonly seed: number
  readonly items: number
  readonly line: Line
  readonly windows: Readonly<Record<string, number>>
  /** Whether everything leaves in order. */
  readonly inOrder: boolean
  readonly ledger: boolean
}

class Drawing {
  readonly #random: Random
  readonly #inFlight: boolean
  readonly #allOrdered: boolean
  readonly #waits: boolean
  readonly names: string[] = ['src']

  /** @param waits whether some batches may wait for so long */
  constructor(random: Random, waits: boolean) {
    this.#random = random
    this.#waits = waits
    this.#inFlight = random.chance(0.3)
    this.#allOrdered = random.chance(0.5)
  }

  line(depth: number, least: number): Line {
    const length = this.#random.integer(least, depth === 0 ? 4 : 2)
    return range(length).map(() =>
      depth < 3 && this.#random.chance(depth === 0 ? 0.5 : 0.3) ? this.#diamond(depth) : this.#work(),
    )
  }

  #diamond(depth: number): Diamond {
    const plain = this.#random.chance(0.5)
    const branches = range(this.#random.integer(plain ? 1 : 2, 3)).map(() => this.line(depth + 1, 1))
    // The edge is the first part of a tuple: the node before is the first of them in the graph.
    return { kind: 'diamond', branches: plain ? [[], ...branches] : branches, join: this.#work() }
  }

  #work(): Work {
    const random = this.#random
    const name = `n${this.names.length}`
    this.names.push(name)
    const batch = random.chance(0.45) && {
      size: random.integer(1, 7),
      ...(random.chance(0.15) && this.#waits && { maxWaitMs: random.integer(0, 100) }),
    }
    const properties: Properties = {
      workers: random.chance(0.6) ? 1 : random.integer(2, 4),
      ordered: this.#allOrdered || random.chance(0.5),
      queueSize: random.integer(1, 4),
      fuse: random.chance(0.5),
      onError: 'skip',
      ...(batch && { batch }),
      ...(this.#inFlight && random.chance(0.5) && { packetsInFlight: random.integer(1, 3) }),
      ...(!batch && random.chance(0.2) && { partitionBy: 'key' as const }),
    }
    return { kind: 'work', name, filters: random.chance(0.25), fails: random.chance(0.2), properties }
  }
}

function drawn(seed: number, { waits = true } = {}): Drawn {
  const random = randomOf(seed)
  const drawing = new Drawing(random, waits)
  const line = drawing.line(0, 2)
  const narrow = random.integer(1, 4)
  const windows = Object.fromEntries(
    drawing.names
      .filter(() => random.chance(0.8))
      .map((name) => [name, random.chance(0.5) ? narrow : random.integer(1, 6)]),
  )
  const all = worksOf(line)
  const inOrder = all.every(({ properties: { ordered, workers } }) => ordered || workers === 1)
  const joins = joinsOf(line).every(({ properties: { ordered } }) => ordered)
  return { seed, items: random.integer(1, 25), line, windows, inOrder: inOrder && joins, ledger: random.chance(0.5) }
}

/** All nodes of a line, joins too. */
function worksOf(line: Line): Work[] {
  return line.flatMap((part) => (part.kind === 'work' ? [part] : [...part.branches.flatMap(worksOf), part.join]))
}

function joinsOf(line: Line): Work[] {
  return line.flatMap((part) => (part.kind === 'work' ? [] : [...part.branches.flatMap(joinsOf), part.join]))
}

/** What a node makes of one value; what it throws for, where it is called with one at a time. */
const keeps = ({ name, filters }: Work, value: string): boolean => !filters || hashOf(`${name} keeps ${value}`) % 3 > 0
const refuses = ({ name, fails }: Work, values: readonly string[]): boolean =>
  fails && hashOf(`${name} refuses ${values.join(' ')}`) % 6 === 0
const made = ({ name }: Work, value: string): string => `${value}/${name}`
const textOf = (input: unknown): string => (Array.isArray(input) ? `(${input.map(textOf).join(' ')})` : String(input))

/** The key of what comes to a node that is partitioned. */
const keyOf = (input: unknown): number => hashOf(textOf(input)) % 3

/** A stream coroutine that wants so many. */
const taking = (count: number): object =>
  defineCoro({
    kind: 'stream',
    run: async function* (inputs: AsyncIterable<unknown>) {
      let left = count
      for await (const value of inputs) {
        yield value
        if (--left === 0) return
      }
    },
  })

interface Ways {
  /** Without it there are no timers, and the clock is the usual one. */
  readonly waits?: boolean
  /** After how many outputs nobody wants more; absent: all are wanted. */
  readonly takes?: number
  /** Whether items come as requests, and not from a source. */
  readonly asked?: boolean
}

/** A run: coroutines that wait at a scheduler, and what they have seen. */
class Play {
  readonly drawn: Drawn
  readonly scheduler: Scheduler
  readonly plumber: Plumber
  /** Values of batches that were refused, by node: which come together is up to the order of events. */
  readonly refused = new Set<string>()
  /** Batches that were full, and those that went ahead before that while there was more to come. */
  readonly sizes = { full: 0, early: 0 }
  readonly complaints: string[] = []
  /** Whether every node has as many workers as the graph says, all the time. */
  steady = true
  #ended = false

  constructor(drawn: Drawn, { takes, asked }: Ways = {}) {
    this.drawn = drawn
    this.scheduler = new Scheduler(drawn.seed)
    const nodes: Record<string, Stage> = { src: asked ? 'std.inlet' : this.#source() }
    const graph: Record<string, Successor[]> = {}
    const last = this.#wire(drawn.line, 'src', { nodes, graph })
    if (takes !== undefined) {
      nodes.take = taking(takes)
      graph[last] = ['take']
    }
    this.plumber = windowed(drawn.windows, nodes, graph, { coroMap: { key: keyOf } as never })
  }

  /** Adds a line behind a node; gives the last node of it. */
  #wire(
    line: Line,
    before: string,
    into: { nodes: Record<string, Stage>; graph: Record<string, Successor[]> },
  ): string {
    const link = (from: string, to: string) => {
      const list = into.graph[from] ?? []
      into.graph[from] = [...list, to]
    }
    let last = before
    for (const part of line) {
      if (part.kind === 'work') {
        into.nodes[part.name] = { coro: this.#coro(part), properties: part.properties }
        link(last, part.name)
        last = part.name
        continue
      }
      const { join, branches } = part
      const ends = branches.map((branch) => this.#wire(branch, last, into))
      into.nodes[join.name] = { coro: this.#coro(join), properties: join.properties }
      for (const end of ends) link(end, join.name)
      last = join.name
    }
    return last
  }

  #source() {
    const { scheduler } = this
    const items = range(this.drawn.items)
    const end = () => {
      this.#ended = true
    }
    return async function* () {
      for (const item of items) {
        await scheduler.step(`item ${item}`)
        yield `${item}`
      }
      end()
    }
  }

  #coro(work: Work) {
    const { batch, workers } = work.properties
    const single = (value: string) => {
      if (refuses(work, [value])) throw new Error(`${work.name} refuses ${value}`)
      return keeps(work, value) ? made(work, value) : DROP
    }
    const together = (values: readonly string[]) => {
      if (!refuses(work, values)) return values.map((value) => (keeps(work, value) ? made(work, value) : DROP))
      for (const value of values) this.refused.add(`${work.name} ${value}`)
      throw new Error(`${work.name} refuses ${values}`)
    }
    let running = 0
    const keys = new Set<number>()
    return (input: unknown): unknown => {
      const key = keyOf(input)
      if (work.properties.partitionBy && keys.has(key)) this.complaints.push(`${work.name} has two of a key`)
      keys.add(key)
      if (++running > workers && this.steady) this.complaints.push(`${work.name} has ${running} calls at once`)
      const values = batch === undefined ? [textOf(input)] : (input as unknown[]).map(textOf)
      if (batch !== undefined) {
        if (values.length < 1 || values.length > batch.size) this.complaints.push(`${work.name} got ${values.length}`)
        if (values.length === batch.size) this.sizes.full++
        else if (!this.#ended) this.sizes.early++
      }
      const call = (): unknown => {
        running--
        keys.delete(key)
        return batch === undefined ? single(values[0] ?? '') : together(values)
      }
      return this.scheduler.after(`${work.name} ${values.join(' ')}`, call)
    }
  }
}

interface Counts {
  received: number
  completed: number
  failed: number
  emitted: number
}

/** Sends one item after the other through a line. */
class Reference {
  readonly counts = new Map<string, Counts>()
  readonly #made = new Map<number, string>()
  readonly roots: Record<keyof Roots, number> = { delivered: 0, filtered: 0, errored: 0, aborted: 0, deadLettered: 0 }
  readonly #refused: ReadonlySet<string>
  readonly #leaf: string
  #errored = false
  /** Whether the item came to a call at the leaf that did not fail, even if that gave nothing. */
  #delivered = false

  constructor({ line, items }: Drawn, refused: ReadonlySet<string>) {
    this.#refused = refused
    this.#leaf = worksOf(line).at(-1)?.name ?? ''
    for (const { name } of worksOf(line)) this.counts.set(name, { received: 0, completed: 0, failed: 0, emitted: 0 })
    for (const item of range(items)) {
      this.#errored = false
      this.#delivered = false
      const value = this.#through(line, `${item}`)
      if (value !== undefined) this.#made.set(item, value)
      this.roots[this.#errored ? 'errored' : this.#delivered ? 'delivered' : 'filtered']++
    }
  }

  get values(): string[] {
    return [...this.#made.values()]
  }

  /** What one item gives. */
  valuesOf(item: number): string[] {
    const value = this.#made.get(item)
    return value === undefined ? [] : [value]
  }

  #through(line: Line, item: string): string | undefined {
    let value: string | undefined = item
    for (const part of line) {
      if (value === undefined) return undefined
      value = part.kind === 'work' ? this.#call(part, value, 1) : this.#join(part, value)
    }
    return value
  }

  #join({ branches, join }: Diamond, item: string): string | undefined {
    const parts = branches.map((branch) => this.#through(branch, item)).filter((part) => part !== undefined)
    if (parts.length === branches.length) return this.#call(join, textOf(parts), parts.length)
    // What came is worked off without a call.
    const counts = this.#of(join)
    counts.received += parts.length
    counts.completed += parts.length
    return undefined
  }

  /** Of a join, a call has several packets. */
  #call(work: Work, value: string, packets: number): string | undefined {
    const counts = this.#of(work)
    counts.received += packets
    const batched = work.properties.batch !== undefined
    if (batched ? this.#refused.has(`${work.name} ${value}`) : refuses(work, [value])) {
      counts.failed += packets
      this.#errored = true
      return undefined
    }
    counts.completed += packets
    if (work.name === this.#leaf) this.#delivered = true
    if (!keeps(work, value)) return undefined
    counts.emitted++
    return made(work, value)
  }

  #of({ name }: Work): Counts {
    const counts = this.counts.get(name)
    if (counts === undefined) throw new RangeError(`There is no node "${name}".`)
    return counts
  }
}

function expectAsComputed(play: Play, report: Report, values: readonly unknown[]): void {
  const { drawn } = play
  const expected = new Reference(drawn, play.refused)
  expect(play.complaints).toEqual([])
  expectBalancedBooks(report, [])
  expect(report).toMatchObject({ outcome: 'completed', unprocessed: [], abandoned: [] })
  const inOrder = (list: readonly unknown[]) => (drawn.inOrder && play.steady ? list : list.toSorted())
  expect(inOrder(values)).toEqual(inOrder(expected.values))
  for (const [name, counts] of expected.counts)
    expect(report.nodes[name], `node "${name}"`).toMatchObject({ ...counts, unprocessed: 0, late: 0, retried: 0 })
  if (drawn.ledger) expect(rootsOf(report)).toEqual(expected.roots)
}

type Drive = (play: Play, pipeline: Pipeline, values: readonly unknown[]) => Promise<void>

/** Runs a random graph as `drive` says. */
async function played(seed: number, drive: Drive, ways: Ways = {}): Promise<void> {
  const { waits = true } = ways
  const play = new Play(drawn(seed, { waits }), ways)
  const { scheduler } = play
  const restore = waits ? scheduler.install() : () => {}
  try {
    const values: unknown[] = []
    const pipeline = play.plumber.createPipeline({
      ledger: play.drawn.ledger,
      onOutput: ({ value }) => {
        values.push(value)
        return scheduler.step(`hand over ${value}`)
      },
    })
    await drive(play, pipeline, values)
    await scheduler.releaseAll()
    expect(scheduler.clock.timers.map(({ label }) => label)).toEqual([])
  } finally {
    restore()
  }
}

/** Lets a random part of a run happen. */
const begin = ({ scheduler, drawn: { seed } }: Play, pipeline: Pipeline): Promise<boolean> =>
  scheduler.drive(pipeline.settled, { releases: randomOf(seed).integer(0, 80) })

/** How many packets a report counts as unprocessed, at nodes and on edges. */
function unprocessedIn({ nodes, edges }: Report): number {
  return [...Object.values(nodes), ...edges].reduce((sum, { unprocessed }) => sum + unprocessed, 0)
}

describe('random graphs with batches', manySeeds, () => {
  test('give what each item gives by itself, whatever comes together', async () => {
    const found = { full: 0, early: 0 }
    const play: Drive = async (play, pipeline, values) => {
      await play.scheduler.drive(pipeline.settled)
      expectAsComputed(play, await pipeline.settled, values)
      found.full += play.sizes.full
      found.early += play.sizes.early
    }
    for (const seed of seeds) await withSeed(seed, () => played(seed, play))
    if (process.env.SEED !== undefined) return
    for (const [what, count] of Object.entries(found)) expect(count, `${what} batches`).toBeGreaterThan(200)
  })

  test('give the same when they pause, go on, and change their workers', async () => {
    const play: Drive = async (play, pipeline, values) => {
      play.steady = false
      const { scheduler, drawn } = play
      const random = randomOf(drawn.seed)
      const works = worksOf(drawn.line)
      while (!(await scheduler.drive(pipeline.settled, { releases: random.integer(0, 20) }))) {
        pipeline.pause()
        for (let releases = random.integer(0, 5); releases > 0; releases--) {
          scheduler.release()
          await turns(3)
        }
        pipeline.setWorkers(random.pick(works).name, random.integer(1, 5))
        pipeline.resume()
      }
      expectAsComputed(play, await pipeline.settled, values)
    }
    for (const seed of seeds) await withSeed(seed, () => played(seed, play))
  })

  test('give some of it when only so much is wanted, and end well', async () => {
    for (const seed of seeds) {
      const takes = randomOf(seed).integer(1, 6)
      const play: Drive = async (play, pipeline, values) => {
        await play.scheduler.drive(pipeline.settled)
        const report = await pipeline.settled
        expect(play.complaints).toEqual([])
        expectBalancedBooks(report, [])
        expect(report).toMatchObject({ outcome: 'completed' })
        const { values: all } = new Reference(play.drawn, play.refused)
        expect(new Set(values).size).toBe(values.length)
        if (worksOf(play.drawn.line).some(({ fails, properties }) => fails && properties.batch)) return
        expect(values).toHaveLength(Math.min(takes, all.length))
        expect(all).toEqual(expect.arrayContaining([...values]))
        if (play.drawn.inOrder) expect(values).toEqual(all.slice(0, takes))
      }
      await withSeed(seed, () => played(seed, play, { takes }))
    }
  })

  test('answer each request with what its item gives by itself, also beside some that are cancelled', async () => {
    const play: Drive = async (play, pipeline) => {
      const { scheduler, drawn } = play
      const items = range(drawn.items)
      const cancels = (item: number) => hashOf(`${item} of ${drawn.seed} is cancelled`) % 5 === 0
      const asked = items.map(async (item) => {
        await scheduler.step(`ask ${item}`)
        const controller = new AbortController()
        const answer = pipeline.processAll(`${item}`, { signal: controller.signal })
        if (!cancels(item)) return answer
        const answered = answer.catch(() => undefined)
        await scheduler.step(`cancel ${item}`)
        controller.abort()
        return answered
      })
      const answers = Promise.all(asked)
      await scheduler.drive(answers)
      await scheduler.drive(pipeline.drain())
      const report = await pipeline.settled
      expectBalancedBooks(report, ['src'])
      expect(report).toMatchObject({ outcome: 'completed' })
      const reference = new Reference(drawn, play.refused)
      for (const [item, values] of (await answers).entries())
        if (!cancels(item)) expect(values, `item ${item}`).toEqual(reference.valuesOf(item))
    }
    for (const seed of seeds) await withSeed(seed, () => played(seed, play, { waits: false, asked: true }))
  })

  test('lose nothing when they are drained at any moment', async () => {
    const play: Drive = async (play, pipeline, values) => {
      await begin(play, pipeline)
      const drained = pipeline.drain()
      await play.scheduler.drive(drained)
      const report = await drained
      const drawn = { ...play.drawn, items: nodeOf(report, 'src').emitted }
      expectAsComputed(Object.assign(play, { drawn }), report, values)
    }
    for (const seed of seeds) await withSeed(seed, () => played(seed, play, { waits: false }))
  })

  test('account for everything when they are doomed at any moment', async () => {
    let held = 0
    const play: Drive = async (play, pipeline, values) => {
      await begin(play, pipeline)
      const doomed = pipeline.doomsday('enough')
      await play.scheduler.drive(doomed)
      const report = await doomed
      const works = worksOf(play.drawn.line)
      expect(play.complaints).toEqual([])
      expectBalancedBooks(report, [])
      expect(report.unprocessed.length).toBeGreaterThanOrEqual(unprocessedIn(report))
      for (const { name, properties } of works) if (properties.batch) held += nodeOf(report, name).unprocessed
      // What a batch refuses is up to what comes together.
      if (works.some(({ fails, properties }) => fails && properties.batch)) return
      expect(new Reference(play.drawn, play.refused).values).toEqual(expect.arrayContaining([...values]))
    }
    for (const seed of seeds) await withSeed(seed, () => played(seed, play))
    if (process.env.SEED === undefined) expect(held, 'items that were in batches').toBeGreaterThan(100)
  })
})

test('the random graphs have what they are made for', () => {
  if (process.env.SEED !== undefined) return
  const all = seeds.map((seed) => drawn(seed))
  const inDiamonds = (line: Line): Work[] =>
    line.flatMap((part) => (part.kind === 'work' ? [] : part.branches.flatMap((branch) => worksOf(branch))))
  const counts = {
    batches: all.filter(({ line }) => worksOf(line).some(({ properties }) => properties.batch)),
    batchesInDiamonds: all.filter(({ line }) => inDiamonds(line).some(({ properties }) => properties.batch)),
    batchesThatJoin: all.filter(({ line }) => joinsOf(line).some(({ properties }) => properties.batch)),
    nested: all.filter(({ line }) =>
      line.some((part) => part.kind === 'diamond' && part.branches.some((branch) => joinsOf(branch).length > 0)),
    ),
    inOrder: all.filter(({ inOrder }) => inOrder),
    inAnyOrder: all.filter(({ inOrder }) => !inOrder),
    partitions: all.filter(({ line }) => worksOf(line).some(({ properties }) => properties.partitionBy)),
    inFlight: all.filter(({ line }) => worksOf(line).some(({ properties }) => properties.packetsInFlight)),
  }
  for (const [what, { length }] of Object.entries(counts)) expect(length, what).toBeGreaterThan(25)
})
