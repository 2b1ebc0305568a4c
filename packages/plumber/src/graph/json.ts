/** Where a text stops being JSON: the offset, counted from 0, and what people count. */
export interface Position {
  readonly offset: number
  readonly line: number
  readonly column: number
}

// Each matches one token at an offset. The class is every character of a string but quotes, backslashes and control
// characters; it is unrolled so that a long string needs no backtracking.
const SPACE = /[ \t\n\r]*/y
const STRING = /"[ !#-[\]-\uffff]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[ !#-[\]-\uffff]*)*"/y
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y

/** What may come next: a value, a value or the end of the list, a key, a key or the end of the object, `:`, `,` or an end. */
type Expected = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'next'

/**
 * Finds the first place at which a text is not JSON, or `undefined` if it is JSON. Only asked where `JSON.parse` has
 * refused the text: its message names a position in some cases, in some versions, and not in others.
 */
export function findJsonError(text: string): Position | undefined {
  const open: ('{' | '[')[] = []
  let expected: Expected = 'value'
  let at = skip(SPACE, text, 0)
  while (at < text.length || expected !== 'next' || open.length > 0) {
    const char = text[at]
    if (expected === 'next' && open.length === 0) return positionAt(text, at)
    const inObject = open.at(-1) === '{'
    let next = at + 1
    if (expected === 'colon') {
      if (char !== ':') return positionAt(text, at)
      expected = 'value'
    } else if (expected === 'next' && char === ',') {
      expected = inObject ? 'key' : 'value'
    } else if (char === (inObject ? '}' : ']') && open.length > 0 && mayClose(expected)) {
      open.pop()
      expected = 'next'
    } else if (expected === 'key' || expected === 'first key') {
      next = skip(STRING, text, at)
      expected = 'colon'
    } else if (expected === 'next') {
      return positionAt(text, at)
    } else if (char === '{' || char === '[') {
      open.push(char)
      expected = char === '{' ? 'first key' : 'first value'
    } else {
      next = skip(char === '"' ? STRING : SCALAR, text, at)
      expected = 'next'
    }
    if (next === at) return positionAt(text, at)
    at = skip(SPACE, text, next)
  }
  return undefined
}

const mayClose = (expected: Expected): boolean => expected === 'next' || expected.startsWith('first')

/** The offset behind a token, or the same offset where there is none. */
function skip(token: RegExp, text: string, at: number): number {
  token.lastIndex = at
  return token.test(text) ? token.lastIndex : at
}

function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  return { offset, line: before.split('\n').length, column: offset - lineStart + 1 }
}
