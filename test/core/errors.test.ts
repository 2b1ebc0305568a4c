import { ERROR_CODES, type ErrorCode, type ErrorDetails, isPipelineError, issue, PipelineError } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { addFurther, followsFrom } from '../../packages/core/src/errors.js'

const cause = new Error('disk full.')
const samples: { readonly [C in ErrorCode]: ErrorDetails<C> } = {
  GRAPH_INVALID: { issues: [{ code: 'PLB_GRAPH_NAME', pointer: '/nodes/1', message: 'Wrong.' }] },
  GRAPH_SCHEMA: { what: '"nodes" is missing.', suggestion: 'nodes' },
  GRAPH_NAME: { name: '__proto__' },
  GRAPH_UNKNOWN_NODE: { from: 'a', name: 'bb', suggestion: 'b' },
  GRAPH_DUPLICATE_EDGE: { from: 'a', to: 'b', port: 'out' },
  GRAPH_CYCLE: { path: ['a', 'b', 'a'] },
  GRAPH_NO_SOURCE: {},
  GRAPH_PORT: { node: 'a', port: 'x', ports: ['out', 'error'] },
  GRAPH_UNEVEN_JOIN: { node: 'j', why: 'its inputs are connected' },
  GRAPH_LIMIT: { what: 'nodes', limit: 10, found: 11, option: 'nodes' },
  GRAPH_MORE: { more: 2 },
  CORO_NOT_FOUND: { node: 'a', ref: 'f' },
  CORO_NOT_FUNCTION: { node: 'a', ref: 'f', found: 'a number' },
  CORO_ASYNC: { node: 'a', ref: 'f' },
  CORO_LOAD: { node: 'a', ref: 'f', cause },
  CORO_ARGS: { node: 'a', ref: 'f', what: '"n" must be a number' },
  CORO_TYPE: { node: 'a', what: 'is a source' },
  OPTION_INVALID: { option: 'o', what: 'must be a number' },
  OPTION_CONFLICT: { node: 'a', what: 'cannot be both' },
  STATE_ALREADY_STARTED: { what: 'The network' },
  STATE_NOT_RUNNING: { what: 'The queue', state: 'ended' },
  NODE_FAILED: { node: 'a', attempts: 1, phase: 'run', cause },
  NODE_TIMEOUT: { node: 'a', attempts: 2, timeoutMs: 50 },
  NODE_CARDINALITY: { node: 'j', input: 'a', count: 2 },
  RUN_DOOMED: { reason: cause },
  RUN_CANCELLED: { what: 'The run' },
  RUN_DEADLINE: { deadlineMs: 5 },
  RUN_STALLED: { waits: [{ node: 'a', on: 'b', why: 'waits for room in front of "b"' }] },
  RUN_OVERLOADED: { maxInFlight: 1024 },
  RUN_CARDINALITY: { count: 0 },
  RUN_UNEQUAL: { node: 'j', counts: { a: 1, b: 2 } },
  RUN_FAILED: { what: 'onOutput', cause },
  CORO_NOT_PORTABLE: { node: 'a', executor: 'thread', what: 'its coroutine is a closure', hint: 'Put it in a module.' },
  WORKER_DIED: { node: 'a', how: 'ended with the exit code 3' },
  WORKER_START: { node: 'a', what: 'its coroutine could not be loaded: no' },
  WORKER_CLONE: { node: 'a', what: 'An input', path: '.rows[3]', why: 'f could not be cloned.', hint: 'Give data.' },
  HTTP_BODY_INVALID: { what: 'is not JSON', line: 3 },
  HTTP_BODY_TOO_LARGE: { limit: 1024 },
  HTTP_BODY_TIMEOUT: { timeoutMs: 30_000 },
  HTTP_MEDIA_TYPE: { header: 'content-type', found: undefined, allowed: ['application/json', 'application/x-ndjson'] },
  HTTP_HEADER: { header: 'x-timeout-ms', what: 'must be a number' },
  HTTP_INPUT: { problems: [{ pointer: '/id', what: 'must be a number' }] },
  HTTP_OUTPUT: { what: 'cannot be written as JSON' },
  HTTP_BUSY: { what: '32 runs are in progress already' },
  HTTP_CLOSING: {},
  HTTP_SLOW_READER: { timeoutMs: 10_000 },
  HTTP_FORBIDDEN: {},
  HTTP_TOO_MANY_RUNS: { limit: 2 },
  HTTP_RUN_LIMIT: { what: 'outputs', limit: 10 },
  INTERNAL: { what: 'x' },
}
const codes = Object.keys(samples) as ErrorCode[]

