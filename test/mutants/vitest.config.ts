import { defineConfig } from 'vitest/config'
import suite from '../../vitest.config.js'
import { servedMutants } from './serve.js'

/**
 * Tests as in the project `e2e` of the whole suite, but without any projects: vitest makes a server for each. They run on
 * mutants.
 */
const { projects = [], ...all } = suite.test ?? {}
const e2e = projects.find((project) => typeof project === 'object' && 'test' in project && project.test?.name === 'e2e')

// biome-ignore lint/style/noDefaultExport: vitest takes the default export
export default defineConfig({
  ...suite,
  plugins: servedMutants(),
  test: {
    ...all,
    ...(typeof e2e === 'object' && 'test' in e2e && e2e.test),
    include: ['test/{core,e2e,testkit}/**/*.test.ts'],
    // Starts faster than a process for each file.
    pool: 'threads',
    maxWorkers: 1,
    // One test that fails is enough; one that waits for ever fails sooner.
    bail: 1,
    testTimeout: 10_000,
  },
})
