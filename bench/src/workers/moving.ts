import { move } from 'piscina'
import { touch } from './coros.js'

/** Its README, "Task with transferable": what a task of piscina returns so that it is moved. */
export function touchAndMove(array: Float64Array): unknown {
  return move(touch(array))
}
