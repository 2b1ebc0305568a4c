import { type CoroDefinition, defineCoro } from '@pipelines/core'
import { Plumber, type Successor } from '@pipelines/plumber'
import { describe, expect, test } from 'vitest'
import { having, plumberOf, type Stage, same } from '../support/blackbox.js'

/** A coroutine with schemas. */
const withSchemas = (schemas: object): Stage => defineCoro({ run: same, ...schemas } as CoroDefinition)
const number = { type: 'number' }
const text = { type: 'string' }

const contractOf = (nodes: Readonly<Record<string, Stage>>, graph: Readonly<Record<string, readonly Successor[]>>) =>
  plumberOf(nodes, graph).contract

/** `in → node → out`. */
const between = (node: Stage, out: Stage = same) =>
  contractOf({ in: 'std.inlet', node, out }, { in: ['node'], node: ['out'] })

/** A Standard Schema that takes what `fits`. */
const standard = (fits: (value: unknown) => boolean, more: object = {}) => ({
  '~standard': {
    version: 1 as const,
    vendor: 'test',
    validate: (value: unknown) =>
      fits(value) ? { value } : { issues: [{ message: 'Does not fit.', path: ['a', { key: 'b/c' }] }] },
    ...more,
  },
})

describe('the inlets of a contract', () => {
  test('are those of the graph, in its order', () => {
    expect(contractOf({ b: 'std.inlet', a: 'std.inlet', c: same, d: same }, { b: ['c'], a: ['d'] }).inlets).toEqual([
      'b',
      'a',
    ])
    expect(contractOf({ a: () => [1], b: same }, { a: ['b'] }).inlets).toEqual([])
  })

  test('are the same of a Plumber and of its pipelines', async () => {
    const plumber = plumberOf({ in: 'std.inlet', node: withSchemas({ input: number }) }, { in: ['node'] })
    const pipeline = plumber.createPipeline()
    expect(pipeline.contract.inlets).toEqual(plumber.contract.inlets)
    expect(pipeline.contract.inputSchema()).toBe(number)
    await pipeline.drain()
  })

  test('have to be named where there are several, and by a name that there is', () => {
    const contract = contractOf(
      { a: 'std.inlet', b: 'std.inlet', c: withSchemas({ input: number }), d: same },
      { a: ['c'], b: ['d'] },
    )
    expect(contract.inputSchema('a')).toBe(number)
    expect(contract.inputSchema('b')).toBeUndefined()
    for (const name of [undefined, 'c', 'nope'])
      expect(() => contract.inputSchema(name)).toThrow(expect.objectContaining({ code: 'PLB_OPTION_INVALID' }))
  })
})

describe('what an inlet takes', () => {
  test('is what the node behind it asks for, as it was written', () => {
    expect(between(withSchemas({ input: number })).inputSchema()).toBe(number)
    expect(between(same).inputSchema()).toBeUndefined()
  })

  test('is not what a node further on asks for', () => {
    expect(between(same, withSchemas({ input: number })).inputSchema()).toBeUndefined()
  })

  test('is what all nodes behind it ask for', () => {
    const nodes = {
      in: 'std.inlet',
      a: withSchemas({ input: number }),
      b: withSchemas({ input: { minimum: 3 } }),
      c: same,
    }
    const contract = contractOf(nodes, { in: ['a', 'b', 'c'] })
    expect(contract.inputSchema()).toEqual({ allOf: [number, { minimum: 3 }] })
    expect(contract.inputProblems(1)).toHaveLength(1)
    expect(contract.inputProblems('x')).toHaveLength(1)
    expect(contract.inputProblems(4)).toEqual([])
  })

  test('is not what a join asks for, which gets no value of it as it is', () => {
    const nodes = { in: 'std.inlet', a: same, join: withSchemas({ input: { type: 'array' } }) }
    expect(contractOf(nodes, { in: ['a', 'join'], a: ['join'] }).inputSchema()).toBeUndefined()
  })

  test('is what a merge asks for', () => {
    const nodes = {
      in: 'std.inlet',
      a: same,
      merge: { ...Object(having({ aggregateInputs: false }, withSchemas({ input: number }))) },
    }
    expect(contractOf(nodes, { in: ['a', 'merge'], a: ['merge'] }).inputSchema()).toBe(number)
  })
})

