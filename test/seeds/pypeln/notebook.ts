import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { turns } from '../../support/blackbox.js'
import { sharedFolder } from '../pipeline-lib/strategies.js'

/** A file in which functions write down what they did, wherever they run; it is gone when the scope is left. */
export interface Notebook extends AsyncDisposable {
  readonly file: string
  /** Its lines so far. */
  lines(): Promise<string[]>
  /** How many lines there are once it is so many, and then a little later, when whoever would write more has done so. */
  countAfter(count: number): Promise<number>
}

/** Long enough for a worker that nobody holds back to write thousands of lines. */
const A_LITTLE_MS = 15

/** Opens an empty one. */
export async function notebook(): Promise<Notebook> {
  const folder = await sharedFolder()
  const file = join(folder.path, 'notes')
  const lines = async (): Promise<string[]> => {
    const text = await readFile(file, 'utf8').catch(() => '')
    return text.split('\n').slice(0, -1)
  }
  const countAfter = async (count: number): Promise<number> => {
    while ((await lines()).length < count) await turns(1)
    await wait(A_LITTLE_MS)
    return (await lines()).length
  }
  return { file, lines, countAfter, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}
