import { type Coro, type CoroDefinition, type Issue, isClass, isCoroDefinition, issue, show } from '@pipelines/core'
import { Copies, Group, type Maker, Step } from './members.js'
import { type GroupPart, type Part, partOf, stagesIn } from './parts.js'
import { isReady } from './ready.js'
import { Stage } from './stage.js'
import { nameOfStage } from './stage-runs.js'

/** How deep members may be nested: an array may contain itself. */
const DEEPEST = 100

/** What is wrong with a member. */
interface Complaint {
  readonly what: string
  readonly hint?: string
}

/** Makes parts of members, and lists everything that is wrong with them. */
export class Checked {
  readonly issues: Issue[] = []
  readonly #stages = new Set<Stage>()

  /** The parts of a list of members. `pointer` says where it is. */
  parts(members: readonly unknown[], pointer: string, kind = 'list'): readonly Part[] {
    if (members.length === 0) this.#add(pointer, { what: `This ${kind} is empty.`, hint: 'Give at least one member.' })
    if (pointer.split('/').length > DEEPEST) {
      this.#add(pointer, { what: 'Members are nested too deep here.', hint: 'Does a list contain itself?' })
      return []
    }
    return members.flatMap((member, place) => this.#part(member, `${pointer}/${place}`) ?? [])
  }

  #part(member: unknown, pointer: string): Part | undefined {
    if (member instanceof Stage) return this.#stage(member, pointer, {})
    if (member instanceof Step) return this.#step(member, pointer)
    const nested = partOf(member)
    if (nested !== undefined) return this.#nest(nested, pointer)
    if (member instanceof Copies) return this.#copies(member, pointer)
    if (member instanceof Group) {
      const { kind } = member
      return { kind, parts: this.parts(member.members, pointer, kind) }
    }
    if (Array.isArray(member)) return { kind: 'serial', parts: this.parts(member, pointer) }
    const complaint = complaintOf(member)
    if (complaint === undefined) return this.#work(member as Coro | CoroDefinition, member) // nothing else is left
    this.#add(pointer, complaint)
    return undefined
  }

  #nest(part: GroupPart, pointer: string): Part {
    for (const stage of stagesIn(part)) this.#note(stage, pointer)
    return part
  }

  #work(
    coro: string | Coro | CoroDefinition,
    member: unknown,
    { options, refs, label = 'map' }: Partial<Step> = {},
  ): Part {
    const { name, args, ...properties } = options ?? {}
    return { kind: 'work', label, coro, name, args, refs, properties, member }
  }

  #step(member: Step, pointer: string): Part | undefined {
    const { coro, options } = member
    if (coro instanceof Stage) return this.#stage(coro, pointer, options)
    const complaint = typeof coro === 'string' ? undefined : complaintOf(coro)
    if (complaint === undefined) return this.#work(coro, member, member)
    this.#add(pointer, complaint)
    return undefined
  }

  #stage(stage: Stage, pointer: string, { name, args, ...properties }: Step['options']): Part {
    const label = nameOfStage(stage)
    const { workers = 1, executor = 'inline' } = properties
    this.#note(stage, pointer)
    if (args !== undefined)
      this.#add(pointer, { what: `${label} is constructed with its args.`, hint: `Give them to new ${label}().` })
    if (workers !== 1)
      this.#add(pointer, {
        what: `An instance of ${label} is one worker, not ${show(workers)}.`,
        hint: `Use as(${show(workers)}, ${label}).`,
      })
    if (executor !== 'inline')
      this.#add(pointer, {
        what: `An instance of ${label} cannot go to the executor ${show(executor)}.`,
        hint: 'Export stageCoro() of its class from a module, and use that.',
      })
    return { kind: 'stages', label, stages: [stage], name, properties }
  }

  /** One instance is at one place. */
  #note(stage: Stage, pointer: string): void {
    if (this.#stages.has(stage))
      this.#add(pointer, {
        what: `This instance of ${nameOfStage(stage)} is in the nest already.`,
        hint: 'Make another one.',
      })
    this.#stages.add(stage)
  }

  #copies({ kind, count, make }: Copies, pointer: string): Part | undefined {
    if (!Number.isSafeInteger(count) || count < 1) {
      this.#add(pointer, { what: `There cannot be ${show(count)} of them.`, hint: 'Give an integer ≥ 1.' })
      return undefined
    }
    const complaint = complaintOfMaker(make)
    if (complaint !== undefined) {
      this.#add(pointer, complaint)
      return undefined
    }
    const made = Array.from({ length: count }, () => instanceOf(make))
    const parts = this.parts(made, pointer)
    const stages = parts.flatMap((part) => (part.kind === 'stages' ? part.stages : []))
    const [first] = parts
    // Only those that are made here are known to be alike.
    if (kind === 'parallel' && isClass(make.of) && first?.kind === 'stages') return { ...first, stages }
    return { kind, parts }
  }

  #add(pointer: string, complaint: Complaint): void {
    this.issues.push(issue('GRAPH_SCHEMA', pointer, complaint))
  }
}

function instanceOf({ of, args }: Maker): unknown {
  return isClass(of)
    ? Reflect.construct(of as new () => unknown, args)
    : Reflect.apply(of as () => unknown, undefined, args)
}

function complaintOfMaker({ of }: Maker): Complaint | undefined {
  if (isClass(of)) return isStageClass(of) ? undefined : { what: `${nameOf(of)} is a class, but not one of stages.` }
  if (typeof of === 'function') return undefined
  return { what: `${show(of)} makes no members.`, hint: 'Give a class of stages, or a function that makes one member.' }
}

const isStageClass = (of: unknown): boolean => typeof of === 'function' && of.prototype instanceof Stage

/** What is wrong with what should be a coroutine. */
function complaintOf(member: unknown): Complaint | undefined {
  if (isCoroDefinition(member)) return undefined
  if (isClass(member))
    return { what: `${nameOf(member)} is a class.`, hint: `Make an instance: new ${nameOf(member)}().` }
  if (typeof member === 'function') {
    if (!isReady(member)) return undefined
    return { what: `${nameOf(member)} makes a member.`, hint: `Call it: ${nameOf(member)}().` }
  }
  const isItems =
    typeof member === 'object' && member !== null && (Symbol.iterator in member || Symbol.asyncIterator in member)
  return {
    what: `${show(member)} is no member of a nest.`,
    hint: isItems
      ? 'Use iter() for its items.'
      : 'Give a function, an instance of a class of stages, or a list of them.',
  }
}

const nameOf = (value: unknown): string => (typeof value === 'function' && value.name !== '' ? value.name : 'This')
