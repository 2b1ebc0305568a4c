import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, defineCoro } from '@pipelines/core'

// All that clients may name, and what they may give it.

export const input = defineCoro({
  args: {
    type: 'object',
    required: ['words'],
    properties: { words: { type: 'array', maxItems: 1000, items: { type: 'string', maxLength: 1000 } } },
  },
  run: (_: unknown, { args }: Context) => args.words,
})

export const reverse = (word: string): string => [...word].reverse().join('')

export const upper = (word: string): string => word.toUpperCase()

export const slowly = defineCoro({
  args: { type: 'object', required: ['ms'], properties: { ms: { type: 'integer', minimum: 0, maximum: 60_000 } } },
  run: (word: string, { args, signal }: Context) => sleep(Number(args.ms), word, { signal }),
})

export const output = (text: string, { env }: Context) => ({ text, sid: env.sid })
