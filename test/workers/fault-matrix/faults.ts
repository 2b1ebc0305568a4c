import type { PublicCode } from '@pipelines/core'
import type { PropertiesDocument } from '@pipelines/plumber'
import { expect } from 'vitest'
import type { Kind } from './trial.js'

/** A row of the matrix: something that goes wrong in one call, in a worker. */
export interface WorkerFault {
  /** What happens. */
  readonly name: string
  /** Its name in `strikes.mjs`. */
  readonly does: string
  /** Where it can happen. */
  readonly kinds: readonly Kind[]
  /** What the node needs, so that it ends. */
  readonly properties?: PropertiesDocument
  /** What the error of the node must look like. */
  readonly failure: (kind: Kind) => Failure
}

interface Failure {
  readonly code: PublicCode
  readonly details: object
  /** Absent where the cause is `undefined`. */
  readonly cause?: unknown
}

const BOTH: readonly Kind[] = ['thread', 'process']

const thrown = (cause?: unknown) => (): Failure => ({
  code: 'PLB_NODE_FAILED',
  details: { phase: 'run', cause },
  ...(cause !== undefined && { cause }),
})

/** The worker has ended; `how` has the details. */
const died = (how: object, cause?: object): Failure => ({
  code: 'PLB_NODE_FAILED',
  details: { phase: 'run' },
  cause: { code: 'PLB_WORKER_DIED', details: how, ...(cause && { cause }) },
})

const exited = (code: number) => (): Failure => died({ how: `ended with the exit code ${code}` })

function uncaught(kind: Kind): Failure {
  const cause = { name: 'Error', message: 'nobody catches this' }
  const how = kind === 'thread' ? 'ended because of an error that nobody caught' : 'ended with the exit code 1'
  return died({ how }, cause)
}

function outOfMemory(kind: Kind): Failure {
  return kind === 'thread'
    ? died({ how: 'ran out of memory', hint: expect.any(String) }, { code: 'ERR_WORKER_OUT_OF_MEMORY' })
    : died({ how: 'was killed by SIGABRT', hint: expect.stringContaining('--max-old-space-size') })
}

/** Long enough for any call that is in no busy loop, on a slow machine. */
const TIMEOUT_MS = 400

const boom = { name: 'Error', message: 'boom', stack: expect.stringContaining('strikes.mjs') }
const overflow = { name: 'RangeError', message: 'Maximum call stack size exceeded' }

/** To add a row, write it here, and what happens into `strikes.mjs`. */
export const FAULTS: readonly WorkerFault[] = [
  { name: 'a call throws', does: 'throws', kinds: BOTH, failure: thrown(boom) },
  { name: 'a call rejects', does: 'rejects', kinds: BOTH, failure: thrown(boom) },
  { name: 'a call throws undefined', does: 'throwsNothing', kinds: BOTH, failure: thrown() },
  { name: 'a call throws what is no Error', does: 'throwsNoError', kinds: BOTH, failure: thrown({ code: 7 }) },
  { name: 'a call overflows the stack', does: 'overflow', kinds: BOTH, failure: thrown(overflow) },
  { name: 'a call uses up the memory', does: 'memory', kinds: BOTH, failure: outOfMemory },
  { name: 'a call ends the worker with code 0', does: 'exit0', kinds: BOTH, failure: exited(0) },
  { name: 'a call ends the worker with code 3', does: 'exit3', kinds: BOTH, failure: exited(3) },
  { name: 'nobody catches an error', does: 'uncaught', kinds: BOTH, failure: uncaught },
  { name: 'nobody handles a rejection', does: 'unhandled', kinds: BOTH, failure: uncaught },
  {
    name: 'the worker is killed',
    does: 'killed',
    kinds: ['process'], // to kill a thread is to kill the program
    failure: () => died({ how: 'was killed by SIGKILL' }),
  },
  {
    name: 'a call is in a busy loop until its time is up',
    does: 'loop',
    kinds: BOTH,
    properties: { timeoutMs: TIMEOUT_MS },
    failure: () => ({ code: 'PLB_NODE_TIMEOUT', details: { timeoutMs: TIMEOUT_MS } }),
  },
]
