import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Catcher } from './mutant.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const config = fileURLToPath(new URL('vitest.config.ts', import.meta.url))

/** What a run of the test runner has told. */
export interface Verdict {
  readonly passed: number
  /** Why tests have failed. */
  readonly failures: readonly string[]
  /** Files that could not be loaded, or in which nothing was tested. */
  readonly broken: readonly string[]
  /** Whether it was stopped because it took too long. */
  readonly stopped: boolean
  /** What else it printed. */
  readonly printed: string
}

/**
 * Runs tests in a process of their own, on a mutant of the engine if one is named. Whatever that does, it ends: what takes
 * too long is stopped, with everything that it has started.
 */
export async function runTests(
  catchers: readonly Catcher[],
  { mutant, signal, timeoutMs }: { readonly mutant?: string; readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<Verdict> {
  const { SEED: _seed, SOAK: _soak, MUTANT: _mutant, VITEST: _vitest, ...env } = process.env
  const names = catchers.flatMap(({ tests }) => tests.map((name) => name.replaceAll(/[()]/g, '\\$&')))
  const args = [
    vitest,
    'run',
    '--config',
    config,
    // Starts faster than a process for each file.
    '--pool',
    'threads',
    '--reporter',
    'json',
    '--bail',
    '1',
    '--testNamePattern',
    names.join('|'),
    ...new Set(catchers.map(({ file }) => `test/${file}`)),
  ]
  // A group of its own, so that its workers are stopped with it.
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...env, ...(mutant !== undefined && { MUTANT: mutant }) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let printed = ''
  let complained = ''
  let stopped = false
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
  const late = setTimeout(() => {
    stopped = true
    kill()
  }, timeoutMs)
  signal.addEventListener('abort', kill)
  process.once('exit', kill)
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complained += text
  })
  try {
    await new Promise<void>((resolve, reject) => child.on('close', () => resolve()).on('error', reject))
  } finally {
    clearTimeout(late)
    signal.removeEventListener('abort', kill)
    process.off('exit', kill)
  }
  const report = printed.split('\n').find((line) => line.startsWith('{"'))
  return { ...verdictOf(report), stopped, printed: printed.replace(report ?? '', '') + complained }
}

/** The part of vitest's JSON report that matters here. */
interface Results {
  readonly testResults: readonly {
    readonly name: string
    readonly message: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly failureMessages: readonly string[] | null
    }[]
  }[]
}

function verdictOf(report: string | undefined): Pick<Verdict, 'passed' | 'failures' | 'broken'> {
  if (report === undefined) return { passed: 0, failures: [], broken: [] }
  const { testResults }: Results = JSON.parse(report)
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults)
  return {
    passed: tests.filter(({ status }) => status === 'passed').length,
    failures: tests
      .filter(({ status }) => status === 'failed')
      .map(({ failureMessages }) => (failureMessages ?? []).join('\n')),
    broken: testResults
      .filter(({ assertionResults }) => assertionResults.length === 0)
      .map(({ name, message }) => `${name}: ${message}`),
  }
}
