import type { Schema } from '@pipelines/core'
import type { Constants, ConstantsAt, Fit, TaskFunction } from './task-types.js'

/** Where tasks run: in this program, on threads, or in processes. */
export type Parallelism = 'coroutine' | 'thread' | 'process'

/** What a task may have beside its function and its constants. */
export interface TaskOptions {
  /** Name of its node, for errors, reports and pictures. @defaultValue the name of its function */
  readonly name?: string | undefined
  /** Instances of the function that share the inputs. The first task has one. @defaultValue 1 */
  readonly workers?: number | undefined
  /**
   * Items of this task that may be made, may wait, or may be in work at the next one. 1: the next item is made when the
   * next task asks for it. Of the last task it says nothing.
   *
   * @defaultValue 1
   */
  readonly packetsInFlight?: number | undefined
  /** What an item that it takes looks like. It must equal the `output` of the task before, where that has one. */
  readonly input?: Schema | undefined
  /** What an item that it gives looks like. */
  readonly output?: Schema | undefined
  /** What its constants look like. */
  readonly constantsSchema?: Schema | undefined
  /** Where this task runs. @defaultValue that of the list */
  readonly parallelism?: Parallelism | undefined
}

/**
 * A task: `run(inputs, constants, ctx)`, and how often and with what. The first of a list is called `run(constants, ctx)`.
 * All but the last are generators, and the last one gives nothing. Constants are read-only: lists and plain objects among
 * them are copied and frozen.
 */
export type Task<F extends TaskFunction = TaskFunction> = TaskOptions & { readonly run: F } & (TaskFunction extends F
    ? { readonly constants?: object | undefined }
    : Constants<F>)

/**
 * Tasks whose functions are `F`, as far as they fit together: for others the compiler says what is wrong. Of a list whose
 * length it does not know it says nothing, and the checks of the build remain.
 */
export type TaskTuple<F extends readonly TaskFunction[]> = {
  readonly [I in keyof F]: TaskOptions & { readonly run: F[I] & Fit<F, I> } & ConstantsAt<F, I>
}

/** A task by itself, for a list that is put together later: its constants are checked where it is written. */
export function task<F extends TaskFunction>(definition: Task<F>): Task<F> {
  return definition
}
