import fc from 'fast-check'

/** Values of which looking is enough to make them throw. */
export function trapped(): [what: string, value: unknown][] {
  const trap = (): never => {
    throw new Error('trapped')
  }
  const traps = ['ownKeys', 'get', 'getPrototypeOf', 'has', 'getOwnPropertyDescriptor'] as const
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  return [
    ...traps.map((name): [string, unknown] => [
      `a proxy that throws for "${name}"`,
      new Proxy({ a: 1 }, { [name]: trap }),
    ]),
    ['a revoked proxy', revoked.proxy],
    [
      'a getter that throws an Error',
      {
        get x() {
          return trap()
        },
      },
    ],
    [
      'a getter that throws an object without a prototype',
      {
        get x() {
          throw Object.create(null)
        },
      },
    ],
    ['a getter that throws a proxy', throwing(revoked.proxy)],
    ['a list with such a getter', Object.defineProperty([1], 0, { get: trap, enumerable: true })],
  ]
}

function throwing(thrown: unknown): object {
  return {
    get x() {
      throw thrown
    },
  }
}

/**
 * Anything that user code may hold: plain data, and among it what cannot be copied, refers to itself or throws.
 * They come as functions that make them: fast-check looks at what it generates, and some throw when they are looked at.
 */
export function hostileValues(): fc.Arbitrary<() => unknown> {
  const odd: readonly unknown[] = [
    ...trapped().map(([, value]) => value),
    () => 1,
    Symbol('s'),
    new Map<unknown, unknown>([[{}, () => 1]]),
    new Set([Symbol('t')]),
    new WeakMap(),
    Promise.resolve(1),
    new SharedArrayBuffer(8),
    new (class Point {
      x = 1
      open = (): void => {}
    })(),
    cycle(),
    Object.create(null),
    JSON.parse('{ "__proto__": { "polluted": 1 } }'),
  ]
  const { make } = fc.letrec<{ make: () => unknown }>((tie) => ({
    make: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      fc.oneof(fc.string(), fc.double(), fc.bigInt(), fc.date()).map((value) => () => value),
      fc.nat(odd.length - 1).map((place) => () => odd[place]),
      fc.array(tie('make'), { maxLength: 4 }).map((list) => () => list.map((make) => make())),
      fc
        .array(fc.tuple(fc.oneof(fc.string(), fc.constant('__proto__')), tie('make')), { maxLength: 4 })
        .map((list) => () => Object.fromEntries(list.map(([key, make]) => [key, make()]))),
    ),
  }))
  return make
}

function cycle(): object {
  const round: Record<string, unknown> = { n: 1, fn: () => 1 }
  round['self'] = [round]
  return round
}
