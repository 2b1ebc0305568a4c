import { processes, threads } from '@pipelines/workers'
import { describe, expect, test } from 'vitest'
import { resolveOptions } from '../../packages/workers/src/options.js'

describe('the options of workers', () => {
  test('have defaults', () => {
    expect(resolveOptions({}, 'thread')).toEqual({
      ...{ name: 'thread', share: 'executor', idleMs: 60_000, stuckMs: 250, transfer: false },
      ...{ execArgv: undefined, env: undefined, resourceLimits: undefined },
    })
    expect(resolveOptions({}, 'process').name).toBe('process')
  })

  test('may be given as undefined', () => {
    expect(resolveOptions({ idleMs: undefined } as object, 'thread').idleMs).toBe(60_000)
  })

  test.each<[option: string, value: unknown]>([
    ['name', ''],
    ['name', 7],
    ['share', 'nobody'],
    ['idleMs', -1],
    ['idleMs', Number.NaN],
    ['idleMs', 2 ** 31],
    ['stuckMs', '250'],
    ['execArgv', '--inspect'],
    ['execArgv', [1]],
    ['env', []],
    ['env', null],
    ['resourceLimits', 5],
    ['transfer', 1],
    ['size', 3],
    ['__proto__', 1],
  ])('are refused: %s = %o', (option, value) => {
    const given = Object.defineProperty({}, option, { value, enumerable: true })
    expect(() => threads(given)).toThrow(
      expect.objectContaining({ code: 'PLB_OPTION_INVALID', details: expect.objectContaining({ option }) }),
    )
  })

  test.each(['transfer', 'resourceLimits'])('of processes do not have "%s"', (option) => {
    const given = { [option]: option === 'transfer' ? true : {} }
    expect(() => threads(given)).not.toThrow()
    expect(() => processes(given)).toThrow(expect.objectContaining({ code: 'PLB_OPTION_INVALID' }))
  })

  test('start nothing by themselves', async () => {
    const before = process.getActiveResourcesInfo().length
    const executors = [threads({ name: 'a' }), processes({ name: 'b' })]
    expect([process.getActiveResourcesInfo().length, executors.map(({ name }) => name)]).toEqual([before, ['a', 'b']])
    for (const executor of executors) await executor.close()
  })
})
