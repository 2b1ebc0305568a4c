import { hashOf } from '@pipelines/testkit'
import { type MatrixGraph, type MatrixNode, nodeNamed } from './graphs.js'

/** A value as it goes through the graphs of the matrix: plain data, which tells where it came from. */
export interface Value {
  readonly text: string
  /** The items of sources that it descends from. */
  readonly roots: readonly string[]
}

/** What a coroutine is to work on: of a batch, one of several. */
export interface Member {
  readonly parts: readonly Value[]
  /** All parts as one text: by this a call is known. */
  readonly text: string
  readonly roots: readonly string[]
}

/** The items of a source. */
export function itemsOf({ name, items }: MatrixNode): Value[] {
  return Array.from({ length: items }, (_, place) => itemOf(name, place))
}

function itemOf(name: string, place: number): Value {
  const text = `${name}#${place}`
  return { text, roots: [text] }
}

/** The members of a call's input. Throws a TypeError for an input that the node must not be given. */
export function membersOf(graph: MatrixGraph, node: MatrixNode, input: unknown): Member[] {
  if (node.work === 'bury') return [fromGrave(graph, input)]
  if (node.properties.batch === undefined) return [memberOf(node, slotsOf(node, input))]
  if (!Array.isArray(input)) throw new TypeError(`${node.name} was given no batch`)
  return input.map((one) => memberOf(node, slotsOf(node, one)))
}

/** What a node makes of an item, by the two alone; what takes only some hands them on as they are. */
export function resultsOf({ name, work }: MatrixNode, { text, roots }: Pick<Member, 'text' | 'roots'>): Value[] {
  if (work === 'take') return [{ text, roots }]
  const hash = hashOf(`${name} ${text}`)
  const result = `${name}:${hash.toString(36)}`
  if (work === 'filter' && hash % 3 === 0) return []
  if (work !== 'flatMap') return [{ text: result, roots }]
  return Array.from({ length: hash % 6 }, (_, place) => ({ text: `${result}.${place}`, roots }))
}

/** An item as the input of a node: `slots` has a list for each input. */
export function memberOf(node: MatrixNode, slots: readonly (readonly Value[])[]): Member {
  if (slots.length !== (node.join === undefined ? 1 : node.inputs.length))
    throw new TypeError(`${node.name} was given ${slots.length} inputs`)
  const parts = slots.flat()
  // What is collected of one input comes in any order where workers may overtake each other.
  const text = slots
    .map((slot) =>
      slot
        .map((part) => part.text)
        .toSorted()
        .join(' '),
    )
    .join('+')
  return { parts, text, roots: [...new Set(parts.flatMap(({ roots }) => roots))] }
}

/** What a failed item is known by where it is buried. */
export function epitaph(node: MatrixNode, { text, ...member }: Member): Member {
  return { ...member, text: `${node.name}!${text}` }
}

/** The items of sources that any value in the engine descends from. */
export function rootsIn(value: unknown): readonly string[] {
  if (isValue(value)) return value.roots
  if (Array.isArray(value)) return value.flatMap(rootsIn)
  if (isGrave(value)) return rootsIn(value.input)
  return []
}

/** What leaves by port `error`. */
export interface Grave {
  readonly error: { readonly code: string; readonly message: string; readonly node: string; readonly attempts: number }
  readonly input: unknown
  readonly meta: object
}

export function isGrave(value: unknown): value is Grave {
  return typeof value === 'object' && value !== null && 'error' in value && 'input' in value && 'meta' in value
}

/** An item as what leaves by port `error` tells of it. Throws a TypeError where that is something else. */
export function fromGrave(graph: MatrixGraph, input: unknown): Member {
  if (!isGrave(input)) throw new TypeError('What leaves by port "error" has "error", "input" and "meta".')
  const node = nodeNamed(graph, input.error.node)
  return epitaph(node, memberOf(node, slotsOf(node, input.input)))
}

function slotsOf(node: MatrixNode, input: unknown): Value[][] {
  const slots = node.join === undefined ? [[input]] : Array.isArray(input) ? input.map(listed) : []
  for (const value of slots.flat())
    if (!isValue(value)) throw new TypeError(`${node.name} was given ${JSON.stringify(input)}`)
  return slots as Value[][] // each was looked at
}

const listed = (part: unknown): unknown[] => (part === undefined ? [] : Array.isArray(part) ? part : [part])

function isValue(value: unknown): value is Value {
  return typeof value === 'object' && value !== null && 'text' in value && 'roots' in value
}
