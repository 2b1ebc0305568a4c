/*
 * All of `std.*`. Threads and processes load this file, so nothing in it imports more than it needs to be looked at: what
 * is large is imported when a node begins.
 */
export { batch } from './batch.js'
export { constant as const } from './constant.js'
export { delay } from './delay.js'
export { distinct } from './distinct.js'
export { each } from './each.js'
export { filter } from './filter.js'
export { flatMap } from './flat-map.js'
export { iter } from './iter.js'
export { map } from './map.js'
export { pass } from './pass.js'
export { print } from './print.js'
export { range } from './range.js'
export { seq } from './seq.js'
export { skip } from './skip.js'
export { stamp } from './stamp.js'
export { take } from './take.js'
export { takeWhile } from './take-while.js'
export { tee } from './tee.js'
export { window } from './window.js'
export { zip } from './zip.js'
