import { readdirSync, readFileSync } from 'node:fs'

/** What of this program runs beside its main thread. */
export interface Alive {
  /** Threads of the operating system. */
  readonly threads: number
  /** Child processes that have not ended, by id. */
  readonly children: readonly number[]
}

/** Takes stock. Threads that Node starts when it first needs them have to be there already: see `warmUp`. */
export function alive(): Alive {
  return { threads: readdirSync('/proc/self/task').length, children: childrenOf(process.pid) }
}

/** The child processes of a process that have not ended. */
export function childrenOf(parent: number): number[] {
  return processes().flatMap(({ pid, ppid, state }) => (ppid === parent && state !== 'Z' ? [pid] : []))
}

/** Whether a process has not ended; one that nobody has asked for its exit code has. */
export function isAlive(pid: number): boolean {
  const found = statusOf(pid)
  return found !== undefined && found.state !== 'Z'
}

/** Milliseconds of CPU that a process has used so far, to within 10; 0 where it has ended. */
export function cpuMsOf(pid: number): number {
  return statusOf(pid)?.cpuMs ?? 0
}

/** Settles when a condition holds; looks now and then, and gives up after 10 s. Tells whether it holds. */
export async function comesTrue(holds: () => boolean): Promise<boolean> {
  for (let looks = 0; looks < 500; looks++) {
    if (holds()) return true
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return holds()
}

interface Status {
  readonly pid: number
  readonly ppid: number
  readonly state: string
  readonly cpuMs: number
}

function processes(): Status[] {
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (statusOf(Number(name)) ?? []) : []))
}

/** Milliseconds of a clock tick, by which Linux counts. */
const TICK_MS = 10

function statusOf(pid: number): Status | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name of the program is in parentheses, and may have blanks in it.
    const [state = '', ppid, ...others] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const ticks = Number(others[9]) + Number(others[10])
    return { pid, ppid: Number(ppid), state, cpuMs: ticks * TICK_MS }
  } catch {
    return undefined // it has ended
  }
}