describe('what is wrong with a value', () => {
  const contract = between(
    withSchemas({
      input: { type: 'object', properties: { a: number, b: text }, required: ['a'], additionalProperties: false },
    }),
  )

  test('is nothing where it fits, or where nobody asks', () => {
    expect(contract.inputProblems({ a: 1, b: 'x' })).toEqual([])
    expect(between(same).inputProblems(Symbol('any'))).toEqual([])
  })

  test('is told all at once, each with its place', () => {
    const problems = contract.inputProblems({ a: 'x', b: 1, c: 2 })
    expect(problems.map(({ pointer }) => pointer).toSorted()).toEqual(['/a', '/b', '/c'])
    for (const { what } of problems) expect(what).not.toMatch(/\.$/)
  })

  test('is told of the value itself with an empty pointer', () => {
    expect(contract.inputProblems(7)).toMatchObject([{ pointer: '', what: 'it must be an object, got 7' }])
  })

  test('leaves the value as it is', () => {
    const value = { a: 1 }
    contract.inputProblems(value)
    expect(value).toEqual({ a: 1 })
  })

  test('is what a Standard Schema says', () => {
    const problems = between(withSchemas({ input: standard((value) => value === 1) })).inputProblems(2)
    expect(problems).toEqual([{ pointer: '/a/b~1c', what: '"a.b/c": Does not fit' }])
    expect(between(withSchemas({ input: standard(() => true) })).inputProblems(2)).toEqual([])
  })

  test('cannot be said by a schema that answers later', () => {
    const later = standard(() => true, { validate: () => Promise.reject(new Error('later')) })
    expect(() => between(withSchemas({ input: later })).inputProblems(1)).toThrow('synchronous')
  })
})

describe('a Standard Schema as JSON Schema', () => {
  const converting = (jsonSchema: unknown) => standard(() => true, { jsonSchema })

  test('is what it says of itself, for the side in question', () => {
    const asked: unknown[] = []
    const jsonSchema = {
      input: (options: object) => asked.push(options) && number,
      output: () => text,
    }
    const contract = between(same, withSchemas({ input: converting(jsonSchema), output: converting(jsonSchema) }))
    expect(contract.outputSchema()).toEqual(text)
    const first = between(withSchemas({ input: converting(jsonSchema) }))
    expect([first.inputSchema(), asked]).toEqual([number, [{ target: 'draft-07' }]])
  })

  test.each([
    ['nothing', undefined],
    ['no functions', { input: number }],
    [
      'a function that throws',
      {
        input: () => {
          throw new Error('cannot')
        },
      },
    ],
    ['no object', { input: () => 'number' }],
  ])('is unknown where it has %s', (_, jsonSchema) => {
    expect(between(withSchemas({ input: converting(jsonSchema) })).inputSchema()).toBeUndefined()
  })
})

describe('what an output is', () => {
  test('is what the leaf gives', () => {
    expect(between(same, withSchemas({ output: text })).outputSchema()).toBe(text)
    expect(between(withSchemas({ output: number })).outputSchema()).toBeUndefined()
  })

  test('is what one of the leaves gives, unless one of them does not tell', () => {
    const nodes = { in: 'std.inlet', a: withSchemas({ output: number }), b: withSchemas({ output: text }) }
    expect(contractOf(nodes, { in: ['a', 'b'] }).outputSchema()).toEqual({ anyOf: [number, text] })
    expect(contractOf({ ...nodes, c: same }, { in: ['a', 'b', 'c'] }).outputSchema()).toBeUndefined()
  })
})

describe('whether requests can go through', () => {
  test('is so where every output belongs to one value', () => {
    expect(() => between(same).assertTakesRequests()).not.toThrow()
  })

  test.each([
    ['a window', having({ window: { size: 2 } }, same)],
    ['a batch as one', having({ batch: { size: 2, returns: 'one' } }, same)],
    ['a coroutine with "flush"', withSchemas({ flush: () => undefined })],
  ])('is not so behind %s', (_, node) => {
    const refusal = expect.objectContaining({
      code: 'PLB_OPTION_CONFLICT',
      details: expect.objectContaining({ node: 'node' }),
    })
    expect(() => between(node).assertTakesRequests()).toThrow(refusal)
  })

  test('is not so where there is no such inlet', () => {
    const missing = expect.objectContaining({ code: 'PLB_OPTION_INVALID' })
    expect(() => between(same).assertTakesRequests('node')).toThrow(missing)
    expect(() => contractOf({ a: () => [1], b: same }, { a: ['b'] }).assertTakesRequests()).toThrow(missing)
  })

  test('is asked of the inlet in question alone', () => {
    const nodes = { a: 'std.inlet', b: 'std.inlet', c: same, d: having({ window: { size: 2 } }, same) }
    const contract = contractOf(nodes, { a: ['c'], b: ['d'] })
    expect(() => contract.assertTakesRequests('a')).not.toThrow()
    expect(() => contract.assertTakesRequests('b')).toThrow()
  })
})

test('a contract is made once', () => {
  const plumber = new Plumber({ nodes: { in: { coro: 'std.inlet' }, a: { coro: same } }, graph: { in: ['a'] } })
  expect(plumber.contract).toBe(plumber.contract)
})
