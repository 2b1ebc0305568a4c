import type { Meta } from '@pipelines/core/coro'
import type { EncodedError, EncodedFields } from './error-code.js'
import type { GivenTogether } from './given.js'
import type { Session } from './session.js'

/** What is said between a program and its workers. Calls are numbered from 0 in each session, in the order of their start. */

/** What is not the same for all calls. */
export interface Particulars {
  readonly meta?: Meta
  readonly attempt?: number
  readonly env?: Readonly<Record<string, unknown>>
}

/** A call that is not about an item: what a source or a stream does in the whole run, or a hook. */
export type Alone =
  | { readonly type: 'call'; readonly what: 'setup' | 'source' | 'stream' | 'flush' }
  | { readonly type: 'call'; readonly what: 'teardown'; readonly reason: EncodedError | undefined }

export type ToWorker =
  /** Begins a session; answered by `opened` or `refused`. */
  | { readonly type: 'open'; readonly session: Session }
  /** Calls, one after the other. */
  | {
      readonly type: 'calls'
      readonly values: readonly unknown[]
      readonly indexes: readonly number[]
      /** By place in `values`. */
      readonly particulars?: readonly (readonly [number, Particulars])[]
      /** Other workers of the node that are set up, and not torn down. */
      readonly active: number
    }
  /** One call that is not about an item. */
  | (Alone & { readonly active: number })
  /** Tells a call to stop, or all of them, also those that have not begun. Answered by `alive`. */
  | { readonly type: 'abort'; readonly call?: number; readonly reason: EncodedError }
  /** So much of what a call has given was taken. */
  | { readonly type: 'taken'; readonly call: number; readonly count: number }
  /** Nobody wants more of a call, which is a generator. */
  | { readonly type: 'return'; readonly call: number }
  /** Inputs of a stream, and the index of the first; or their end. With `allowed` more outputs, it may go on with them. */
  | {
      readonly type: 'inputs'
      readonly values: readonly unknown[]
      /** Absent where they have none. */
      readonly metas?: readonly Meta[]
      readonly index: number
      readonly allowed: number
    }
  | { readonly type: 'inputs-over' }
  | { readonly type: 'inputs-failed'; readonly error: EncodedError }
  /** What became of a `put`. */
  | { readonly type: 'put-done'; readonly put: number; readonly error?: EncodedError }
  /** Ends the session; answered by `closed`. */
  | { readonly type: 'close' }

/** An output besides a returned value. */
export interface Emitted {
  readonly port: string
  readonly value: unknown
  readonly meta?: Meta | undefined
}

/** What came of a call that is not just a value. */
export type Oddity =
  | { readonly is: 'error'; readonly error: EncodedError }
  /** It gave more than its value, or not even that. */
  | { readonly is: 'emitted'; readonly emitted: readonly Emitted[]; readonly drops: boolean }
  /** A list with results of a batch: at these places there is none. */
  | { readonly is: 'list'; readonly drops: readonly number[] }
  /** Outputs follow; the next call begins after the last of them. */
  | { readonly is: 'generator' }
  /** It was told to stop before it had begun. */
  | { readonly is: 'skipped' }

/** What a worker says: in the name of a session, as what an earlier one has left behind may still speak. */
export interface FromWorker {
  readonly session: number
  readonly message: ToHost
}

export type ToHost =
  | { readonly type: 'opened' }
  | { readonly type: 'refused'; readonly error: EncodedError }
  /** Results of the next calls, in their order. */
  | {
      readonly type: 'results'
      readonly values: readonly unknown[]
      /** By place in `values`. */
      readonly odd?: readonly (readonly [number, Oddity])[]
      /** What they have taken together. */
      readonly spentMs: number
      /** Of large buffers in them. */
      readonly bytes: number
    }
  /** What a generator, a stream or a source gives. */
  | ({ readonly type: 'outputs' } & GivenTogether)
  /** There are no more outputs of the present call. */
  | { readonly type: 'end'; readonly error?: EncodedError }
  | {
      readonly type: 'put'
      readonly put: number
      readonly value: unknown
      readonly meta?: Meta | undefined
    }
  | {
      readonly type: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly fields: EncodedFields
      readonly message?: string | undefined
    }
  | { readonly type: 'alive' }
  /** It is about to end: the number of the call that it is at, if any, and what nobody caught. */
  | { readonly type: 'exiting'; readonly call: number | null; readonly error?: EncodedError }
  | { readonly type: 'closed' }