describe('the catalogue', () => {
  test('lists every code once, with its prefix', () => {
    expect([...ERROR_CODES].sort()).toEqual(codes.map((code) => `PLB_${code}`).sort())
    expect(new Set(ERROR_CODES).size).toBe(ERROR_CODES.length)
  })

  test.each(codes)('words %s in full sentences without "undefined"', (code) => {
    const { message, code: shown, details } = new PipelineError(code, samples[code])
    expect(message).toMatch(/[.?]$/)
    expect(message).not.toMatch(/undefined|\.\./)
    expect([shown, details]).toEqual([`PLB_${code}`, samples[code]])
  })

  test.each(codes)('tells the hint of %s apart, as the end of the message', (code) => {
    const { message, hint, pointer } = issue(code, '/nodes/a', samples[code])
    expect(pointer).toBe('/nodes/a')
    expect(message.endsWith(hint ?? message)).toBe(true)
  })

  test.each([
    [{ deadlineMs: 5, nodes: ['a', 'b'] }, 'The request did not end within 5 ms; it was at "a", "b".'],
    [{ deadlineMs: 5, nodes: [] }, 'The request did not end within 5 ms.'],
  ])('says where a request was that did not end in time', (details, message) => {
    expect(issue('RUN_DEADLINE', '', details).message).toBe(message)
  })

  test('tells what a batch gave in place of a list', () => {
    const { message } = issue('NODE_CARDINALITY', '', { node: 'b', size: 3 })
    expect(message).toMatch(/^Node "b" got a batch of 3, but gave no list\./)
    expect(issue('NODE_CARDINALITY', '', { node: 'b', size: 3, count: 2 }).message).toContain('a list of 2.')
  })

  test('says who waits for whom, and for how long nothing has moved', () => {
    const waits = [
      { node: 'a', why: 'waits for "b"' },
      { node: 'b', why: 'is in a call' },
    ]
    expect(issue('RUN_STALLED', '', { waits }).message).toBe(
      'Nothing can move any more: "a" waits for "b"; "b" is in a call.',
    )
    expect(issue('RUN_STALLED', '', { waits, inactivityMs: 20 }).message).toMatch(/^Nothing has moved for 20 ms: /)
  })

  test.each([
    ['HTTP_BODY_INVALID', { what: 'is empty' }, 'The body is empty.'],
    ['HTTP_BODY_INVALID', { what: 'is not JSON', line: 3 }, 'Line 3 of the body is not JSON.'],
    ['HTTP_BODY_TOO_LARGE', { limit: 9 }, 'The body is larger than 9 bytes.'],
    ['HTTP_BODY_TOO_LARGE', { limit: 9, line: 2 }, 'Line 2 of the body is larger than 9 bytes.'],
    [
      'HTTP_INPUT',
      { problems: [{ pointer: '', what: 'it is null' }], line: 4 },
      'Line 4 of the body does not fit: it is null.',
    ],
    ['HTTP_TOO_MANY_RUNS', { limit: 1 }, '1 run is in progress already, which is all that are allowed.'],
    ['RUN_CARDINALITY', { count: 2, most: 1 }, 'The request gave more than 1 output.'],
    ['RUN_CARDINALITY', { count: 10, most: 9 }, 'The request gave more than 9 outputs.'],
  ] as const)('tells which part of a request is meant, and what is allowed: %s %o', (code, details, message) => {
    expect(issue(code, '', details as never).message).toMatch(new RegExp(`^${message}`)) // of the same row
  })

  test('tells a client the first five problems of a value, and where each is', () => {
    const problems = Array.from({ length: 7 }, (_, n) => ({ pointer: `/${n}`, what: 'is wrong' }))
    const { message } = new PipelineError('HTTP_INPUT', { problems })
    expect(message).toBe(`What was sent does not fit: ${[0, 1, 2, 3, 4].map((n) => `/${n}: is wrong`).join('; ')}.`)
  })

  test('gives an overload the HTTP status that fits it, and no other error one', () => {
    const { statusCode, headers } = new PipelineError('RUN_OVERLOADED', { maxInFlight: 1 })
    expect([statusCode, headers]).toEqual([503, { 'retry-after': '1' }])
    expect(Object.keys(new PipelineError('RUN_CARDINALITY', { count: 0 }))).not.toContain('statusCode')
  })

  test('names a join and the ports it waits for', () => {
    const { message } = issue('GRAPH_PORT', '', { node: 'y', port: '', ports: ['yes', 'no'], join: 'x' })
    expect(message).toBe(
      'Node "x" waits for both "yes" and "no" of "y", but an item takes only one. Set "aggregateInputs": false. Setting "missing" allows it: with "partial", what an item did not take is undefined.',
    )
  })

  test('names a join and the two that share what it waits for', () => {
    const { message } = issue('GRAPH_PORT', '', { node: 'y', port: 'a', ports: ['a', 'b'], join: 'x', shared: true })
    expect(message).toContain(
      'Node "x" waits for both "a" and "b", but these share the outputs of "y", and an item goes',
    )
  })

  test('cuts a long cycle to 20 names', () => {
    const path = Array.from({ length: 1000 }, (_, n) => `n${n}`)
    const { message } = new PipelineError('GRAPH_CYCLE', { path })
    expect(message).toContain('n9 → … 980 more … → n990')
    expect(message.match(/n\d+/g)).toHaveLength(20)
  })

  test('counts issues and attempts in words that fit', () => {
    const one = samples.GRAPH_INVALID.issues
    expect(new PipelineError('GRAPH_INVALID', { issues: one }).message).toMatch(/^The graph has an issue:/)
    expect(new PipelineError('GRAPH_INVALID', { issues: [...one, ...one] }).message).toMatch(/has 2 issues:/)
    expect(new PipelineError('NODE_FAILED', { ...samples.NODE_FAILED, attempts: 2 }).message).toContain('2 attempts')
    expect(new PipelineError('NODE_FAILED', { ...samples.NODE_FAILED, phase: 'flush' }).message).toContain('in flush')
  })
})

