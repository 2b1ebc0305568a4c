import { getEventListeners } from 'node:events'
import { imbalances, type RunReport, type VerdictCounts } from '@pipelines/core'
import { expect } from 'vitest'
import { expectBalancedBooks } from '../../support/books.js'
import { epitaph, fromGrave, isGrave, itemsOf, rootsIn, type Value } from './calls.js'
import type { Ending } from './fault.js'
import { isLeaf, isSource, nodeNamed } from './graphs.js'
import { type Model, Verdicts } from './model.js'
import { GRACE_MS, type Trial } from './trial.js'

/** Asserts everything that must hold of every run, whatever happened to it. */
export function expectSound(trial: Trial, report: RunReport, asked: Ending): void {
  // A join by position that finds its inputs unequal wants no more of the longer one.
  const unequal = report.errors.some(({ code }) => code === 'PLB_RUN_UNEQUAL')
  const ending = unequal ? { ...asked, closes: true } : asked
  const inlets = trial.graph.nodes.filter(({ style }) => style === 'inlet').map(({ name }) => name)
  expect(imbalances(report), 'books').toEqual([])
  expectBalancedBooks(report, inlets)
  expectEnding(report, ending)
  expectErrors(trial, report)
  expectListed(trial, report, ending)
  if (trial.keepsLedger) expectVerdicts(trial, report, ending)
  expectOver(trial, report)
  if (ending.exact !== undefined) expectExact(trial, report, ending.exact, ending.except)
}

function expectEnding(report: RunReport, { outcome, error, abandoned = [], ...ending }: Ending): void {
  expect({ outcome: report.outcome, code: report.error?.code }, report.error?.message).toEqual({
    outcome,
    code: error?.code,
  })
  if (error !== undefined) expect(report.error).toMatchObject(error)
  // Not compared by what they contain: reading a cause may throw.
  if ('cause' in ending) expect(report.error?.cause === ending.cause, 'the cause is what was thrown').toBe(true)
  if ('reason' in ending) expect(report.reason === ending.reason, 'the reason is what was given').toBe(true)
  expect(report.abandoned.toSorted(), 'abandoned').toEqual(abandoned.toSorted())
}

/** Errors that say something about the run as a whole, beside those of calls and hooks. */
const OF_RUNS: readonly (string | undefined)[] = ['PLB_RUN_UNEQUAL', 'PLB_RUN_STALLED']

/** Asserts that every failure is reported once and counted where it belongs, and nothing else is. */
function expectErrors({ graph, thrown, retried }: Trial, { errors, nodes, error }: RunReport): void {
  const reported = errors.filter(({ code }) => !OF_RUNS.includes(code))
  const failures = sum(thrown.map(({ members }) => Math.max(1, members.length)))
  expect(reported.length, 'errors listed').toBe(Math.min(100, failures))
  for (const { message } of errors) expect(message.length, 'length of a message').toBeLessThanOrEqual(8_192)
  // Not compared by what they contain: reading what was thrown may throw.
  for (const one of reported) {
    const told = one.code === 'PLB_NODE_FAILED' ? one.cause : one
    const known = thrown.some(({ error: failure }) => failure === told)
    expect(known, one.message).toBe(true)
  }
  if (error?.code === 'PLB_NODE_FAILED') expect(errors.includes(error), 'what ended the run is listed').toBe(true)
  const further: unknown = error?.details && Reflect.get(error.details, 'errors')
  const others = errors.filter((one) => one !== error)
  expect(Array.isArray(further) ? further.length : 0, 'further errors').toBe(error === undefined ? 0 : others.length)
  for (const { name } of graph.nodes) {
    const failed = thrown.filter(({ node }) => node.name === name).flatMap(({ members }) => members)
    expect(nodes[name]?.failed, `failed in ${name}`).toBe(sum(failed.map(({ parts }) => parts.length)))
    expect(nodes[name]?.retried, `retried in ${name}`).toBe(retried.get(name) ?? 0)
  }
}

/** Asserts that the list of what was not processed is as long as the counters say, node by node. */
function expectListed({ graph, made }: Trial, { nodes, edges, unprocessed }: RunReport, { closes }: Ending): void {
  for (const node of graph.nodes) {
    const { name, style } = node
    const listed = unprocessed.filter((item) => item.node === name).length
    const waited = sum(edges.filter(({ to }) => to === name).map((edge) => edge.unprocessed))
    const { unprocessed: taken = 0, emitted = 0 } = nodes[name] ?? {}
    const own = isSource(node) && style !== 'inlet' ? (made.get(name)?.length ?? 0) - emitted : 0
    // What a source had made when its consumers wanted no more is not missed by anybody.
    if (!isSource(node) || !closes) expect(listed, `listed at ${name}`).toBe(taken + waited + own)
  }
}

/** Asserts that every value that entered has one verdict, and that it is the one which everything that was seen says. */
function expectVerdicts(trial: Trial, report: RunReport, { closes }: Ending): void {
  const { graph, made, outputs, thrown, doomed } = trial
  const verdicts = new Verdicts()
  for (const [leaf, values] of outputs)
    for (const { roots } of values)
      verdicts.mark(roots, nodeNamed(graph, leaf).work === 'bury' ? 'deadLettered' : 'delivered')
  const graves = new Set(
    report.unprocessed.flatMap(({ value }) => (isGrave(value) ? [fromGrave(graph, value).text] : [])),
  )
  for (const { node, members } of thrown)
    for (const member of members) {
      const { text } = epitaph(node, member)
      const routed = trial.buried.has(text) || graves.has(text)
      if (!routed) verdicts.mark(member.roots, 'errored')
    }
  const entered = enteredIn(trial, report)
  if (doomed) {
    for (const { value } of report.unprocessed) verdicts.mark(rootsIn(value), 'aborted')
    // An inlet's last put, which some had accepted and others had not: the caller was told.
    const known = new Set([...made.values()].flat().flatMap(({ roots }) => roots))
    const refused = entered.filter((root) => !known.has(root))
    verdicts.mark(refused, 'aborted')
  }
  const expected = verdicts.counts(entered)
  if (closes) expectWithin(trial, report, expected)
  else expect(report.roots, 'verdicts').toEqual(expected)
}

