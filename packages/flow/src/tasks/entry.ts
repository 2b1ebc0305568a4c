import { type Coro, isClass, quote, type Schema } from '@pipelines/core'
import { wordOf } from '../coro-names.js'
import { Unique } from '../unique.js'

/** A task of a list, read without trust: what is of a wrong type is not there. */
export interface Entry {
  /** From 0. */
  readonly place: number
  readonly isFirst: boolean
  readonly isLast: boolean
  /** Of its node: no two are the same. */
  readonly name: string
  /** As it was given. */
  readonly given: Readonly<Record<string, unknown>>
  readonly run: Coro | undefined
  readonly constants: Readonly<Record<string, unknown>> | undefined
  readonly workers: number
  readonly packetsInFlight: number
  readonly input: Schema | undefined
  readonly output: Schema | undefined
  readonly constantsSchema: Schema | undefined
}

/** Whether a value may be an object of options. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const isRun = (value: unknown): value is Coro => typeof value === 'function' && !isClass(value)

export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0

export const isSchema = (value: unknown): value is Schema =>
  typeof value === 'boolean' || typeof value === 'function' || isObject(value)

/** How messages call a task. */
export const titleOf = ({ name }: Pick<Entry, 'name'>): string => `task ${quote(name)}`

/** Reads the tasks of a list. */
export function entriesOf(list: readonly unknown[]): readonly Entry[] {
  const tasks = list.map((task) => (isObject(task) ? task : {}))
  const names = namesOf(tasks)
  return tasks.map((given, place) => {
    const { run, constants, workers, packetsInFlight, input, output, constantsSchema } = given
    return {
      place,
      isFirst: place === 0,
      isLast: place === tasks.length - 1,
      name: names[place] ?? '',
      given,
      run: isRun(run) ? run : undefined,
      constants: isObject(constants) ? constants : undefined,
      workers: isCount(workers) ? workers : 1,
      packetsInFlight: isCount(packetsInFlight) ? packetsInFlight : 1,
      input: isSchema(input) ? input : undefined,
      output: isSchema(output) ? output : undefined,
      constantsSchema: isSchema(constantsSchema) ? constantsSchema : undefined,
    }
  })
}

/** What a function is called that was written in its place, as `{ run: () => … }`. */
const NO_NAME = 'run'

/** A name that was given goes before those that are made. */
function namesOf(tasks: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  const unique = new Unique()
  const given = tasks.map(({ name }) => (typeof name === 'string' ? unique.name(name) : undefined))
  return tasks.map(({ run }, place) => {
    const own = isRun(run) ? wordOf(run) : undefined
    return given[place] ?? unique.name(own === undefined || own === NO_NAME ? `task-${place + 1}` : own)
  })
}
