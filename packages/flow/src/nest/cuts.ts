import { type GroupPart, type Part, stagesIn } from './parts.js'
import type { Stage } from './stage.js'
import { nameOfStage } from './stage-runs.js'

/** A name by which stages put to another nest: one that a property and a port can have. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/
const PORTS: ReadonlySet<string> = new Set(['out', 'error'])
/** What stages were given to put to: a later nest may give it to them too. */
const lent = new WeakSet<object>()

/** Everything that is cut in somewhere in a part, or in what is cut in there; each once. */
export function cutInto(part: Part): readonly GroupPart[] {
  const found = new Set<GroupPart>()
  const waiting: Part[] = [part]
  for (const one of waiting) {
    if (one.kind === 'work' || one.kind === 'stages') continue
    waiting.push(...one.parts)
    for (const other of one.cuts?.values() ?? []) {
      if (found.has(other)) continue
      found.add(other)
      waiting.push(other)
    }
  }
  return [...found]
}

/** All stages of a nest, and of what is cut in there. */
export const stagesOf = (part: GroupPart): readonly Stage[] => [part, ...cutInto(part)].flatMap(stagesIn)

/** What is wrong with cutting one part into another by that name, in words that follow the name; `undefined` if nothing is. */
export function wrongCut(part: GroupPart, name: unknown, other: GroupPart): string | undefined {
  if (typeof name !== 'string' || !NAME.test(name) || PORTS.has(name))
    return 'cannot be the name of a port: give letters, digits and "_", and neither "out" nor "error"'
  if (part.cuts?.has(name) === true) return 'is cut in already'
  const ours = new Set(stagesOf(part))
  const taken = [...ours].find((stage) => isTaken(stage, name))
  if (taken !== undefined) return `is something that ${nameOfStage(taken)} has already`
  if (other === part || cutInto(other).includes(part)) return 'leads back to the nest itself'
  if (stagesOf(other).some((stage) => ours.has(stage)) && !cutInto(part).includes(other))
    return 'has a stage that is in this nest too'
  return undefined
}

/** Gives the stages of a part what they put to by name. Where a nest in a nest uses the same name, its own is meant. */
export function lendCuts(part: Part): void {
  if (part.kind === 'work' || part.kind === 'stages') return
  for (const inner of part.parts) lendCuts(inner)
  for (const [name, other] of part.cuts ?? []) {
    lendCuts(other)
    for (const stage of stagesIn(part))
      if (Reflect.get(stage, name) === undefined) {
        const value = stage.cut(name)
        lent.add(value)
        Object.defineProperty(stage, name, { value, configurable: true })
      }
  }
}

/** A field that is declared and not set is there for the cut. */
function isTaken(stage: Stage, name: string): boolean {
  const own = Object.getOwnPropertyDescriptor(stage, name)
  return own === undefined ? name in stage : own.value !== undefined && !lent.has(own.value)
}
