import { type Context, DROP, type SourceOutput } from '@pipelines/core'
import { type CoroMap, type GraphDocument, type NodeDocument, type Pipeline, Plumber } from '@pipelines/plumber'
import { feedInlets } from './feed.js'
import {
  faltersOf,
  itemsOf,
  LANE,
  type RandomGraph,
  type RandomNode,
  Refusal,
  resultsOf,
  textOf,
  wiringOf,
} from './graph-model.js'
import { hashOf } from './random.js'
import type { Seen } from './reference.js'
import type { Scheduler } from './scheduler.js'

/** A throw of a coroutine that is not called again, and how many packets were in its call. */
export interface Thrown {
  readonly error: Refusal
  readonly weight: number
}

/** A random graph with coroutines. It is itself what the reference has to know of a run: give it to `expectedOf`. */
export interface Playable extends Seen {
  readonly document: GraphDocument
  /** What the document names and does not hold. */
  readonly coroMap: CoroMap
  readonly plumber: Plumber
  /** What `run` is to be fed with; absent for a graph without inlets. */
  readonly input: Readonly<Record<string, AsyncIterable<string>>> | undefined
  /** What its coroutines have thrown so far. */
  readonly thrown: readonly Thrown[]
}

interface Notes {
  readonly thrown: Thrown[]
  readonly refused: Set<string>
  readonly retried: Map<string, number>
}

/** What nodes partition by: one of three keys. */
const lane = (input: unknown, { node }: Context): number => hashOf(`lane of ${node} ${JSON.stringify(input)}`) % 3

/** Gives a graph its coroutines, all of which wait at the scheduler. */
export function playable(graph: RandomGraph, scheduler: Scheduler): Playable {
  const notes: Notes = { thrown: [], refused: new Set(), retried: new Map() }
  const nodes = new Map(graph.nodes.map((node) => [node.name, documentOf(node, scheduler, notes)]))
  const written = graph.keys.flatMap((name) => [...nodes].filter(([other]) => other === name))
  const document = { nodes: Object.fromEntries(written), graph: wiringOf(graph) }
  const input = Object.fromEntries(feedsOf(graph, scheduler))
  const coroMap = { [LANE]: lane }
  return {
    ...notes,
    document,
    coroMap,
    plumber: new Plumber(document, { coroMap }),
    input: Object.keys(input).length === 0 ? undefined : input,
  }
}

/** Puts the items of every inlet, one after the other, and ends it; stops where a put is refused. Never rejects. */
export function feed(graph: RandomGraph, scheduler: Scheduler, pipeline: Pipeline): Promise<void> {
  return feedInlets(pipeline, new Map(feedsOf(graph, scheduler)))
}

function feedsOf(graph: RandomGraph, scheduler: Scheduler): [string, AsyncIterable<string>][] {
  return graph.nodes
    .filter(({ style }) => style === 'fed')
    .map((inlet): [string, AsyncIterable<string>] => [inlet.name, asyncItems(inlet, scheduler)])
}

function documentOf(node: RandomNode, scheduler: Scheduler, notes: Notes): NodeDocument {
  const { properties, inputs, style } = node
  if (inputs.length > 0) return { coro: mapCoro(node, scheduler, notes), properties }
  return { coro: style === 'fed' ? 'std.inlet' : sourceCoro(node, scheduler), properties }
}

function sourceCoro(node: RandomNode, scheduler: Scheduler): (output: SourceOutput) => unknown {
  const items = itemsOf(node)
  switch (node.style) {
    case 'generator':
      return function* () {
        yield* items
      }
    case 'asyncGenerator':
      return () => asyncItems(node, scheduler)
    case 'put':
      return async (output) => {
        for (const item of items) {
          await scheduler.step(`${node.name} ${item}`)
          await output.put(item)
        }
      }
    default:
      return () => items
  }
}

async function* asyncItems(node: RandomNode, scheduler: Scheduler): AsyncGenerator<string> {
  for (const item of itemsOf(node)) {
    await scheduler.step(`${node.name} ${item}`)
    yield item
  }
}

/** The coroutine of a node: it is called with one input, or with several. */
function mapCoro(node: RandomNode, scheduler: Scheduler, notes: Notes) {
  const { batch, emit } = node.properties
  const single = (input: unknown, attempt: number): readonly string[] =>
    make(node, [input], { attempt, notes })[0] ?? []
  function* results(input: unknown, attempt: number): Generator<string> {
    try {
      yield* single(input, attempt)
    } catch (error) {
      if (emit === 'atomic') yield `${node.name} fails after this`
      throw error
    }
  }
  function* generate(input: unknown, attempt: number) {
    yield* results(input, attempt)
    yield DROP
  }
  async function* generateLate(input: unknown, attempt: number) {
    await scheduler.step(`${node.name} ${textOf(node, input)}`)
    for (const result of results(input, attempt)) {
      yield result
      await scheduler.step(`${node.name} after ${result}`)
    }
  }
  return (input: unknown, { attempt }: Context): unknown => {
    if (batch !== undefined) {
      const members = membersOf(node, input)
      const label = `${node.name} ${members.map((member) => textOf(node, member)).join(' and ')}`
      return scheduler.after(label, () => make(node, members, { attempt, notes }).map(([result]) => result ?? DROP))
    }
    if (node.style === 'asyncGenerator') return generateLate(input, attempt)
    if (node.style === 'generator') return generate(input, attempt)
    const plain = (): unknown => single(input, attempt)[0] ?? DROP
    const work = node.style === 'promisedGenerator' ? () => generate(input, attempt) : plain
    return scheduler.after(`${node.name} ${textOf(node, input)}`, work)
  }
}

/** The members of a batch. Throws a TypeError for anything else. */
function membersOf({ name, properties }: RandomNode, input: unknown): readonly unknown[] {
  const { size = 0 } = properties.batch ?? {}
  if (Array.isArray(input) && input.length >= 1 && input.length <= size) return input
  throw new TypeError(`${name} has batches of ${size}, and was given ${JSON.stringify(input)}`)
}

interface Making {
  readonly attempt: number
  readonly notes: Notes
}

/** What a call makes of each of its inputs. Throws, and notes it, where the call fails. */
function make(node: RandomNode, inputs: readonly unknown[], { attempt, notes }: Making): string[][] {
  const { name, properties } = node
  const values = inputs.map((input) => textOf(node, input))
  const results = values.map((value) => resultsOf(node, value))
  const made = results.filter((result) => Array.isArray(result))
  const falters = Math.max(...values.map((value) => faltersOf(node, value)))
  if (made.length === results.length && attempt > falters) return made
  const error = results.find((result) => result instanceof Refusal) ?? new Refusal(`${name} falters at ${values}`)
  if (attempt < (properties.retry?.attempts ?? 1)) notes.retried.set(name, (notes.retried.get(name) ?? 0) + 1)
  else {
    if (properties.batch !== undefined) for (const value of values) notes.refused.add(`${name} ${value}`)
    notes.thrown.push({ error, weight: inputs.flatMap(partsOf).length })
  }
  throw error
}

/** The packets that an input was made of. */
const partsOf = (input: unknown): unknown[] => [input].flat(2).filter((part) => part !== undefined)
