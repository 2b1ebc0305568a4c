import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { mutantPlugin } from './test/mutants/plugin.js'
import { TallyReporter } from './test/support/tally-reporter.js'

const root = fileURLToPath(new URL('.', import.meta.url))

/** Folders of `test/` whose tests must leave no timer, handle or listener behind. */
const leakChecked = ['core', 'plumber', 'observe', 'workers', 'std', 'flow', 'http', 'testkit', 'seeds', 'e2e']
/** Those whose files share a process: loading all modules again for each file took 40 % of their processor time. */
const together: ReadonlySet<string> = new Set(['core', 'plumber'])
const unchecked = ['architecture', 'bench', 'demos', 'docs', 'support', 'types']

export default defineConfig({
  plugins: mutantPlugin(),
  resolve: { alias: sourceAliases() },
  test: {
    root,
    // One more than there are processors of: tests of workers and servers wait for others much of the time.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: ['default', new TallyReporter()],
    projects: [...leakChecked.map(leakCheckedProject), ...unchecked.map(project), serialProject(), mutantsProject()],
  },
})

function project(name: string): TestProjectInlineConfiguration {
  return { extends: true, test: { name, include: [`test/${name}/**/*.test.ts`] } }
}

function leakCheckedProject(name: string): TestProjectInlineConfiguration {
  const base = project(name)
  return {
    ...base,
    test: { ...base.test, isolate: !together.has(name), setupFiles: ['./test/support/leak-check.setup.ts'] },
  }
}

/** Tests that measure the whole process (memory, idleness): one file at a time, after all the others. */
function serialProject(): TestProjectInlineConfiguration {
  const base = project('serial')
  return {
    ...base,
    test: {
      ...base.test,
      pool: 'forks',
      execArgv: ['--expose-gc'],
      fileParallelism: false,
      sequence: { groupOrder: 1 },
    },
  }
}

/** Runs tests on mutants of the engine, each in a process of its own: after all the others. */
function mutantsProject(): TestProjectInlineConfiguration {
  const base = project('mutants')
  return { ...base, test: { ...base.test, maxConcurrency: 2, sequence: { groupOrder: 2 } } }
}

/** Maps every export of every workspace package from `dist` to its source, so that tests need no build. */
function sourceAliases(): { find: RegExp; replacement: string }[] {
  return readdirSync(`${root}packages`).flatMap((folder) => {
    const manifest: Manifest = JSON.parse(readFileSync(`${root}packages/${folder}/package.json`, 'utf8'))
    return Object.entries(manifest.exports).map(([subpath, target]) => {
      const file = typeof target === 'string' ? target : target.default
      return {
        find: new RegExp(`^${manifest.name}${subpath.slice(1)}$`),
        replacement: `${root}packages/${folder}/${file.replace(/^\.\/dist\/(.*)\.js$/, 'src/$1.ts')}`,
      }
    })
  })
}

interface Manifest {
  name: string
  exports: Record<string, string | { default: string }>
}
