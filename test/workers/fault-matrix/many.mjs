import { isMainThread } from 'node:worker_threads'
import { strikes } from './strikes.mjs'

/*
 * Many numbers, and one of them that goes wrong.
 */

export function* numbers(_, { args }) {
  for (let number = 0; number < args.count; number++) yield number
}

export function work(number, { args: { does, poison } }) {
  return number === poison ? strikes[does]({ isThread: !isMainThread }) : number
}
