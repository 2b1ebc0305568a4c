import { DROP, defineCoro, NODE_PROPERTIES } from '@pipelines/core'
import type { Random } from '@pipelines/testkit'
import { FOREIGN, listOfLength, nested, revoked, trapped, unreadable } from './hostile.js'

/**
 * Documents as nobody would write them: valid ones with a few things done to them, texts with a few characters wrong,
 * and values of which none ever was a document. Everything is drawn from a seed.
 */

/** A document, and what it is checked with. */
export interface Fuzzed {
  readonly document: unknown
  readonly options: object
}

type Table = Record<string, unknown>
/** A place in a document: an object or list, and one of its keys. */
interface Spot {
  readonly owner: Table
  readonly key: string
}

/** Coroutines that do next to nothing, one of each kind. A source gives two values, and a leaf something. */
export const FUZZ_COROS = {
  any: (): unknown => [1, 2],
  three: (): unknown => [1, 2, 3],
  none: (): unknown => DROP,
  fails: (): unknown => {
    throw new Error('as ever')
  },
  *some(): Generator<unknown> {
    yield [1, 2]
    yield [3, 4]
  },
  group: { any: (): unknown => [3, 4], deep: { any: (): unknown => [5, 6] } },
  ports: defineCoro({ emits: ['a', 'b'], run: () => [1, 2] }),
  steady: defineCoro({ oneToOne: true, run: () => 1 }),
  state: defineCoro({ setup: () => 1, run: () => [1, 2], flush: () => DROP, teardown: () => undefined }),
  args: defineCoro({
    args: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } },
    run: () => [1, 2],
  }),
  refs: defineCoro({ refs: ['f', 'g'], run: () => [1, 2] }),
  source: defineCoro({ kind: 'source', run: () => [1, 2] }),
  stream: defineCoro({
    kind: 'stream',
    async *run(inputs: AsyncIterable<unknown>) {
      for await (const input of inputs) yield input
    },
  }),
  NotOne: class {},
  text: 'not a function',
}

const REFS = [
  ...['any', 'any', 'any', 'steady', 'group.any', 'group.deep.any', 'state', 'ports', 'stream', 'none', 'args', 'refs'],
  ...['some', 'fails'],
  'std.inlet',
]
/** Names of what is in the coroMap and no coroutine. */
const NO_COROS = ['NotOne', 'text', 'group', 'group.deep', 'any.name']
const KEYS = [
  ...Object.keys(NODE_PROPERTIES),
  ...Object.values(NODE_PROPERTIES).flatMap(({ schema }) => Object.keys(schema['properties'] ?? {})),
  ...['aggregate_inputs', '$schema', 'version', 'name', 'nodes', 'graph', 'coro', 'args', 'properties', 'description'],
  ...[
    'to',
    'port',
    'queueSize',
    'n',
    'f',
    'n0',
    'n1',
    'n2',
    'N1',
    'n_1',
    'm1',
    'any',
    'node',
    'workres',
    'x',
    '0',
    '1',
  ],
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'then',
    'length',
    '',
    'a b',
    'a/b~',
    '\ud800',
    '名',
    '\u0000',
  ],
]

/** A document of a few nodes in which nothing is wrong but what chance puts together. */
export function validDocument(random: Random): Table {
  const names = Array.from({ length: random.integer(1, 8) }, (_, n) => `n${n}`)
  const nodes: Table = {}
  const graph: Table = {}
  for (const [place, name] of names.entries()) {
    const isSource = place === 0 || random.chance(0.15)
    const from = names.slice(0, place).filter(() => random.chance(0.5))
    if (!isSource)
      for (const other of from.length === 0 ? [names[place - 1] ?? ''] : from) connect(random, graph, other, name)
    nodes[name] = node(random, isSource)
  }
  for (const name of names) if (random.chance(0.8)) routeErrors(graph, name, nodes[name] as Table)
  return { ...(random.chance(0.2) && { version: 1, name: 'fuzz' }), nodes, graph }
}

