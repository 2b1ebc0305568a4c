import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { Bursts } from '../../packages/core/src/bursts.js'
import { turns } from '../support/turns.js'

/** Runs so many bursts that wait, and counts those that have begun. */
function waiting(bursts: Bursts, count: number): { begun: number; finish(): Promise<void> } {
  const end = gate()
  const finish = async (): Promise<void> => {
    end.open()
    await Promise.all(all)
  }
  const state = { begun: 0, finish }
  const all = Array.from({ length: count }, () =>
    bursts.run(() => {
      state.begun++
      return end.opened
    }),
  )
  return state
}

describe('bursts', () => {
  test('run as many at once as there are workers', async () => {
    const bursts = new Bursts(2)
    const state = waiting(bursts, 5)
    await turns(2)
    expect([state.begun, bursts.most]).toEqual([2, 2])
    await state.finish()
    expect(state.begun).toBe(5)
  })

  test('run more where a worker has several at once', async () => {
    const bursts = new Bursts(2)
    bursts.setPerWorker(3)
    const state = waiting(bursts, 9)
    await turns(2)
    expect([state.begun, bursts.most, bursts.workers]).toEqual([6, 6, 2])
    await state.finish()
  })

  test('begin at once when more may, and end before fewer do', async () => {
    const bursts = new Bursts(1)
    const state = waiting(bursts, 9)
    await turns(2)
    bursts.setWorkers(3)
    await turns(2)
    expect(state.begun).toBe(3)
    bursts.setPerWorker(2)
    await turns(2)
    expect(state.begun).toBe(6)
    bursts.setWorkers(1)
    await turns(2)
    expect([state.begun, bursts.most]).toEqual([6, 2])
    await state.finish()
  })

  test('do not begin while paused, also where none had begun before', async () => {
    const bursts = new Bursts(1)
    bursts.pause()
    const state = waiting(bursts, 2)
    await turns(2)
    expect([state.begun, bursts.paused]).toEqual([0, true])
    bursts.resume()
    await turns(2)
    expect([state.begun, bursts.paused]).toEqual([1, false])
    await state.finish()
  })

  test('reject with what a burst throws, and go on', async () => {
    const bursts = new Bursts(1)
    const failed = bursts.run(() => Promise.reject(new Error('mine')))
    await expect(failed).rejects.toThrow('mine')
    const state = waiting(bursts, 1)
    await turns(2)
    expect(state.begun).toBe(1)
    await state.finish()
  })
})
