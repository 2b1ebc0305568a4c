import { executorSuite } from '@pipelines/testkit/executor-suite'
import { processes, threads } from '@pipelines/workers'
import { afterAll, beforeEach, describe, test } from 'vitest'

/*
 * What works inline works in threads and in processes. The cases share the workers: so a worker has to be as good as new
 * when a node has ended. Those that wait for the next case have a timer each, so timers are not looked at after each test.
 */

const timers = { setTimeout: globalThis.setTimeout, setInterval: globalThis.setInterval }
beforeEach(() => {
  Object.assign(globalThis, timers)
})

describe.each([threads(), processes()])('$name', (executor) => {
  afterAll(() => executor.close())

  const cases = executorSuite({ make: () => ({ ...executor, close: undefined }) })
  test.for(cases.map((one) => [one.name, one] as const))('%s', async ([, { skipped, run }], { skip }) => {
    if (skipped !== undefined) skip(skipped)
    await run()
  })
})
