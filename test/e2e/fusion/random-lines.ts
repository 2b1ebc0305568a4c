import { type Context, DROP, defineCoro } from '@pipelines/core'
import type { Successor } from '@pipelines/plumber'
import { hashOf, type Random, randomOf } from '@pipelines/testkit'
import { having, range, type Stage, turns } from '../../support/blackbox.js'
import { FEEDS, type Play, type Run, type Scenario } from './both-ways.js'

/*
 * Random chains, and diamonds of chains, of nodes that do now and then more than return a value.
 */

const DEEDS = [
  'plain',
  'plain',
  'plain',
  'plain',
  'drops',
  'gives undefined',
  'gives promises',
  'takes its time',
  'emits',
  'emits meta',
  'emits besides',
  'gives generators',
  'gives async generators',
  'throws',
  'rejects',
  'is async',
  'is a generator',
  'has hooks',
] as const
type Deed = (typeof DEEDS)[number]

interface RandomNode {
  readonly name: string
  readonly deed: Deed
  /** How often it does it: at one of so many. */
  readonly every: number
  readonly properties: Readonly<Record<string, unknown>>
  /** Whether it gives one value for each item, or none. */
  readonly certain: boolean
}

/** What is done to the run from inside a call. */
const MEDDLING = ['nothing', 'nothing', 'nothing', 'pause', 'workers', 'tap', 'doomsday', 'drain', 'leave'] as const

const ENDS: ReadonlySet<string> = new Set(['doomsday', 'drain', 'leave'])

/** A graph and how it is run; all drawn from the seed. */
export interface RandomLine {
  readonly seed: number
  readonly scenario: Scenario
  /** Whether something may end it in the middle, so that how far each item has come may differ. */
  readonly mayEnd: boolean
  readonly text: string
}

export function randomLine(seed: number): RandomLine {
  const random = randomOf(seed)
  const shape = random.pick(['chain', 'chain', 'chain', 'diamond', 'diamonds', 'nested', 'fork'] as const)
  const wiring = WIRINGS[shape](random)
  // In front of a join a node gives one value for an item or none, so that what belongs together is certain.
  const certain = shape !== 'chain' && shape !== 'fork'
  const odd = random.pick([0.02, 0.06, 0.12, 0.16])
  const nodes = wiring.names.map((name) => drawNode(random, name, { certain, odd }))
  const values = range(random.integer(0, random.chance(0.2) ? 90 : 25))
  const feed = random.pick(Object.keys(FEEDS))
  const slow = random.pick(['no', 'no', 'now and then', 'each time'])
  const meddler = random.pick(nodes)
  const at = random.integer(0, 12)
  // One that may fail the run, and nobody else who ends it: where there are two, either may be first.
  const failing = random.chance(0.25) ? nodes.find(({ deed }) => deed === 'throws' || deed === 'rejects') : undefined
  const meddling = random.pick(failing === undefined ? MEDDLING : MEDDLING.filter((one) => !ENDS.has(one)))
  const scenario: Scenario = {
    nodes: (play) => ({
      src: FEEDS[feed]?.(values) ?? [],
      ...Object.fromEntries(
        nodes.map((node) => {
          const run = node === meddler ? meddlingRun(play, runOf(node, seed), meddling, at) : runOf(node, seed)
          return [node.name, stageOf(play, node, run, node === failing ? 'fail' : 'skip')]
        }),
      ),
    }),
    graph: wiring.graph,
    options: (play) => ({
      onOutput: (output) => {
        const wait =
          slow === 'each time' || (slow === 'now and then' && hashOf(`${seed} ${play.outputs.size}`) % 3 === 0)
        return wait ? turns(1).then(() => play.take(output)) : play.take(output)
      },
    }),
  }
  const text = `${shape}, ${feed}, ${values.length} values, slow ${slow}, ${meddling} in ${meddler.name} at ${at}, ${failing?.name} fails: ${nodes
    .map(({ name, deed, every, properties }) => `${name} ${deed} ${every} ${JSON.stringify(properties)}`)
    .join('; ')}`
  return { seed, scenario, mayEnd: ENDS.has(meddling) || failing !== undefined, text }
}

/** @param odd how likely each oddity is */
function drawNode(random: Random, name: string, { certain, odd }: { certain: boolean; odd: number }): RandomNode {
  const single = DEEDS.filter((deed) => !/generator|emits besides/.test(deed))
  return {
    name,
    deed: random.chance(6 * odd) ? random.pick(certain ? single : DEEDS) : 'plain',
    every: random.pick([1, 2, 3, 3, 5, 8]),
    certain,
    properties: {
      queueSize: random.pick([1, 1, 2, 3, 16, 64]),
      ...(random.chance(odd) && { fuse: false }),
      // Not both: in which order attempts of several workers come is up to the order of events.
      ...(random.chance(odd) &&
        random.pick([{ workers: random.integer(2, 3) }, { retry: { attempts: 2, minDelayMs: 0 } }])),
      ...(random.chance(odd / 2) && { packetsInFlight: random.integer(1, 3) }),
    },
  }
}

interface Wiring {
  readonly names: readonly string[]
  readonly graph: Readonly<Record<string, readonly Successor[]>>
}

