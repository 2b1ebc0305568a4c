import { AsyncLocalStorage } from 'node:async_hooks'
import { Packet, packet } from '@pipelines/core'
import { expect, test } from 'vitest'
import { NO_META, Scope, tupleOf, withMeta } from '../../packages/core/src/packet.js'

const scope = new Scope()

test('a packet without facts shares one frozen empty object', () => {
  expect(packet(1).meta).toBe(NO_META)
  expect(packet(2).meta).toBe(packet(3).meta)
  expect(Object.isFrozen(NO_META)).toBe(true)
})

test('facts are added to a copy, and no copy is made without any', () => {
  const meta = Object.freeze({ a: 1 })
  expect(withMeta(meta, undefined)).toBe(meta)
  const more = withMeta(meta, { b: 2 })
  expect([more, meta]).toEqual([{ a: 1, b: 2 }, { a: 1 }])
  expect(Object.isFrozen(more)).toBe(true)
})

test('a tuple stands for the packets it was made of', () => {
  const parts = [packet('a'), packet('b')]
  const tuple = tupleOf(parts, scope)
  expect([tuple.value, tuple.weight, tuple.parts]).toEqual([['a', 'b'], 2, parts])
  expect(packet('a').weight).toBe(1)
})

test('a tuple has undefined where an input gave nothing, and is as heavy as what is there', () => {
  const tuple = tupleOf([undefined, packet('b')], scope)
  expect([tuple.value, tuple.weight]).toEqual([[undefined, 'b'], 1])
})

test('a tuple merges the facts in its order, the later ones win', () => {
  const { meta } = tupleOf([packet(1, { a: 1, b: 1 }), packet(2), packet(3, { b: 3 })], scope)
  expect(meta).toEqual({ a: 1, b: 3 })
  expect(Object.isFrozen(meta)).toBe(true)
})

test('a tuple of which one part has facts carries that very object', () => {
  const meta = Object.freeze({ a: 1 })
  expect(tupleOf([packet(1), packet(2, meta)], scope).meta).toBe(meta)
  expect(tupleOf([packet(1), packet(2)], scope).meta).toBe(NO_META)
})

test('a tuple belongs to the scope of its first part, and to the given one without parts', () => {
  const [a, b] = [packet('a'), packet('b')]
  expect(tupleOf([undefined, a, b], scope).scope).toBe(a.scope)
  expect(tupleOf([undefined], scope).scope).toBe(scope)
})

test('a scope runs calls in the async context in which it was made, with their "this" and arguments', () => {
  const storage = new AsyncLocalStorage<string>()
  const made = storage.run('mine', () => new Scope())
  const self = { name: 'self' }
  const call = function (this: unknown, a: number, b: number): unknown[] {
    return [storage.getStore(), this, a + b]
  }
  expect(storage.run('other', () => made.run(call, self, 1, 2))).toEqual(['mine', self, 3])
})

test('a packet keeps its value by reference', () => {
  const value = { deep: {} }
  expect(new Packet(value, NO_META, scope).value).toBe(value)
})
