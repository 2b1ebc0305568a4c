import { isPipelineError, reasonOf } from '@pipelines/core/coro'
import { cloneablePart } from './cloneable.js'

/** Whatever was thrown, so that it can be sent. */
export type EncodedError =
  | {
      readonly is: 'error'
      readonly name: string
      readonly message: string
      readonly stack: string | undefined
      /** Own properties, without the above. */
      readonly own: Readonly<Record<string, unknown>>
      readonly cause?: EncodedError
      /** Of an `AggregateError`. */
      readonly errors?: readonly EncodedError[]
      /** Whether it is one of this library. */
      readonly ours: boolean
    }
  | { readonly is: 'value'; readonly value: unknown }
  /** The reason of the signal that told the call to stop: on the other side it is that object again. */
  | { readonly is: 'told' }

/** Causes that are followed: a chain may be endless. */
const DEEPEST = 8
/** Longest text, in characters. */
const LONGEST = 8192
const WELL_KNOWN: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause', 'errors'])

/** The same for what may be the reason of a call's signal. */
export function encodeUnlessTold(thrown: unknown, signal: AbortSignal): EncodedError {
  return signal.aborted && thrown === signal.reason ? { is: 'told' } : encodeError(thrown)
}

/** Never throws, whatever it is given. */
export function encodeError(thrown: unknown, depth = 0): EncodedError {
  try {
    if (!(thrown instanceof Error)) {
      const value = cloneablePart(thrown)
      return { is: 'value', value: value === undefined && thrown !== undefined ? reasonOf(thrown) : value }
    }
    const { name, message, stack } = thrown
    const others = Object.entries(thrown).filter(([key]) => !WELL_KNOWN.has(key))
    const follow = depth < DEEPEST
    return {
      is: 'error',
      name: String(name),
      message: String(message).slice(0, LONGEST),
      stack: typeof stack === 'string' ? stack.slice(0, LONGEST) : undefined,
      own: (cloneablePart(Object.fromEntries(others)) ?? {}) as Record<string, unknown>,
      ours: isPipelineError(thrown),
      ...(follow && 'cause' in thrown && { cause: encodeError(thrown.cause, depth + 1) }),
      ...(follow &&
        thrown instanceof AggregateError && {
          errors: thrown.errors.slice(0, DEEPEST).map((error) => encodeError(error, depth + 1)),
        }),
    }
  } catch (error) {
    // A getter or a proxy threw.
    return { is: 'value', value: reasonOf(error) }
  }
}

/** The classes that every realm has: an error of one of them is one of them again. */
const NATIVE: Readonly<Record<string, new (message: string) => Error>> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
}
const BRAND = Symbol.for('@pipelines/error')

/**
 * The error again: its class where the language has it, else an `Error` of its name.
 *
 * @param told why the call was told to stop
 */
export function decodeError(encoded: EncodedError, told?: unknown): unknown {
  if (encoded.is === 'told') return told
  if (encoded.is === 'value') return encoded.value
  const { name, message, stack, own, cause, errors, ours } = encoded
  const Class = Object.hasOwn(NATIVE, name) ? (NATIVE[name] ?? Error) : Error
  const error =
    errors === undefined
      ? new Class(message)
      : new AggregateError(
          errors.map((one) => decodeError(one, told)),
          message,
        )
  const hidden = (key: string, value: unknown): void =>
    void Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable: false })
  if (error.name !== name) hidden('name', name)
  hidden('stack', stack)
  if (cause !== undefined) hidden('cause', decodeError(cause, told))
  for (const [key, value] of Object.entries(own))
    Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable: true })
  if (ours) Object.defineProperty(error, BRAND, { value: true })
  return error
}

/** What is logged: errors among the fields, or in place of them, stay errors. */
export type EncodedFields = EncodedError | readonly (readonly [key: string, value: EncodedError])[]

/** Never throws. */
export function encodeFields(fields: unknown): EncodedFields {
  try {
    const hasKeys = typeof fields === 'object' && fields !== null && !(fields instanceof Error)
    return hasKeys ? Object.entries(fields).map(([key, value]) => [key, encodeError(value)]) : encodeError(fields)
  } catch (error) {
    return { is: 'value', value: reasonOf(error) }
  }
}

export function decodeFields(encoded: EncodedFields): unknown {
  if ('is' in encoded) return decodeError(encoded)
  return Object.fromEntries(encoded.map(([key, value]) => [key, decodeError(value)]))
}
