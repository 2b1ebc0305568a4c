import { defineCoro } from '@pipelines/core'
import { expect, test } from 'vitest'
import { check } from '../../../packages/plumber/src/build.js'

test('a coroutine that is declared one-to-one takes items', () => {
  const coro = defineCoro({ oneToOne: true, run: (value: unknown) => value })
  const nodes = { src: { coro: () => [] }, out: { coro } }
  expect(check({ nodes, graph: { src: ['out'] } })).toEqual([])
  expect(check({ nodes: { src: { coro }, out: { coro } }, graph: { src: ['out'] } })).toEqual([
    expect.objectContaining({ code: 'PLB_CORO_TYPE', pointer: '/nodes/src/coro' }),
  ])
})
