import { runLoad } from './load.js'
import { runRace } from './race.js'
import { judge } from './targets.js'
import type { Block, Probe, Row, Scale, Size, Workload } from './workload.js'

/** Measures all parts of a workload, one after the other. */
export async function measure({ parts }: Workload, scale: Scale): Promise<Block[]> {
  const blocks: Block[] = []
  for (const part of parts) {
    if (part.kind === 'race') blocks.push(await runRace(part, scale))
    // `only` names rows of races.
    else if (scale.only === undefined)
      blocks.push(await (part.kind === 'load' ? runLoad(part, scale) : runProbe(part, scale.size)))
  }
  return blocks
}

async function runProbe({ title, columns, rows: planned, targets }: Probe, size: Size): Promise<Block> {
  const rows: Row[] = []
  for (const { name, ours = false, measure: find } of planned) rows.push({ name, ours, figures: await find(size) })
  const verdicts = size === 'quick' ? [] : targets.map((target) => judge(target, rows))
  return { title: title(size), columns, rows, verdicts }
}
