import { existsSync, readFileSync } from 'node:fs'
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Plumber, type RunReport } from '@pipelines/plumber'
import { gate } from '@pipelines/testkit'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import * as coros from '../../demos/source-report/src/coros.js'
import { run } from '../../demos/source-report/src/run.js'
import { books } from '../../demos/source-report/src/table.js'
import { expectBalancedBooks } from '../support/books.js'
import { copyOf, demoFolder, emptyFolder, folderOf, start } from './demo.js'

const demo = demoFolder('source-report')
const graph = readFileSync(join(demo, 'graph.json'), 'utf8')

/** The row of a table that starts with `name`, as numbers without their grouping, and marks. */
function row(out: string, name: string): (number | string)[] {
  const line = out.split('\n').find((text) => text.startsWith(`${name}  `)) ?? ''
  const cells = line.slice(name.length).split(/ {2,}/).slice(1)
  return cells.map((cell) => (/^[\d,]+$/.test(cell) ? Number(cell.replaceAll(',', '')) : cell))
}

const marks = (out: string): string => out.replaceAll(/[^✓✗]/g, '')
/** Eight nodes and nine edges. */
const ALL_BALANCED = '✓'.repeat(17)

/** Reports on files by the built demo; expects success, and nothing on stderr. */
async function reportOn(files: Parameters<typeof folderOf>[0]): Promise<string> {
  const { code, out, err } = await start(demo, [await folderOf(files)])
  expect({ code, err, marks: marks(out) }).toEqual({ code: 0, err: '', marks: ALL_BALANCED })
  return out
}

describe('the table', () => {
  test('has files, lines, bytes and duplicates of each language, the most lines first', async () => {
    const out = await reportOn({
      'a.ts': 'one\ntwo\n',
      'deep/er/b.TSX': 'one\ntwo\nthree',
      'deep/c.py': 'pass\n',
      'deep/copy of c.py': 'pass\n',
      LICENSE: '',
    })
    expect(row(out, 'TypeScript')).toEqual([2, 5, 21, 0])
    expect(row(out, 'Python')).toEqual([2, 2, 10, 1])
    expect(row(out, 'Other')).toEqual([1, 0, 0, 0])
    expect(row(out, 'total')).toEqual([5, 7, 31, 1])
    expect(out.indexOf('TypeScript')).toBeLessThan(out.indexOf('Python'))
  })

  test('is all zeros for an empty folder', async () => {
    const out = await reportOn({})
    expect(row(out, 'total')).toEqual([0, 0, 0, 0])
    expect(out).toContain(': 0 files found, 0 binary, 0 skipped\n')
  })

  test('counts names with spaces, quotes, newlines and letters of any script', async () => {
    const names = ['a b.md', 'ünï cödé.md', '日本語/ファイル.md', "it's.md", 'two\nlines.md', '-rf.md', '😀.md']
    const out = await reportOn(Object.fromEntries(names.map((name, number) => [name, `${number}\n`])))
    expect(row(out, 'Markdown')).toEqual([7, 7, 14, 0])
  })

  test('counts bytes, not characters', async () => {
    expect(row(await reportOn({ 'a.txt': 'é😀\n' }), 'Text')).toEqual([1, 1, 7, 0])
  })

  test('leaves binary files out, and says how many', async () => {
    const out = await reportOn({
      'a.ts': 'a\n',
      'logo.ts': new Uint8Array([137, 80, 0, 1]),
      'b.bin': new Uint8Array(9000),
    })
    expect(row(out, 'total')).toEqual([1, 1, 2, 0])
    expect(out).toContain(': 3 files found, 2 binary, 0 skipped\n')
  })

  test('leaves ignored folders out, wherever they are', async () => {
    const out = await reportOn({
      'a.ts': '',
      'node_modules/b.ts': '',
      'x/.git/c.ts': '',
      'x/dist/d.ts': '',
      'x/distant.ts': '',
    })
    expect(row(out, 'total')).toEqual([2, 0, 0, 1])
  })

  test('is right for 500 files', async () => {
    const paths = Array.from({ length: 500 }, (_, n) => [
      `${n % 7}/${n % 3}/${n}.${n % 2 === 0 ? 'go' : 'rs'}`,
      'x\n'.repeat(n),
    ])
    const out = await reportOn(Object.fromEntries(paths))
    expect(row(out, 'Go')).toEqual([250, 62_250, 124_500, 0])
    expect(row(out, 'Rust')).toEqual([250, 62_500, 125_000, 0])
    expect(row(out, 'total')).toEqual([500, 124_750, 249_500, 0])
    expect(row(out, 'facts')).toEqual([1500, 1500, 0, 0, '✓', 500])
    expect(row(out, 'hash → facts')).toEqual([500, 500, 0, '✓'])
  })
})

