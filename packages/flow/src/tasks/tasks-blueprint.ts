import { NODE_PROPERTIES } from '@pipelines/core'
import { type Blueprint, BlueprintBuilder, type NewEdge, type NewProperties } from '../blueprint.js'
import type { Entry } from './entry.js'
import type { Parallelism } from './task.js'
import { TaskCoros, type TaskKind } from './task-coros.js'

/** The graph of a list of tasks, all of which have functions: one line of nodes. */
export function blueprintOf(entries: readonly Entry[], parallelism: Parallelism | undefined): Blueprint {
  const coros = new TaskCoros()
  const builder = new BlueprintBuilder([coros])
  let before: Entry | undefined
  for (const entry of entries) {
    const { name, run, constants, input, output } = entry
    const kind = kindOf(entry)
    builder.add({
      label: 'task',
      name,
      coro: `tasks.${kind}`,
      args: constants && { constants },
      refs: { fn: run },
      properties: propertiesOf(entry, parallelism),
    })
    coros.describe(name, kind, { input, output })
    if (before !== undefined) builder.connect(before.name, name, roomFor(before))
    before = entry
  }
  return builder.build()
}

function kindOf({ isFirst, isLast }: Entry): TaskKind {
  if (isFirst) return isLast ? 'single' : 'source'
  return isLast ? 'sink' : 'stage'
}

function propertiesOf(entry: Entry, parallelism: Parallelism | undefined): NewProperties {
  const { workers, packetsInFlight, isFirst, isLast, given } = entry
  const place = given.parallelism ?? parallelism
  return {
    workers: isFirst || workers === 1 ? undefined : workers,
    packetsInFlight: isLast ? undefined : packetsInFlight,
    executor: place === 'thread' || place === 'process' ? place : undefined,
  }
}

/** Items in flight wait in the queue: where there may be more than usual, it holds more. */
function roomFor({ packetsInFlight }: Entry): NewEdge {
  return packetsInFlight > NODE_PROPERTIES.queueSize.default ? { queueSize: packetsInFlight } : {}
}
