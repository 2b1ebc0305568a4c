import { describe, expect, test } from 'vitest'
import { judge } from '../../bench/src/targets.js'

const rows = [
  { name: 'ours', figures: { usPerRound: 60 }, samples: [10, 10, 30] },
  { name: 'quick', figures: {}, samples: [5, 5, 15] },
  { name: 'slow', figures: {}, samples: [100, 100, 300] },
  { name: 'counted', figures: { tasks: 3 } },
]

describe('a target', () => {
  test('of time is met at its limit', () => {
    const verdict = judge({ kind: 'time', ours: 'ours', of: ['quick'], atMost: 2 }, rows)
    expect(verdict).toMatchObject({ value: 2, met: true, target: 'ours ≤ 2.0 × the time of quick', shown: '2.00 ×' })
  })

  test('of time is not met beyond it', () => {
    expect(judge({ kind: 'time', ours: 'ours', of: ['quick'], atMost: 1.99 }, rows).met).toBe(false)
  })

  test('of speed is met at its limit, and not below', () => {
    const verdict = judge({ kind: 'speed', ours: 'ours', of: ['slow'], atLeast: 10 }, rows)
    expect(verdict).toMatchObject({ value: 10, met: true, target: 'ours ≥ 10 × as fast as slow' })
    expect(judge({ kind: 'speed', ours: 'ours', of: ['slow'], atLeast: 10.1 }, rows).met).toBe(false)
  })

  test('against several looks at the fastest of them, and says which that is', () => {
    const verdict = judge({ kind: 'speed', ours: 'ours', of: ['slow', 'quick'], atLeast: 1.3 }, rows)
    expect(verdict).toMatchObject({ value: 0.5, met: false })
    expect(verdict.target).toBe('ours ≥ 1.3 × as fast as the fastest of 2 (quick)')
  })

  test('for a figure looks at nobody else', () => {
    const verdict = judge({ kind: 'figure', ours: 'ours', figure: 'usPerRound', atMost: 60 }, rows)
    expect(verdict).toMatchObject({ value: 60, met: true, target: 'ours: µs/round ≤ 60' })
    expect(judge({ kind: 'figure', ours: 'ours', figure: 'usPerRound', atMost: 59 }, rows).met).toBe(false)
  })

  test('is not met by what is not a number', () => {
    const broken = [...rows, { name: 'broken', figures: { tasks: Number.NaN }, samples: [Number.NaN] }]
    expect(judge({ kind: 'figure', ours: 'broken', figure: 'tasks', atMost: 1 }, broken).met).toBe(false)
    expect(judge({ kind: 'time', ours: 'broken', of: ['quick'], atMost: 9 }, broken).met).toBe(false)
    expect(judge({ kind: 'speed', ours: 'ours', of: ['broken', 'slow'], atLeast: 1 }, broken).met).toBe(false)
    expect(judge({ kind: 'speed', ours: 'ours', of: ['slow', 'broken'], atLeast: 1 }, broken).met).toBe(false)
  })

  test('names rows and figures that there are', () => {
    expect(() => judge({ kind: 'time', ours: 'ours', of: ['nobody'], atMost: 1 }, rows)).toThrow('no row "nobody"')
    expect(() => judge({ kind: 'time', ours: 'counted', of: ['slow'], atMost: 1 }, rows)).toThrow('not part of a race')
    expect(() => judge({ kind: 'figure', ours: 'slow', figure: 'tasks', atMost: 1 }, rows)).toThrow('has no tasks')
  })
})