/** Gives a node that routes what fails a port for it. */
function routeErrors(graph: Table, name: string, { properties }: Table): void {
  const [first, ...others] = (graph[name] ?? []) as unknown[]
  if ((properties as Table | undefined)?.['onError'] !== 'route' || first === undefined) return
  graph[name] = [typeof first === 'string' ? { to: first, port: 'error' } : { ...first, port: 'error' }, ...others]
}

function connect(random: Random, graph: Table, from: string, to: string): void {
  const list = (graph[from] ?? []) as unknown[]
  graph[from] = list
  list.push(
    random.chance(0.85)
      ? to
      : {
          to,
          ...(random.chance(0.3) && { port: random.pick(['a', 'b', 'out', 'error']) }),
          queueSize: random.integer(1, 3),
        },
  )
}

function node(random: Random, isSource: boolean): Table {
  const coro = isSource
    ? random.pick(['any', 'source', 'group.any', 'three', 'std.inlet'])
    : random.pick(REFS.slice(0, -1))
  const properties: Table = {}
  const set = (key: string, values: readonly unknown[], share = 0.15): void => {
    if (random.chance(share)) properties[key] = random.pick(values)
  }
  set('queueSize', [1, 2, 64])
  set('fuse', [true, false])
  set('aggregateInputs', [true, false])
  if (!isSource) {
    set('workers', [0, 1, 2, 5])
    set('ordered', [true, false])
    set('onError', ['fail', 'skip', 'skip', 'route'], coro === 'stream' ? 0.05 : 0.2)
    set('missing', ['skip', 'partial'], 0.05)
    set('collect', ['all', 'product'], 0.05)
    set('unequal', ['shortest', 'longest'], 0.05)
    set('match', ['lineage', 'position'], 0.05)
    // Called once for all items, it can have nearly none of these.
    if (coro !== 'stream' || random.chance(0.1)) setCalls(random, set)
    if ('onError' in properties) set('maxErrors', [{ count: 1, perMs: 1000 }])
  }
  const args = { n: 1, f: 'any', g: ['any', 'group.any'], list: [1, { x: 1 }] }
  return {
    coro,
    ...((['args', 'refs'].includes(coro) || random.chance(0.1)) && { args }),
    ...(random.chance(0.5) && { properties }),
  }
}

/** Settings of calls, with how often there is one. None makes a run take long. */
const CALLS: readonly (readonly [key: string, values: readonly unknown[], share: number])[] = [
  ['packetsInFlight', [1, 2, 64], 0.1],
  ['timeoutMs', [1_000, 2 ** 31 - 1], 0.1],
  ['retry', [{ attempts: 1 }, { attempts: 3, minDelayMs: 0 }, { attempts: 2, maxDelayMs: 1, jitter: 'none' }], 0.1],
  ['rateLimit', [1, 1000].map((count) => ({ count, perMs: 1 })), 0.1],
  ['emit', ['atomic'], 0.1],
]

/** Of these, a node has one. */
const GROUPS: readonly (readonly [key: string, values: readonly unknown[]])[] = [
  ['batch', [{ size: 1 }, { size: 2 }, { size: 3, maxWaitMs: 1 }, { size: 2, returns: 'one' }]],
  ['window', [{ size: 1 }, { size: 2, step: 3 }, { size: 3, partial: true }]],
  ['stateful', [true, false, 1, 2]],
  ['partitionBy', ['any', 'any', 'none', 'group.any', 'gone', 'state']],
]

function setCalls(random: Random, set: (key: string, values: readonly unknown[], share?: number) => void): void {
  for (const setting of CALLS) set(...setting)
  if (random.chance(0.3)) set(...random.pick(GROUPS), 1)
}

