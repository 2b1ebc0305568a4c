import { type CoroDefinition, defineCoro, type NodeProperties } from '@pipelines/core'
import { randomOf } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { check } from '../../../packages/plumber/src/build.js'

interface Said {
  /** Names of the nodes that share. */
  readonly sharing: string
  readonly at?: Readonly<Record<string, Partial<NodeProperties>>>
  /** Of the nodes that are no sources. */
  readonly coro?: CoroDefinition
}

/** Issues of a graph, given as its edges: `sa` from `s` to `a`, `sa:x` by port `x`. */
function issuesOf(edges: string, { sharing, at = {}, coro }: Said): string[] {
  const wires = edges.split(' ').map((edge) => ({ from: edge[0] ?? '', to: edge[1] ?? '', port: edge.slice(3) }))
  const names = [...new Set(wires.flatMap(({ from, to }) => [from, to]))]
  const own = (name: string) => ({ ...(sharing.includes(name) && { fanOut: 'share' as const }), ...at[name] })
  const coroOf = (name: string) => (coro !== undefined && wires.some(({ to }) => to === name) ? coro : 'x')
  const nodes = Object.fromEntries(names.map((name) => [name, { coro: coroOf(name), properties: own(name) }]))
  const successor = ({ to, port }: (typeof wires)[number]) => (port === '' ? to : { to, port })
  const graph = Object.fromEntries(
    names.map((name) => [name, wires.filter(({ from }) => from === name).map(successor)]),
  )
  return check({ nodes, graph }).map(({ code, pointer, message }) => `${code} ${pointer}: ${message}`)
}

const merging = { aggregateInputs: false }

describe('successors that share outputs', () => {
  test('never both have what a join pairs', () => {
    expect(issuesOf('sa sb aj bj', { sharing: 's' })).toEqual([
      'PLB_GRAPH_PORT /nodes/j: Node "j" waits for both "a" and "b", but these share the outputs of "s", and an item goes to only one. Set "aggregateInputs": false. Setting "missing" allows it: with "partial", what an item did not take is undefined.',
    ])
    expect(issuesOf('fs fc sa sb aj bj cj', { sharing: 's' })).toEqual([expect.stringMatching('^PLB_GRAPH_PORT .*"s"')])
  })

  test('may meet in a node that merges, or in a join that says what is missing', () => {
    expect(issuesOf('sa sb aj bj', { sharing: 's', at: { j: merging } })).toEqual([])
    for (const missing of ['skip', 'partial', 'fail'] as const)
      expect(issuesOf('sa sb aj bj', { sharing: 's', at: { j: { missing } } })).toEqual([])
    expect(issuesOf('fs fc sa sb am bm mj cj', { sharing: 's', at: { m: merging } })).toEqual([])
  })

  test('may have joins of their own behind them, and joins around them', () => {
    expect(issuesOf('sa sb ac ad cj dj', { sharing: 's' })).toEqual([])
    expect(issuesOf('fs fj sj', { sharing: 's' })).toEqual([])
  })

  test('must not be joins by lineage, which are never full', () => {
    const why = (to: string) =>
      `PLB_OPTION_CONFLICT /nodes/s/properties/fanOut: Node "s" has "fanOut": "share", but its successor "${to}" joins its inputs, and so takes whatever comes at once. Put a node between the two, or set "aggregateInputs": false at "${to}".`
    expect(issuesOf('fs fj sj sb', { sharing: 's' })).toEqual([why('j')])
    expect(issuesOf('sa sj aj', { sharing: 's', at: { j: { missing: 'partial' } } })).toEqual([why('j')])
    // What two sources send is paired as it comes, through queues.
    expect(issuesOf('sj sb tj', { sharing: 's' })).toEqual([])
  })

  test('are found with the ports of a switch beside them', () => {
    const clash = 'Node "j" waits for both "a" and "x" of "s", but an item takes only one'
    expect(issuesOf('sa sb sc:x aj cj', { sharing: 's' })).toEqual([expect.stringContaining(clash)])
    expect(issuesOf('sa sb:x aj bj', { sharing: 's' })).toEqual([expect.stringContaining('both "out" and "x" of "s"')])
  })

  test('say nothing where there is one, or none', () => {
    expect(issuesOf('sa ab ac bj cj', { sharing: 'sbcj' })).toEqual([])
  })
})

test('a join by position is refused behind a node that shares, and at one', () => {
  const coro = defineCoro({ oneToOne: true, run: (value: unknown) => value })
  const at = { j: { match: 'position' as const } }
  const why =
    'node "s" before it shares its outputs, of which each goes only one way. Set "fanOut": "copy" there, or move the node that shares behind the join.'
  for (const edges of ['sa sb aj bj', 'fs fc sa sb aj cj'])
    expect(issuesOf(edges, { sharing: 's', coro, at })).toEqual([expect.stringContaining(why)])
  expect(issuesOf('fa fb aj bj', { sharing: '', coro, at })).toEqual([])
  expect(issuesOf('sf sg fa fb aj bj', { sharing: 's', coro, at })).toEqual([])
})

test('a join waits in vain for shared outputs exactly where it would for ports of their own', () => {
  const counts = { clash: 0, none: 0 }
  for (let seed = 1; seed <= 150; seed++) {
    const random = randomOf(seed)
    const names = [...'abcdefg'].slice(0, random.integer(3, 7))
    const wires = new Set<string>()
    for (let left = 2 * names.length; left > 0; left--) {
      const [one, other] = [random.integer(0, names.length - 1), random.integer(0, names.length - 1)]
      if (one !== other) wires.add(`${names[Math.min(one, other)]}${names[Math.max(one, other)]}`)
    }
    const sharing = names.filter(() => random.chance(0.3)).join('')
    const shared = issuesOf([...wires].join(' '), { sharing })
    const isShared = (wire: string): boolean => sharing.includes(wire[0] ?? '')
    const ported = issuesOf([...wires].map((wire) => (isShared(wire) ? `${wire}:to${wire[1]}` : wire)).join(' '), {
      sharing: '',
    })
    const joins = (issues: readonly string[]) =>
      issues.flatMap((issue) => /^PLB_GRAPH_PORT (\S+)/.exec(issue)?.[1] ?? [])
    expect(joins(shared), `seed ${seed}`).toEqual(joins(ported))
    counts[joins(shared).length > 0 ? 'clash' : 'none']++
  }
  expect(Math.min(counts.clash, counts.none)).toBeGreaterThan(15)
})
