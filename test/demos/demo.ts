import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** What a demo printed, and how it ended. */
export interface Ended {
  readonly code: number | string | null | undefined
  readonly out: string
  readonly err: string
}

/** The folder of a demo. */
export const demoFolder = (name: string): string => fileURLToPath(new URL(`../../demos/${name}`, import.meta.url))

/** Runs the built demo in a folder, as people do. `onError` is called when it first writes to stderr; it may press Ctrl-C. */
export function start(
  folder: string,
  args: readonly string[],
  onError?: (interrupt: () => void) => void,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [join(folder, 'dist/main.js'), ...args], (error, out, err) =>
      resolve({ code: error === null ? 0 : error.code, out, err }),
    )
    child.stderr?.once('data', () => onError?.(() => child.kill('SIGINT')))
  })
}

/** An empty folder for the running test. */
export async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'demo-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

/** A folder of files, for the running test. */
export async function folderOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await emptyFolder()
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  return folder
}

/** A copy of a built demo, to be changed by the running test. */
export async function copyOf(name: string): Promise<string> {
  const copy = await emptyFolder()
  await writeFile(join(copy, 'package.json'), '{ "type": "module" }')
  for (const part of ['dist', 'graph.json'])
    await cp(join(demoFolder(name), part), join(copy, part), { recursive: true })
  await symlink(join(demoFolder(name), 'node_modules'), join(copy, 'node_modules'), 'junction')
  return copy
}