/** Something that is checked with these options. */
export function fuzzed(random: Random): Fuzzed {
  const options = { coroMap: FUZZ_COROS, ...(random.chance(0.1) && { limits: limits(random) }) }
  const kind = random.integer(1, 20)
  if (kind === 1) return { document: junk(random, 4), options }
  if (kind === 2) return { document: random.pick([...Object.values(FOREIGN), ...hostile()]), options }
  const document = validDocument(random)
  for (let rest = random.pick([0, 0, 0, 1, 1, 2, 3, 6]); rest > 0; rest--) mutate(random, document)
  return { document: random.chance(0.3) ? asText(random, document) : document, options }
}

function limits(random: Random): Table {
  const names = [
    'bytes',
    'depth',
    'values',
    'nodes',
    'edges',
    'inputs',
    'workers',
    'queueSize',
    'tokens',
    'issues',
    'nods',
  ]
  const value = (): unknown => (random.chance(0.9) ? random.pick([1, 2, 3, 5, 20, Infinity]) : junk(random, 1))
  return Object.fromEntries([random.pick(names), random.pick(names)].map((name) => [name, value()]))
}

const hostile = (): unknown[] => [
  revoked({}),
  revoked([]),
  trapped({}),
  trapped([]),
  unreadable('nodes'),
  listOfLength(-1),
]

/** A value that may be anything, with more of them in it. */
function junk(random: Random, depth: number): unknown {
  const inner = (): unknown => junk(random, depth - 1)
  switch (random.integer(depth > 0 ? 1 : 4, 12)) {
    case 1:
      return Object.fromEntries(Array.from({ length: random.integer(0, 4) }, () => [random.pick(KEYS), inner()]))
    case 2:
      return Array.from({ length: random.integer(0, 4) }, inner)
    case 3:
      return define({}, random.pick(KEYS), inner())
    case 4:
      return random.pick([Number.NaN, Infinity, -Infinity, -0, -1, 0.5, 2 ** 53, 1e308, random.integer(-3, 1_000_000)])
    case 5:
      return random.pick(Object.values(FOREIGN))
    case 6:
      return random.pick(hostile())
    case 7:
      return [undefined, null, true, false][random.integer(0, 3)]
    case 8:
      return random.pick([
        '',
        '\ud800',
        '\u0000',
        'out',
        'inline',
        'fail',
        'skip',
        'position',
        'x'.repeat(random.pick([300, 20_000])),
      ])
    case 9:
      return random.pick([FUZZ_COROS.any, FUZZ_COROS.steady, FUZZ_COROS.NotOne, trapped(FUZZ_COROS.any)])
    case 10:
      return nested(random.pick([3, 70, 500]), random.chance(0.5))
    default:
      return random.pick([...KEYS, ...REFS, ...NO_COROS])
  }
}

/** Sets a key, whatever it is called and whatever was there. */
function define(owner: object, key: string, value: unknown): object {
  if (!Array.isArray(owner) || key !== 'length')
    Reflect.defineProperty(owner, key, { value, enumerable: true, writable: true, configurable: true })
  return owner
}

/** What is there, unless a getter is. */
const valueAt = ({ owner, key }: Spot): unknown => Object.getOwnPropertyDescriptor(owner, key)?.value

/** Does one thing to a document. */
function mutate(random: Random, document: Table): void {
  const spots = spotsOf(document)
  const spot = spots.length === 0 ? undefined : random.pick(spots)
  if (spot === undefined) return
  const { owner, key } = spot
  const other = random.pick(spots)
  switch (random.integer(1, 16)) {
    case 1:
    case 2:
      define(owner, key, junk(random, 2))
      break
    case 13:
    case 14:
      changeCoro(random, document)
      break
    case 3:
      delete owner[key] // of a list: leaves a hole
      break
    case 4:
      define(owner, random.pick(KEYS), valueAt(spot))
      delete owner[key]
      break
    case 5:
      define(owner, random.pick(KEYS), junk(random, 1))
      break
    case 6:
      define(owner, misspelt(random, key), valueAt(spot))
      break
    case 7:
      define(
        owner,
        key,
        misspelt(random, String(random.pick([...REFS, ...NO_COROS, 'n0', 'n1', 'n2', 'skip', 'lineage']))),
      )
      break
    case 8:
      define(owner, key, other.owner) // the same object in two places, or in itself
      break
    case 9:
      define(owner, key, valueAt(other))
      break
    case 10:
      Reflect.defineProperty(owner, key, { ...Object.getOwnPropertyDescriptor(unreadable('x'), 'x') })
      break
    case 11:
      if (Array.isArray(owner)) owner.push(...entriesOf(owner))
      else define(owner, key, [valueAt(spot), valueAt(spot)])
      break
    case 12:
      if (Array.isArray(owner)) owner.length += random.integer(1, 3)
      break
    default:
      addEdge(random, document)
  }
}

