import { isMainThread, parentPort } from 'node:worker_threads'
import { defineCoro } from '@pipelines/core/coro'

/** Coroutines that end their worker, and modules that do not load there. The tests say how by the environment. */

const inWorker = !isMainThread || process.send !== undefined
const way = inWorker ? process.env.WAY : undefined
if (way === 'exit') process.exit(4)
if (way === 'throw') throw new Error('at the top')
if (way === 'missing') await import('./nowhere.mjs')
if (way === 'never') await new Promise(() => {})
if (way === 'soon') setTimeout(() => process.exit(1), 1)

export const same = (value) => value
export const exitOn = (n, { args }) => (n === args.at ? process.exit(5) : n)
export const exitIn = {
  setup: defineCoro({ setup: () => process.exit(6), run: same }),
  flush: defineCoro({ run: same, flush: () => process.exit(6) }),
  teardown: defineCoro({ run: same, teardown: () => process.exit(6) }),
  stream: defineCoro({ kind: 'stream', run: yieldsThenExits }),
  source: defineCoro({ kind: 'source', run: () => yieldsThenExits([1]) }),
}
export async function* yieldsThenExits(inputs) {
  for await (const value of typeof inputs === 'number' ? [inputs] : inputs) {
    yield value
    await new Promise((resolve) => setTimeout(resolve, 5))
    process.exit(6)
  }
}
export const throwsLater = (value) => {
  setTimeout(() => {
    throw new Error('left behind')
  }, 1)
  return new Promise((resolve) => setTimeout(resolve, 1_000, value))
}
export const rejectsLater = (value) => {
  Promise.reject(new Error('left behind'))
  return new Promise((resolve) => setTimeout(resolve, 1_000, value))
}
/** It will end when it is given to the next node. */
export const mined = (value) => {
  const end = (message) => (message?.type === 'open' ? process.exit(3) : undefined)
  if (parentPort === null) process.on('message', end)
  else parentPort.on('message', end)
  return value
}
/** Puts again when nobody asked for it. */
export const leaky = async (output) => {
  const timer = setInterval(() => output.put('left behind'), 1)
  setTimeout(() => clearInterval(timer), 500)
  await output.put('own')
}
export const leakyGenerator = async function* (value, context) {
  const timer = setInterval(() => {
    context.emit('out', 'left behind')
    context.log.info({}, 'left behind')
  }, 1)
  setTimeout(() => clearInterval(timer), 500)
  yield value
}
export async function* throughTimers(value) {
  for (let n = 0; n < 3; n++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    yield `${value}.${n}`
  }
}
export const slowSource = async (output) => {
  for (let n = 0; n < 3; n++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    await output.put(n)
  }
}