describe('a walk', () => {
  test('follows no symbolic link, so that a circle of folders ends', async () => {
    const folder = await folderOf({ 'sub/a.ts': 'a\n' })
    await symlink(folder, join(folder, 'sub/circle'), 'junction')
    await symlink(join(folder, 'nowhere'), join(folder, 'dangling.ts'))
    const { code, out } = await start(demo, [folder])
    expect([code, row(out, 'total')]).toEqual([0, [1, 1, 2, 0]])
  })

  test('takes a link as the folder to report on', async () => {
    const link = join(await emptyFolder(), 'link')
    await symlink(await folderOf({ 'a.ts': 'a\n' }), link, 'junction')
    const { out } = await start(demo, [link])
    expect(row(out, 'total')).toEqual([1, 1, 2, 0])
  })

  test('takes this repository where no folder is given', async () => {
    const { code, out } = await start(demo, [])
    expect([code, marks(out)]).toEqual([0, ALL_BALANCED])
    expect(Number(row(out, 'TypeScript')[0])).toBeGreaterThan(50)
  })
})

describe('a file that cannot be read', () => {
  test('is skipped, counted and named when it is too large', async () => {
    const folder = await folderOf({ 'a.ts': 'a\n', 'large.txt': 'x'.repeat(9000) })
    await truncate(join(folder, 'large.txt'), 8_388_609)
    const { code, out } = await start(demo, [folder])
    expect([code, row(out, 'total'), marks(out)]).toEqual([0, [1, 1, 2, 0], ALL_BALANCED])
    expect(row(out, 'read')).toEqual([2, 1, 1, 0, '✓', 1])
    expect(out).toContain(`: 2 files found, 0 binary, 1 skipped\n  more than 8388608 bytes: 8388609, read '${folder}`)
  })

  test('is skipped and counted when it is gone before its turn', async () => {
    const folder = await folderOf({ 'a.ts': 'a\n' })
    const { report, totals } = await runHere(folder, () => [join(folder, 'gone.ts'), join(folder, 'a.ts')])
    expect(totals).toEqual([new Map([['TypeScript', { files: 1, lines: 1, bytes: 2, duplicates: 0 }]])])
    expect(report.nodes.read).toMatchObject({ received: 2, completed: 1, failed: 1 })
    expect(report.errors).toMatchObject([{ code: 'PLB_NODE_FAILED', cause: { code: 'ENOENT' } }])
  })

  test('is skipped and counted when it is a folder that cannot be listed', async () => {
    const { report, totals } = await runHere(join(await emptyFolder(), 'gone'))
    expect(totals).toEqual([new Map()])
    expect(report.nodes.read).toMatchObject({ received: 1, failed: 1 })
  })
})

describe('the end of the process', () => {
  test.each(['', 'a.ts', 'a.ts/b'])('is exit code 2 with one line for the wrong path "/nowhere/%s"', async (path) => {
    const root = join(await folderOf({ 'a.ts': '' }), path === '' ? 'nowhere' : path)
    const { code, out, err } = await start(demo, [root])
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(/^source-report: ".+" is not a folder that can be read \(E[A-Z]+\)\.\n$/)
    expect(err).toContain(root)
  })

  test('is exit code 1 for a run that fails, with its books all the same', async () => {
    const folder = await folderOf({ 'a.ts': 'a\n' })
    const copy = await copyOf('source-report')
    await writeFile(join(copy, 'graph.json'), graph.replace('"skip"', '"fail"').replace('8388608', '1'))
    const { code, out, err } = await start(copy, [folder])
    expect([code, marks(out), row(out, 'read')]).toEqual([1, ALL_BALANCED, [1, 0, 1, 0, '✓', 0]])
    expect(err).toMatch(/^source-report: Node "read" failed after 1 attempt: more than 1 bytes.+\n$/)
  })

  test('is exit code 1 for a graph with a mistake, which is named', async () => {
    const copy = await copyOf('source-report')
    await writeFile(join(copy, 'graph.json'), graph.replace('"coro": "hash"', '"coro": "hsah"'))
    const { code, out, err } = await start(copy, [copy])
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain('Did you mean "hash"?')
  })

  test('is exit code 1 after Ctrl-C, with the books of what was done', async () => {
    const copy = await copyOf('source-report')
    const dist = join(copy, 'dist')
    await writeFile(join(dist, 'real.js'), readFileSync(join(dist, 'coros.js')))
    await writeFile(join(dist, 'coros.js'), ENDLESS)
    const { code, out, err } = await start(copy, [await folderOf({ 'a.ts': 'a\n' })], (interrupt) => interrupt())
    expect([code, marks(out)]).toEqual([1, ALL_BALANCED])
    expect(out).toMatch(/^doomed in /m)
    expect(err).toBe('walking\nsource-report: The run was doomed: Stopped by Ctrl-C.\n')
  })
})

