// From answers to what is drawn.

import { type Dimension, type Farm, Fault, type Progress, type Question, type Seen, type Statistic, type Stats, type WireRow, ask, memberOf } from "./api";
import { type Measure, type State, dimensionNames, resourceOf, view } from "./state";
import { type Period, minute, offsetAt, printOffset, rangeBefore } from "./time";

/** Row is one row of an answer, its filtered dimensions left out. */
export interface Row {
  start: number; // local
  end: number;
  group: string[]; // "" is the group without a value
  key: string;
  count: number;
  cost: Stats; // dollars
  runtime: Stats; // seconds
}

/** Answer is all that a state shows. */
export interface Answer {
  state: State;
  groups: Dimension[]; // of group
  rows: Row[]; // by period
  totals: Row[]; // of the whole range, one for each group
  before: Map<string, Row>; // of the range before, by key
  all: Row | null; // of everything
  allBefore: Row | null;
  previous: { from: number; to: number }; // the range before
  comparable: boolean; // whether the farm had records when the range before began
  seen: Seen;
  aggregations: string[]; // ids behind rows
  jobs: Map<string, string>; // names
  tooMany: string; // why rows are empty although totals are not, or ""
  offset: number; // minutes
}

const separator = "\u0000";

export function keyOf(group: string[]): string {
  return group.join(separator);
}

/** value is a row's figure for a measure and a statistic. */
export function value(r: Row, m: Measure, s: Statistic): number {
  if (m === "count") return r.count;
  const stats = m === "cost" ? r.cost : r.runtime;
  switch (s) {
    case "SUM":
      return stats.sum;
    case "AVG":
      return stats.avg;
    case "MIN":
      return stats.min;
    case "MAX":
      return stats.max;
  }
}

