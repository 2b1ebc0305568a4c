import { chmodSync, existsSync, lstatSync, mkdirSync, statSync, symlinkSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { Plumber } from '@pipelines/plumber'
import { std } from '@pipelines/std'
import { gate } from '@pipelines/testkit'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { failureOf, range } from '../support/blackbox.js'
import { folderWith } from '../support/folder.js'
import { lineOf, through, valuesOf } from './ready.js'

type Args = Readonly<Record<string, unknown>>

/** What is in a file that items were written to. */
async function written(items: readonly unknown[], name: string, args: Args = {}, before?: string): Promise<string> {
  const folder = folderWith(before === undefined ? {} : { [name]: before })
  expect(await through('write', items, { path: folder.of(name), ...args })).toEqual(items)
  expect(folder.names()).toEqual([name])
  return folder.text(name)
}

describe('std.write', () => {
  test.each<[name: string, items: unknown[], text: string]>([
    ['a.txt', ['one', 'two\n', 3, true], 'one\ntwo\n3\ntrue\n'],
    ['a.ndjson', [{ a: 1 }, 'x', null, [2]], '{"a":1}\n"x"\nnull\n[2]\n'],
    ['a.jsonl', [1], '1\n'],
    ['none', [], ''],
  ])('writes %s as its name tells', async (name, items, text) => {
    expect(await written(items, name)).toBe(text)
  })

  test.each<[format: string, items: unknown[], text: string]>([
    ['text', ['a', 'b\n', 'c'], 'ab\nc'],
    ['bytes', [Buffer.from('a'), new Uint8Array([98]).buffer, Buffer.from('c')], 'abc'],
    ['lines', ['x'], 'x\n'],
  ])('writes as %s if it is told to', async (format, items, text) => {
    expect(await written(items, 'a.ndjson', { format })).toBe(text)
  })

  test('writes much, in order', async () => {
    const text = await written(range(15_000), 'a')
    expect(text).toBe(`${range(15_000).join('\n')}\n`)
  })

  test('takes the place of the old file, whose rights it keeps', async () => {
    const folder = folderWith({ a: 'old' })
    chmodSync(folder.of('a'), 0o606)
    await through('write', ['new'], { path: folder.of('a') })
    expect([folder.text('a'), statSync(folder.of('a')).mode & 0o777]).toEqual(['new\n', 0o606])
  })

  test('writes the file that a link leads to, and leaves the link', async () => {
    const folder = folderWith({ a: 'old' })
    symlinkSync(folder.of('a'), folder.of('link'))
    await through('write', ['new'], { path: folder.of('link') })
    expect([folder.text('a'), lstatSync(folder.of('link')).isSymbolicLink()]).toEqual(['new\n', true])
  })

  test('shows nothing of the new file before the end', async () => {
    const folder = folderWith({ a: 'old' })
    const [here, go] = [gate(), gate()]
    async function* items() {
      yield* range(15_000)
      here.open()
      await go.opened
    }
    const plumber = lineOf([['inlet'], ['write', { path: folder.of('a') }]])
    const running = plumber.run(items())
    await here.opened
    expect(folder.text('a')).toBe('old')
    expect(folder.names()).toEqual([expect.stringMatching(/^\.a\.[0-9a-f]+\.tmp$/), 'a'])
    go.open()
    await running
    expect(folder.text('a')).toBe(`${range(15_000).join('\n')}\n`)
  })

  test('with a leaf that wants no more, the file is what was written by then', async () => {
    const folder = folderWith()
    const plumber = lineOf([
      ['const', { value: 'x' }],
      ['write', { path: folder.of('a') }],
      ['take', { count: 3 }],
    ])
    expect(await valuesOf(plumber)).toEqual(['x', 'x', 'x'])
    expect(folder.names()).toEqual(['a'])
    expect(folder.text('a')).toMatch(/^(?:x\n){3,}$/)
  })
})

describe('where std.write adds to a file', () => {
  test('it leaves what is there', async () => {
    expect(await written(['b'], 'a', { append: true }, 'a\n')).toBe('a\nb\n')
    expect(await written(['b'], 'a', { append: true })).toBe('b\n')
  })

  test('the header of CSV is written only where there was nothing', async () => {
    expect(await written([{ n: 2 }], 'a.csv', { append: true }, 'n\n1\n')).toBe('n\n1\n2\n')
    expect(await written([{ n: 2 }], 'a.csv', { append: true }, '')).toBe('n\n2\n')
  })

  test.each([{ append: true }, { atomic: false }])(
    'or writes into it (%j), an item is there when it is passed on',
    async (args) => {
      const folder = folderWith()
      const seen: string[] = []
      const see = (item: unknown) => void seen.push(`${item}: ${folder.text('a')}`)
      const nodes = {
        in: { coro: 'std.iter', args: { items: ['x', 'y'] } },
        write: { coro: 'std.write', args: { path: folder.of('a'), ...args } },
        see: { coro: see },
      }
      await new Plumber({ nodes, graph: { in: ['write'], write: ['see'] } }, { coroMap: std }).run()
      expect(seen).toEqual(['x: x\n', 'y: x\ny\n'])
    },
  )

  test('two of them may add to one file, and every line is whole', async () => {
    const folder = folderWith()
    const args = { path: folder.of('a'), append: true }
    const nodes = {
      in: { coro: 'std.iter', args: { items: range(50) } },
      left: { coro: 'std.write', args },
      right: { coro: 'std.write', args },
    }
    await new Plumber({ nodes, graph: { in: ['left', 'right'] } }, { coroMap: std }).run()
    const lines = folder.text('a').split('\n').slice(0, -1)
    expect(lines.map(Number).sort((a, b) => a - b)).toEqual(range(50).flatMap((n) => [n, n]))
  })
})

describe('where the run does not end well, std.write', () => {
  /** Runs into a file; gives what is left of its folder. */
  async function leftBy(nodes: (path: string) => Parameters<typeof lineOf>[0], args: Args = {}) {
    const folder = folderWith({ a: 'old\n' })
    const error = await failureOf(() => valuesOf(lineOf(nodes(folder.of('a')), args), range(3)))
    expect(folder.names()).toEqual(['a'])
    return { text: folder.text('a'), error }
  }

  test('leaves the old file, and no other, where a later node fails', async () => {
    const { text } = await leftBy((path) => [['inlet'], ['write', { path }], ['flatMap', { fn: (n: number) => n }]])
    expect(text).toBe('old\n')
  })

  test('leaves the old file where an item cannot be written', async () => {
    const { text, error } = await leftBy((path) => [['inlet'], ['write', { path, format: 'bytes' }]])
    expect(text).toBe('old\n')
    expect(error.cause).toMatchObject({ message: 'The format "bytes" takes Buffers, not 0.' })
  })

  test('leaves the old file at doomsday, and no other', async () => {
    const folder = folderWith({ a: 'old\n' })
    const pipeline = lineOf([['inlet'], ['write', { path: folder.of('a') }]]).createPipeline()
    await pipeline.put('new')
    await vi.waitFor(() => expect(folder.names()).toHaveLength(2))
    expect((await pipeline.doomsday('enough')).outcome).toBe('doomed')
    expect([folder.names(), folder.text('a')]).toEqual([['a'], 'old\n'])
  })

  test('leaves of a file that it adds to what was added', async () => {
    const { text } = await leftBy((path) => [
      ['inlet'],
      ['write', { path, append: true }],
      ['flatMap', { fn: () => 5 }],
    ])
    expect(text).toBe('old\n0\n')
  })

  test('skips an item that cannot be written, if it may, and writes the others', async () => {
    const folder = folderWith()
    const items = [1, () => 1, 1n, 2]
    const args = { path: folder.of('a.ndjson') }
    expect(await through('write', items, args, { onError: 'skip' })).toEqual([1, 2])
    expect(folder.text('a.ndjson')).toBe('1\n2\n')
  })
})

/** Lets the n-th write to any file fail. */
async function failingDisk(nth: number): Promise<void> {
  const handle = await open(folderWith().of('a'), 'w')
  const prototype: FileHandle = Object.getPrototypeOf(handle)
  await handle.close()
  let writes = 0
  const { writeFile } = prototype
  const spy = vi.spyOn(prototype, 'writeFile').mockImplementation(function (this: FileHandle, ...args) {
    if (++writes !== nth) return Reflect.apply(writeFile, this, args)
    return Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' }))
  })
  onTestFinished(() => spy.mockRestore())
}

describe('where the disk fails', () => {
  const large = 'x'.repeat(70_000)

  test('the item that meets it fails, and the old file stays', async () => {
    await failingDisk(1)
    const folder = folderWith({ a: 'old' })
    const error = await failureOf(() => through('write', [large, large], { path: folder.of('a') }))
    expect(error).toMatchObject({ details: { phase: 'run' }, cause: { code: 'ENOSPC' } })
    expect([folder.names(), folder.text('a')]).toEqual([['a'], 'old'])
  })

  test('at the end, that is no good end', async () => {
    await failingDisk(1)
    const folder = folderWith({ a: 'old' })
    const error = await failureOf(() => through('write', ['x'], { path: folder.of('a') }))
    expect(error).toMatchObject({ details: { phase: 'flush' }, cause: { code: 'ENOSPC' } })
    expect([folder.names(), folder.text('a')]).toEqual([['a'], 'old'])
  })

  test('at an early end, the other file is removed as well', async () => {
    await failingDisk(1)
    const folder = folderWith({ a: 'old' })
    const plumber = lineOf([
      ['const', { value: 'x' }],
      ['write', { path: folder.of('a') }],
      ['take', { count: 1 }],
    ])
    const error = await failureOf(() => plumber.run())
    expect(error).toMatchObject({ details: { phase: 'teardown' }, cause: { code: 'ENOSPC' } })
    expect([folder.names(), folder.text('a')]).toEqual([['a'], 'old'])
  })

  test('a file with a hole never takes the place of the old one, whatever items may be skipped', async () => {
    await failingDisk(2)
    const folder = folderWith({ a: 'old' })
    const items = [large, large, large, 'x']
    const error = await failureOf(() => through('write', items, { path: folder.of('a') }, { onError: 'skip' }))
    expect(error).toMatchObject({ details: { phase: 'flush' }, cause: { code: 'ENOSPC' } })
    expect([folder.names(), folder.text('a')]).toEqual([['a'], 'old'])
  })

  test.runIf(existsSync('/dev/full'))('a full device is an error', async () => {
    const refused = through('write', ['x'], { path: '/dev/full', atomic: false })
    await expect(refused).rejects.toMatchObject({ cause: { code: 'ENOSPC' } })
  })
})

describe('std.write refuses', () => {
  const causeOf = async (path: string, args: Args = {}, properties = {}) =>
    (await failureOf(() => through('write', ['x'], { path, ...args }, properties))).cause

  test('a folder that is not there, and says so', async () => {
    const path = folderWith().of('none/a')
    expect(await causeOf(path)).toMatchObject({
      code: 'ENOENT',
      message: `"${path}" cannot be written: its folder does not exist.`,
    })
  })

  test('what is a folder', async () => {
    const folder = folderWith()
    mkdirSync(folder.of('a'))
    expect(await causeOf(folder.of('a'))).toMatchObject({ message: `"${folder.of('a')}" is a folder.` })
    expect(await causeOf(folder.of('a'), { append: true })).toMatchObject({ code: 'EISDIR' })
  })

  test('to put a file in the place of a device, and writes into it if it is told to', async () => {
    expect(await causeOf('/dev/null')).toMatchObject({ message: expect.stringContaining('Set "atomic" to false') })
    expect(await through('write', ['x'], { path: '/dev/null', atomic: false })).toEqual(['x'])
  })

  test('several workers, before anything is written', async () => {
    const folder = folderWith({ a: 'old' })
    expect(await causeOf(folder.of('a'), {}, { workers: 2 })).toMatchObject({ code: 'PLB_OPTION_CONFLICT' })
    expect([folder.names(), folder.text('a')]).toEqual([['a'], 'old'])
  })
})
