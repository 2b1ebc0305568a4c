import { createHash } from 'node:crypto'
import { open, readdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { type Context, DROP, defineCoro, type SourceOutput } from '@pipelines/core'

interface SourceFile {
  readonly path: string
  readonly content: Buffer
}

interface Facts {
  readonly lines: number
  readonly bytes: number
  readonly language: string
  readonly hash: string
}
type Size = Pick<Facts, 'lines' | 'bytes'>

const NOTHING = { files: 0, lines: 0, bytes: 0, duplicates: 0 }
/** By language. A duplicate is a file whose content was seen before. */
export type Totals = ReadonlyMap<string, Readonly<typeof NOTHING>>

const strings = { type: 'array', items: { type: 'string' } }
const argsOf = (name: string, schema: object) => ({ type: 'object', required: [name], properties: { [name]: schema } })

export const walk = defineCoro({
  args: argsOf('ignore', strings),
  async *run(_: SourceOutput, { args, env }: Context) {
    const ignored = new Set(args.ignore as string[])
    const folders = [String(env.root)]
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined)
      if (entries === undefined) yield folder // Reading it fails as well, and is counted there.
      for (const entry of entries?.sort((a, b) => (a.name < b.name ? -1 : 1)) ?? []) {
        if (ignored.has(entry.name)) continue
        if (entry.isDirectory()) folders.push(join(folder, entry.name))
        else if (entry.isFile()) yield join(folder, entry.name)
      }
    }
  },
})

export const read = defineCoro({
  args: argsOf('maxBytes', { type: 'integer' }),
  async run(path: string, { args }: Context) {
    const file = await open(path)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(8192), 0, 8192, 0)
      if (buffer.subarray(0, bytesRead).includes(0)) return DROP // Text has no zeros.
      const { size } = await file.stat()
      if (size > Number(args.maxBytes)) throw new Error(`more than ${args.maxBytes} bytes: ${size}, read '${path}'`)
      return { path, content: await file.readFile() }
    } finally {
      await file.close()
    }
  },
})

export function lines({ content }: SourceFile): Size {
  let lines = content.length > 0 && content.at(-1) !== NEWLINE ? 1 : 0
  for (let at = content.indexOf(NEWLINE); at !== -1; at = content.indexOf(NEWLINE, at + 1)) lines++
  return { lines, bytes: content.length }
}
const NEWLINE = 10

export const language = defineCoro({
  args: argsOf('extensions', { type: 'object', additionalProperties: strings }),
  setup({ args }) {
    const languages = Object.entries(args.extensions as Record<string, string[]>)
    return new Map(languages.flatMap(([name, extensions]) => extensions.map((extension) => [extension, name])))
  },
  run: ({ path }: SourceFile, { state }) => state.get(extname(path).toLowerCase()) ?? 'Other',
})

export const hash = ({ content }: SourceFile): string => createHash('sha256').update(content).digest('base64')

export const facts = ([size, language, hash]: [Size, string, string]): Facts => ({ ...size, language, hash })

export const summarise = defineCoro({
  kind: 'stream',
  async run(files: AsyncIterable<Facts>): Promise<Totals> {
    const totals = new Map<string, typeof NOTHING>()
    const hashes = new Set<string>()
    for await (const { language, lines, bytes, hash } of files) {
      const total = totals.get(language) ?? { ...NOTHING }
      totals.set(language, total)
      total.files++
      total.lines += lines
      total.bytes += bytes
      if (hashes.has(hash)) total.duplicates++
      else hashes.add(hash)
    }
    return totals
  },
})
