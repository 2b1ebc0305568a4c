import { existsSync, readFileSync } from 'node:fs'
import { expect, onTestFinished, vi } from 'vitest'
import { until } from '../support/blackbox.js'
import type { Folder } from '../support/folder.js'

/** A program that is written for the shell, which starts far faster than Node: the args that `std.exec` runs it by. */
export const program = (
  script: string,
  ...args: readonly string[]
): { readonly command: string; readonly args: readonly string[] } => ({
  command: 'sh',
  args: ['-c', script, 'sh', ...args],
})

/** A line of a script that writes the number of its process to a file, to be asked for by {@link pidIn}. */
export const noteIn = (folder: Folder, name = 'pid', pid = '$$'): string =>
  `echo ${pid} > '${folder.of(name)}.new'; mv '${folder.of(name)}.new' '${folder.of(name)}';`

/** The number of a process that has noted it; waits until it has. */
export async function pidIn(folder: Folder, name = 'pid'): Promise<number> {
  await until(() => existsSync(folder.of(name)))
  return Number(readFileSync(folder.of(name), 'utf8'))
}

/** Asserts that there is no such process any more. */
export function expectGone(pid: number): void {
  expect(() => process.kill(pid, 0), `process ${pid}`).toThrow('ESRCH')
}

/** Lets timers wait for the test to advance them: `vi.advanceTimersByTime`. */
export function stillTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
}
