import { defineCoro } from '@pipelines/core'
import { type CoroNames, defineGraph } from '../../packages/plumber/src/define-graph.js'
import type { GraphDocument } from '../../packages/plumber/src/graph/document.js'

/** Compiled, never run: each line must, or must not, be accepted by the compiler. */

const reverse = (text: string): string => text
const coros = {
  input: defineCoro({ kind: 'source', run: () => ['a'] }),
  strings: { reverse, deep: { upper: reverse } },
  version: '1.0',
}

export const names: readonly CoroNames<typeof coros>[] = ['input', 'strings.reverse', 'strings.deep.upper']
// @ts-expect-error: a text is not a coroutine
export const text: CoroNames<typeof coros> = 'version'
// @ts-expect-error: a group is not a coroutine
export const group: CoroNames<typeof coros> = 'strings'

export const fine: GraphDocument = defineGraph(coros, {
  version: 1,
  nodes: {
    inp: { coro: 'input', args: { n: 1 } },
    inlet: { coro: 'std.inlet' },
    rev: { coro: 'strings.reverse', properties: { workers: 4, aggregate_inputs: false } },
    out: { coro: (value: string) => value.length },
  },
  graph: { inp: ['rev', { to: 'out', port: 'x' }], inlet: ['rev'], out: null },
})

defineGraph(coros, {
  nodes: {
    inp: { coro: 'input' },
    // @ts-expect-error: no such coroutine
    rev: { coro: 'strings.revers' },
  },
  graph: { inp: ['rev'] },
})

defineGraph(coros, {
  nodes: { inp: { coro: 'input' }, out: { coro: 'strings.reverse' } },
  // @ts-expect-error: no such successor
  graph: { inp: ['outt'] },
})

defineGraph(coros, {
  nodes: { inp: { coro: 'input' }, out: { coro: 'strings.reverse' } },
  // @ts-expect-error: no such successor
  graph: { inp: [{ to: 'outt', port: 'x' }] },
})

defineGraph(coros, {
  nodes: { inp: { coro: 'input' }, out: { coro: 'strings.reverse' } },
  // @ts-expect-error: no such node
  graph: { imp: ['out'] },
})

defineGraph(coros, {
  // @ts-expect-error: no such property
  nodes: { inp: { coro: 'input', properties: { worker: 1 } } },
  graph: {},
})

// Names that cannot be listed are not checked.
defineGraph((ref: string) => ref, { nodes: { a: { coro: 'anything' } }, graph: {} })
defineGraph(new Map([['a', reverse]]), { nodes: { a: { coro: 'anything' } }, graph: {} })
// Nor is anything of a list with such a part.
defineGraph([coros, () => reverse], { nodes: { a: { coro: 'anything' } }, graph: {} })
defineGraph([coros, { more: reverse }], { nodes: { a: { coro: 'more' }, b: { coro: 'input' } }, graph: { a: ['b'] } })
// @ts-expect-error: in none of the parts
defineGraph([coros, { more: reverse }], { nodes: { a: { coro: 'mor' } }, graph: {} })