function join(a: Stats, b: Stats, count: number): Stats {
  const sum = a.sum + b.sum;
  return { sum, avg: count ? sum / count : 0, min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

/** merge adds rows up to one. Over time its count is of slices, as the API counts. */
export function merge(rows: Row[]): Row | null {
  let out: Row | null = null;
  for (const r of rows) {
    if (!out) {
      out = { ...r };
      continue;
    }
    const count: number = out.count + r.count;
    out = { ...out, end: Math.max(out.end, r.end), count, cost: join(out.cost, r.cost, count), runtime: join(out.runtime, r.runtime, count) };
  }
  return out;
}

/** chunks cuts ids to the ten that one question may have. */
function chunks(ids: string[]): string[][] {
  const out = [];
  for (let i = 0; i < ids.length; i += 10) out.push(ids.slice(i, i + 10));
  return out;
}

/** mostRows is how many rows a page shows, of all its questions together. */
const mostRows = 200_000;

interface Part {
  rows: Row[];
  seen: Seen;
  aggregations: string[];
}

const nothing = (): Part => ({ rows: [], seen: { records: 0, unpriced: 0, running: 0, asOf: "" }, aggregations: [] });

/** unlessTooLarge makes nothing of an answer that is too large, and tells why. */
const unlessTooLarge = (tell: (why: string) => void) => (e: unknown) => {
  if (!(e instanceof Fault) || e.kind !== "TOO_LARGE") throw e;
  tell(e.message);
  return nothing();
};

/** gather asks for all resources, ten at a time, and joins the answers. */
async function gather(
  farm: Farm,
  s: State,
  range: { from: number; to: number },
  period: Exclude<Period, "NONE"> | undefined,
  offset: number,
  jobs: Map<string, string>,
  signal: AbortSignal,
  progress: (part: number, p: Progress) => void,
): Promise<Part> {
  const v = view(s);
  const filtered = v.filters.map((f) => f.dimension);
  const groupBy = [...filtered, ...v.groups];
  const have = (s.by === "queues" ? farm.queues : farm.fleets).map((x) => x.id);
  const ids = v.ids.length ? v.ids.filter((id) => have.includes(id)) : have;
  const { rows: out, seen, aggregations } = nothing();
  const times = new Map<string, number>();
  const local = (text: string) => {
    let t = times.get(text);
    if (t === undefined) times.set(text, (t = Date.parse(text) + offset * minute));
    return t;
  };
  const take = (rows: WireRow[]) => {
    if (out.length + rows.length > mostRows) throw new Fault("TOO_LARGE", `The answer would have more than ${mostRows} rows. Reduce the time frame${period ? ", reduce the number of queues or fleets, or increase the period length" : ", or reduce the number of queues or fleets"}.`);
    for (const r of rows) {
      const group = v.groups.map((d) => r[memberOf[d]] ?? "");
      if (r.jobId && r.jobName) jobs.set(r.jobId, r.jobName);
      out.push({ start: local(r.aggregationStartTime), end: local(r.aggregationEndTime), group, key: keyOf(group), count: r.count, cost: r.costInUsd, runtime: r.runtimeInSeconds });
    }
  };
  const parts = chunks(ids);
  await Promise.all(
    parts.map(async (chunk, i) => {
      const q: Question = {
        farm: s.farm,
        by: s.by,
        ids: chunk,
        start: range.from - offset * minute,
        end: range.to - offset * minute,
        timezone: printOffset(offset),
        groupBy: groupBy.length ? groupBy : [resourceOf(s)],
        keep: v.filters,
        ...(period ? { period } : {}),
      };
      const end = await ask(q, signal, (p) => progress(i, p), take);
      seen.records += end.records;
      seen.unpriced += end.unpriced;
      seen.running += end.running;
      if (end.asOf > seen.asOf) seen.asOf = end.asOf;
      aggregations.push(end.aggregationId);
    }),
  );
  return { rows: parts.length > 1 || !v.groups.length ? joined(out) : out, seen, aggregations };
}

/** joined merges rows of one piece and one group, in order of time. */
function joined(rows: Row[]): Row[] {
  const found = new Map<string, Row>();
  for (const r of rows) {
    const k = r.start + separator + r.key;
    const old = found.get(k);
    found.set(k, old ? merge([old, r])! : r);
  }
  return [...found.values()].sort((a, b) => a.start - b.start);
}

/** answer asks all that a state shows: the pieces, the whole range, and the range before
    it. */
export async function answer(farm: Farm, s: State, signal: AbortSignal, progress: (p: Progress) => void): Promise<Answer> {
  const v = view(s);
  const offset = offsetAt(s.zone, v.from).minutes;
  const jobs = new Map<string, string>();
  const parts = new Map<string, Progress>();
  const tell = (name: string) => (i: number, p: Progress) => {
    parts.set(name + i, p);
    const sum = { ahead: 0, recordsDone: 0, recordsTotal: 0 };
    for (const x of parts.values()) {
      sum.ahead = Math.max(sum.ahead, x.ahead);
      sum.recordsDone += x.recordsDone;
      sum.recordsTotal += x.recordsTotal;
    }
    progress(sum);
  };
  const whole = { from: v.from, to: v.to };
  const previous = rangeBefore(v.from, v.to);
  const late = previous.from < 0;
  const comparable = !late && farm.firstStart !== undefined && Date.parse(farm.firstStart) + offset * minute <= previous.from + (v.to - v.from) / 20;
  let tooMany = "";
  const [totals, pieces, before] = await Promise.all([
    gather(farm, s, whole, undefined, offset, jobs, signal, tell("t")),
    v.period === "NONE"
      ? null
      : gather(farm, s, whole, v.period, offset, jobs, signal, tell("p")).catch(unlessTooLarge((why) => (tooMany = why))),
    late ? nothing() : gather(farm, s, previous, undefined, offset, jobs, signal, tell("b")).catch(unlessTooLarge(() => {})),
  ]);
  const shown = pieces ?? totals;
  return {
    state: s,
    groups: v.groups,
    rows: shown.rows,
    totals: totals.rows,
    before: new Map(before.rows.map((r) => [r.key, r])),
    all: merge(totals.rows),
    allBefore: merge(before.rows),
    previous,
    comparable,
    seen: totals.seen,
    aggregations: shown.aggregations,
    jobs,
    tooMany,
    offset,
  };
}

/** lastMoment is when the farm's records end, or now if that is sooner. */
export const lastMoment = (farm: Farm): number => Math.min(farm.lastEnd ? Date.parse(farm.lastEnd) : Infinity, Date.now());

/** Names says what values are called. */
export class Names {
  private known = new Map<string, string>();

  constructor(farm: Farm) {
    for (const q of farm.queues) if (q.name) this.known.set("QUEUE_ID" + q.id, q.name);
    for (const f of farm.fleets) if (f.name) this.known.set("FLEET_ID" + f.id, f.name);
    for (const l of farm.labels) this.known.set(l.dimension + l.value, l.label);
  }

  of(d: Dimension, id: string, jobs?: Map<string, string>): string {
    if (id === "") return `no ${dimensionNames[d]}`;
    if (d === "USAGE_TYPE") return { COMPUTE: "compute", LICENSE: "licence", PERSISTENT_VOLUME: "volume" }[id] ?? id;
    return this.known.get(d + id) ?? (d === "JOB_ID" ? jobs?.get(id) : undefined) ?? shortID(id);
  }

  group(groups: Dimension[], group: string[], jobs?: Map<string, string>): string {
    return groups.map((d, i) => this.of(d, group[i] ?? "", jobs)).join(" · ") || "all";
  }
}

/** shortID shortens the id of what nobody has named. */
export function shortID(id: string): string {
  const m = /^(queue|fleet|job)-([0-9a-f]{6})[0-9a-f]{26}$/.exec(id);
  return m ? `${m[1]} ${m[2]}…` : id;
}

const dollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const smallDollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", minimumFractionDigits: 4, maximumFractionDigits: 4 });
const hours = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const fewHours = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const smallHours = new Intl.NumberFormat("en-US", { minimumFractionDigits: 3, maximumFractionDigits: 3 });
const whole = new Intl.NumberFormat("en-US");
const percents = new Intl.NumberFormat("en-US", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** percent prints a share. What is there is never none. */
export const percent = (x: number) => (x > 0 && x < 0.0005 ? "<0.1%" : percents.format(x));

/** share prints what a part is of a whole, which may be nothing. */
export const share = (part: number, all: number) => (all ? percent(part / all) : "–");

export const count = (n: number) => whole.format(n);

/** counted prints a number of things: "1 row", "2,000 rows". */
export const counted = (n: number, thing: string) => `${count(n)} ${thing}${n === 1 ? "" : "s"}`;

/** figure prints a value for people. What is there is never none. */
export function figure(v: number, m: Measure): string {
  switch (m) {
    case "cost":
      if (v > 0 && v < 0.00005) return "<$0.0001";
      return (v !== 0 && Math.abs(v) < 0.1 ? smallDollars : dollars).format(v);
    case "runtime": {
      const h = v / 3600;
      if (h > 0 && h < 0.0005) return "<0.001 h";
      return (h === 0 || h >= 10 ? hours : h >= 0.1 ? fewHours : smallHours).format(h) + " h";
    }
    case "count":
      return count(v);
  }
}

const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

const small = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 2 });

/** axisFigure prints a value for an axis, small ones so that neighbours differ. */
export function axisFigure(v: number, m: Measure): string {
  if (m === "cost") return "$" + (v > 0 && v < 0.1 ? small.format(v) : v < 1000 && !Number.isInteger(v) ? v.toFixed(2) : compact.format(v));
  if (m === "runtime") return (v > 0 && v < 3600 ? small : compact).format(v / 3600) + " h";
  return compact.format(v);
}
