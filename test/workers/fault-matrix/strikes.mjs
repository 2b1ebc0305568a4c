import { closeSync, openSync } from 'node:fs'

/*
 * What goes wrong in a worker, by name. Each is called in a worker only, and gives what the call gives instead of its
 * result, if it comes to that.
 */

const never = () => new Promise(() => {})

/** What Node says about its own end would be taken for something that the tests say. */
function beSilent() {
  closeSync(2)
  openSync('/dev/null', 'w') // the lowest number that is free: 2
}

function overflow() {
  return 1 + overflow()
}

export const strikes = {
  throws() {
    throw new Error('boom')
  },
  rejects: () => Promise.reject(new Error('boom')),
  throwsNothing() {
    throw undefined
  },
  throwsNoError() {
    throw { code: 7 }
  },
  overflow,
  memory({ isThread }) {
    if (!isThread) beSilent()
    const kept = []
    for (;;) kept.push(Array.from({ length: 10_000 }, (_, place) => ({ place })))
  },
  exit0: () => process.exit(0),
  exit3: () => process.exit(3),
  killed() {
    process.kill(process.pid, 'SIGKILL')
    return never()
  },
  loop() {
    for (;;);
  },
  uncaught({ isThread }) {
    if (!isThread) beSilent()
    setTimeout(() => {
      throw new Error('nobody catches this')
    })
    return never()
  },
  unhandled({ isThread }) {
    if (!isThread) beSilent()
    void Promise.reject(new Error('nobody catches this'))
    return never()
  },
}
