import { defineCoro } from '@pipelines/core/coro'

/** Coroutines that give what is hard to send. */

export const same = (value) => value
/** What each number is answered by. */
const odd = {
  1: () => () => 1,
  2: () => Symbol('s'),
  3: () => ({
    get x() {
      throw new Error('mine')
    },
  }),
  4: () => new Proxy({}, { ownKeys: trap }),
  5: () => ({ deep: [{ open: () => 1 }] }),
  6: () => detached(),
  7: () => new Promise(() => {}).constructor,
}
export const strange = (n) => odd[n]?.() ?? n
export const strangeLater = async (n) => ({ held: odd[n]?.() ?? n }).held
export const shared = () => new SharedArrayBuffer(8)
export const failWithShared = () => {
  throw Object.assign(new Error('mine'), { memory: new SharedArrayBuffer(8), kept: 1 })
}
let thrown = false
/** Throws when it is looked at for the first time only. */
export const throwsOnce = (n) =>
  n === 600
    ? {
        get x() {
          if (thrown) return 'late'
          thrown = true
          throw new Error('once')
        },
      }
    : n
const chunk = new Uint8Array(65_536)
export const refill = (n) => {
  chunk[0] = n % 256
  return chunk
}
export function* refills() {
  for (let n = 0; n < 5; n++) yield refill(n)
}
export const large = (n) => ({ n, bytes: new Uint8Array(20_000).fill(n % 256) })
export const first = (bytes) => [bytes[0], bytes.byteLength]
export const exitAt = ({ n, bytes }, { args }) => {
  if (n === args.at && bytes.length > 0) process.exit(5)
  return bytes.length
}
class Point {
  #hidden = 1
  x = 2
  get y() {
    return this.#hidden
  }
}
export const instance = () => new Point()
export const throws = (n) => {
  throw [undefined, null, 'text', 7, { code: 3 }][n]
}
export const argLength = (_, { args }) => args.text.length
export const emits = defineCoro({ run: (n, context) => context.emit('out', n === 1 ? () => n : n), emits: ['out'] })
export const envKeys = (_, { env }) => Object.keys(env).sort()

function trap() {
  throw new Error('trapped')
}
function detached() {
  const bytes = new Uint8Array(20_000)
  structuredClone(bytes, { transfer: [bytes.buffer] })
  return bytes
}
