/** Of each seed: the letter of its ids, how many features it has, and the tests it shows them by. */
const SEEDS: readonly (readonly [letter: string, features: number, tests: readonly string[]])[] = [
  ['P', 28, upTo(9)],
  ['D', 23, []],
  ['L', 29, upTo(30)],
  [
    'Y',
    34,
    [...upTo(19), ...parts('20', 'f'), ...parts('21', 'c'), ...parts('22', 'e'), ...parts('23', 'e'), '24', '25'],
  ],
  ['B', 20, upTo(4)],
  ['M', 54, upTo(25)],
]

/** Everything that the five seeds can do, promise or test, by the ids that titles of tests carry. */
export const SEED_IDS: readonly string[] = SEEDS.flatMap(([letter, features, tests]) => [
  ...upTo(features).map((number) => `${letter}-${number}`),
  ...tests.map((number) => `${letter}-T${number}`),
])

function upTo(count: number): string[] {
  return Array.from({ length: count }, (_, place) => String(place + 1).padStart(2, '0'))
}

/** A number with the letters from `a` to the last. */
function parts(number: string, last: string): string[] {
  return [...'abcdef'].filter((letter) => letter <= last).map((letter) => number + letter)
}
