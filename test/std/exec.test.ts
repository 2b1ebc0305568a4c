import { getEventListeners } from 'node:events'
import { describe, expect, test, vi } from 'vitest'
import { execItem } from '../../packages/std/src/exec-item.js'
import { failureOf, until } from '../support/blackbox.js'
import { type Folder, folderWith } from '../support/folder.js'
import { expectGone, noteIn, pidIn, program, stillTimers } from './programs.js'
import { given, lineOf, type ReadyNode, through, valuesOf } from './ready.js'

/** What a program fails with. */
const causeOf = async (script: string, args: object = {}, items: readonly unknown[] = ['x']): Promise<unknown> =>
  (await failureOf(() => through('exec', items, { ...program(script), ...args }))).cause

describe('std.exec', () => {
  test('runs a program for each item, which is its input: its output is the output', async () => {
    const items = await through('exec', ['abc', Buffer.from('d'), { e: 1 }], program('tr a-z A-Z'), { workers: 3 })
    expect(items).toEqual(['ABC', 'D', '{"E":1}'])
  })

  test('may put an item behind the args, where no shell reads it', async () => {
    const args = { ...program('for each in "$@"; do echo "$each"; done', '*'), input: 'args' }
    const items = await through('exec', ['a b; $(c) > "d', ['-x', 5]], args)
    expect(items).toEqual(['*\na b; $(c) > "d\n', '*\n-x\n5\n'])
  })

  test('may keep items from it', async () => {
    expect(await through('exec', ['secret'], { ...program('cat; echo done'), input: 'none' })).toEqual(['done\n'])
  })

  test('runs once where the node has no inputs', async () => {
    expect(await given('exec', { command: 'printf', args: ['hi'] })).toEqual(['hi'])
  })

  test('gives an item for each line while it runs, and ends it when nobody wants more', async () => {
    const folder = folderWith()
    const script = `${noteIn(folder)} n=0; while :; do echo $n; n=$((n+1)); done`
    const endless: ReadyNode = ['exec', { ...program(script), output: 'ndjson' }]
    expect(await valuesOf(lineOf([endless, ['take', { count: 3 }]]))).toEqual([0, 1, 2])
    expectGone(await pidIn(folder))
  })

  test('gives its output as it is, also if that is no text', async () => {
    const args = { ...program("printf '\\377\\000'"), output: 'bytes' }
    expect(await given('exec', args)).toEqual([Buffer.from([255, 0])])
  })

  test('runs it in another folder, with more variables', async () => {
    const folder = folderWith({ here: '' })
    const args = { ...program('ls; echo "$MORE"; which ls > which'), cwd: folder.path, env: { MORE: '!' } }
    expect(await given('exec', { ...args, output: 'lines' })).toEqual(['here', '!'])
    expect(folder.text('which')).not.toBe('')
  })

  test('takes other exit codes for success, if it is told to', async () => {
    expect(await given('exec', { ...program('echo 1; exit 3'), okCodes: [0, 3] })).toEqual(['1\n'])
  })

  test('does not mind a program that does not read its input', async () => {
    expect(await through('exec', ['x'.repeat(1_000_000)], { command: 'echo', args: ['done'] })).toEqual(['done\n'])
  })

  test('gives a large output whole to a large input', async () => {
    const large = 'xyz'.repeat(300_000)
    expect(await through('exec', [large], { command: 'cat' })).toEqual([large])
  })
})

describe('std.exec fails', () => {
  test('with the exit code and the end of what the program said', async () => {
    const cause = await causeOf('{ head -c 9000 /dev/zero | tr "\\0" x; echo; echo that was wrong; } >&2; exit 3')
    expect(cause).toMatchObject({ name: 'ChildError', code: 3, signal: null })
    expect(cause).toMatchObject({ message: expect.stringMatching(/^"sh" ended with exit code 3: x+\nthat was wrong$/) })
    expect(Reflect.get(Object(cause), 'stderr')).toHaveLength(4096)
  })

  test('with the signal that ended it', async () => {
    expect(await causeOf('kill -9 $$')).toMatchObject({
      code: null,
      signal: 'SIGKILL',
      message: '"sh" was ended by SIGKILL.',
    })
  })

  test.each(['lines', 'ndjson'])('at the end of its %s, which have left by then', async (output) => {
    const seen: unknown[] = []
    const plumber = lineOf([['inlet'], ['exec', { ...program('echo 1; exit 1'), output }]])
    const error = await failureOf(() => plumber.run(['x'], { onOutput: ({ value }) => void seen.push(value) }))
    expect(error.cause).toMatchObject({ code: 1 })
    expect(seen.map(Number)).toEqual([1])
  })

  test.each([
    ['text', 'yes | head -c 10000'],
    ['lines', 'head -c 10000 /dev/zero | tr "\\0" x'],
  ])('where its %s has too many bytes, and ends it', async (output, script) => {
    const folder = folderWith()
    const cause = await causeOf(`${noteIn(folder)} ${script}; exec sleep 1000`, { output, maxBytes: 5000 })
    expect(cause).toMatchObject({ message: expect.stringMatching(/^The output of "sh".* 5000 bytes\.$/) })
    expectGone(await pidIn(folder))
  })

  test.each<[output: string, script: string, message: RegExp]>([
    ['json', 'echo {', /^The output of "sh" is no JSON: /],
    ['ndjson', 'echo 1; echo {', /^The output of "sh", line 2, is no JSON: /],
    ['text', "printf '\\377'", /^The output of "sh" is no UTF-8\. Take it as "bytes"\.$/],
  ])('where its output is no %s', async (output, script, message) => {
    expect(await causeOf(script, { output })).toMatchObject({ message: expect.stringMatching(message) })
  })

  test('where there is no such program, and says what to do', async () => {
    const { cause } = await failureOf(() => through('exec', ['x'], { command: 'no-such-program' }))
    const message = '"no-such-program" was not found. Install it, or give its path.'
    expect(cause).toMatchObject({ code: 'ENOENT', message })
  })

  test('where there is no such folder, and says so', async () => {
    const cwd = folderWith().of('none')
    const { cause } = await failureOf(() => through('exec', ['x'], { command: 'true', cwd }))
    expect(cause).toMatchObject({ code: 'ENOENT', message: expect.stringContaining(`"${cwd}" has to be there, too.`) })
  })

  test('where a file is no program', async () => {
    const command = folderWith({ a: 'text' }).of('a')
    const { cause } = await failureOf(() => through('exec', ['x'], { command }))
    expect(cause).toMatchObject({ code: 'EACCES', message: `"${command}" may not be run. Is it a program?` })
  })

  test('for an item that cannot be given to a program, which is not started then', async () => {
    const folder = folderWith()
    const script = noteIn(folder)
    expect(await causeOf(script, { input: 'args' }, [{}])).toMatchObject({
      message: expect.stringMatching(/^With "input": "args"/),
    })
    expect(await causeOf(script, {}, [undefined])).toMatchObject({ message: 'undefined cannot be written as JSON.' })
    expect(folder.names()).toEqual([])
  })
})

