import { imbalances } from '@pipelines/core'
import type { GraphOptions, HandlerOptions } from '@pipelines/http'
import type { Pipeline, Snapshot } from '@pipelines/plumber'
import { afterEach, expect } from 'vitest'
import { Client } from './client.js'
import { FRAMEWORKS, type Framework, type Mounted, type Setup } from './frameworks.js'

/** What a service tells of one graph. */
export interface GraphFacts {
  readonly inFlight: number
  readonly requests: Readonly<Record<'completed' | 'failed' | 'refused' | 'left', number>>
  readonly snapshot?: Snapshot
  readonly rates?: { readonly ms: number }
}

/** A real server, and a client of it. */
export interface Served {
  readonly url: string
  readonly client: Client
  /** The standing pipeline of a graph. @defaultValue the one called `g` */
  pipeline(graph?: string): Pipeline
  facts(graph?: string): Promise<GraphFacts>
  /** Waits until nothing is in progress in any graph, and looks at that. */
  quiet(): Promise<void>
  close(): Promise<void>
}

/** Expects something of what `read` gives by and by. */
export const eventually = <T>(read: () => T): ReturnType<typeof expect.poll<T>> =>
  expect.poll(read, { interval: 3, timeout: 10_000 })

/** The name of a graph that stands alone. */
export const ALONE = 'g'

/**
 * Gives a function that serves, in every test of this file. After each test every graph must be empty, close, and give a
 * report that balances.
 */
export function serving(): (framework: Framework, setup: Setup) => Promise<Served> {
  const all: { readonly served: Served; readonly setup: Setup }[] = []
  afterEach(async () => {
    for (const { served, setup } of all.splice(0)) await expectClean(served, setup)
  })
  return async (framework, setup) => {
    const served = servedOf(await FRAMEWORKS[framework](setup), setup)
    all.push({ served, setup })
    return served
  }
}

/** One graph that answers at `/`. */
export function alone(graph: GraphOptions, handler: HandlerOptions = {}, more: Partial<Setup> = {}): Setup {
  return { graphs: { [ALONE]: graph }, handlers: { '/': { graph: ALONE, ...handler } }, ...more }
}

function servedOf(mounted: Mounted, { graphs }: Setup): Served {
  const client = new Client(mounted.url)
  let closed: Promise<void> | undefined
  const stats = async () => {
    const { json } = await client.get('/-/stats')
    return (json as { readonly graphs: Readonly<Record<string, GraphFacts>> }).graphs // what that route gives
  }
  const facts = async (graph = ALONE): Promise<GraphFacts> => {
    const found = (await stats())[graph]
    if (found === undefined) throw new Error(`There is no ${graph}.`)
    return found
  }
  return {
    url: mounted.url,
    client,
    pipeline: (graph = ALONE) => mounted.pipeline(graph),
    facts,
    async quiet() {
      if (closed !== undefined) return
      for (const name of Object.keys(graphs)) await eventually(() => facts(name).then(isBusy)).toEqual(NOTHING)
    },
    close() {
      closed ??= client.close().then(() => mounted.close())
      return closed
    },
  }
}

const NOTHING = { inFlight: 0, depths: 0, inProgress: 0 }

function isBusy({ inFlight, snapshot }: GraphFacts): typeof NOTHING {
  const { nodes = {}, edges = [] } = snapshot ?? {}
  const depths = edges.reduce((sum, { depth }) => sum + depth, 0)
  return { inFlight, depths, inProgress: Object.values(nodes).reduce((sum, node) => sum + node.inProgress, 0) }
}

async function expectClean(served: Served, { graphs }: Setup): Promise<void> {
  const shared = Object.entries(graphs).flatMap(([name, { mode }]) => (mode === 'perRequest' ? [] : [name]))
  try {
    await served.quiet()
  } finally {
    await served.close()
  }
  for (const name of shared) {
    const report = await served.pipeline(name).settled
    expect(imbalances(report)).toEqual([])
    if (report.outcome === 'completed') expect(report.unprocessed).toEqual([])
  }
}
