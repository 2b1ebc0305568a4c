import type { GraphOptions } from '@pipelines/http'
import type { GraphDocument } from '@pipelines/plumber'
import type { Gate } from '@pipelines/testkit'

/** A coroutine, or one with the rest of its node. */
type Stage = object | string

/** Nodes in one line behind the inlet `in`. */
export function line(stages: Readonly<Record<string, Stage>>, options: Partial<GraphOptions> = {}): GraphOptions {
  const names = ['in', ...Object.keys(stages)]
  const nodes = Object.entries({ in: 'std.inlet', ...stages }).map(([name, stage]) => [name, nodeOf(stage)])
  const graph = names.map((name, at) => [name, names.slice(at + 1, at + 2)])
  // Whether it is a graph is what the service finds out.
  return { graph: { nodes: Object.fromEntries(nodes), graph: Object.fromEntries(graph) } as GraphDocument, ...options }
}

const nodeOf = (stage: Stage): object => (typeof stage === 'object' && 'coro' in stage ? stage : { coro: stage })

/** A coroutine with the properties of its node. */
export const having = (properties: Readonly<Record<string, unknown>>, coro: Stage): Stage => ({ coro, properties })

/** Doubles numbers. */
export const double = (n: number): number => n * 2

/** As many outputs as a number says, from 1 on. */
export function* count(n: number): Generator<number> {
  for (let i = 1; i <= n; i++) yield i
}

/** A coroutine whose calls wait at a gate, whatever their signal says. */
export const held =
  ({ opened }: Gate) =>
  async <T>(value: T): Promise<T> => {
    await opened
    return value
  }