test.each(['text', 'lines'] as const)('nothing listens to the signal when there is the %s', async (output) => {
  const { signal } = new AbortController()
  const made = execItem({ args: { command: 'echo', args: ['x'], output }, signal })
  if (made instanceof Promise) await made
  else for await (const line of made as AsyncIterable<unknown>) expect(line).toBe('x')
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('a program that is about to start when the signal aborts is ended', async () => {
  const stop = new AbortController()
  const output = execItem({ args: program('exec sleep 1000'), signal: stop.signal })
  stop.abort('enough')
  await expect(output).rejects.toBe('enough')
})

describe('std.exec leaves no program', () => {
  /** A pipeline with a program that has begun. */
  async function running(folder: Folder, script: string, args: object = {}) {
    const exec: ReadyNode = [
      'exec',
      { ...program(`${noteIn(folder)} ${script}`), ...args },
      { timeoutMs: 1500, onError: 'skip' },
    ]
    const pipeline = lineOf([['inlet'], exec]).createPipeline()
    await pipeline.put('x')
    return { pipeline, pid: await pidIn(folder) }
  }
  const endless = 'exec sleep 1000'
  /** A script that notes that it was asked to end by a signal. */
  const asked = (folder: Folder, signal: string, then = '') =>
    `trap 'touch "${folder.of('asked')}"; ${then}' ${signal}; ${noteIn(folder, 'ready')} while :; do sleep 0.01; done`

  test.each(['text', 'lines'])('at doomsday, while it waits for its %s', async (output) => {
    const { pipeline, pid } = await running(folderWith(), endless, { output })
    const report = await pipeline.doomsday('enough')
    expect([report.outcome, report.abandoned]).toEqual(['doomed', []])
    expectGone(pid)
  })

  test.each(['text', 'lines'])('of an attempt for its %s that ran out of time', async (output) => {
    stillTimers()
    const { pipeline, pid } = await running(folderWith(), endless, { output })
    vi.advanceTimersByTime(1500)
    pipeline.end()
    expect((await pipeline.settled).errors).toMatchObject([{ code: 'PLB_NODE_TIMEOUT' }])
    expectGone(pid)
  })

  test('that does not listen to the signal: a second later it is killed', async () => {
    stillTimers()
    const folder = folderWith()
    const { pipeline, pid } = await running(folder, asked(folder, 'TERM'))
    await pidIn(folder, 'ready')
    const doom = pipeline.doomsday('enough')
    await until(() => folder.names().includes('asked'))
    vi.advanceTimersByTime(1000)
    expect((await doom).abandoned).toEqual([])
    expectGone(pid)
  })

  test('and uses the signal that it is told to', async () => {
    const folder = folderWith()
    const { pipeline } = await running(folder, asked(folder, 'HUP', 'exit'), { killSignal: 'SIGHUP' })
    await pidIn(folder, 'ready')
    await pipeline.doomsday('enough')
    expect(folder.names()).toContain('asked')
  })

  test('and waits for no other that it has started, and that holds its output', async () => {
    const folder = folderWith()
    const { pipeline, pid } = await running(folder, `sleep 60 & ${noteIn(folder, 'other', '$!')} ${endless}`)
    const other = await pidIn(folder, 'other')
    const report = await pipeline.doomsday('enough')
    process.kill(other, 'SIGKILL')
    expect(report.abandoned).toEqual([])
    expectGone(pid)
  })
})
