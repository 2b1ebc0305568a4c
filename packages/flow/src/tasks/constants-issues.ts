import { defineCoro, type Issue } from '@pipelines/core'
import { Plumber } from '@pipelines/plumber'
import type { Entry } from './entry.js'
import { inList } from './pointers.js'

/** Constants that do not fit the schema of a task. A Plumber says it: to it they are the args of a node. */
export function constantsIssues(entry: Entry): readonly Issue[] {
  const { name, given, constants = {}, constantsSchema } = entry
  const areRead = given.constants === undefined || given.constants === constants
  if (constantsSchema === undefined || !areRead) return []
  const coro = defineCoro<never>({ kind: 'source', args: constantsSchema, run: () => [] })
  const nodes = { [name]: { coro: name, args: constants } }
  const issues = Plumber.check({ nodes, graph: {} }, { coroMap: new Map([[name, coro]]) })
  return issues
    .filter(({ code }) => code === 'PLB_CORO_ARGS' || code === 'PLB_CORO_TYPE')
    .map((found) => ({ ...found, pointer: inList(found.pointer, [entry], 'args') }))
}