/** The demo's coroutines with a walk that never ends, and says so once it is on its way. */
const ENDLESS = `
import { setImmediate as turn } from 'node:timers/promises'
export * from './real.js'
export async function* walk(_, { env }) {
  for (let n = 0; ; n++) {
    yield env.root + '/a.ts'
    await turn()
    if (n === 100) process.stderr.write('walking\\n')
  }
}`

describe('while it runs', () => {
  /** A run on a made-up terminal whose walk waits at a gate. */
  function held(isTTY: boolean) {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => void vi.useRealTimers())
    const before = process.listeners('SIGINT')
    const written: string[] = []
    const open = gate()
    const walk = async function* () {
      await open.opened
      yield* [] as string[]
    }
    const running = runHere('.', walk, { isTTY, write: (text) => written.push(text) })
    const handlers = process.listeners('SIGINT').filter((listener) => !before.includes(listener))
    return { written, open, running, handlers, before }
  }

  test('a terminal shows the progress in one line, which is cleared in the end', async () => {
    const { written, open, running } = held(true)
    vi.advanceTimersByTime(300)
    expect(written).toEqual(Array(3).fill(expect.stringContaining('\r\u001b[K0 done · 0/s · ')))
    open.open()
    await running
    expect(written.slice(3)).toEqual(['\r\u001b[K'])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('anything else than a terminal shows nothing', async () => {
    const { written, open, running } = held(false)
    expect(vi.getTimerCount()).toBe(0)
    open.open()
    await running
    expect(written.join('')).toBe('')
  })

  test('Ctrl-C dooms the run and leaves no timer and no handler behind', async () => {
    const { open, running, handlers, before } = held(true)
    expect(handlers).toHaveLength(1)
    handlers[0]?.('SIGINT')
    open.open()
    const { report } = await running
    expect(report).toMatchObject({ outcome: 'doomed', reason: 'Stopped by Ctrl-C.' })
    expect(process.listeners('SIGINT')).toEqual(before)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('the books', () => {
  test('are those of the report', async () => {
    const { report } = await runHere(await folderOf({ 'a.ts': 'a\n', 'b/c.go': '\n' }))
    expectBalancedBooks(report, [])
    expect(books(report)).toMatchObject({ balanced: true, text: expect.stringMatching(/^walk +0 +0 +0 +0 +✓ +2$/m) })
  })

  test('mark each line that does not add up', async () => {
    const { report } = await runHere(await folderOf({ 'a.ts': 'a\n' }))
    const { read } = report.nodes
    if (read === undefined) throw new Error('no read')
    const lost = { ...report, nodes: { ...report.nodes, read: { ...read, completed: 0 } } }
    expect(books(lost)).toMatchObject({ balanced: false, text: expect.stringMatching(/^read +1 +0 +0 +0 +✗ +1$/m) })
    const edges = report.edges.map((edge) => ({ ...edge, entered: edge.entered + 1 }))
    expect(marks(books({ ...report, edges }).text)).toBe('✓'.repeat(8) + '✗'.repeat(9))
    const taken = report.edges.map((edge) => ({ ...edge, entered: 2, left: 2 }))
    expect(marks(books({ ...report, edges: taken }).text)).toBe(`✓${'✗'.repeat(7)}${'✓'.repeat(9)}`)
  })
})

describe('the graph', () => {
  const printed = { print: () => undefined }

  test('has no issue, and its schema is where it says', () => {
    expect(Plumber.check(graph, { coroMap: [coros, printed] })).toEqual([])
    expect(existsSync(join(demo, JSON.parse(graph).$schema))).toBe(true)
  })

  test('is drawn at the end', async () => {
    const folder = await emptyFolder()
    await mkdir(join(folder, 'empty'))
    const { out } = await start(demo, [folder])
    expect(out.endsWith(`\n\n${new Plumber(graph, { coroMap: [coros, printed] }).toMermaid()}\n`)).toBe(true)
  })

  test.each(['ignore', 'maxBytes', 'extensions'])('is refused without its argument "%s"', (name) => {
    const issues = Plumber.check(graph.replace(`"${name}"`, '"other"'), { coroMap: [coros, printed] })
    expect(issues.map(({ code }) => code)).toEqual(['PLB_CORO_ARGS'])
  })
})

/** Runs the demo's graph in this process, on a screen that is no terminal; a walk of the test's own may replace its. */
async function runHere(
  root: string,
  walk: unknown = coros.walk,
  screen: Parameters<typeof run>[2] = { write: () => undefined },
): Promise<{ report: RunReport; totals: coros.Totals[] }> {
  const totals: coros.Totals[] = []
  const print = (total: coros.Totals): void => void totals.push(total)
  const plumber = new Plumber(graph, { coroMap: [{ walk, print }, coros] })
  return { report: await run(plumber, root, screen), totals }
}