/** The same where a consumer wanted no more at some moment, and what was made or in work then went to nobody. */
function expectWithin({ graph, made }: Trial, { roots, nodes }: RunReport, expected: VerdictCounts): void {
  const { delivered = 0, aborted = 0, filtered = 0, ...others } = roots ?? {}
  expect(others, 'verdicts').toEqual({ errored: expected.errored, deadLettered: expected.deadLettered })
  expect(aborted, 'aborted').toBeLessThanOrEqual(expected.aborted)
  expect(delivered, 'delivered').toBeGreaterThanOrEqual(expected.delivered)
  // A leaf's call that had begun is completed, though its output is given to nobody; it may be a pair.
  const leaves = graph.nodes.filter((node) => isLeaf(graph, node)).map(({ name }) => nodes[name])
  const unseen = sum(leaves.map((leaf) => Math.max(0, (leaf?.received ?? 0) - (leaf?.emitted ?? 0))))
  const most = expected.delivered + unseen * graph.nodes.filter(isSource).length
  expect(delivered, 'delivered').toBeLessThanOrEqual(most)
  const all = delivered + aborted + filtered + expected.errored + expected.deadLettered
  expect(all, 'verdicts').toBeGreaterThanOrEqual(sum(Object.values(expected)))
  expect(all, 'verdicts').toBeLessThanOrEqual(sum([...made.values()].map(({ length }) => length)))
}

/** The values of sources that somebody accepted. */
function enteredIn({ graph, made }: Trial, { edges, nodes }: RunReport): string[] {
  return graph.nodes.filter(isSource).flatMap((node) => {
    const accepted = edges.filter(({ from }) => from === node.name).map(({ entered }) => entered)
    const count = isLeaf(graph, node) ? (nodes[node.name]?.emitted ?? 0) : Math.max(0, ...accepted)
    const values = made.get(node.name) ?? []
    expect(count - values.length, `accepted from ${node.name}, though not made`).toBeLessThanOrEqual(
      node.style === 'inlet' ? 1 : 0,
    )
    return itemsOf(node)
      .slice(0, count)
      .flatMap(({ roots }) => roots)
  })
}

/** Asserts that nothing is left of a run that has settled, and that it has settled in time. */
function expectOver(
  { slots, open, signals, caller, scheduler, doomedAt, settledAt, seen, tooLate }: Trial,
  { error, reason, abandoned }: RunReport,
): void {
  for (const { name, reasons } of slots) {
    expect(reasons, `teardowns of a slot of ${name}`).toHaveLength(1)
    expect([undefined, reason, error].includes(reasons[0] as never), `what teardown of ${name} is told`).toBe(true)
  }
  expect(
    [...open].filter((name) => !abandoned.includes(name)),
    'sources left in the middle',
  ).toEqual([])
  expect(seen.at(-1), 'what is seen when the last call has ended').toBe(seen[0])
  expect(tooLate, 'outputs after doomsday').toEqual([])
  for (const signal of [...signals, caller.signal]) expect(getEventListeners(signal, 'abort'), 'listeners').toEqual([])
  expect(
    scheduler.clock.timers.map(({ label }) => label),
    'timers left',
  ).toEqual([])
  if (doomedAt !== undefined)
    expect((settledAt ?? Number.POSITIVE_INFINITY) - doomedAt, 'ms from doomsday to the end').toBeLessThanOrEqual(
      GRACE_MS,
    )
}

/** Asserts that all is as computed. */
function expectExact(trial: Trial, report: RunReport, model: Model, except?: string): void {
  expect(
    report.unprocessed.filter(({ node }) => node !== except),
    'unprocessed',
  ).toEqual([])
  for (const [name, counts] of model.counts)
    if (name !== except)
      expect(report.nodes[name], `node ${name}`).toMatchObject({ ...counts, unprocessed: 0, late: 0 })
  for (const { from, port, to, entered } of report.edges) {
    if (to === except) continue
    const failed = model.routed.get(from) ?? 0
    const leaving = port === 'error' ? failed : (model.counts.get(from)?.emitted ?? 0) - failed
    expect(entered, `edge ${from} to ${to}`).toBe(leaving)
  }
  expect(report.roots, 'verdicts').toEqual(trial.keepsLedger ? model.roots : undefined)
  for (const [leaf, texts] of model.outputs) {
    if (leaf === except) continue
    const given = textsOf(trial.outputs.get(leaf))
    if (model.isInOrder(leaf)) expect(given, `outputs of ${leaf}, in order`).toEqual(texts)
    else expect(given.toSorted(), `outputs of ${leaf}, in any order`).toEqual(texts.toSorted())
  }
}

/** Asserts that every output is one that the model gives too, and none comes more often. */
export function expectAmong(outputs: Trial['outputs'], model: Model): void {
  for (const [leaf, values] of outputs) {
    const left = [...(model.outputs.get(leaf) ?? [])]
    const extra = textsOf(values).filter((text) => {
      const place = left.indexOf(text)
      if (place >= 0) left.splice(place, 1)
      return place < 0
    })
    expect(extra, `outputs of ${leaf} that nothing explains`).toEqual([])
  }
}

const textsOf = (values: readonly Value[] = []): string[] => values.map(({ text }) => text)
const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0)
