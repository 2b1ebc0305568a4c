import { portable } from '@pipelines/flow'
import { iter, nest, Payload, step } from '@pipelines/flow/nest'
import { threads } from '@pipelines/workers'
import { expect, test } from 'vitest'
import * as work from './fixtures/nest-work.mjs'

portable(work, new URL('./fixtures/nest-work.mjs', import.meta.url))
const thread = { executor: 'thread' } as const

test('a class of stages runs on a thread, and what shares memory is not copied for it', async () => {
  await using executor = threads()
  const metas: unknown[] = []
  const items = await nest(
    step(work.count, { ...thread, args: { args: [2] } }),
    step(work.add, { ...thread, args: { args: [10] } }),
    (item: unknown, { meta }) => {
      metas.push(meta['by'])
      return item
    },
  )
    .with({ executors: [executor] })
    .list()
  expect(items).toEqual([11, 10, 12, 10, 'end'])
  expect(metas).toEqual([10, 10, 10, 10, undefined])

  const payload = new Payload().save('pixels', new Uint8Array([1, 2, 3]))
  await nest(iter([payload]), step(work.brighten, thread))
    .with({ executors: [executor] })
    .run()
  expect([...payload.load('pixels')]).toEqual([2, 3, 4])
})
