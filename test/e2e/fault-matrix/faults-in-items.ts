import { hashOf } from '@pipelines/testkit'
import type { Member } from './calls.js'
import { anyMoment, doomedBy, type Ending, endingOf, type Fault, givenBy, type Strike, type Target } from './fault.js'
import { having, isSource, type MatrixGraph, type MatrixNode, nodeNamed, plus } from './graphs.js'
import { type Fate, Model } from './model.js'
import type { Call, Trial } from './trial.js'

/*
 * F6, and F3 where time is up: one item in ten fails, under every policy. Which ones, a hash of node and item says: so
 * the model can say exactly what becomes of every root.
 */

/** How items fail, and what is done about it. */
interface Ailment {
  /** A call that hangs settles when its signal aborts. */
  readonly calls: 'throw' | 'hang'
  readonly onError: 'fail' | 'skip' | 'route'
  readonly retry: boolean
}

type FateOf = (node: MatrixNode, member: Member) => Fate

const RETRY = { attempts: 3, minDelayMs: 5, factor: 2, jitter: 'none' } as const
const TIMEOUT_MS = 20

/** What one item in ten does to a graph, and what the graph gives then. */
interface Ailing extends Pick<Strike, 'graph' | 'call'> {
  /** What comes of all items, or of those that the sources have made; asked when the run is over. */
  readonly model: (trial: Trial, items: 'all' | 'made') => Model
}

function ailing(target: Target, ailment: Ailment): Ailing {
  const graph = withPolicy(target.graph, ailment)
  const fate = drawFate(target, graph, ailment)
  return {
    graph,
    call: (call, trial) => failing(call, trial, { fate, ailment }),
    model: (trial, items) =>
      new Model(graph, { ...(items === 'made' && { given: givenBy(trial) }), fate: together(trial, fate) }),
  }
}

const GRAVE = { work: 'bury', properties: { aggregateInputs: false } } as const

function withPolicy(graph: MatrixGraph, { calls, onError, retry }: Ailment): MatrixGraph {
  const timed = calls === 'hang' ? having(graph, { timeoutMs: TIMEOUT_MS }) : graph
  const tried = retry ? having(timed, { retry: RETRY }) : timed
  const settled = having(tried, { onError })
  if (onError !== 'route') return settled
  const inputs = graph.keys.filter((key) => !isSource(nodeNamed(graph, key)))
  // A place where both sides meet would leave a join by position nothing to go by.
  const apart = graph.nodes.some(({ join }) => join === 'position')
  const graves = apart ? inputs.map((name) => [name]) : [inputs]
  return graves.reduce((sum, names, place) => plus(sum, { ...GRAVE, name: `dead${place}`, inputs: names }), settled)
}

/** Draws until something fails for good and, with retry, something recovers. */
function drawFate({ random }: Target, graph: MatrixGraph, { retry }: Ailment): FateOf {
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

/** What becomes of an item in a batch is what becomes of the batch: the worst of all its items. Its calls are counted once. */
function together({ batches }: Trial, fate: FateOf): FateOf {
  return (node, member) => {
    const batch = batches.get(`${node.name} ${member.text}`) ?? [member]
    const { attempts, fails } = worst(batch.map((one) => fate(node, one)))
    return { attempts: batch[0]?.text === member.text ? attempts : 1, fails }
  }
}

function worst(fates: readonly Fate[]): Fate {
  return { attempts: Math.max(...fates.map(({ attempts }) => attempts)), fails: fates.some(({ fails }) => fails) }
}

interface Failing {
  readonly fate: FateOf
  readonly ailment: Ailment
}

/** What a call does that fails this time. */
function failing(call: Call, trial: Trial, { fate, ailment }: Failing): (() => unknown) | undefined {
  const { node, members, attempt } = call
  const { attempts, fails } = worst(members.map((member) => fate(node, member)))
  if (attempt > attempts || (attempt === attempts && !fails)) return undefined
  const notes = (error: unknown): unknown => (attempt === attempts ? trial.fails(error, node, members) : error)
  if (ailment.calls === 'hang') return () => hanging(call, trial, notes)
  const label = `${node.name} ${members[0]?.text} fails ${attempt}`
  const work = (): never => {
    // What a call emits leaves only if it succeeds.
    if (node.style === 'emitting') call.context.emit('out', { text: label, roots: [] })
    throw notes(new Error(label))
  }
  return () => trial.scheduler.after(label, work, trial.signalOf(call))
}

/** Settles when its signal aborts; `notes` is told where that is because its time is up. */
export function hanging(
  { context: { signal } }: Call,
  trial: Trial,
  notes: (error: unknown) => unknown,
): Promise<never> {
  return new Promise((_, reject) => {
    // What ends the run may be the timeout of another call.
    const abort = (): void => reject(trial.doomed ? signal.reason : notes(signal.reason))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}

function oneInTen(ailment: Ailment): Fault {
  const { calls, onError, retry } = ailment
  const attempts = retry ? RETRY.attempts : 1
  const failed: Ending['error'] =
    calls === 'hang'
      ? { code: 'PLB_NODE_TIMEOUT', details: { attempts, timeoutMs: TIMEOUT_MS } }
      : { code: 'PLB_NODE_FAILED', details: { attempts, phase: 'run' } }
  return {
    name: `${nameOf(ailment)}${retry ? ', with retry' : ''}`,
    strike: (target) => {
      const { model, ...strike } = ailing(target, ailment)
      return {
        ...strike,
        ending: (trial) => (onError === 'fail' ? { outcome: 'failed', error: failed } : endingOf(model(trial, 'all'))),
      }
    },
  }
}

const nameOf = ({ calls, onError }: Ailment): string =>
  calls === 'hang'
    ? `F3 one item in ten hangs until its time is up, onError "${onError}"`
    : `F6 one item in ten fails, onError "${onError}"`

/** As above, and then the run is told to end, at any moment. */
function interrupted(how: 'doomed' | 'drained', onError: Ailment['onError']): Fault {
  return {
    name: `${how === 'doomed' ? 'F8' : 'F9'} the run is ${how} at any moment, while items fail, onError "${onError}"`,
    strike: (target) => {
      const { model, ...strike } = ailing(target, { calls: 'throw', onError, retry: true })
      const moment = anyMoment(target)
      return {
        ...strike,
        act: async (trial) => {
          const pipeline = trial.start()
          await trial.drive(pipeline.settled, moment)
          void (how === 'doomed' ? pipeline.doomsday('enough') : pipeline.drain())
        },
        ending: (trial) =>
          trial.doomed ? { ...doomedBy('enough'), possible: model(trial, 'all') } : endingOf(model(trial, 'made')),
      }
    },
  }
}

const POLICIES = ['fail', 'skip', 'route'] as const

export const FAULTS_IN_ITEMS: readonly Fault[] = [
  ...POLICIES.flatMap((onError) => [false, true].map((retry) => oneInTen({ calls: 'throw', onError, retry }))),
  ...POLICIES.flatMap((onError) => [false, true].map((retry) => oneInTen({ calls: 'hang', onError, retry }))),
  ...(['doomed', 'drained'] as const).flatMap((how) => [interrupted(how, 'skip'), interrupted(how, 'route')]),
]
