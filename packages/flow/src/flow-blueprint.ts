import { type Blueprint, BlueprintBuilder, type NewNode, type NewProperties } from './blueprint.js'
import { from } from './from.js'
import { reorder } from './reorder.js'
import { type NodeOptions, type Stage, stagesOf, type WorkStage } from './stage.js'

/** How the stages of one flow are made to nodes. */
interface Ways {
  /** Whether items know their places. */
  readonly indexed: boolean
  /** Stages in front of which nothing merges, and behind which somebody wants order: they keep it. */
  readonly strict: ReadonlySet<Stage>
}

/** A blueprint of everything that some stages need; `indexed` where whoever takes its items wants to know their places. */
export function blueprintOf(ends: readonly Stage[], indexed: boolean): Blueprint {
  const stages = stagesOf(ends)
  const wanted = stages.filter(({ kind }) => kind === 'ordered')
  const lines = wanted.filter((stage) => stagesOf([stage]).every(({ inputs }) => inputs.length < 2))
  const ways = {
    indexed: indexed || lines.length < wanted.length,
    strict: new Set(lines.flatMap((stage) => stagesOf([stage]))),
  }
  const builder = new BlueprintBuilder()
  const names = new Map<Stage, string>()
  for (const stage of stages) {
    const inputs = stage.inputs.map((input) => names.get(input) ?? '')
    const [only = ''] = inputs
    const isPassed = stage.kind === 'ordered' && ways.strict.has(stage)
    const name = isPassed ? only : builder.add(nodeOf(stage, ways))
    names.set(stage, name)
    if (!isPassed) for (const input of inputs) builder.connect(input, name)
  }
  return builder.build()
}

function nodeOf(stage: Stage, ways: Ways): NewNode {
  const { name } = stage.options
  switch (stage.kind) {
    case 'source': {
      const indexed = ways.indexed || stage.options.elementIndex === true
      return { label: 'from', name, coro: from(stage.data, indexed) }
    }
    case 'inlet':
      return { label: 'in', name, coro: 'std.inlet' }
    case 'merge':
      return {
        label: 'concat',
        name,
        coro: 'std.pass',
        properties: { aggregateInputs: false, ...propertiesOf(stage.options) },
      }
    case 'ordered':
      return { label: 'ordered', name, coro: reorder(stage.options) }
    case 'work':
      return workNode(stage, ways)
    default:
      return stage satisfies never
  }
}

function workNode(stage: WorkStage, { indexed, strict }: Ways): NewNode {
  const { label, coro, args, options } = stage
  const isExpanding = coro === 'std.flatMap' && (indexed || isIndexed(stage))
  return {
    label,
    name: options.name,
    coro,
    args: isExpanding ? { ...args, elementIndex: true } : args,
    refs: stage.refs,
    properties: { ...propertiesOf(options), ...(strict.has(stage) && options.ordered === false && { ordered: true }) },
  }
}

/** Whether the items of a stage know their places because their source was told so. */
function isIndexed(stage: Stage): boolean {
  return stagesOf([stage]).some(({ kind, options }) => kind === 'source' && options.elementIndex === true)
}

/** What of the options of a stage are properties of its node. */
function propertiesOf(options: NodeOptions): NewProperties {
  const { name: _name, batchSize, runInMaster, partitionBy, ...properties } = options
  const inFlight: NewProperties =
    batchSize === undefined ? {} : properties.stateful === true ? { queueSize: batchSize } : { workers: batchSize }
  return {
    ...inFlight,
    ...properties,
    partitionBy,
    ...(runInMaster === true && { executor: undefined }),
  }
}
