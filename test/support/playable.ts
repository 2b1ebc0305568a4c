import { DROP } from '@pipelines/core'
import { type Pipeline, plumberOf, type SourceOutput, type Stage } from './blackbox.js'
import { itemsOf, type RandomGraph, type RandomNode, Refusal, resultsOf, wiringOf } from './random-graph.js'
import type { Scheduler } from './scheduler.js'

/** A throw of a coroutine, and how many packets its call was made of. */
export interface Thrown {
  readonly error: Refusal
  readonly weight: number
}

/** The graph with its coroutines, all of which wait at the scheduler; and what `run` is to be fed with. */
export function playable(graph: RandomGraph, scheduler: Scheduler) {
  const thrown: Thrown[] = []
  const stages = graph.nodes.map((node) => [node.name, stageOf(node, scheduler, thrown)] as const)
  const byName = new Map<string, Stage>(stages)
  const input: Record<string, AsyncIterable<string>> = {}
  for (const node of graph.nodes) if (node.style === 'fed') input[node.name] = asyncItems(node, scheduler)
  const plumber = plumberOf(
    Object.fromEntries(graph.keys.map((name) => [name, byName.get(name) ?? 'std.missing'])),
    wiringOf(graph),
  )
  return { plumber, input: Object.keys(input).length === 0 ? undefined : input, thrown }
}

/** Puts the items of every inlet, one after the other, and ends it; stops where a put is refused. */
export async function feed(graph: RandomGraph, scheduler: Scheduler, pipeline: Pipeline): Promise<void> {
  const inlets = graph.nodes.filter(({ style }) => style === 'fed')
  await Promise.all(
    inlets.map(async (inlet) => {
      try {
        for await (const item of asyncItems(inlet, scheduler)) await pipeline.put(item, { node: inlet.name })
        pipeline.end({ node: inlet.name })
      } catch {
        // The run has ended.
      }
    }),
  )
}

function stageOf(node: RandomNode, scheduler: Scheduler, thrown: Thrown[]): Stage {
  const { properties } = node
  if (node.inputs.length > 0) return { coro: mapCoro(node, scheduler, thrown), properties }
  return { coro: node.style === 'fed' ? 'std.inlet' : sourceCoro(node, scheduler), properties }
}

function sourceCoro(node: RandomNode, scheduler: Scheduler) {
  const items = itemsOf(node)
  switch (node.style) {
    case 'generator':
      return function* () {
        yield* items
      }
    case 'asyncGenerator':
      return () => asyncItems(node, scheduler)
    case 'put':
      return async (output: SourceOutput) => {
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
  const make = (value: string): string[] => {
    const results = resultsOf(node, value)
    if (!(results instanceof Refusal)) return results
    thrown.push({ error: results, weight: node.fork === undefined ? 1 : node.inputs.length })
    throw results
  }
  function* generate(value: string) {
    for (const result of make(value)) yield result
    yield DROP
  }
  async function* generateLate(value: string) {
    await scheduler.step(`${node.name} ${value}`)
    for (const result of make(value)) {
      yield result
      await scheduler.step(`${node.name} after ${result}`)
    }
  }
  return (input: unknown): unknown => {
    const value = textOf(node, input)
    if (node.style === 'asyncGenerator') return generateLate(value)
    if (node.style === 'generator') return generate(value)
    const single = (): unknown => make(value)[0] ?? DROP
    const work = node.style === 'promisedGenerator' ? () => generate(value) : single
    return scheduler.after(`${node.name} ${value}`, work)
  }
}

/** The input of a call as one text: of a tuple, all its parts in order. */
function textOf({ name, inputs, fork }: RandomNode, input: unknown): string {
  if (fork === undefined && typeof input === 'string') return input
  if (fork !== undefined && Array.isArray(input) && input.length === inputs.length) return input.join('+')
  throw new TypeError(`${name} was given ${JSON.stringify(input)}`)
}
