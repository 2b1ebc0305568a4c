import { type Context, defineCoro } from '@pipelines/core'

interface Words {
  readonly text: string
  readonly words: readonly string[]
}

const NO_WORDS = { statusCode: 422, code: 'NO_WORDS' }
const segments = (text: string, granularity: 'word' | 'sentence') => [
  ...new Intl.Segmenter('en', { granularity }).segment(text),
]

export const words = defineCoro({
  input: {
    type: 'object',
    required: ['text'],
    additionalProperties: false,
    properties: { text: { type: 'string', minLength: 1, maxLength: 100_000 } },
  },
  run({ text }: { readonly text: string }): Words {
    const words = segments(text, 'word').flatMap((part) => (part.isWordLike ? [part.segment.toLowerCase()] : []))
    if (words.length === 0) throw Object.assign(new Error('There is no word in the text.'), NO_WORDS)
    return { text, words }
  },
})

export const sizes = ({ text, words }: Words) => ({
  characters: text.length,
  words: words.length,
  sentences: segments(text, 'sentence').length,
})

export function frequent({ words }: Words, { args }: Context): string[] {
  const counts = new Map<string, number>()
  for (const word of words) if (word.length >= Number(args.shortest)) counts.set(word, (counts.get(word) ?? 0) + 1)
  const ranked = [...counts].sort(([, a], [, b]) => b - a)
  return ranked.slice(0, Number(args.most)).map(([word]) => word)
}

export const reading = ({ words }: Words, { args }: Context) => ({
  seconds: Math.ceil((60 * words.length) / Number(args.wordsPerMinute)),
})

export const analysis = ([sizes, frequent, reading]: [object, string[], object]) => ({ ...sizes, ...reading, frequent })
