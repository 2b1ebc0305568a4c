import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const ROUNDS = process.env.SOAK === undefined ? 10_000 : 100_000
const MB = 2 ** 20
/** Much more than what the machine notes about its own code; one promise kept for each run is more. */
const ALLOWED_MB = 1

interface Found {
  readonly before: object
  readonly after: object
  /** Bytes on the heap: after a fifth of the rounds, then after every tenth. */
  readonly samples: readonly [number, ...number[]]
}

test('ten thousand pipelines of each kind leave nothing behind', { timeout: ROUNDS * 30 }, async () => {
  const script = fileURLToPath(new URL('leaks.mjs', import.meta.url))
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--expose-gc', script, String(ROUNDS)], {
    timeout: ROUNDS * 25,
  })
  expect(stderr).toBe('')
  const { before, after, samples }: Found = JSON.parse(stdout)
  expect(after).toEqual(before)
  expect(samples).toHaveLength(9)
  const [first, ...later] = samples
  const growth = (Math.max(...later) - first) / MB
  expect(growth, `MB after ${samples.map((bytes) => (bytes / MB).toFixed(2)).join(', ')}`).toBeLessThan(ALLOWED_MB)
})
