import type { Executor, NodeProperties, PlanNode } from '@pipelines/core'
import { inline } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { holders } from '../../packages/plumber/src/graph/holders.js'
import { line, planOf, type Spec } from '../support/plans.js'

const copying: Executor = { name: 'copying', copies: true, open: inline.open }
const same = (value: unknown): unknown => value
const here = { coro: same }
const there = { coro: same, executor: copying }
const having = (props: Partial<NodeProperties>): typeof there & { props: Partial<NodeProperties> } => ({
  ...there,
  props,
})

/** Who holds what each node takes, by its name. */
function held(spec: Spec): Record<string, PlanNode['holds']> {
  const found = holders(planOf(spec))
  return Object.fromEntries(Object.keys(spec).map((name, number) => [name, found[number]]))
}

describe('a value', () => {
  test('that a source makes is held by its maker, and a copy of it by nobody', () => {
    expect(held(line({ src: here, a: there, b: there }))).toEqual({ src: undefined, a: 'maker', b: 'nobody' })
  })

  test('may be handed on by each who had it', () => {
    expect(held(line({ src: here, a: here, b: here, c: there }))).toMatchObject({ a: 'maker', b: 'maker', c: 'maker' })
    expect(held(line({ src: there, a: here, b: there }))).toMatchObject({ a: 'nobody', b: 'maker' })
  })

  test('that goes two ways is held by others too, and so is all behind it that is no copy', () => {
    const fork: Spec = { src: { ...here, to: ['a', 'b'] }, a: { ...here, to: ['c'] }, b: there, c: there }
    expect(held(fork)).toEqual({ src: undefined, a: undefined, b: undefined, c: undefined })
  })

  test('that goes one of two ways is held by its maker only, and by others where some of it goes both', () => {
    const shared = { ...here, props: { fanOut: 'share' as const } }
    const fork: Spec = { src: { ...shared, to: ['a', 'b'] }, a: there, b: there }
    expect(held(fork)).toEqual({ src: undefined, a: 'maker', b: 'maker' })
    const more: Spec = { ...fork, src: { ...shared, to: ['a', 'b', { to: 'c', port: 'log' }] }, c: there }
    expect(held(more)).toMatchObject({ a: undefined, c: undefined })
  })

  test('that is a copy of one that goes two ways is held by nobody', () => {
    const fork: Spec = { src: { ...here, to: ['a', 'b'] }, a: { ...there, to: ['c'] }, b: there, c: there }
    expect(held(fork)).toMatchObject({ a: undefined, c: 'nobody' })
  })

  test('that comes from two nodes is held by those who may hold one of both', () => {
    const merge = (a: object, b: object): Spec => ({
      x: { ...here, ...a, to: ['m'] },
      y: { ...here, ...b, to: ['m'] },
      m: { ...there, props: { aggregateInputs: false } },
    })
    expect(held(merge(there, there))['m']).toBe('nobody')
    expect(held(merge(there, here))['m']).toBe('maker')
  })

  test('is not anybody’s where one of two inputs goes elsewhere too', () => {
    const spec: Spec = {
      x: { ...there, to: ['m', 'z'] },
      y: { ...there, to: ['m'] },
      m: { ...there, props: { aggregateInputs: false } },
      z: there,
    }
    expect(held(spec)['m']).toBeUndefined()
  })

  test.each<[what: string, props: Partial<NodeProperties>]>([
    ['tries again', { retry: { attempts: 2, minDelayMs: 0, maxDelayMs: 0, factor: 1, jitter: 'none' } as never }],
    ['routes what failed', { onError: 'route' }],
    ['routes what ran out of time', { timeoutMs: 5, onTimeout: 'route' }],
    ['slides a window', { window: { size: 2, step: 1, partial: false } }],
    ['gives products', { collect: 'product' }],
  ])('is needed again by a node that %s', (_, props) => {
    expect(held(line({ src: there, a: having(props) }))['a']).toBeUndefined()
  })

  test('is needed once by a node that tries once', () => {
    const once = { attempts: 1, minDelayMs: 0, maxDelayMs: 0, factor: 1, jitter: 'none' } as never
    expect(held(line({ src: there, a: having({ retry: once }) }))['a']).toBe('nobody')
  })
})
