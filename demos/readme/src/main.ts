import { readFileSync } from 'node:fs'
import { Plumber } from '@pipelines/plumber'
import * as strings from './strings.js'

/** The graph is JSON; the coroMap finds the coroutines by their names. */
function byName(): Plumber {
  const graph = readFileSync(new URL('../graph.json', import.meta.url), 'utf8')
  return new Plumber(graph, { coroMap: { strings } })
}

/** The graph holds the coroutines themselves; the coroMap has nothing to do. */
function byValue(): Plumber {
  const nodes = {
    inp: { coro: strings.input, args: { count: 20 } },
    rev: { coro: strings.reverse },
    out: { coro: strings.print },
  }
  return new Plumber({ nodes, graph: { inp: ['rev', 'out'], rev: ['out'], out: null } }, { coroMap: (x) => x })
}

const plumber = process.argv[2] === 'functions' ? byValue() : byName()
await plumber.run()
