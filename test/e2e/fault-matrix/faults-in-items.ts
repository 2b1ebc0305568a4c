import { hashOf } from '@pipelines/testkit'
import type { Member } from './calls.js'
import { type Ending, endingOf, type Fault, type Target } from './fault.js'
import { having, isLeaf, isSource, type MatrixGraph, type MatrixNode, nodeNamed, plus } from './graphs.js'
import { type Fate, Model } from './model.js'
import type { Call, Trial } from './trial.js'

/*
 * F6: one item in ten fails, under every policy. Which ones, a hash of node and item says: so the model can say exactly
 * what becomes of every root.
 */

type Policy = 'fail' | 'skip' | 'route'
type FateOf = (node: MatrixNode, member: Member) => Fate

const RETRY = { attempts: 3, minDelayMs: 5, factor: 2, jitter: 'none' } as const

function oneInTen(policy: Policy, retry: boolean): Fault {
  return {
    name: `F6 one item in ten fails, onError "${policy}"${retry ? ', with retry' : ''}`,
    strike: (target) => {
      const graph = withPolicy(target.graph, policy, retry)
      const fate = drawFate(target, graph, retry)
      return {
        graph,
        call: (call, trial) => ailing(call, trial, fate),
        ending: (trial) => endingUnder(policy, new Model(graph, { fate: together(trial, fate) })),
      }
    },
  }
}

const GRAVE = { work: 'bury', properties: { aggregateInputs: false } } as const

function withPolicy(graph: MatrixGraph, policy: Policy, retry: boolean): MatrixGraph {
  const tried = retry ? having(graph, { retry: RETRY }) : graph
  if (policy !== 'route') return having(tried, { onError: policy })
  // Behind a leaf there is no port: whatever it has edges to, it would be no leaf.
  const routes = (node: MatrixNode): boolean => !isSource(node) && !isLeaf(graph, node)
  const routed = having(having(tried, { onError: 'skip' }), { onError: 'route' }, routes)
  const inputs = graph.keys.filter((key) => routes(nodeNamed(graph, key)))
  // A place where both sides meet would leave a join by position nothing to go by.
  const apart = graph.nodes.some(({ join }) => join === 'position')
  const graves = apart ? inputs.map((name) => [name]) : [inputs]
  return graves.reduce((sum, names, place) => plus(sum, { ...GRAVE, name: `dead${place}`, inputs: names }), routed)
}

/** Draws until something fails for good and, with retry, something recovers. */
function drawFate({ random }: Target, graph: MatrixGraph, retry: boolean): FateOf {
  for (;;) {
    const salt = random.integer(0, 1e9)
    const fate: FateOf = ({ name, work }, { text }) => {
      const hash = hashOf(`${salt} ${name} ${text}`)
      if (work === 'bury' || hash % 10 !== 0) return { attempts: 1, fails: false }
      if (!retry) return { attempts: 1, fails: true }
      return hash % 20 === 0 ? { attempts: 2, fails: false } : { attempts: RETRY.attempts, fails: true }
    }
    const { calls, failures } = new Model(graph, { fate })
    const recovers = calls.some((call) => call.fate.attempts > 1 && !call.fate.fails)
    if (failures.length > 0 && (recovers || !retry)) return fate
  }
}

/** What becomes of an item in a batch is what becomes of the batch: the worst of all its items. */
function together({ batches }: Trial, fate: FateOf): FateOf {
  return (node, member) => worst((batches.get(`${node.name} ${member.text}`) ?? [member]).map((one) => fate(node, one)))
}

function worst(fates: readonly Fate[]): Fate {
  return { attempts: Math.max(...fates.map(({ attempts }) => attempts)), fails: fates.some(({ fails }) => fails) }
}

/** What a call does that fails this time. */
function ailing(call: Call, trial: Trial, fate: FateOf): (() => unknown) | undefined {
  const { node, members, attempt } = call
  const { attempts, fails } = worst(members.map((member) => fate(node, member)))
  if (attempt > attempts || (attempt === attempts && !fails)) return undefined
  const label = `${node.name} ${members[0]?.text} fails ${attempt}`
  const work = (): never => {
    const error = new Error(label)
    throw attempt === attempts ? trial.fails(error, node, members) : error
  }
  return () => trial.scheduler.after(label, work, trial.signalOf(call))
}

function endingUnder(policy: Policy, model: Model): Ending {
  if (policy !== 'fail') return endingOf(model)
  const [{ attempts }] = model.failures.map(({ fate }) => fate) as [Fate]
  return { outcome: 'failed', error: { code: 'PLB_NODE_FAILED', details: { attempts, phase: 'run' } } }
}

export const FAULTS_IN_ITEMS: readonly Fault[] = (['fail', 'skip', 'route'] as const).flatMap((policy) => [
  oneInTen(policy, false),
  oneInTen(policy, true),
])
