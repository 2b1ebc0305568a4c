import { as, broadcast, filter, iter, type Member, nest, parallel, Stage, seq, serial, zip } from '@pipelines/flow/nest'
import { type Random, randomOf } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { range, turns } from '../support/blackbox.js'

/** An item that knows which one it was at the beginning. */
interface Item {
  readonly root: number
  readonly value: number
}

/** A member, and what comes out of it for one item. */
interface Modelled {
  readonly make: () => Member
  readonly gives: (item: Item) => Item[]
}

const sum = (rows: readonly Item[]): Item => ({
  root: rows[0]?.root ?? -1,
  value: rows.reduce((total, { value }) => total + value, 0),
})

/** A random member. `only`: one that gives at most one item for each. */
function modelled(random: Random, depth: number, only: boolean): Modelled {
  if (depth === 0) return random.chance(0.2) ? filtered(random) : mapped(random)
  const parts = (onlyOne = only) =>
    Array.from({ length: random.integer(1, 3) }, () => modelled(random, depth - 1, onlyOne))
  const kind = random.pick(['serial', 'parallel', 'seq', 'zip', ...(only ? [] : ['broadcast'])])
  if (kind === 'parallel') {
    const { make, gives } = modelled(random, depth - 1, only)
    const others = random.integer(0, 2)
    return { make: () => parallel(make(), ...range(others).map(() => serial(make()))), gives }
  }
  const all = parts(only || kind === 'zip')
  const members = () => all.map(({ make }) => make())
  if (kind === 'broadcast')
    return { make: () => broadcast(...members()), gives: (item) => all.flatMap((one) => one.gives(item)) }
  if (kind === 'zip') {
    const gives = (item: Item): Item[] => {
      const rows = all.map((one) => one.gives(item))
      return rows.every(({ length }) => length === 1) ? [sum(rows.flat())] : []
    }
    return { make: () => [zip(...members()), sum], gives }
  }
  const gives = (item: Item): Item[] => all.reduce((items, one) => items.flatMap(one.gives), [item])
  return { make: () => (kind === 'seq' ? seq(...members()) : members()), gives }
}

/** A function, a stage, or two of them. */
function mapped(random: Random): Modelled {
  const [factor, waits] = [random.integer(1, 5), random.integer(0, 3)]
  const apply = ({ root, value }: Item): Item => ({ root, value: value * factor + 1 })
  const late = async (item: Item): Promise<Item> => {
    await turns((item.root * waits) % 5)
    return apply(item)
  }
  class Applying extends Stage<Item, Item> {
    override async do(item: Item): Promise<void> {
      if (waits > 0) await turns((item.root * waits) % 5)
      await this.put(apply(item))
    }
  }
  const make = random.pick([() => apply, () => late, () => new Applying(), () => as(2, Applying)])
  return { make, gives: (item) => [apply(item)] }
}

function filtered(random: Random): Modelled {
  const modulus = random.integer(2, 4)
  const keeps = ({ value }: Item): boolean => value % modulus !== 0
  return { make: () => filter(keeps), gives: (item) => (keeps(item) ? [item] : []) }
}

const sorted = (items: readonly Item[]): Item[] => items.toSorted((a, b) => a.root - b.root || a.value - b.value)

test('whatever the nesting, the items are those of the members; and within seq they stay in order', async () => {
  for (const seed of range(40)) {
    const random = randomOf(seed)
    const { make, gives } = modelled(random, random.integer(1, 3), false)
    const inputs = range(random.integer(0, 12)).map((n) => ({ root: n, value: n }))
    const queueSize = random.integer(1, 4)
    const expected = sorted(inputs.flatMap(gives))
    const given = await nest<Item>(iter(inputs), make()).with({ queueSize }).list()
    expect(sorted(given), `seed ${seed}`).toEqual(expected)
    const ordered = await nest<Item>(iter(inputs), seq(make())).with({ queueSize }).list()
    expect(sorted(ordered), `seed ${seed}, in order`).toEqual(expected)
    const roots = ordered.map(({ root }) => root)
    expect(roots, `seed ${seed}, in order`).toEqual(roots.toSorted((a, b) => a - b))
  }
})
