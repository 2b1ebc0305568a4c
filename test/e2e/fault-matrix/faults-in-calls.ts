import type { Context } from '@pipelines/core'
import {
  anyMoment,
  doomedBy,
  type Ending,
  endingOf,
  type Fault,
  failedAt,
  isFor,
  madeOnly,
  type Strike,
  type Target,
  victimIn,
} from './fault.js'
import { hanging } from './faults-in-items.js'
import { changed, having, isSource } from './graphs.js'
import { Model, type ModelCall } from './model.js'
import type { Call, Trial } from './trial.js'
import { give, resultsIn } from './work.js'

/*
 * F1 to F4: what one coroutine does wrong.
 */

/** Not as a key, which would look like a promise by mistake. */
const then = 'then'

/** A throw of one call, and how it is thrown. */
function throwing(
  makes: (target: Target) => unknown,
  ways: readonly ((error: unknown, trial: Trial, call: Call) => () => unknown)[],
): Fault['strike'] {
  return (target) => {
    const victim = victimIn(target)
    const error = makes(target)
    const way = target.random.pick(ways)
    return {
      call: (call, trial) =>
        isFor(call, victim) ? way(trial.fails(error, call.node, call.members), trial, call) : undefined,
      ending: () => failedAt(victim.node, error),
    }
  }
}

const atOnce = (error: unknown) => () => {
  throw error
}

const later =
  (error: unknown, { scheduler }: Trial) =>
  async () => {
    await scheduler.step('the call that fails')
    throw error
  }

/** What a call gives, as something with a `then` of its own. */
function thenable(settle: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void): object {
  return { [then]: settle }
}

function unreadable(): unknown {
  const get = (): never => {
    throw new Error('cannot be read')
  }
  return Object.create(Error.prototype, { message: { get }, name: { get }, stack: { get }, cause: { get } })
}

const HOSTILE: readonly (readonly [what: string, make: () => unknown])[] = [
  ['undefined', () => undefined],
  ['something that is no Error', () => Object.assign(Object.create(null), { code: 7 })],
  ['an Error with a message of 1 MB', () => new Error('x'.repeat(2 ** 20))],
  ['an Error that cannot be read', unreadable],
]

/** Calls of one node that behave in some other way, all of them. */
function misbehaving(
  behave: (call: Call) => unknown,
  rest: (target: Target, victim: ModelCall) => Strike,
): Fault['strike'] {
  return (target) => {
    const victim = victimIn(target, ({ properties }) => properties.batch === undefined)
    return {
      ...rest(target, victim),
      call: (call) => (call.node.name === victim.node.name ? () => behave(call) : undefined),
    }
  }
}

const well = ({ model }: Target): Strike => ({ ending: () => endingOf(model) })

const doomedAtAnyMoment = (target: Target): Strike => {
  const moment = anyMoment(target)
  const reason = new Error('doomsday')
  return {
    act: async (trial) => {
      const pipeline = trial.start()
      await trial.drive(pipeline.settled, moment)
      void pipeline.doomsday(reason)
    },
    ending: (trial) => (trial.doomed ? doomedBy(reason) : endingOf(target.model)),
  }
}

/** A call that never settles, whatever it is told; and what the run is told when nothing can move any more. */
function neverSettling(act: (trial: Trial) => void, ending: Omit<Ending, 'abandoned'>): Fault['strike'] {
  return (target) => {
    const victim = victimIn(target)
    return {
      call: (call) => (isFor(call, victim) ? () => new Promise(() => {}) : undefined),
      act: async (trial) => {
        await trial.drive(trial.start().settled)
        act(trial)
      },
      ending: () => ({ ...ending, abandoned: [victim.node.name] }),
    }
  }
}

/** A call that never settles, not even when its time is up: its item fails, but the worker that it holds is lost. */
function outOfTime(onError: 'fail' | 'skip'): Fault['strike'] {
  return (target) => {
    const victim = victimIn(target)
    const { name } = victim.node
    const timedOut = { code: 'PLB_NODE_TIMEOUT', details: { node: name, attempts: 1, timeoutMs: 20 } } as const
    const graph = having(target.graph, { timeoutMs: 20, onError })
    return {
      graph,
      call: (call, trial) => (isFor(call, victim) ? () => deaf(call, trial) : undefined),
      ending: () => ({
        outcome: 'failed',
        // A run cannot end while a call is in progress that will never end.
        error: onError === 'fail' ? timedOut : { code: 'PLB_RUN_STALLED' },
        abandoned: [name],
        possible: new Model(graph, {
          fate: (node, { text }) => ({ attempts: 1, fails: node.name === name && text === victim.member.text }),
        }),
      }),
    }
  }
}

