// What the page shows, all of it, and its form in the URL.

import { type Dimension, type Statistic, statistics } from "./api";
import { type Period, fitting, isZone, parseLocal, printLocal } from "./time";

export type Measure = "cost" | "runtime" | "count";

/** Step is one drill down: into a value, or into a time. */
export type Step =
  | { kind: "value"; dimension: Dimension; value: string; groups: Dimension[] } // "" is the group without a value
  | { kind: "time"; from: number; to: number; period: Period | "auto" };

export interface State {
  farm: string;
  by: "queues" | "fleets";
  ids: string[]; // [] is all
  from: number; // local
  to: number;
  zone: string;
  period: Period | "auto";
  groups: Dimension[];
  measure: Measure;
  stat: Statistic;
  steps: Step[];
  report: boolean;
}

export const dimensionNames: Record<Dimension, string> = {
  QUEUE_ID: "queue",
  FLEET_ID: "fleet",
  USER_ID: "user",
  JOB_ID: "job",
  USAGE_TYPE: "usage type",
  INSTANCE_TYPE: "machine",
  LICENSE_PRODUCT: "licence",
};
export const dimensions = Object.keys(dimensionNames) as Dimension[];

const periods: readonly (Period | "auto")[] = ["auto", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "NONE"];
const measures: readonly Measure[] = ["cost", "runtime", "count"];

/** oneOf is a text as one of those allowed, undefined where it is none of them. */
const oneOf = <T extends string>(text: string | null, allowed: readonly T[]): T | undefined => allowed.find((x) => x === text);

/** View is a state with its steps taken. */
export interface View {
  from: number;
  to: number;
  period: Period;
  groups: Dimension[];
  ids: string[];
  filters: { dimension: Dimension; value: string }[];
}

export const resourceOf = (s: Pick<State, "by">): "QUEUE_ID" | "FLEET_ID" => (s.by === "queues" ? "QUEUE_ID" : "FLEET_ID");

/** chosenOf says how many queues or fleets are chosen. */
export function chosenOf(s: State): string {
  const n = s.ids.length;
  return n ? `${n} ${n === 1 ? s.by.slice(0, -1) : s.by}` : `all ${s.by}`;
}

/** view takes the steps. A job takes the place of the user it was found under, for it
    says more, and an answer has two dimensions in all. */
export function view(s: State): View {
  let { from, to, groups, ids, period } = s;
  let filters: View["filters"] = [];
  for (const step of s.steps) {
    if (step.kind === "time") {
      ({ from, to, period } = step);
      continue;
    }
    groups = step.groups;
    if (step.dimension === resourceOf(s)) {
      ids = [step.value];
      continue;
    }
    filters = filters.filter((f) => f.dimension !== step.dimension && !(step.dimension === "JOB_ID" && f.dimension === "USER_ID"));
    filters.push({ dimension: step.dimension, value: step.value });
  }
  filters = filters.slice(-2);
  groups = groups.filter((g) => !filters.some((f) => f.dimension === g)).slice(0, 2 - filters.length);
  return { from, to, period: period === "auto" ? fitting(from, to) : period, groups, ids, filters };
}

const order: Dimension[] = ["USER_ID", "JOB_ID", "USAGE_TYPE", "INSTANCE_TYPE", "LICENSE_PRODUCT", "QUEUE_ID", "FLEET_ID"];

/** nextGroups is what to group by below a value. */
export function nextGroups(s: State, dimension: Dimension, value: string): Dimension[] {
  if (dimension === "USAGE_TYPE") return [value === "LICENSE" ? "LICENSE_PRODUCT" : "INSTANCE_TYPE"];
  const taken = new Set<Dimension>([dimension, ...view(s).filters.map((f) => f.dimension), ...s.steps.flatMap((x) => (x.kind === "value" ? [x.dimension] : []))]);
  if (dimension === "JOB_ID") return ["USAGE_TYPE"];
  return [order.find((d) => !taken.has(d)) ?? "USAGE_TYPE"];
}

export function toURL(s: State): string {
  const p = new URLSearchParams();
  p.set("farm", s.farm);
  if (s.by === "fleets") p.set("by", "fleets");
  if (s.ids.length) p.set("ids", s.ids.join(","));
  p.set("from", printLocal(s.from));
  p.set("to", printLocal(s.to));
  p.set("zone", s.zone);
  if (s.period !== "auto") p.set("period", s.period);
  p.set("group", s.groups.join(","));
  if (s.measure !== "cost") p.set("measure", s.measure);
  if (s.stat !== "SUM") p.set("stat", s.stat);
  for (const step of s.steps) p.append("step", printStep(step));
  if (s.report) p.set("view", "report");
  return "/?" + p.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%2F", "/");
}

function printStep(step: Step): string {
  if (step.kind === "time") return ["time", printLocal(step.from), printLocal(step.to), step.period].join("~");
  return [step.dimension, encodeURIComponent(step.value).replaceAll("~", "%7E"), step.groups.join(",")].join("~");
}

function parseStep(text: string): Step | null {
  const [head = "", a = "", b = "", c = ""] = text.split("~");
  if (head === "time") {
    const [from, to, period] = [parseLocal(a), parseLocal(b), oneOf(c, periods)];
    if (from === null || to === null || from >= to || !period) return null;
    return { kind: "time", from, to, period };
  }
  const dimension = oneOf(head, dimensions);
  if (!dimension) return null;
  try {
    return { kind: "value", dimension, value: decodeURIComponent(a), groups: parseGroups(b) };
  } catch {
    return null;
  }
}

function parseGroups(text: string): Dimension[] {
  return [...new Set(text.split(","))].flatMap((d) => oneOf(d, dimensions) ?? []).slice(0, 2);
}

/** fromURL reads what a URL has of a state; what it lacks, or has wrong, is not there. */
export function fromURL(search: string): Partial<State> {
  const p = new URLSearchParams(search);
  const s: Partial<State> = {};
  const one = <T extends string>(name: string, allowed: readonly T[]) => oneOf(p.get(name), allowed);
  const farm = p.get("farm");
  if (farm && /^farm-[0-9a-f]{32}$/.test(farm)) s.farm = farm;
  s.by = one("by", ["queues", "fleets"]) ?? (farm ? "queues" : undefined);
  const ids = p.get("ids")?.split(",").filter((id) => /^(queue|fleet)-[0-9a-f]{32}$/.test(id));
  if (ids) s.ids = ids;
  const [from, to] = [parseLocal(p.get("from") ?? ""), parseLocal(p.get("to") ?? "")];
  if (from !== null && to !== null && from < to) [s.from, s.to] = [from, to];
  const zone = p.get("zone");
  if (zone && isZone(zone)) s.zone = zone;
  s.period = one("period", periods);
  const groups = parseGroups(p.get("group") ?? "");
  if (groups.length) s.groups = groups;
  s.measure = one("measure", measures);
  s.stat = one("stat", statistics);
  s.steps = p.getAll("step").map(parseStep).filter((x) => x !== null);
  s.report = p.get("view") === "report";
  return Object.fromEntries(Object.entries(s).filter(([, v]) => v !== undefined));
}
