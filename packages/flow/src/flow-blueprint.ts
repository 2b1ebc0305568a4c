import { type Blueprint, BlueprintBuilder, type NewNode, type NewProperties } from './blueprint.js'
import { from, place } from './from.js'
import { reorder } from './reorder.js'
import { type NodeOptions, type Stage, stagesOf, type WorkStage } from './stage.js'

/** How the stages of one flow are made to nodes. */
interface Ways {
  /** Stages whose items know their places. */
  readonly indexed: ReadonlySet<Stage>
  /** Stages in front of which nothing merges, and behind which somebody wants order: they keep it. */
  readonly strict: ReadonlySet<Stage>
}

/** A blueprint of everything that some stages need; `indexed` where whoever takes its items wants to know their places. */
export function blueprintOf(ends: readonly Stage[], indexed: boolean): Blueprint {
  const stages = stagesOf(ends)
  const ways = waysOf(stages, indexed)
  const builder = new BlueprintBuilder()
  const isPassed = (stage: Stage): boolean => stage.kind === 'ordered' && ways.strict.has(stage)
  builder.reserve(stages.flatMap((stage) => (isPassed(stage) ? [] : (stage.options.name ?? []))))
  const names = new Map<Stage, string>()
  for (const stage of stages) {
    const inputs = stage.inputs.map((input) => names.get(input) ?? '')
    const [only = ''] = inputs
    const name = isPassed(stage) ? only : builder.add(nodeOf(stage, ways))
    names.set(stage, isPlaceless(stage) && ways.indexed.has(stage) ? withPlaces(builder, name) : name)
    if (!isPassed(stage)) for (const input of inputs) builder.connect(input, name)
  }
  return builder.build()
}

function waysOf(stages: readonly Stage[], indexed: boolean): Ways {
  const lines = new Set<Stage>()
  for (const stage of stages)
    if (stage.inputs.length < 2 && stage.inputs.every((input) => lines.has(input))) lines.add(stage)
  const strict = new Set<Stage>()
  for (const stage of stages.toReversed())
    if (lines.has(stage) && (strict.has(stage) || stage.kind === 'ordered')) {
      strict.add(stage)
      for (const input of stage.inputs) strict.add(input)
    }
  const all = indexed || stages.some((stage) => stage.kind === 'ordered' && !lines.has(stage))
  const knowing = new Set<Stage>()
  for (const stage of stages)
    if (all || isIndexed(stage) || stage.inputs.some((input) => knowing.has(input))) knowing.add(stage)
  return { indexed: knowing, strict }
}

const isIndexed = ({ kind, options }: Stage): boolean =>
  (kind === 'source' || kind === 'inlet') && options.elementIndex === true

/** Whether a flow begins with a stage that tells items no places: an inlet, or a coroutine that is a source. */
const isPlaceless = ({ kind, inputs }: Stage): boolean => kind === 'inlet' || (kind === 'work' && inputs.length === 0)

/** Tells items their places behind where they come from. */
function withPlaces(builder: BlueprintBuilder, from: string): string {
  const places = builder.add({ label: 'places', coro: place })
  builder.connect(from, places)
  return places
}

function nodeOf(stage: Stage, ways: Ways): NewNode {
  const { name } = stage.options
  switch (stage.kind) {
    case 'source':
      return { label: 'from', name, coro: from(stage.data, ways.indexed.has(stage)) }
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
  const isExpanding = coro === 'std.flatMap' && indexed.has(stage)
  return {
    label,
    name: options.name,
    coro,
    args: isExpanding ? { ...args, elementIndex: true } : args,
    refs: stage.refs,
    properties: { ...propertiesOf(options), ...(strict.has(stage) && options.ordered === false && { ordered: true }) },
  }
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
