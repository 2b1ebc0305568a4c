import { show } from '@pipelines/core/coro'
import { type ArgSchema, countArg } from './args.js'
import { jsonOf } from './ndjson.js'

export type ExecOutput = 'text' | 'lines' | 'json' | 'ndjson' | 'bytes'

export interface ExecArgs {
  readonly command: string
  readonly args?: readonly string[]
  readonly mode?: 'item' | 'standing'
  readonly input?: 'stdin' | 'args' | 'none'
  readonly output?: ExecOutput
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly maxBytes?: number
  readonly okCodes?: readonly number[]
  readonly killSignal?: NodeJS.Signals
}

/** The value of `maxBytes` where there is none. */
export const MAX_BYTES: number = 10 * 1024 * 1024

const STRINGS = { type: 'array', items: { type: 'string' } }

/** The args of `std.exec`. */
export const EXEC_ARGS: Readonly<Record<string, ArgSchema>> = {
  command: {
    type: 'string',
    minLength: 1,
    description: 'The program: its path, or its name on the `PATH`. No shell reads it.',
  },
  args: { ...STRINGS, default: [], description: 'What it is told, as it is.' },
  mode: {
    type: 'string',
    enum: ['item', 'standing'],
    default: 'item',
    description: 'Whether it runs once per item, or once per worker and answers each line with a line.',
  },
  input: {
    type: 'string',
    enum: ['stdin', 'args', 'none'],
    default: 'stdin',
    description:
      'Where an item goes: to its standard input (a text or Buffer as it is, else as JSON), or behind `args` (a list as several).',
  },
  output: {
    type: 'string',
    enum: ['text', 'lines', 'json', 'ndjson', 'bytes'],
    default: 'text',
    description:
      'What becomes of its standard output: one item, as a text, a value of JSON or a Buffer; or an item for each line, as a text or a value of JSON.',
  },
  cwd: { type: 'string', minLength: 1, description: 'The folder that it works in: that of this program.' },
  env: {
    type: 'object',
    additionalProperties: { type: 'string' },
    description: 'Environment variables besides those of this program.',
  },
  maxBytes: {
    ...countArg(1, 'Most bytes of an output that becomes one item; with more it is ended, and that is an error.'),
    default: MAX_BYTES,
  },
  okCodes: {
    type: 'array',
    items: { type: 'integer' },
    minItems: 1,
    default: [0],
    description: 'The exit codes that are no error.',
  },
  killSignal: {
    type: 'string',
    pattern: '^SIG[A-Z0-9]+$',
    default: 'SIGTERM',
    description: 'What it is told when nobody wants its output any more. A second later it is killed.',
  },
}

/** What goes to the standard input of a program. */
export function inputOf(item: unknown): string | Uint8Array {
  return typeof item === 'string' || item instanceof Uint8Array ? item : jsonOf(item)
}

/** An item as what a program is told. */
export function argumentsOf(item: unknown): string[] {
  return (Array.isArray(item) ? item : [item]).map((one: unknown) => {
    if (typeof one === 'string') return one
    if (typeof one === 'number' || typeof one === 'bigint' || typeof one === 'boolean') return String(one)
    throw new TypeError(`With "input": "args" an item is a text, a number or a list of them, not ${show(one)}.`)
  })
}

/** What is read, for messages. */
export const outputName = ({ command }: Pick<ExecArgs, 'command'>): string => `The output of "${command}"`
