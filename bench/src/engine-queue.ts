import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

type Task = () => unknown

/** The part of p-queue that the bench needs. */
interface Queue {
  add(task: Task): Promise<unknown>
  onIdle(): Promise<void>
  onSizeLessThan(limit: number): Promise<void>
  readonly size: number
}

/** The very class that the engine uses: counting the calls of another copy would count nothing. */
export const PQueue: { new (options: { concurrency: number }): Queue; readonly prototype: Queue } = await load()

/** How many tasks p-queue was given during `work`. */
export async function countTasks<T>(work: () => Promise<T>): Promise<{ readonly tasks: number; readonly result: T }> {
  const { add } = PQueue.prototype
  let tasks = 0
  PQueue.prototype.add = function (this: Queue, ...args: [Task]): Promise<unknown> {
    tasks++
    return add.apply(this, args)
  }
  try {
    const result = await work()
    return { tasks, result }
  } finally {
    PQueue.prototype.add = add
  }
}

async function load(): Promise<typeof PQueue> {
  const path = createRequire(import.meta.resolve('@pipelines/core')).resolve('p-queue')
  return (await import(pathToFileURL(path).href)).default
}
