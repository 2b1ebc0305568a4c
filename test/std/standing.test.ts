import { describe, expect, test, vi } from 'vitest'
import { failureOf, nodeOf, range, reportOf, until } from '../support/blackbox.js'
import { folderWith } from '../support/folder.js'
import { expectGone, noteIn, pidIn, program, stillTimers } from './programs.js'
import { given, lineOf, through, valuesOf } from './ready.js'

const standing = (script: string, args: object = {}) => ({ ...program(script), mode: 'standing', ...args })

/** Answers each line with the number of its process and the line. */
const ANSWER = 'while read -r line; do echo "$line!"; done'

/** What goes wrong with a program that is given two lines. */
const causeOf = async (script: string, args: object = {}) =>
  (await failureOf(() => through('exec', ['a', 'b'], standing(script, args)))).cause

describe('a program that stands', () => {
  test('answers each line with a line, in order', async () => {
    const items = range(300).map(String)
    expect(await through('exec', items, standing(ANSWER))).toEqual(items.map((item) => `${item}!`))
  })

  test('is started once per worker, and is gone at the end', async () => {
    const folder = folderWith()
    const script = `echo $$ >> '${folder.of('pids')}'; ${ANSWER}`
    const items = range(20).map(String)
    const answers = await through('exec', items, standing(script), { workers: 2 })
    expect(answers).toEqual(items.map((item) => `${item}!`))
    const pids = folder.text('pids').trim().split('\n').map(Number)
    expect(pids).toHaveLength(2)
    for (const pid of pids) expectGone(pid)
  })

  test('may speak JSON', async () => {
    const items = [{ a: 1 }, [2], null]
    expect(await through('exec', items, standing('exec cat', { output: 'json' }))).toEqual(items)
  })

  test('may be a part of a graph that requests go through', async () => {
    await using pipeline = lineOf([['inlet'], ['exec', standing(ANSWER)]]).createPipeline()
    expect(await Promise.all(['a', 'b'].map((value) => pipeline.process(value)))).toEqual(['a!', 'b!'])
  })

  test('is not started where there are no items', async () => {
    expect(await through('exec', [], standing('exit 1'))).toEqual([])
  })

  test('may end with another exit code, if it is told to', async () => {
    expect(await through('exec', ['a'], standing(`${ANSWER}; exit 3`, { okCodes: [3] }))).toEqual(['a!'])
  })
})

describe('a program that stands fails the run', () => {
  test('where it ends before its input does, whatever its exit code is', async () => {
    const message = '"sh" ended with exit code 0 before its input had ended.'
    expect(await causeOf('read -r line; echo "$line"')).toMatchObject({ code: 0, message })
    const told = '"sh" ended with exit code 5 before its input had ended: sorry'
    expect(await causeOf('read -r line; echo sorry >&2; exit 5')).toMatchObject({ code: 5, message: told })
  })

  test('where it ends badly when its input has ended', async () => {
    const error = await failureOf(() => through('exec', ['a'], standing(`${ANSWER}; echo sorry >&2; exit 4`)))
    expect(error).toMatchObject({ details: { phase: 'teardown' } })
    expect(error.cause).toMatchObject({ code: 4, message: '"sh" ended with exit code 4: sorry' })
  })

  test('where it says more than it was asked', async () => {
    const message = '"sh" wrote a line that nobody had asked for: "more".'
    // Which of its lines is too many depends on whether the next item was sent before it came.
    expect(await causeOf('while read -r line; do echo "$line"; echo more; done')).toMatchObject({
      message: expect.stringMatching(/^"sh" wrote a line that nobody had asked for: "(more|b)"\.$/),
    })
    const late = await failureOf(() => through('exec', ['a'], standing(`${ANSWER}; echo more`)))
    expect(late.cause).toMatchObject({ message })
  })

  test('where an answer is too long, is no JSON or no UTF-8', async () => {
    expect(await causeOf('exec tr "\\0" x < /dev/zero', { maxBytes: 100 })).toMatchObject({
      message: 'The output of "sh", line 1, is longer than 100 bytes.',
    })
    expect(await causeOf(ANSWER, { output: 'json' })).toMatchObject({
      message: expect.stringMatching(/^The output of "sh" is no JSON/),
    })
    expect(await causeOf("read -r line; printf '\\377\\n'; read -r line")).toMatchObject({
      message: expect.stringMatching(/^The output of "sh", line 1, is no UTF-8/),
    })
  })

  test('for an item that is more than a line', async () => {
    const { cause } = await failureOf(() => through('exec', ['a\nb'], standing(ANSWER)))
    expect(cause).toMatchObject({ message: expect.stringContaining('takes no line with an end inside') })
  })

  test('without inputs, or with another way for them', async () => {
    const conflict = { cause: { code: 'PLB_OPTION_CONFLICT' } }
    expect(await failureOf(() => given('exec', standing(ANSWER)))).toMatchObject(conflict)
    expect(await failureOf(() => through('exec', ['a'], standing(ANSWER, { input: 'args' })))).toMatchObject(conflict)
  })
})

