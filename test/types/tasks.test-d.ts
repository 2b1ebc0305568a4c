import type { Context, RunReport } from '@pipelines/core'
import { execute, type Task, task, tasks } from '@pipelines/flow/tasks'
import type { Fit, TaskFunction, Wrong } from '../../packages/flow/src/tasks/task-types.js'

/** Compiled, never run: each line must, or must not, be accepted by the compiler. */

declare function load(constants: { files: string[]; mode?: 'fast' | 'safe' }): AsyncGenerator<string>
declare function measured(inputs: AsyncIterable<string>, constants: { by: number }, ctx: Context): Generator<number>
declare function parsed(inputs: AsyncIterable<string>, constants?: { strict?: boolean }): AsyncGenerator<{ id: number }>
declare function report(inputs: AsyncIterable<number>): Promise<void>
declare function log(inputs: AsyncIterable<unknown>): void
declare function once(constants: { at: Date }): Promise<void>

const loading = { run: load, constants: { files: ['a'] } }

export const whole: Promise<RunReport> = execute([loading, { run: measured, constants: { by: 2 } }, { run: report }])
export const none: Promise<undefined> = execute([])
export const single: Promise<RunReport> = execute([{ run: once, constants: { at: new Date() } }], { inactivityMs: 1 })
export const literal: unknown = execute([{ run: load, constants: { files: [], mode: 'fast' } }, { run: log }])
export const optional: unknown = execute([loading, { run: parsed }, { run: log, workers: 4 }])
export const given: unknown = execute([loading, { run: parsed, constants: { strict: true } }, { run: log }])
export const inPlace: unknown = execute([
  { run: () => [1, 2, 3] },
  {
    run: async function* (inputs: AsyncIterable<number>) {
      for await (const n of inputs) yield `${n}`
    },
    packetsInFlight: 2,
  },
  {
    run: async (inputs: AsyncIterable<string>) => {
      for await (const text of inputs) text.trim()
    },
  },
])

const later = task({ run: load, constants: { files: ['a'], mode: 'safe' } })
export const fromTask: unknown = execute([later, task({ run: log })])
const dynamic: Task[] = [later]
dynamic.push({ run: report, workers: 2 })
export const fromList: Promise<RunReport | undefined> = execute(dynamic)

// @ts-expect-error: a number is not a text
execute([loading, { run: report }])
// @ts-expect-error: no constants
execute([{ run: load }, { run: log }])
// @ts-expect-error: no such constant
execute([{ run: load, constants: { files: [], file: 'a' } }, { run: log }])
// @ts-expect-error: a constant of a wrong type
execute([{ run: load, constants: { files: [1] } }, { run: log }])
// @ts-expect-error: not one of the texts
execute([{ run: load, constants: { files: [], mode: 'slow' } }, { run: log }])
// @ts-expect-error: the function takes no constants
execute([loading, { run: log, constants: { level: 1 } }])
// @ts-expect-error: no such option
execute([loading, { run: log, worker: 2 }])
// @ts-expect-error: no such place
execute([loading, { run: log }], { parallelism: 'fibre' })
// @ts-expect-error: the last one is a generator
execute([loading, { run: parsed }])
// @ts-expect-error: the one in the middle is none
tasks([loading, { run: log }, { run: log }])
// @ts-expect-error: the first one takes items
tasks([{ run: parsed }, { run: log }])
// @ts-expect-error: checked where it is written
task({ run: measured, constants: { by: '2' } })

/** What the compiler says of a task. */
type Message<F extends readonly TaskFunction[], I extends keyof F> =
  Fit<F, I> extends Wrong<infer M> ? M : unknown extends Fit<F, I> ? 'fine' : never
type Chain<F extends TaskFunction> = readonly [typeof load, F, typeof report]

export const fits: Message<Chain<typeof measured>, '1'> = 'fine'
export const mismatch: Message<readonly [typeof load, typeof report], '1'> =
  'Task 2 takes number, but task 1 gives string'
export const others: Message<Chain<typeof parsed>, '2'> = 'Task 3 takes number, but task 2 gives other items'
export const takesFirst: Message<readonly [typeof parsed, typeof log], '0'> =
  'Task 1 is the first, so there is nothing that it could take'
export const takesNone: Message<Chain<typeof load>, '1'> = 'Task 2 must take an AsyncIterable first'
export const givesNone: Message<Chain<typeof log>, '1'> = 'Task 2 is not the last, so it must be a generator'
export const givesLast: Message<readonly [typeof load, typeof parsed], '1'> =
  'Task 2 is the last, so it must give nothing'
export const alone: Message<readonly [typeof load], '0'> = 'Task 1 is the last, so it must give nothing'

declare function count(constants: { upTo: number }): Generator<number>
declare function squared(inputs: Iterable<number>): Generator<number>
declare function listed(inputs: Iterable<number>): void

const counted = { run: count, constants: { upTo: 3 } }
export const atOnce: Promise<RunReport> = execute([counted, { run: squared }, { run: listed }])
// @ts-expect-error: an iterable cannot be made of items that come one by one
execute([counted, { run: squared }, { run: eachLater }, { run: listed }])
declare function eachLater(inputs: AsyncIterable<number>): AsyncGenerator<number>
