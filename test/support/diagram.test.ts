import { expect, test } from 'vitest'
import { type Diagram, type DiagramOptions, diagramOf, type Part } from './diagram.js'
import { computedBy } from './diagram-reference.js'

const none = (): undefined => undefined

/** What the reference computes for one node. */
const of = (diagram: Diagram, node: string) => computedBy(diagram, none).get(node)

/** A diamond in which A gives nothing for S0 and two for S1. */
const diamond = (join: NonNullable<Part['properties']> = {}, more: Partial<DiagramOptions> = {}): Diagram => {
  const gives = (value: string): number => (value.startsWith('S0') ? 0 : 2)
  return diagramOf('S>A,B; A>J; B>J', { items: 2, ...more, parts: { A: { gives }, J: { properties: join } } })
}

test('a diagram has its nodes in topological order, and tuples in that order', () => {
  const { nodes } = diagramOf('F>J,A; A:odd>J; S>F', { items: 1 })
  expect(nodes.map(({ name }) => name)).toEqual(['S', 'F', 'A', 'J'])
  expect(nodes[3]?.inputs).toEqual([
    { from: 'F', to: 'J', port: 'out' },
    { from: 'A', to: 'J', port: 'odd' },
  ])
})

test('a cycle, and a node that is not there, are refused', () => {
  expect(() => diagramOf('A>B; B>A', { items: 1 })).toThrow('cycle')
  expect(() => diagramOf('A>B', { items: 1, parts: { C: {} } })).toThrow('no node C')
})

test('the reference fails what has several values, and filters what lacks one', () => {
  expect(of(diamond(), 'J')).toEqual({ received: 4, failed: 3, emitted: 0, unprocessed: 0, outputs: [], most: 3 })
})

test('the reference makes one tuple of lists, or one of each with each', () => {
  expect(of(diamond({ collect: 'all' }), 'J')?.outputs).toEqual(['([S1/A.0 S1/A.1] [S1/B])/J'])
  expect(of(diamond({ collect: 'product' }), 'J')?.outputs).toEqual(['(S1/A.0 S1/B)/J', '(S1/A.1 S1/B)/J'])
})

test('the reference goes on with what there is, or fails for what there is not', () => {
  expect(of(diamond({ missing: 'partial', collect: 'all' }), 'J')?.outputs[0]).toBe('([] [S0/B])/J')
  expect(of(diamond({ missing: 'partial', collect: 'product' }), 'J')?.outputs[0]).toBe('(- S0/B)/J')
  expect(of(diamond({ missing: 'fail', collect: 'all' }), 'J')).toMatchObject({ failed: 1, emitted: 1 })
})

test('the reference pairs what descends from the same output of the nearest fork', () => {
  const nested = diagramOf('S>F,J; F>J2,A; A>J2; J2>J', {
    items: 1,
    parts: { F: { gives: 2 }, J: { properties: { collect: 'all' } } },
  })
  expect(of(nested, 'J2')?.outputs).toEqual(['(S0/F.0 S0/F.0/A)/J2', '(S0/F.1 S0/F.1/A)/J2'])
  expect(of(nested, 'J')?.outputs).toEqual([`([S0] [${of(nested, 'J2')?.outputs.join(' ')}])/J`])
})

test('there is one order of outputs unless a join, or a node with several workers, has none, or something is merged', () => {
  expect(diamond().inOrder).toBe(true)
  expect(diamond({ ordered: false }).inOrder).toBe(false)
  expect(diamond({}, { properties: { workers: 2 } }).inOrder).toBe(true)
  expect(diamond({}, { properties: { workers: 2, ordered: false } }).inOrder).toBe(false)
  expect(diagramOf('S>M; T>M', { items: 1 }).inOrder).toBe(false)
})
