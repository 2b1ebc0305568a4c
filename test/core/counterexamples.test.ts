import { everySchedule, type Searched } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { type DiagramOptions, diagramOf } from '../support/diagram.js'
import { expectAsComputed } from '../support/diagram-checks.js'
import { play, type Windows } from '../support/diagram-run.js'
import { stillClock } from '../support/still-clock.js'

stillClock()

async function every(text: string, options: DiagramOptions, windows: Windows, most = 1e6): Promise<Searched> {
  const diagram = diagramOf(text, { ...options, properties: { queueSize: 1, ...options.properties } })
  const started = process.cpuUsage().user
  let peak = 0
  const searched = await everySchedule(
    async (scheduler) => {
      const played = await play(diagram, scheduler, windows)
      expectAsComputed(diagram, played)
      peak = Math.max(peak, ...played.windows.map((w) => w.peak))
    },
    { most },
  )
  console.log(text, JSON.stringify(options), JSON.stringify(windows), searched, 'peak', peak, (process.cpuUsage().user - started) / 1e3, 'ms')
  return searched
}
const any = [0, 1, 2], filter = [0, 1]
const f2 = { workers: 2, ordered: true }
const CASES: [string, string, DiagramOptions][] = [
  ['C1', 'S>F; F>J,A; A>J', { items: 2, parts: { F: { gives: any, properties: f2 } } }],
  ['C1s', 'S>F; F>J,A; A>J', { items: 2, parts: { F: { gives: any, slowly: true, properties: f2 } } }],
  ['C2', 'S>F; F>J,A; A>J', { items: 3, parts: { F: { properties: f2 } } }],
  ['C3', 'F>G,J1; G>X,J2; X>J1,J2', { items: 2, parts: { G: {gives:filter}, X: {gives:filter} } }],
  ['C4', 'F>A,J1,J2; A>J1; J1>J2', { items: 3, parts: { A: {gives:filter}, J1: {gives:filter} } }],
  ['C5', 'F>A,J; A>J,E', { items: 3, parts: { A: {gives:filter}} }],
  ['C6', 'S>J,F; F>J2,A; A>J2; J2>J', { items: 1, parts: { F: {gives:[0,1,2,3]}, J: {properties: {collect: 'all'}}} }],
  ['C6', 'S>J,F; F>J2,A; A>J2; J2>J', { items: 2, parts: { F: {gives:any}, J: {properties: {collect: 'all'}}} }],
  ['C6s', 'S>J,F; F>J2,A; A>J2; J2>J', { items: 1, parts: { F: {gives:any, slowly:true}, J: {properties: {collect: 'all'}}} }],
  ['C7', 'S>F; F>J,A; A>K; K>J', { items: 3, parts: { A: {gives:filter} } }],
  ['C7', 'S>F; F>J,A; A>K; K>J', { items: 3, parts: { K: { properties: f2} } }],
  ['C8', 'S>F,J; F>J2,K; K>J2; J2>J', { items: 3, parts: { K: { gives: filter }} }],
  ['C9', 'F>J1,A,J2; A>J1; J1>J2', { items: 3, parts: { A: {gives:filter}, J1: {gives:filter} } }],
  ['C10s', 'S>F; F>J,A; A>J', { items: 1, parts: { F: {gives:[0,1,2,3], slowly:true} } }],
  ['C10s', 'S>F; F>J,A; A>J', { items: 2, parts: { F: {gives:any, slowly:true} } }],
]
for (const [name, text, options] of CASES) for (const W of [1, 2]) test(`${name} ${options.items} W${W}`, async () => { expect(await every(text, options, W)).toBeDefined() })
