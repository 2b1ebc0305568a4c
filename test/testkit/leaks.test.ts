import { createServer } from 'node:net'
import { MessageChannel } from 'node:worker_threads'
import { footprint, leaks, noLeaks } from '@pipelines/testkit'
import { expect, test } from 'vitest'

/** Each leaves something behind and returns what takes it away again. */
const leavers: Record<string, readonly [leave: () => () => unknown, seen: RegExp]> = {
  'a timer': [
    () => {
      const timer = setTimeout(() => {}, 60_000)
      return () => clearTimeout(timer)
    },
    /^Left behind: a pending timer, made at .*leaks\.test\.ts:\d+:\d+\)?\.$/,
  ],
  'an interval that does not even keep the process alive': [
    () => {
      const timer = setInterval(() => {}, 60_000).unref()
      return () => clearInterval(timer)
    },
    /pending timer, made at .*leaks\.test\.ts:\d+/,
  ],
  'a server': [
    () => {
      const server = createServer().listen(0)
      return () => server.close()
    },
    /1 × TCPServerWrap/,
  ],
  'a handle': [
    () => {
      const { port1 } = new MessageChannel()
      port1.on('message', () => {})
      return () => port1.close()
    },
    /^Left behind: 1 × MessagePort\.$/,
  ],
  'a listener': [
    () => {
      const listener = (): void => {}
      process.on('SIGUSR2', listener)
      return () => process.off('SIGUSR2', listener)
    },
    /1 × process\.on\("?SIGUSR2/,
  ],
}

test.each(Object.entries(leavers))('%s that work leaves behind is named', async (_name, [leave, seen]) => {
  let cleanUp: () => unknown = () => {}
  const work = () => {
    cleanUp = leave()
  }
  await expect(noLeaks(work)).rejects.toThrow(seen)
  await expect(noLeaks(() => {})).resolves.toBeUndefined()
  cleanUp()
})

test.each(Object.entries(leavers))('%s that is taken away in time is none', async (_name, [leave]) => {
  const result = await noLeaks(async () => {
    const cleanUp = leave()
    await undefined
    cleanUp()
    return 'done'
  })
  expect(result).toBe('done')
})

test('what was there before is no leak', async () => {
  const timer = setTimeout(() => {}, 60_000)
  expect(await leaks(footprint())).toEqual([])
  clearTimeout(timer)
})

test('a timer that went off is none', async () => {
  await noLeaks(() => new Promise((resolve) => setTimeout(resolve, 1)))
})

test('without work, the check is made when it is asked for', async () => {
  const check = noLeaks()
  const timer = setTimeout(() => {}, 60_000)
  await expect(check()).rejects.toThrow('pending timer')
  clearTimeout(timer)
  await check()
})

test('work that fails fails with its own error', async () => {
  await expect(noLeaks(() => Promise.reject(new Error('own')))).rejects.toThrow('own')
})
