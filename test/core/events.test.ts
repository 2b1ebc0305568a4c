import { type Logger, PipelineError, SILENT } from '@pipelines/core'
import { expect, test } from 'vitest'
import { Events } from '../../packages/core/src/events.js'

const error = new PipelineError('INTERNAL', { what: 'x' })

test('an event reaches every listener of its kind, in the order of listening', () => {
  const events = new Events(SILENT)
  const heard: string[] = []
  events.on('error', ({ code }) => heard.push(`first ${code}`))
  events.on('error', () => heard.push('second'))
  events.on('warning', () => heard.push('other'))
  events.emit('error', error)
  expect(heard).toEqual(['first PLB_INTERNAL', 'second'])
})

test('a listener can be taken away', () => {
  const events = new Events(SILENT)
  let heard = 0
  const listener = (): void => void heard++
  events.on('error', listener)
  expect(events.count('error')).toBe(1)
  events.off('error', listener)
  events.emit('error', error)
  expect([heard, events.count('error')]).toEqual([0, 0])
})

test('a listener that throws is logged and keeps nobody from hearing', () => {
  const logged: unknown[] = []
  const logger: Logger = { ...SILENT, error: (...entry) => void logged.push(entry) }
  const events = new Events(logger)
  const mine = new Error('mine')
  let heard = 0
  events.on('error', () => {
    throw mine
  })
  events.on('error', () => void heard++)
  events.emit('error', error)
  expect([heard, logged]).toEqual([1, [[{ err: mine, event: 'error' }, 'A listener threw']]])
})

test('an event that nobody hears is no problem, an error neither', () => {
  const events = new Events(SILENT)
  expect(() => events.emit('error', error)).not.toThrow()
})

test('a listener that takes itself away does not make another one miss the event', () => {
  const events = new Events(SILENT)
  const heard: number[] = []
  const once = (): void => {
    heard.push(1)
    events.off('error', once)
  }
  events.on('error', once)
  events.on('error', () => heard.push(2))
  events.emit('error', error)
  events.emit('error', error)
  expect(heard).toEqual([1, 2, 2])
})
