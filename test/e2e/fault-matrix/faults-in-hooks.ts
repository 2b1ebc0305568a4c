import type { Context } from '@pipelines/core'
import { anyMoment, doomedBy, endingOf, type Fault, failedAt, victimIn } from './fault.js'
import { type MatrixGraph, type MatrixNode, nodeNamed } from './graphs.js'
import type { Slot, Trial } from './trial.js'

/*
 * F11: what hooks do wrong.
 */

type Hook = 'setup' | 'flush' | 'teardown'

function throwingIn(hook: Hook): Fault['strike'] {
  return (target) => {
    const { node: victim } = victimIn(target, (node) => hook !== 'flush' || !isBeforeJoin(target.graph, node))
    const error = new Error(`no ${hook}`)
    const late = target.random.chance(0.5)
    const fails = (trial: Trial) => () => {
      trial.fails(error, victim)
      if (late) return Promise.reject(error)
      throw error
    }
    return {
      hooks: (node, trial) => (node.name === victim.name ? hooksWith(trial, node, hook, fails(trial)) : undefined),
      ending: () => failedAt(victim, error, hook),
    }
  }
}

/** The hooks that every slot is watched by, of which one does something else in the end. */
function hooksWith(trial: Trial, node: MatrixNode, hook: Hook, last: () => unknown): object {
  const { setup, teardown } = trial.watches(node.name)
  if (hook !== 'teardown') return { setup, teardown, [hook]: last }
  return {
    setup,
    teardown: (context: Context<Slot>, reason: unknown) => {
      void teardown(context, reason)
      return last()
    },
  }
}

/** Whether what a node gives comes to a join by lineage: then it has no `flush`, whose outputs belong to nobody. */
function isBeforeJoin(graph: MatrixGraph, { name }: MatrixNode): boolean {
  return graph.nodes.some(
    (node) =>
      node.inputs.includes(name) && (typeof node.join === 'object' || isBeforeJoin(graph, nodeNamed(graph, node.name))),
  )
}

/** Teardown never settles. */
function hanging(when: 'at the end' | 'at any moment'): Fault['strike'] {
  return (target) => {
    const { node: victim } = victimIn(target)
    const moment = when === 'at the end' ? Number.POSITIVE_INFINITY : anyMoment(target)
    return {
      hooks: (node, trial) =>
        node.name === victim.name ? hooksWith(trial, node, 'teardown', () => new Promise(() => {})) : undefined,
      act: async (trial) => {
        const pipeline = trial.start()
        await trial.drive(pipeline.settled, moment)
        if (when === 'at any moment') void pipeline.doomsday('enough')
      },
      ending: (trial) => {
        const abandoned = trial.slots.some(({ name }) => name === victim.name) ? [victim.name] : []
        return { ...(trial.doomed ? doomedBy('enough') : endingOf(target.model)), abandoned }
      },
    }
  }
}

export const FAULTS_IN_HOOKS: readonly Fault[] = [
  { name: 'F11 setup throws', strike: throwingIn('setup') },
  { name: 'F11 flush throws', strike: throwingIn('flush') },
  { name: 'F11 teardown throws', strike: throwingIn('teardown') },
  { name: 'F11 teardown hangs', strike: hanging('at the end') },
  { name: 'F11 teardown hangs, and the run is doomed', strike: hanging('at any moment') },
]
