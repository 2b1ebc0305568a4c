import { NODE_PROPERTIES } from '@pipelines/core'
import { type Blueprint, BlueprintBuilder, type NewEdge, type NewNode, type NewProperties } from '../blueprint.js'
import type { Entry } from './entry.js'
import type { Line } from './lines.js'
import type { Parallelism } from './task.js'
import { TaskCoros, type TaskKind } from './task-coros.js'

/** The graph of tasks, all of which have functions: one line of nodes. */
export function blueprintOf(lines: readonly Line[], parallelism: Parallelism | undefined): Blueprint {
  const coros = new TaskCoros()
  const builder = new BlueprintBuilder([coros])
  let before: { readonly name: string; readonly last: Entry } | undefined
  for (const { name, entries } of lines) {
    const last = entries.at(-1)
    if (last === undefined) continue
    const kind = kindOf(entries, last)
    builder.add({
      label: 'task',
      name,
      coro: `tasks.${kind}`,
      ...argsOf(entries, last),
      properties: propertiesOf(last, parallelism, entries.length > 1),
    })
    coros.describe(name, kind, { input: entries[0]?.input, output: last.output })
    if (before !== undefined) builder.connect(before.name, name, roomFor(before.last))
    before = { name, last }
  }
  return builder.build()
}

function kindOf(entries: readonly Entry[], { isFirst, isLast }: Entry): TaskKind {
  if (entries.length > 1) return isLast ? 'whole' : 'line'
  if (isFirst) return isLast ? 'single' : 'source'
  return isLast ? 'sink' : 'stage'
}

function argsOf(entries: readonly Entry[], { run, constants }: Entry): Pick<NewNode, 'args' | 'refs'> {
  if (entries.length === 1) return { args: constants && { constants }, refs: { fn: run } }
  return { args: { fns: entries.map((entry) => entry.run), constants: entries.map((entry) => entry.constants ?? {}) } }
}

function propertiesOf(entry: Entry, parallelism: Parallelism | undefined, isLine: boolean): NewProperties {
  const { workers, packetsInFlight, isFirst, isLast, given } = entry
  const place = given.parallelism ?? parallelism
  return {
    workers: isFirst || isLine || workers === 1 ? undefined : workers,
    packetsInFlight: isLast ? undefined : packetsInFlight,
    executor: place === 'thread' || place === 'process' ? place : undefined,
  }
}

/** Items in flight wait in the queue: where there may be more than usual, it holds more. */
function roomFor({ packetsInFlight }: Entry): NewEdge {
  return packetsInFlight > NODE_PROPERTIES.queueSize.default ? { queueSize: packetsInFlight } : {}
}