/** Knows that its time is up, and does nothing about it. */
function deaf(call: Call, trial: Trial): Promise<never> {
  hanging(call, trial, (error) => trial.fails(error, call.node, call.members)).catch(() => {})
  return new Promise(() => {})
}

/** A source that waits for ever at some item: a generator cannot be told to end then, another iterator can. */
function sourceThatWaits(style: 'asyncGenerator' | 'iterator', act: (trial: Trial) => void): Fault['strike'] {
  return ({ graph, random }) => {
    const victim = random.pick(graph.nodes.filter((node) => isSource(node) && node.items > 0))
    const place = random.integer(0, victim.items)
    return {
      graph: changed(graph, ({ name }) => (name === victim.name ? { style } : undefined)),
      source: (node, at) => (node.name === victim.name && at === place ? new Promise(() => {}) : undefined),
      act: async (trial) => {
        await trial.drive(trial.start().settled)
        act(trial)
      },
      ending: (trial) => ({
        ...(trial.doomed ? doomedBy('enough') : endingOf(madeOnly(trial))),
        abandoned: style === 'iterator' ? [] : [victim.name],
      }),
    }
  }
}

/** An iterator that does not stop when it is told to. */
function deafIterator(values: readonly unknown[]): unknown {
  const left = [...values]
  let [over, asked] = [false, 0]
  return {
    next: () => {
      if (left.length > 0) return { done: false, value: left.shift() }
      if (over && ++asked > 3) return { done: true, value: undefined }
      const done = !over
      over = true
      return { done, value: AFTERWARDS }
    },
    return: () => ({ done: false, value: AFTERWARDS }),
    [Symbol.iterator]() {
      return this
    },
  }
}

/** A value that nobody may ever see. */
const AFTERWARDS = { text: 'given when it was too late', roots: [] }

/** Gives its results, and more when it is told to stop. */
async function* deafGenerator(results: readonly unknown[], { signal }: Context, aborted: Promise<void>) {
  yield* results
  if (!signal.aborted) await aborted
  yield AFTERWARDS
  yield AFTERWARDS
}

/** Resolves when the signal aborts. */
function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

const boom = (): Error => new Error('boom')

export const FAULTS_IN_CALLS: readonly Fault[] = [
  { name: 'F1 a call throws', strike: throwing(boom, [atOnce]) },
  { name: 'F1 a call rejects', strike: throwing(boom, [later]) },
  ...HOSTILE.map(([what, make]) => ({ name: `F2 a call throws ${what}`, strike: throwing(make, [atOnce, later]) })),
  {
    name: 'F3 a call never settles, and the run is doomed',
    strike: neverSettling((trial) => void trial.pipeline.doomsday('enough'), doomedBy('enough')),
  },
  {
    name: 'F3 a call never settles, and the run is drained',
    strike: neverSettling((trial) => void trial.pipeline.drain({ deadlineMs: 1_000 }), {
      outcome: 'doomed',
      error: { code: 'PLB_RUN_DEADLINE', details: { deadlineMs: 1_000 } },
    }),
  },
  { name: 'F3 a call never settles, and its time is up', strike: outOfTime('fail') },
  { name: 'F3 a call never settles, its time is up, and it is skipped', strike: outOfTime('skip') },
  {
    name: 'F3 a source never settles, and the run is drained',
    strike: sourceThatWaits('asyncGenerator', (trial) => void trial.pipeline.drain()),
  },
  {
    name: 'F3 a source never settles until it is returned, and the run is drained',
    strike: sourceThatWaits('iterator', (trial) => void trial.pipeline.drain()),
  },
  {
    name: 'F3 a source never settles until it is returned, and the run is doomed',
    strike: sourceThatWaits('iterator', (trial) => void trial.pipeline.doomsday('enough')),
  },
  {
    name: 'F4 calls settle twice',
    strike: misbehaving((call) => {
      const value = give(call)
      return thenable((resolve, reject) => {
        resolve(value)
        resolve(AFTERWARDS)
        reject(new Error('settled already'))
        throw new Error('settled already')
      })
    }, well),
  },
  {
    name: 'F4 iterators give more after their end',
    strike: misbehaving((call) => deafIterator(resultsIn(call)), well),
  },
  {
    name: 'F4 iterators give more after they were returned',
    strike: misbehaving((call) => deafIterator(resultsIn(call)), doomedAtAnyMoment),
  },
  {
    name: 'F4 generators give more after their signal aborted',
    strike: misbehaving(
      (call) => deafGenerator(resultsIn(call), call.context, abortOf(call.context.signal)),
      doomedAtAnyMoment,
    ),
  },
]
