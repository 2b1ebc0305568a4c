import type { Entry } from './entry.js'

/** By option of a node, that of a task. */
const OPTIONS: ReadonlyMap<string, string> = new Map([
  ['/coro', '/run'],
  ['/args/fn', '/run'],
  ['/properties/executor', '/parallelism'],
  ['/properties/workers', '/workers'],
  ['/properties/packetsInFlight', '/packetsInFlight'],
])

/**
 * Where something is in a list of tasks that was found in its graph; the pointer itself where it belongs to no task.
 *
 * @param constants where constants are in a node, behind its name: `args/constants`, unless they are all its args
 */
export function inList(pointer: string, entries: readonly Entry[], constants = 'args/constants'): string {
  const [, nodes, encoded = '', ...rest] = pointer.split('/')
  const name = encoded.replaceAll('~1', '/').replaceAll('~0', '~')
  const entry = nodes === 'nodes' ? entries.find((one) => one.name === name) : undefined
  if (entry === undefined) return pointer
  const task = `/${entry.place}`
  if (rest.length === 0) return `${task}/name`
  const inside = `/${rest.join('/')}`
  if (inside.startsWith(`/${constants}`)) return `${task}/constants${inside.slice(constants.length + 1)}`
  return task + (OPTIONS.get(inside) ?? '')
}
