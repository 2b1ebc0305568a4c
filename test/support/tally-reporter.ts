import type { SerializedError } from 'vitest'
import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node'

/**
 * Ends the output of a run with the line `N passed, N failed, N skipped`, counted over all projects.
 * What failed outside a test counts as failed too: a file that could not be loaded, an error nobody caught.
 */
export class TallyReporter implements Reporter {
  onInit(): void {
    console.log(`Node ${process.version}`)
  }

  onTestRunEnd(modules: readonly TestModule[], uncaught: readonly SerializedError[], _reason: TestRunEndReason): void {
    const tally = { passed: 0, failed: uncaught.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      tally.failed += module.errors().length
      for (const test of module.children.allTests()) tally[test.result().state]++
    }
    console.log(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped + tally.pending} skipped`)
  }
}
