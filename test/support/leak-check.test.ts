import { afterAll, describe, expect, test } from 'vitest'
import { leakCheck } from './leak-check.js'

leakCheck()

describe('the hooks', () => {
  let timer: NodeJS.Timeout | undefined
  afterAll(() => clearTimeout(timer))

  test.fails('fail a test that leaves something behind', () => {
    timer = setTimeout(() => {}, 60_000)
  })

  test('pass the next one, and one whose timer fired', async () => {
    expect(timer).toBeDefined()
    await new Promise((resolve) => setTimeout(resolve, 1))
  })
})
