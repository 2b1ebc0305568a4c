import { describe, expect, test } from 'vitest'
import { median, noise, quantile, ratio } from '../../bench/src/statistics.js'

describe('the bench computes', () => {
  test('a median of an even number of values between the two in the middle', () => {
    expect(median([9, 1, 3, 2])).toBe(2.5)
  })

  test('quantiles between two values', () => {
    expect(quantile([10, 20, 30, 40, 50], 0.25)).toBe(20)
    expect(quantile([0, 10], 0.99)).toBeCloseTo(9.9)
  })

  test('nothing out of no values', () => {
    expect(median([])).toBeNaN()
  })

  test('noise as half the distance of the quartiles by the median', () => {
    expect(noise([80, 90, 100, 110, 120])).toBeCloseTo(0.1)
  })

  test('a ratio round by round, so that a slow round is slow for both', () => {
    expect(ratio([10, 100, 12], [5, 50, 6])).toBe(2)
  })

  test('no ratio where a round is missing', () => {
    expect(ratio([10, 20], [5])).toBeNaN()
  })
})