describe('after an item that has failed', () => {
  test('another program takes the place of the one that has ended, if items may be skipped', async () => {
    const script = 'while read -r line; do if [ "$line" = bad ]; then exit 1; fi; echo "$line!"; done'
    const items = ['a', 'bad', 'b', 'bad', 'c']
    expect(await through('exec', items, standing(script), { onError: 'skip' })).toEqual(['a!', 'b!', 'c!'])
  })

  test('another one takes the place of the one whose answer did not come in time', async () => {
    stillTimers()
    const folder = folderWith()
    const script = `while read -r line; do if [ "$line" = bad ]; then ${noteIn(folder)} exec sleep 1000; fi; echo "$line!"; done`
    const exec = ['exec', standing(script), { timeoutMs: 1500, onError: 'skip' }] as const
    const running = valuesOf(lineOf([['inlet'], exec]), ['a', 'bad', 'b'])
    const pid = await pidIn(folder)
    vi.advanceTimersByTime(1500)
    expect(await running).toEqual(['a!', 'b!'])
    expectGone(pid)
  })
})

describe('no program that stands is left', () => {
  const deaf = (folder: ReturnType<typeof folderWith>) => `${noteIn(folder)} exec sleep 1000`

  test('at doomsday, while an answer is waited for', async () => {
    const folder = folderWith()
    const pipeline = lineOf([['inlet'], ['exec', standing(deaf(folder))]]).createPipeline()
    await pipeline.put('a')
    const pid = await pidIn(folder)
    const report = await pipeline.doomsday('enough')
    expect([report.abandoned, nodeOf(report, 'exec').unprocessed]).toEqual([[], 1])
    expectGone(pid)
  })

  test('at doomsday, while its end is waited for', async () => {
    const folder = folderWith()
    const script = `${ANSWER}; ${deaf(folder)}`
    const pipeline = lineOf([['inlet'], ['exec', standing(script)]]).createPipeline()
    await pipeline.put('a')
    pipeline.end()
    const pid = await pidIn(folder)
    expect((await pipeline.doomsday('enough')).abandoned).toEqual([])
    expectGone(pid)
  })

  test('where another node fails', async () => {
    const folder = folderWith()
    const exec = ['exec', standing(`${noteIn(folder)} ${ANSWER}`)] as const
    const error = await failureOf(() => valuesOf(lineOf([['inlet'], exec, ['flatMap', { fn: () => 5 }]]), ['a']))
    expect(reportOf(error).outcome).toBe('failed')
    expectGone(await pidIn(folder))
  })

  test('when nobody wants more', async () => {
    const folder = folderWith()
    const exec = ['exec', standing(`${noteIn(folder)} ${ANSWER}; exec sleep 1000`)] as const
    expect(await valuesOf(lineOf([['const', { value: 'a' }], exec, ['take', { count: 2 }]]))).toEqual(['a!', 'a!'])
    expectGone(await pidIn(folder))
  })

  test('when a request is cancelled; the next one gets another program', async () => {
    const folder = folderWith()
    const script = `while read -r line; do if [ "$line" = bad ]; then ${deaf(folder)}; fi; echo "$line!"; done`
    await using pipeline = lineOf([['inlet'], ['exec', standing(script)]]).createPipeline()
    const cancel = new AbortController()
    const cancelled = failureOf(() => pipeline.process('bad', { signal: cancel.signal }))
    const pid = await pidIn(folder)
    cancel.abort()
    expect(await cancelled).toMatchObject({ code: 'PLB_RUN_CANCELLED' })
    expect(await pipeline.process('a')).toBe('a!')
    expectGone(pid)
    await until(() => pipeline.snapshot().nodes['exec']?.inProgress === 0)
  })
})