describe('an error', () => {
  test('keeps the cause untouched, and has none where there is none', () => {
    expect(new PipelineError('NODE_FAILED', samples.NODE_FAILED, cause).cause).toBe(cause)
    expect('cause' in new PipelineError('INTERNAL', { what: 'x' })).toBe(false)
  })

  test('has the name of the platform where it stands for an abort', () => {
    const names = (['RUN_DOOMED', 'RUN_CANCELLED', 'RUN_DEADLINE', 'NODE_FAILED'] as const).map(
      (code) => new PipelineError(code, samples[code]).name,
    )
    expect(names).toEqual(['AbortError', 'AbortError', 'PipelineError', 'PipelineError'])
  })

  test('never has a message of more than about 8 KB', () => {
    const issues = Array.from({ length: 1e4 }, () => samples.GRAPH_INVALID.issues[0]).filter((one) => one !== undefined)
    expect(new PipelineError('GRAPH_INVALID', { issues }).message.length).toBeLessThan(8300)
    expect(issue('GRAPH_SCHEMA', '', { what: 'x'.repeat(1e6) }).message.length).toBeLessThan(8300)
  })

  test('is recognised by its brand, also when another copy of the library made it', () => {
    expect(isPipelineError(new PipelineError('INTERNAL', { what: 'x' }))).toBe(true)
    expect(isPipelineError({ [Symbol.for('@pipelines/error')]: true })).toBe(true)
    expect([new Error('x'), null, undefined, 'x', {}].filter(isPipelineError)).toEqual([])
  })

  test('does not show its brand to whoever lists its properties', () => {
    expect(Object.getOwnPropertySymbols({ ...new PipelineError('INTERNAL', { what: 'x' }) })).toEqual([])
  })
})

describe('an error that follows from an abort', () => {
  const reason = new Error('stop')

  test.each([
    ['the reason itself', reason],
    ['an AbortError', new DOMException('aborted', 'AbortError')],
    ['an error caused by the reason', new Error('wrapped', { cause: reason })],
  ])('is %s', (_, error) => {
    expect(followsFrom(error, reason)).toBe(true)
  })

  test('is nothing else', () => {
    const hostile = Object.defineProperty(new Error('x'), 'name', {
      get() {
        throw new Error('no')
      },
    })
    expect([new Error('stop'), undefined, 'stop', hostile].filter((error) => followsFrom(error, reason))).toEqual([])
  })
})

test('what else went wrong is noted on the error that ended the run', () => {
  const first = new PipelineError('NODE_FAILED', samples.NODE_FAILED)
  const second = new PipelineError('INTERNAL', { what: 'x' })
  addFurther(first, [first])
  expect(first.details).not.toHaveProperty('errors')
  addFurther(first, [first, second])
  expect(first.details).toMatchObject({ node: 'a', errors: [second] })
})
