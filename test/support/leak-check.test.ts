import { createServer } from 'node:net'
import { MessageChannel } from 'node:worker_threads'
import { afterAll, describe, expect, test } from 'vitest'
import { footprint, leakCheck, leaks } from './leak-check.js'

leakCheck()

/** Each leaves something behind and returns what takes it away again. */
const leavers: Record<string, { leave: () => () => unknown; seen: RegExp }> = {
  'a timer': {
    leave: () => {
      const timer = setTimeout(() => {}, 60_000)
      return () => clearTimeout(timer)
    },
    seen: /pending timer, made at .*leak-check\.test\.ts:\d+/,
  },
  'an interval that does not even keep the process alive': {
    leave: () => {
      const timer = setInterval(() => {}, 60_000).unref()
      return () => clearInterval(timer)
    },
    seen: /pending timer, made at .*leak-check\.test\.ts:\d+/,
  },
  'a message port': {
    leave: () => {
      const { port1 } = new MessageChannel()
      port1.on('message', () => {})
      return () => port1.close()
    },
    seen: /1 × MessagePort/,
  },
  'a server': {
    leave: () => {
      const server = createServer().listen(0)
      return () => server.close()
    },
    seen: /1 × TCPServerWrap/,
  },
  'a listener on the process': {
    leave: () => {
      const listener = (): void => {}
      process.on('SIGUSR2', listener)
      return () => process.off('SIGUSR2', listener)
    },
    seen: /1 × process\.on\("?SIGUSR2/,
  },
}

describe.each(Object.entries(leavers))('%s', (_name, { leave, seen }) => {
  test('is seen while it is there, and not afterwards', async () => {
    const before = footprint()
    const cleanUp = leave()
    expect((await leaks(before)).join()).toMatch(seen)
    cleanUp()
    expect(await leaks(before)).toEqual([])
  })
})

describe('the hooks', () => {
  let cleanUp: () => unknown = () => {}
  afterAll(() => cleanUp())

  test.fails('fail a test that leaves something behind', () => {
    cleanUp = (leavers['a timer'] ?? expect.unreachable()).leave()
  })

  test('pass a test whose timer fired', async () => {
    await new Promise((resolve) => setTimeout(resolve, 1))
  })
})
