import type { GraphDocument } from '@pipelines/plumber'
import type { Place } from './nest-graph.js'

/** One line per node: how deep it is, its name, what it gets items from, and what it sends them to, by what port. */
export function layoutText({ graph }: GraphDocument, places: readonly Place[]): string {
  const before = new Map<string, string[]>()
  const behind = new Map<string, string[]>()
  for (const { node } of places) {
    for (const successor of graph[node] ?? []) {
      const { to, port = 'out' } = typeof successor === 'string' ? { to: successor } : successor
      push(behind, node, port === 'out' ? to : `${to} (${port})`)
      push(before, to, node)
    }
  }
  const names = places.map(({ node, depth }) => '>> '.repeat(depth) + node)
  const width = Math.max(...names.map(({ length }) => length))
  return places
    .map(({ node }, place) => {
      const [from, to] = [before.get(node) ?? ['-'], behind.get(node) ?? ['-']]
      return `${names[place]?.padEnd(width)}  from ${from.join(', ')}  to ${to.join(', ')}`
    })
    .join('\n')
}

function push(lists: Map<string, string[]>, key: string, name: string): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [name])
  else list.push(name)
}