const WIRINGS: Readonly<Record<'chain' | 'diamond' | 'diamonds' | 'nested' | 'fork', (random: Random) => Wiring>> = {
  chain: (random) => {
    const names = namesOf('n', random.integer(1, 7))
    return { names, graph: lineOf(['src', ...names]) }
  },
  fork: (random) => {
    const branches = range(random.integer(2, 3)).map((branch) => namesOf(`b${branch}_`, random.integer(1, 4)))
    return {
      names: ['f', ...branches.flat()],
      graph: Object.assign({ src: ['f'], f: branches.map(([first = '']) => first) }, ...branches.map(lineOf)),
    }
  },
  diamond: (random) => diamondOf(random, '', 'src'),
  nested: nestedOf,
  diamonds: (random) => {
    const first = diamondOf(random, 'x', 'src')
    const second = diamondOf(random, 'y', 'xtail')
    return { names: [...first.names, ...second.names], graph: { ...first.graph, ...second.graph } }
  },
}

/** Branches of chains, one of them perhaps without a node, a join and a node behind that. */
function diamondOf(random: Random, prefix: string, before: string): Wiring {
  const fork = random.chance(0.3) ? before : `${prefix}fork`
  const join = `${prefix}join`
  const tail = `${prefix}tail`
  const branches = range(random.integer(2, 4)).map((branch) => namesOf(`${prefix}b${branch}_`, random.integer(1, 3)))
  const bare = random.chance(0.3) ? [join] : []
  return {
    names: [...(fork === before ? [] : [fork]), ...branches.flat(), join, tail],
    graph: Object.assign(
      {
        ...(fork !== before && { [before]: [fork] }),
        [fork]: [...branches.map(([first = '']) => first), ...bare],
        [join]: [tail],
      },
      ...branches.map((branch) => lineOf([...branch, join])),
    ),
  }
}

/** A diamond in which a node of a branch is followed by a diamond. */
function nestedOf(random: Random): Wiring {
  const outer = diamondOf(random, 'x', 'src')
  const inner = diamondOf(random, 'y', 'xb0_0')
  const graph = { ...outer.graph, ...inner.graph, ytail: outer.graph['xb0_0'] ?? [] }
  return { names: [...outer.names, ...inner.names], graph }
}

const namesOf = (prefix: string, count: number): string[] => range(count).map((n) => `${prefix}${n}`)

const lineOf = (names: readonly string[]): Record<string, string[]> =>
  Object.fromEntries(names.slice(0, -1).map((name, place) => [name, names.slice(place + 1, place + 2)]))

function runOf({ name, deed, every }: RandomNode, seed: number): Run {
  return (value: unknown, context) => {
    const hash = hashOf(`${seed} ${name} ${key(value)}`)
    const given = typeof value === 'number' ? value : key(value)
    return hash % every === 0 ? deedOf(deed, given, context) : given
  }
}

/** What tells one value from another, however deep in tuples it is. */
const key = (value: unknown): string => (Array.isArray(value) ? `(${value.map(key).join()})` : String(value))

function deedOf(deed: Deed, value: unknown, context: Context): unknown {
  switch (deed) {
    case 'drops':
      return DROP
    case 'gives undefined':
      return undefined
    case 'gives promises':
    case 'is async':
      return Promise.resolve(value)
    case 'takes its time':
      return turns(hashOf(key(value)) % 3).then(() => value)
    case 'emits':
      context.emit('out', value)
      return DROP
    case 'emits meta':
      context.emit('out', value, { meta: { [context.node]: key(value) } })
      return DROP
    case 'emits besides':
      context.emit('out', `${key(value)}'`)
      return value
    case 'gives generators':
    case 'is a generator':
      return [value, `${key(value)}'`][Symbol.iterator]()
    case 'gives async generators':
      return (async function* () {
        yield value
        await turns(1)
        yield `${key(value)}'`
      })()
    case 'throws':
      throw new Error(`not ${key(value)}`)
    case 'rejects':
      return Promise.reject(new Error(`not ${key(value)}`))
    case 'plain':
    case 'has hooks':
      return value
  }
}

function stageOf(play: Play, { name, deed, properties, certain }: RandomNode, run: Run, onError: string): Stage {
  const noting = play.noting(name, run)
  const coro: Stage =
    deed === 'is async'
      ? async (value: never, context: Context) => noting(value, context)
      : deed === 'has hooks'
        ? hooked(play, { name, certain }, noting)
        : noting
  return having({ onError, ...properties }, coro)
}

/** How many workers are set up is up to the order of events where there are several. */
function hooked(play: Play, { name, certain }: Pick<RandomNode, 'name' | 'certain'>, run: Run): Stage {
  const life = new Set<string>()
  play.notes.push(life)
  const flush = (): undefined => void life.add(`${name} flush`)
  return defineCoro({
    setup: () => void life.add(`${name} setup`),
    run,
    ...(!certain && { flush }),
    teardown: (_, reason) => void life.add(`${name} teardown ${String(reason)}`),
  })
}

/** The coroutine, which meddles with the run when it has been called so often. */
function meddlingRun(play: Play, run: Run, meddling: (typeof MEDDLING)[number], at: number): Run {
  let calls = 0
  let untap = (): void => {}
  return (value, context) => {
    const call = calls++
    const { pipeline } = play
    if (meddling === 'tap' && call % 4 === 0) untap = pipeline.tap(context.node, () => {})
    if (meddling === 'tap' && call % 4 === 2) untap()
    if (meddling === 'pause' && call % 5 === 2) {
      pipeline.pause()
      setImmediate(() => pipeline.resume())
    }
    if (meddling === 'workers' && call >= at) pipeline.setWorkers(context.node, 1 + (call % 3))
    if (call === at && meddling === 'doomsday') void pipeline.doomsday('meddling')
    if (call === at && meddling === 'drain') void pipeline.drain()
    if (call === at && meddling === 'leave') pipeline.closeOutputs()
    return run(value, context)
  }
}
