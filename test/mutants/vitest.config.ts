import { defineConfig } from 'vitest/config'
import suite from '../../vitest.config.js'

/**
 * Tests as in the project `e2e` of the whole suite, but without any projects: vitest makes a server for each, and here it is
 * started once for every mutant (measured: 1.4 s of processor time in place of 1.8).
 */
const { projects = [], ...all } = suite.test ?? {}
const e2e = projects.find((project) => typeof project === 'object' && 'test' in project && project.test?.name === 'e2e')

// biome-ignore lint/style/noDefaultExport: vitest takes the default export
export default defineConfig({
  ...suite,
  test: {
    ...all,
    ...(typeof e2e === 'object' && 'test' in e2e && e2e.test),
    include: ['test/{core,e2e,testkit}/*.test.ts'],
  },
})
