import { broadcast, filter, iter, type Member, nest, parallel, seq, serial, zip } from '@pipelines/flow/nest'
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
  readonly member: Member
  readonly gives: (item: Item) => Item[]
}

const sum = (rows: readonly Item[]): Item => ({
  root: rows[0]?.root ?? -1,
  value: rows.reduce((total, { value }) => total + value, 0),
})

/** A random member. `only`: one that gives at most one item for each. */
function modelled(random: Random, depth: number, only: boolean): Modelled {
  if (depth === 0) return random.chance(0.2) ? filtered(random) : mapped(random)
  const parts = () => Array.from({ length: random.integer(1, 3) }, () => modelled(random, depth - 1, only))
  const kind = random.pick(['serial', 'parallel', 'seq', 'zip', ...(only ? [] : ['broadcast'])])
  if (kind === 'parallel') {
    const one = modelled(random, depth - 1, only)
    const others = Array.from({ length: random.integer(0, 2) }, () => serial(one.member))
    return { member: parallel(one.member, ...others), gives: one.gives }
  }
  if (kind === 'broadcast') {
    const all = parts()
    return { member: broadcast(...all.map(({ member }) => member)), gives: (item) => all.flatMap((one) => one.gives(item)) }
  }
  if (kind === 'zip') {
    const all = Array.from({ length: random.integer(1, 3) }, () => modelled(random, depth - 1, true))
    const gives = (item: Item): Item[] => {
      const rows = all.map((one) => one.gives(item))
      return rows.every(({ length }) => length === 1) ? [sum(rows.flat())] : []
    }
    return { member: [zip(...all.map(({ member }) => member)), sum], gives }
  }
  const all = parts()
  const members = all.map(({ member }) => member)
  const gives = (item: Item): Item[] => all.reduce((items, one) => items.flatMap(one.gives), [item])
  return { member: kind === 'seq' ? seq(...members) : members, gives }
}

function mapped(random: Random): Modelled {
  const [factor, waits] = [random.integer(1, 5), random.integer(0, 3)]
  const apply = ({ root, value }: Item): Item => ({ root, value: value * factor + 1 })
  const late = async (item: Item): Promise<Item> => {
    await turns((item.root * waits) % 5)
    return apply(item)
  }
  return { member: waits === 0 ? apply : late, gives: (item) => [apply(item)] }
}

function filtered(random: Random): Modelled {
  const modulus = random.integer(2, 4)
  const keeps = ({ value }: Item): boolean => value % modulus !== 0
  return { member: filter(keeps), gives: (item) => (keeps(item) ? [item] : []) }
}

const sorted = (items: readonly Item[]): Item[] => items.toSorted((a, b) => a.root - b.root || a.value - b.value)

test('whatever the nesting, the items are those of the members; and within seq they stay in order', async () => {
  for (const seed of range(60)) {
    const random = randomOf(seed)
    const { member, gives } = modelled(random, random.integer(1, 3), false)
    const inputs = range(random.integer(0, 12)).map((n) => ({ root: n, value: n }))
    const queueSize = random.integer(1, 4)
    const expected = sorted(inputs.flatMap(gives))
    const given = await nest<Item>(iter(inputs), member).with({ queueSize }).list()
    expect(sorted(given), `seed ${seed}`).toEqual(expected)
    const ordered = await nest<Item>(iter(inputs), seq(member)).with({ queueSize }).list()
    expect(sorted(ordered), `seed ${seed}, in order`).toEqual(expected)
    const roots = ordered.map(({ root }) => root)
    expect(roots, `seed ${seed}, in order`).toEqual(roots.toSorted((a, b) => a - b))
  }
})
