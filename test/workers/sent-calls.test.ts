import { type Context, SILENT } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { Call } from '../../packages/workers/src/call.js'
import { SentCalls } from '../../packages/workers/src/sent-calls.js'

/** Only what these calls are asked for. */
const context = { index: 0, log: SILENT } as unknown as Context
const calls = (...values: readonly unknown[]): Call[] =>
  values.map((value) => new Call(value, context, { resolve: () => {}, reject: () => {} }))
const valuesOf = (list: readonly Call[]): unknown[] => list.map(({ value }) => value)

describe('calls that were sent', () => {
  test('are answered in their order, by their numbers', () => {
    const sent = new SentCalls()
    const [a, b, c] = calls('a', 'b', 'c') as [Call, Call, Call]
    sent.add([a, b])
    sent.add([c])
    expect([a, b, c].map((call) => sent.numberOf(call))).toEqual([0, 1, 2])
    sent.answered(1)
    expect([a, b, c].map((call) => sent.numberOf(call))).toEqual([undefined, 1, 2])
    expect([sent.at(0), sent.size]).toEqual([b, 2])
  })

  test('are a message less when the last of it was answered, however answers are cut', () => {
    const sent = new SentCalls()
    sent.add(calls(1, 2))
    sent.add(calls(3, 4, 5))
    const left = [1, 2, 1, 1].map((count) => {
      sent.answered(count)
      return sent.messages
    })
    expect(left).toEqual([2, 1, 1, 0])
  })

  test.each<[what: string, present: number | null | undefined, held: number[], left: number[]]>([
    ['could not say where it was', undefined, [2, 3, 4], []],
    ['was at none of them', null, [], [2, 3, 4]],
    ['was at the first', 1, [2], [3, 4]],
    ['was at the last', 3, [2, 3, 4], []],
  ])('are lost when the worker %s', (_, present, held, left) => {
    const sent = new SentCalls()
    sent.add(calls(1, 2, 3, 4))
    sent.answered(1)
    const lost = sent.lost(present)
    expect([valuesOf(lost.held), valuesOf(lost.left), sent.size]).toEqual([held, left, 0])
  })
})
