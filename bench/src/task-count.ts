import PQueue from 'p-queue'

/**
 * How many tasks p-queue was given during `work`. This package and the engine name the same version, so that both get the
 * same class; counting the calls of another copy would count nothing.
 */
export async function countTasks<T>(work: () => Promise<T>): Promise<{ readonly tasks: number; readonly result: T }> {
  const { add } = PQueue.prototype
  let tasks = 0
  PQueue.prototype.add = function (this: PQueue, ...args: Parameters<typeof add>) {
    tasks++
    return add.apply(this, args)
  } as typeof add
  try {
    const result = await work()
    return { tasks, result }
  } finally {
    PQueue.prototype.add = add
  }
}
