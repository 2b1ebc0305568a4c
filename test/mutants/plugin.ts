import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vitest/config'
import { mutated } from './mutant.js'
import { MUTANTS } from './mutants.js'

const engine = fileURLToPath(new URL('../../packages/core/src/', import.meta.url))

/**
 * Gives tests a mutant of the engine in place of the engine, where the environment variable `MUTANT` names one:
 *     MUTANT='a dropped item is not counted down' npx vitest run --project e2e
 */
export function mutantPlugin(name: string | undefined = process.env.MUTANT): Plugin[] {
  if (name === undefined) return []
  const mutant = MUTANTS.find((candidate) => candidate.name === name)
  if (mutant === undefined) throw new Error(`There is no mutant "${name}".`)
  return [
    {
      name: 'mutant',
      enforce: 'pre',
      transform: (text, id) => (id.startsWith(engine) ? mutated(text, id.slice(engine.length), mutant) : undefined),
    },
  ]
}
