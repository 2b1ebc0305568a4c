import { describe, expect, test } from 'vitest'
import { readArguments, UsageError } from '../../bench/src/arguments.js'
import { WORKLOADS } from '../../bench/src/catalogue.js'

describe('the arguments of the bench', () => {
  test('ask for everything, and save it, if there are none', () => {
    const request = readArguments([])
    expect(request.workloads).toEqual([...WORKLOADS.keys()])
    expect(request).toMatchObject({ scale: { size: 'full', rounds: 9 }, save: true })
  })

  test('name workloads in any order and spelling, and nothing is saved', () => {
    const request = readArguments(['w3', 'W1', '--rounds', '21'])
    expect(request).toMatchObject({ workloads: ['W1', 'W3'], scale: { rounds: 21 }, save: false })
  })

  test('may forbid to save, and a quick look saves nothing', () => {
    expect(readArguments(['--no-save']).save).toBe(false)
    expect(readArguments(['--quick'])).toMatchObject({ scale: { size: 'quick', rounds: 1 }, save: false })
  })

  test('may name a file', () => {
    expect(readArguments(['W1', '--json', 'x.json']).json).toBe('x.json')
  })

  test.each([
    [['W99'], 'No workload "W99".'],
    [['toString'], 'No workload "toString".'],
    [['--rounds', '0'], '--rounds must be a whole number from 1.'],
    [['--rounds', '1.5'], '--rounds must be a whole number from 1.'],
    [['--rounds', 'many'], '--rounds must be a whole number from 1.'],
    [['--round', '3'], "Unknown option '--round'"],
    [['--rounds'], '--rounds'],
  ])('%j are wrong', (args, message) => {
    expect(() => readArguments(args)).toThrow(UsageError)
    expect(() => readArguments(args)).toThrow(message)
    expect(() => readArguments(args)).toThrow('Usage: npm run bench')
  })
})
