import { isUtf8 } from 'node:buffer'
import { reasonOf } from '@pipelines/core/coro'
import { Child, whileWanted } from './child.js'
import { collectBytes } from './collect-bytes.js'
import { argumentsOf, type ExecArgs, type ExecOutput, inputOf, MAX_BYTES, outputName } from './exec-options.js'
import { lineBlocks } from './lines.js'
import { valuesOf } from './ndjson.js'
import { Unpacked } from './unpacked.js'

/** What a program is called with. */
export interface ExecCall {
  readonly args: ExecArgs
  /** What it is given; absent where that is nothing. */
  readonly item?: { readonly value: unknown } | undefined
  readonly signal: AbortSignal
}

/** Runs a program to its end: gives its output as one item, or one for each line as soon as it is there. */
export function execItem(call: ExecCall): Promise<unknown> | Unpacked<unknown> {
  const { output = 'text' } = call.args
  return output === 'lines' || output === 'ndjson' ? new Unpacked(eachLine(call, output)) : whole(call, output)
}

async function whole(call: ExecCall, output: Exclude<ExecOutput, 'lines' | 'ndjson'>): Promise<unknown> {
  const { args, signal } = call
  const { maxBytes = MAX_BYTES, okCodes } = args
  const child = await start(call)
  try {
    return await whileWanted(child, signal, async () => {
      const bytes = await collectBytes(
        child.output,
        maxBytes,
        () => new Error(`${outputName(args)} has more than ${maxBytes} bytes.`),
      )
      await child.finished(okCodes)
      return output === 'bytes' ? bytes : parsed(bytes, output, args)
    })
  } finally {
    await child.end()
  }
}

async function* eachLine(call: ExecCall, output: 'lines' | 'ndjson'): AsyncGenerator<Iterable<unknown>, void, void> {
  const { args, signal } = call
  const { maxBytes = MAX_BYTES, okCodes } = args
  const where = outputName(args)
  const child = await start(call)
  const leave = child.obey(signal)
  try {
    for await (const block of lineBlocks(child.output, { where, maxLineBytes: maxBytes }))
      yield output === 'lines' ? block.lines : valuesOf(block, where)
    await child.finished(okCodes)
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    leave()
    await child.end()
  }
}

async function start({ args, item }: ExecCall): Promise<Child> {
  const { command, args: told = [], input = 'stdin', cwd, env, killSignal } = args
  const all = item !== undefined && input === 'args' ? [...told, ...argumentsOf(item.value)] : told
  const given = item !== undefined && input === 'stdin' ? inputOf(item.value) : undefined
  const stdin = given === undefined ? 'ignore' : 'pipe'
  const child = await Child.start(command, all, { cwd, env, killSignal, stdin, stdout: 'pipe' })
  if (given !== undefined) {
    void child.put(given)
    child.endInput()
  }
  return child
}

function parsed(bytes: Buffer, output: 'text' | 'json', args: ExecArgs): unknown {
  if (!isUtf8(bytes)) throw new Error(`${outputName(args)} is no UTF-8. Take it as "bytes".`)
  const text = bytes.toString('utf8')
  if (output === 'text') return text
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`${outputName(args)} is no JSON: ${reasonOf(error)}.`, { cause: error })
  }
}
