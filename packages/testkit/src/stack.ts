/** An Error whose stack begins where `above` was called. Read it by {@link placeOf}: to format a stack is slow. */
export function madeAbove(above: (...args: never) => unknown): Error {
  const error = new Error('made here')
  Error.captureStackTrace(error, above)
  return error
}

/** `at load (/app/load.js:3:7)`: where an error was made. */
export function placeOf({ stack = '' }: Error): string {
  return stack.split('\n')[1]?.trim() ?? 'somewhere'
}
