import { describe, expect, test } from 'vitest'
import { Lifecycle, type Moves, NODE_MOVES, RUN_MOVES } from '../../packages/core/src/lifecycle.js'

type Light = 'red' | 'green' | 'off'
const moves: Moves<Light> = { red: ['green', 'off'], green: ['red', 'off'], off: [] }

test('a lifecycle makes the moves of its table and tells of each', () => {
  const told: string[] = []
  const light = new Lifecycle<Light>(moves, 'red', (from, to) => told.push(`${from} → ${to}`))
  light.move('green')
  light.move('off')
  expect([light.state, told]).toEqual(['off', ['red → green', 'green → off']])
})

test('a lifecycle is in its new state when it tells of it', () => {
  let seen = ''
  const light: Lifecycle<Light> = new Lifecycle<Light>(moves, 'red', () => {
    seen = light.state
  })
  light.move('green')
  expect(seen).toBe('green')
})

test('a move that the table does not list is a bug of the engine, and is not made', () => {
  const light = new Lifecycle<Light>(moves, 'off', () => {})
  expect([light.may('red'), light.may('off')]).toEqual([false, false])
  expect(() => light.move('red')).toThrow(expect.objectContaining({ code: 'PLB_INTERNAL' }))
  expect(light.state).toBe('off')
})

/** Every state that can follow, sooner or later. */
function reachable(table: Moves<string>, from: string): Set<string> {
  const seen = new Set([from])
  for (const state of seen) for (const next of table[state] ?? []) seen.add(next)
  return seen
}

describe.each([
  ['a run', RUN_MOVES as Moves<string>, 'settled'],
  ['a node', NODE_MOVES as Moves<string>, 'ended'],
])('%s', (_, table, last) => {
  test('can come to its end from every state, and never leaves it', () => {
    for (const state of Object.keys(table)) expect(reachable(table, state)).toContain(last)
    expect(table[last]).toEqual([])
  })

  test('can come to every state from the first, and never back', () => {
    const [first = ''] = Object.keys(table)
    expect(reachable(table, first)).toEqual(new Set(Object.keys(table)))
    for (const state of Object.keys(table))
      for (const next of table[state] ?? []) expect(reachable(table, next)).not.toContain(state)
  })
})

test('a run can be doomed in every state in which anything may still happen', () => {
  for (const state of ['idle', 'starting', 'running', 'draining'] as const) expect(RUN_MOVES[state]).toContain('doomed')
})
