import { parentPort } from 'node:worker_threads'
import { DROP, defineCoro } from '@pipelines/core/coro'

/** Coroutines that do not behave. */

const sleep = (ms, value) => new Promise((resolve) => setTimeout(resolve, ms, value))
const post = (message) => (parentPort === null ? process.send(message) : parentPort.postMessage(message))

export const same = (value) => value
export const twice = (value) => ({
  // biome-ignore lint/suspicious/noThenProperty: what it is about
  then(resolve) {
    resolve(value)
    resolve('again')
    throw new Error('after it')
  },
})
export const badThen = () => ({
  // biome-ignore lint/suspicious/noThenProperty: what it is about
  get then() {
    throw new Error('no then')
  },
})
export const postsItself = (value) => {
  for (const message of [
    null,
    undefined,
    'text',
    7,
    { type: 'results' },
    { type: 'closed' },
    { session: 1, message: null },
  ])
    if (message !== undefined || parentPort !== null) post(message)
  return value
}
export const moves = () => {
  try {
    process.chdir('/')
    return 'moved'
  } catch (error) {
    return error.code
  }
}
export const lateEmit = (value, context) => {
  if (value === 1) setTimeout(() => context.emit('out', 'late'), 2)
  return value === 1 ? DROP : sleep(20, value)
}
/** Gives numbers without an end, and cannot be ended. */
const endless = (end) => () => {
  let next = 0
  return {
    next: async () => ({ done: false, value: next++ }),
    return: end,
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
export const returnThrows = endless(() => {
  throw new Error('return threw')
})
export const returnHangs = endless(() => new Promise(() => {}))
export const noReturn = endless(undefined)
export const logs = (value, { log }) => {
  log.info({ value, open: () => 1, error: new TypeError('mine') }, 'with fields')
  log.info('only text')
  log.error(new RangeError('only an error'))
  log.warn()
  log.debug(new Proxy({}, { ownKeys: trap, getPrototypeOf: trap }))
  return value
}
export const sleeps = async (value, { args }) => {
  await sleep(typeof value === 'number' ? value : args.ms)
  return value
}
export const obeys = (_, { signal }) =>
  new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason))
  })
export const hangs = () => new Promise(() => {})
export const spins = (value) => {
  if (value === 'spin') for (;;);
  return value
}
export const mixed = (value) => {
  if (typeof value === 'number') return value > 0 ? sleep(value, value) : value
  return value === 'A' ? three(value) : slow(value)
}
async function* three(value) {
  for (let n = 0; n < 3; n++) yield `${value}.${n}`
}
export async function* slow(value) {
  for (let n = 0; n < 5; n++) {
    yield `${value}.${n}`
    await sleep(5)
  }
}
export const envOf = (_, { env }) => env
export const where = () => {
  const until = performance.now() + 0.02
  while (performance.now() < until);
  return thisWorker
}
const thisWorker = `worker ${Math.random()}`
export const setsUp = {
  slowly: defineCoro({ setup: () => sleep(800, 'ready'), run: (value, { state }) => `${state} ${value}` }),
  thenObeys: defineCoro({ setup: () => sleep(300), run: obeys }),
  never: defineCoro({ setup: hangs, run: same }),
  failing: defineCoro({ setup: failing, run: same, teardown: () => console.error('never called') }),
}
export const flushes = {
  counted: defineCoro({
    setup: () => ({ n: 0 }),
    run: (_, { state }) => DROP_AFTER(state),
    flush: ({ state }) => state.n,
  }),
  never: defineCoro({ run: same, flush: hangs }),
  slowly: defineCoro({ run: same, flush: () => sleep(100, 'flushed') }),
}
const DROP_AFTER = (state) => {
  state.n++
  return DROP
}
export const tearsDown = {
  never: defineCoro({ run: same, teardown: hangs }),
  throwing: defineCoro({ run: same, teardown: failing }),
  slowly: defineCoro({ run: same, teardown: () => sleep(50) }),
}
export const streams = {
  same: defineCoro({ kind: 'stream', run: passOn }),
  take: defineCoro({ kind: 'stream', run: takeThree }),
  hanging: defineCoro({ kind: 'stream', run: hangs }),
}
export const sources = {
  puts: defineCoro({ kind: 'source', run: putsForEver }),
  yields: defineCoro({ kind: 'source', run: yieldsForEver }),
  oddMeta: defineCoro({ kind: 'source', run: (output) => output.put(1, { meta: 'text' }) }),
}
async function* passOn(inputs) {
  for await (const value of inputs) yield value
}
async function* takeThree(inputs) {
  let taken = 0
  for await (const value of inputs) {
    yield value
    if (++taken === 3) return
  }
}
async function putsForEver(output) {
  for (let n = 0; ; n++) await output.put(n)
}
function* yieldsForEver() {
  for (let n = 0; ; n++) yield n
}
function failing() {
  throw new Error('mine')
}
function trap() {
  throw new Error('trapped')
}
