import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { parseAst } from 'vitest/node'
import { repositoryRoot } from './repository.js'

/** A workspace package as the architecture rules see it: text only, so that a test can write one by hand. */
export interface SourcePackage {
  readonly folder: string
  readonly manifest: Manifest
  /** Path below `src/` → text. */
  readonly files: ReadonlyMap<string, string>
}

/** The part of a `package.json` that rules look at. */
export interface Manifest {
  readonly name: string
  readonly version?: string
  readonly private?: boolean
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** One import, re-export, `import()` or `import('…')` type of a file. */
export interface Import {
  readonly specifier: string
  /** True if nothing of it is left at run time. */
  readonly typeOnly: boolean
}

/** Reads all packages below `packages/`. */
export function readPackages(): SourcePackage[] {
  return readdirSync(new URL('packages/', repositoryRoot)).map((folder) => {
    const base = new URL(`packages/${folder}/`, repositoryRoot)
    const paths = readdirSync(new URL('src/', base), { recursive: true, encoding: 'utf8' })
    const files = paths
      .filter((path) => path.endsWith('.ts'))
      .map((path) => [path.replaceAll('\\', '/'), readFileSync(new URL(`src/${path}`, base), 'utf8')] as const)
    return { folder, manifest: JSON.parse(readFileSync(new URL('package.json', base), 'utf8')), files: new Map(files) }
  })
}

/** Lists what a TypeScript source imports, in the order of the text. */
export function importsOf(source: string): Import[] {
  const found: Import[] = []
  visit(parseAst(source, { lang: 'ts' }), (node) => {
    const literal = importSources.has(node.type) ? node.source : undefined
    if (!isNode(literal) || typeof literal.value !== 'string') return
    const typeOnly = [node.importKind, node.exportKind].includes('type') || node.type === 'TSImportType'
    found.push({ specifier: literal.value, typeOnly })
  })
  return found
}

/** Resolves a relative specifier to a path below `src/`: `./queue.js` in `graph/check.ts` is `graph/queue.ts`. */
export function resolveRelative(from: string, specifier: string): string {
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts')
}

const importSources = new Set([
  'ExportAllDeclaration',
  'ExportNamedDeclaration',
  'ImportDeclaration',
  'ImportExpression',
  'TSImportType',
])

/** A node of the syntax tree (ESTree), as far as it is used here. */
interface Node extends Readonly<Record<string, unknown>> {
  readonly type: string
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

function visit(value: unknown, each: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, each)
  } else if (isNode(value)) {
    each(value)
    for (const child of Object.values(value)) visit(child, each)
  }
}
