import { reasonOf } from '@pipelines/core/coro'

/** Characters of a message that come from the program. */
const TOLD = 300

/** What is known of a program that has ended. */
export interface Ending {
  readonly command: string
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The end of what it wrote to its error output. */
  readonly stderr: string
}

/** A program did not do what it was meant to. */
export class ChildError extends Error {
  override readonly name = 'ChildError'
  /** The exit code; `null` where a signal ended it. */
  readonly code: number | null
  /** The signal that ended it; `null` where it ended by itself. */
  readonly signal: NodeJS.Signals | null
  readonly stderr: string

  /** @param more what went wrong besides its ending, as words that follow it */
  constructor({ command, code, signal, stderr }: Ending, more = '') {
    const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`
    const told = stderr.trim().slice(-TOLD)
    super(`"${command}" ${how}${more}${told === '' ? '.' : `: ${told}`}`)
    this.code = code
    this.signal = signal
    this.stderr = stderr
  }
}

/** What to throw where a program could not be started. */
export function notStarted(error: unknown, command: string, cwd: string | undefined): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return Object.assign(new Error(`"${command}" ${whyNot(code, error, cwd)}`, { cause: error }), { code })
}

function whyNot(code: unknown, error: unknown, cwd: string | undefined): string {
  if (code === 'EACCES') return 'may not be run. Is it a program?'
  if (code !== 'ENOENT') return `could not be started: ${reasonOf(error)}.`
  return `was not found. Install it, or give its path.${cwd === undefined ? '' : ` The folder "${cwd}" has to be there, too.`}`
}
