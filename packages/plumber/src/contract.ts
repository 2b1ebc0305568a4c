import { isLeaf, type JsonSchema, OUT, PipelineError, type Plan, type Schema } from '@pipelines/core'
import { inletNumber } from './inputs.js'
import { mixedBehind } from './mixed.js'
import { isStandard, type SchemaProblem, validatorOf } from './schemas.js'

/** What a graph takes and gives, as far as the `input` and `output` of its coroutines tell. */
export class Contract {
  /** Names of its inlets. */
  readonly inlets: readonly string[]
  readonly #plan: Plan
  readonly #inlets: ReadonlyMap<string, number>
  /** By inlet: looked for once. */
  readonly #takers = new Map<number, readonly Schema[]>()

  /** Made by `Plumber`. */
  constructor(plan: Plan, inlets: ReadonlyMap<string, number>) {
    this.#plan = plan
    this.#inlets = inlets
    this.inlets = [...inlets.keys()]
  }

  /**
   * Throws unless requests can go through an inlet: `PLB_OPTION_INVALID` if it is not there, `PLB_OPTION_CONFLICT` if a
   * node behind it gives outputs that belong to no single value.
   */
  assertTakesRequests(inlet?: string): void {
    const mixed = mixedBehind(this.#plan, inletNumber(this.#inlets, inlet))
    if (mixed !== undefined) throw new PipelineError('OPTION_CONFLICT', mixed)
  }

  /** What an inlet takes: what all the nodes behind it ask for. Absent where none of them tells. */
  inputSchema(inlet?: string): JsonSchema | undefined {
    const schemas = this.#takersOf(inlet).flatMap((schema) => jsonSchemaOf(schema, 'input'))
    return schemas.length > 1 ? { allOf: schemas } : schemas[0]
  }

  /** What is wrong with a value for an inlet, in the eyes of all the nodes behind it. */
  inputProblems(value: unknown, inlet?: string): readonly SchemaProblem[] {
    const problems = this.#takersOf(inlet).flatMap((schema) => {
      const verdict = validatorOf(schema)(value, 'it')
      return verdict.ok ? [] : verdict.problems
    })
    // Two keywords, or two nodes, may say the same.
    return [...new Map(problems.map((problem) => [`${problem.pointer} ${problem.what}`, problem])).values()]
  }

  /** What an output is: what one of the leaves gives. Absent where one of them does not tell. */
  outputSchema(): JsonSchema | undefined {
    const { nodes, edges } = this.#plan
    const leaves = nodes.filter((node) => isLeaf(node, edges))
    const schemas = leaves.flatMap(({ coro }) =>
      coro?.output === undefined ? [] : jsonSchemaOf(coro.output, 'output'),
    )
    if (schemas.length < leaves.length) return undefined
    return schemas.length > 1 ? { anyOf: schemas } : schemas[0]
  }

  /** The input schemas of the nodes that get the values of an inlet as they are. */
  #takersOf(name: string | undefined): readonly Schema[] {
    const inlet = inletNumber(this.#inlets, name)
    const takers = this.#takers.get(inlet) ?? takersOf(this.#plan, inlet)
    this.#takers.set(inlet, takers)
    return takers
  }
}

function takersOf({ nodes, edges }: Plan, inlet: number): readonly Schema[] {
  return (nodes[inlet]?.outputs ?? []).flatMap((number) => {
    const edge = edges[number]
    const taker = edge?.port === OUT ? nodes[edge.to] : undefined
    const alone = taker !== undefined && (taker.inputs.length === 1 || !taker.properties.aggregateInputs)
    return alone && taker.coro?.input !== undefined ? [taker.coro.input] : []
  })
}

/** A Standard Schema says it in its own way, if at all. @see https://standardschema.dev/json-schema */
function jsonSchemaOf(schema: Schema, side: 'input' | 'output'): readonly JsonSchema[] {
  if (!isStandard(schema)) return [schema]
  try {
    const converter = schema['~standard'].jsonSchema as Readonly<Record<string, unknown>> | undefined
    const convert = converter?.[side]
    const made: unknown = typeof convert === 'function' ? convert.call(converter, { target: 'draft-07' }) : undefined
    return typeof made === 'object' && made !== null ? [made as JsonSchema] : []
  } catch {
    return [] // it cannot be said in JSON Schema
  }
}