/** Every key of every plain object and list in a document. Getters are not called. */
function spotsOf(document: Table): Spot[] {
  const spots: Spot[] = []
  const owners = new Set<Table>([document])
  for (const owner of owners) {
    for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
      if (Array.isArray(owner) && key === 'length') continue
      spots.push({ owner, key })
      if (spots.length < 500 && isPlain(value)) owners.add(value)
    }
  }
  return spots
}

function isPlain(value: unknown): value is Table {
  try {
    if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return false
    const prototype: unknown = Object.getPrototypeOf(value)
    return prototype === Object.prototype || prototype === Array.prototype
  } catch {
    return false
  }
}

/** Another coroutine for one of the nodes, or none. */
function changeCoro(random: Random, document: Table): void {
  const nodes = valueAt({ owner: document, key: 'nodes' })
  const node = isPlain(nodes) ? valueAt({ owner: nodes, key: `n${random.integer(0, 7)}` }) : undefined
  const code = [
    FUZZ_COROS.any,
    FUZZ_COROS.steady,
    FUZZ_COROS.NotOne,
    trapped(FUZZ_COROS.any),
    trapped(FUZZ_COROS.steady),
  ]
  if (isPlain(node)) define(node, 'coro', random.chance(0.3) ? random.pick(code) : random.pick([...REFS, ...NO_COROS]))
}

/** An edge that may close a cycle, be there already, or lead nowhere. */
function addEdge(random: Random, document: Table): void {
  const graph = valueAt({ owner: document, key: 'graph' })
  if (!isPlain(graph)) return
  const name = (): string => (random.chance(0.95) ? `n${random.integer(0, 8)}` : random.pick(KEYS))
  const from = name()
  const to = random.chance(0.7) ? name() : { to: name(), port: random.pick(['a', 'b', 'out', ...KEYS]) }
  define(graph, from, [...entriesOf(valueAt({ owner: graph, key: from })), to])
}

/** What is in a list, if it is one that can be read. */
function entriesOf(list: unknown): readonly unknown[] {
  try {
    return Array.isArray(list) ? [...list] : []
  } catch {
    return []
  }
}

function misspelt(random: Random, text: string): string {
  const place = random.integer(0, text.length)
  const [start, end] = [text.slice(0, place), text.slice(place)]
  return random.pick([
    start + end.slice(1),
    `${start}x${end}`,
    start.toUpperCase() + end,
    text + text,
    start.replace('.', '..') + end,
  ])
}

/** The document as text, if it can be one, with perhaps a few characters wrong. */
function asText(random: Random, document: unknown): unknown {
  const text = textOf(document)
  if (text === undefined) return document
  return Array.from({ length: random.pick([0, 0, 1, 2]) }).reduce((before: string) => mangled(random, before), text)
}

function textOf(document: unknown): string | undefined {
  try {
    return JSON.stringify(document)
  } catch {
    return undefined
  }
}

function mangled(random: Random, text: string): string {
  const place = random.integer(0, text.length)
  const [start, end] = [text.slice(0, place), text.slice(place)]
  const more = random.pick([...'{}[]",:0eE-\\\u0000\n x'])
  return random.pick([start, start + end.slice(1), start + more + end, start + start + end])
}
