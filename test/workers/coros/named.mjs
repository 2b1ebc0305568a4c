import { defineCoro } from '@pipelines/core/coro'

/** Names that lead to coroutines, and names that do not. */

export const plain = (value) => value
export const defined = defineCoro({ factor: 2, run: scaled })
export const group = { deep: { plain }, 'with.dot': plain, list: [plain] }
export const text = 'no coroutine'
export const onlyInWorker = process.env.ONLY_THERE === undefined ? plain : undefined

function scaled(value) {
  return value * this.factor
}
