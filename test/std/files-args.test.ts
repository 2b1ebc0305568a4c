import { Plumber } from '@pipelines/plumber'
import { std } from '@pipelines/std'
import { expect, test } from 'vitest'

/** The places in the args of a node at which something is wrong. */
function placesOf(coro: string, args: Readonly<Record<string, unknown>>): string[] {
  const nodes = { in: { coro: 'std.inlet' }, node: { coro: `std.${coro}`, args } }
  const document = coro === 'glob' ? { nodes: { node: nodes.node }, graph: {} } : { nodes, graph: { in: ['node'] } }
  const issues = Plumber.check(document, { coroMap: std })
  expect(new Set(issues.map(({ code }) => code))).toEqual(new Set(issues.length > 0 ? ['PLB_CORO_ARGS'] : []))
  return [...new Set(issues.map(({ pointer }) => pointer.replace('/nodes/node/args', '')))].sort()
}

test.each<[coro: string, args: Readonly<Record<string, unknown>>, places: string[]]>([
  ['read', {}, []],
  ['read', { path: '', format: 'xml', maxLineBytes: 0, lines: 1 }, ['/format', '/lines', '/maxLineBytes', '/path']],
  ['read', { csv: { header: [], quote: '', sep: ';' } }, ['/csv/header', '/csv/quote', '/csv/sep']],
  ['read', { csv: { header: ['a', 'a'] } }, ['/csv/header']],
  ['write', {}, ['/path']],
  [
    'write',
    { path: 'a', append: 'yes', encoding: 'latin1', csv: { comment: '#' } },
    ['/append', '/csv/comment', '/encoding'],
  ],
  ['glob', {}, ['/pattern']],
  ['glob', { pattern: ['a', 5], deep: 3 }, ['/deep', '/pattern']],
  ['fetch', {}, []],
  [
    'fetch',
    { as: 'xml', maxBytes: 1.5, timeoutMs: 0, headers: { a: 1 } },
    ['/as', '/headers/a', '/maxBytes', '/timeoutMs'],
  ],
  ['exec', { args: 'ls -l' }, ['/args', '/command']],
  ['exec', { command: 'ls', shell: true, okCodes: [], killSignal: 'TERM' }, ['/killSignal', '/okCodes', '/shell']],
  ['ffmpeg', {}, []],
  ['ffmpeg', { input: { width: 1, height: 0, channels: 3 }, outputOpts: [1] }, ['/input', '/outputOpts']],
])('std.%s with %j is refused at %j when the graph is built', (coro, args, places) => {
  const found = placesOf(coro, args).filter((place) => !places.some((other) => place.startsWith(`${other}/`)))
  expect(found).toEqual(places)
})
