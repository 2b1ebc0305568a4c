import { describe, expect, test } from 'vitest'
import type { Link, LinkUser } from '../../packages/workers/src/link.js'
import { Pool } from '../../packages/workers/src/pool.js'
import { turns } from '../support/turns.js'

/** A worker that only notes what becomes of it. */
class FakeLink implements Link {
  readonly copy = structuredClone
  user: LinkUser | undefined
  held = false
  kills = 0
  post(): void {}
  hold(): void {
    this.held = true
  }
  letGo(): void {
    this.held = false
  }
  async kill(): Promise<void> {
    this.kills++
  }
}

function poolOf(options: { share?: 'executor' | 'node'; idleMs?: number } = {}) {
  const started: FakeLink[] = []
  const pool = new Pool({ share: 'executor', idleMs: 60_000, ...options }, () => {
    const link = new FakeLink()
    started.push(link)
    return link
  })
  return { pool, started }
}

describe('a pool', () => {
  test('starts a worker where none waits, and tells which was used before', async () => {
    const { pool, started } = poolOf()
    const { link, isUsed } = pool.take('a')
    pool.give(link, 'a')
    expect([isUsed, pool.take('b'), started.length]).toEqual([false, { link, isUsed: true }, 1])
    await pool.close()
  })

  test('gives the one that was used last', async () => {
    const { pool } = poolOf()
    const [first, second] = [pool.take('a').link, pool.take('a').link]
    pool.give(first, 'a')
    pool.give(second, 'a')
    expect([pool.take('a').link, pool.take('a').link]).toEqual([second, first])
    await pool.close()
  })

  test('keeps the workers of nodes apart where they are not shared', async () => {
    const { pool } = poolOf({ share: 'node' })
    const { link } = pool.take('a')
    pool.give(link, 'a')
    expect([pool.take('b').link === link, pool.take('a').link === link]).toEqual([false, true])
    await pool.close()
  })

  test('lets the program end while workers wait', async () => {
    const { pool, started } = poolOf()
    const { link } = pool.take('a')
    link.hold()
    pool.give(link, 'a')
    expect(started[0]?.held).toBe(false)
    await pool.close()
  })

  test('forgets one that ends while it waits', async () => {
    const { pool } = poolOf()
    const { link } = pool.take('a')
    pool.give(link, 'a')
    link.user?.ended({ how: 'ended' })
    expect(pool.take('a').link).not.toBe(link)
    await pool.close()
  })

  test('has nothing to do with one that was taken', async () => {
    const { pool } = poolOf()
    pool.give(pool.take('a').link, 'a')
    expect(pool.take('a').link.user).toBeUndefined()
    await pool.close()
  })

  test('ends at once what is given back, where none is kept', async () => {
    const { pool, started } = poolOf({ idleMs: 0 })
    await pool.give(pool.take('a').link, 'a')
    expect(started[0]?.kills).toBe(1)
  })

  test('ends what waited too long', async () => {
    const { pool, started } = poolOf({ idleMs: 1 })
    pool.give(pool.take('a').link, 'a')
    // Its timer does not keep the program alive, so something else has to.
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect([started[0]?.kills, pool.take('a').isUsed]).toEqual([1, false])
  })

  test('ends all that wait when it is closed, and later what is given back', async () => {
    const { pool, started } = poolOf()
    const [waits, used] = [pool.take('a').link, pool.take('a').link]
    pool.give(waits, 'a')
    await pool.close()
    expect(started.map(({ kills }) => kills)).toEqual([1, 0])
    await pool.give(used, 'a')
    expect(started.map(({ kills }) => kills)).toEqual([1, 1])
  })

  test('waits, when it is closed, for those that are ending', async () => {
    let end: () => void = () => {}
    class Slow extends FakeLink {
      override kill(): Promise<void> {
        return new Promise((resolve) => {
          end = resolve
        })
      }
    }
    const pool = new Pool({ share: 'executor', idleMs: 0 }, () => new Slow())
    void pool.give(pool.take('a').link, 'a')
    let closed = false
    void pool.close().then(() => {
      closed = true
    })
    await turns(3)
    expect(closed).toBe(false)
    end()
    await turns(3)
    expect(closed).toBe(true)
  })
})
