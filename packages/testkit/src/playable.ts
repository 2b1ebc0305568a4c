import { DROP, type SourceOutput } from '@pipelines/core'
import { type GraphDocument, type NodeDocument, type Pipeline, Plumber } from '@pipelines/plumber'
import { feedInlets } from './feed.js'
import { itemsOf, type RandomGraph, type RandomNode, Refusal, resultsOf, textOf, wiringOf } from './graph-model.js'
import type { Scheduler } from './scheduler.js'

/** A throw of a coroutine, and how many packets were in its call. */
export interface Thrown {
  readonly error: Refusal
  readonly weight: number
}

/** A random graph with coroutines. */
export interface Playable {
  readonly document: GraphDocument
  readonly plumber: Plumber
  /** What `run` is to be fed with; absent for a graph without inlets. */
  readonly input: Readonly<Record<string, AsyncIterable<string>>> | undefined
  /** What its coroutines have thrown so far. */
  readonly thrown: readonly Thrown[]
}

/** Gives a graph its coroutines, all of which wait at the scheduler. */
export function playable(graph: RandomGraph, scheduler: Scheduler): Playable {
  const thrown: Thrown[] = []
  const nodes = new Map(graph.nodes.map((node) => [node.name, documentOf(node, scheduler, thrown)]))
  const written = graph.keys.flatMap((name) => [...nodes].filter(([other]) => other === name))
  const document = { nodes: Object.fromEntries(written), graph: wiringOf(graph) }
  const input = Object.fromEntries(feedsOf(graph, scheduler))
  return {
    document,
    plumber: new Plumber(document),
    input: Object.keys(input).length === 0 ? undefined : input,
    thrown,
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

function documentOf(node: RandomNode, scheduler: Scheduler, thrown: Thrown[]): NodeDocument {
  const { properties, inputs, style } = node
  if (inputs.length > 0) return { coro: mapCoro(node, scheduler, thrown), properties }
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

function mapCoro(node: RandomNode, scheduler: Scheduler, thrown: Thrown[]) {
  const make = (input: unknown): string[] => {
    const results = resultsOf(node, textOf(node, input))
    if (!(results instanceof Refusal)) return results
    const parts = [input].flat(2).filter((part) => part !== undefined)
    thrown.push({ error: results, weight: parts.length })
    throw results
  }
  function* generate(input: unknown) {
    for (const result of make(input)) yield result
    yield DROP
  }
  async function* generateLate(input: unknown) {
    await scheduler.step(`${node.name} ${textOf(node, input)}`)
    for (const result of make(input)) {
      yield result
      await scheduler.step(`${node.name} after ${result}`)
    }
  }
  return (input: unknown): unknown => {
    if (node.style === 'asyncGenerator') return generateLate(input)
    if (node.style === 'generator') return generate(input)
    const single = (): unknown => make(input)[0] ?? DROP
    const work = node.style === 'promisedGenerator' ? () => generate(input) : single
    return scheduler.after(`${node.name} ${textOf(node, input)}`, work)
  }
}
