import { type Footprint, footprint, leaks } from '@pipelines/testkit'
import { afterEach, beforeEach, expect } from 'vitest'

/**
 * Registers hooks that fail every test of this file after which a timer, a handle or a listener on `process` is left.
 * Rejections that nobody handles need no care here: the test runner fails the run for them; the hooks only wait long
 * enough for a rejection to be seen while its test is still the current one.
 */
export function leakCheck(): void {
  let before: Footprint
  beforeEach(() => {
    before = footprint()
  })
  afterEach(async () => {
    expect(await leaks(before), 'left behind by this test').toEqual([])
  })
}
