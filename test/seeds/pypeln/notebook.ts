import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sharedFolder } from '../pipeline-lib/strategies.js'

/** A file in which functions write down what they did, wherever they run; it is gone when the scope is left. */
export interface Notebook extends AsyncDisposable {
  readonly file: string
  /** Its lines so far. */
  lines(): Promise<string[]>
}

/** Opens an empty one. */
export async function notebook(): Promise<Notebook> {
  const folder = await sharedFolder()
  const file = join(folder.path, 'notes')
  const lines = async (): Promise<string[]> => {
    const text = await readFile(file, 'utf8').catch(() => '')
    return text.split('\n').slice(0, -1)
  }
  return { file, lines, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}
