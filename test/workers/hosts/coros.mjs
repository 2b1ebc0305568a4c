import { writeSync } from 'node:fs'

/*
 * Coroutines that keep a worker in some state. Each says first in which process it is; all of them share the output of
 * the host.
 */

const say = (what) => writeSync(1, `${what} ${process.pid}\n`)

if (process.env.HANGS_AT_START !== undefined) {
  say('starting')
  for (;;);
}

export function idle(value) {
  say('idle')
  return value
}

export function waiting() {
  say('waiting')
  return new Promise((resolve) => setTimeout(resolve, 1e9))
}

export function busy() {
  say('busy')
  for (;;);
}

export const same = (value) => value
