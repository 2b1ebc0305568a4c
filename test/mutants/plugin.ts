import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vitest/config'
import { mutated } from './mutant.js'
import { MUTANTS } from './mutants.js'

const engine = fileURLToPath(new URL('../../packages/core/src/', import.meta.url))

/**
 * Gives tests a mutant of the engine in place of the engine, where the environment variable `MUTANT` names one:
 *     MUTANT='a dropped item is not counted down' npx vitest run --project e2e
 *
 * @param current names the mutant whenever a file is read; `undefined` for the engine itself
 */
export function mutantPlugin(current: (() => string | undefined) | undefined = named()): Plugin[] {
  if (current === undefined) return []
  return [
    {
      name: 'mutant',
      enforce: 'pre',
      transform: (text, id) => {
        const name = current()
        if (name === undefined || !id.startsWith(engine)) return undefined
        return mutated(text, id.slice(engine.length), find(name))
      },
    },
  ]
}

/** Absent where no mutant is asked for. */
function named(): (() => string) | undefined {
  const { MUTANT: name } = process.env
  if (name === undefined) return undefined
  find(name)
  return () => name
}

function find(name: string): (typeof MUTANTS)[number] {
  const mutant = MUTANTS.find((candidate) => candidate.name === name)
  if (mutant === undefined) throw new Error(`There is no mutant "${name}".`)
  return mutant
}
