import type { Executor } from '@pipelines/core'
import { processes, threads } from '@pipelines/workers'

const makers: Readonly<Record<string, () => Executor>> = { thread: () => threads(), process: () => processes() }
const made = new Map<string, Executor>()

/** The executor of that name which all blueprints share: made when it is first needed. */
export function sharedExecutor(name: string): Executor | undefined {
  const known = made.get(name)
  const make = Object.hasOwn(makers, name) ? makers[name] : undefined
  if (known !== undefined || make === undefined) return known
  const executor = make()
  made.set(name, executor)
  return executor
}
