// Changes of a state that keep its steps true.

import type { Dimension } from "./api";
import { type State, type Step, nextGroups, resourceOf, view } from "./state";
import { finer, type Period } from "./time";

export const setRange = (s: State, from: number, to: number): State => ({ ...s, from, to, steps: s.steps.filter((x) => x.kind !== "time") });

export function setPeriod(s: State, period: Period | "auto"): State {
  const at = s.steps.findLastIndex((x) => x.kind === "time");
  if (at < 0) return { ...s, period };
  return { ...s, steps: s.steps.map((x, i) => (i === at && x.kind === "time" ? { ...x, period } : x)) };
}

export function setGroups(s: State, groups: Dimension[]): State {
  const at = s.steps.findLastIndex((x) => x.kind === "value");
  if (at < 0) return { ...s, groups };
  return { ...s, steps: s.steps.map((x, i) => (i === at && x.kind === "value" ? { ...x, groups } : x)) };
}

export function setResources(s: State, by: State["by"], ids: string[]): State {
  const turned = { QUEUE_ID: "FLEET_ID", FLEET_ID: "QUEUE_ID" } as Partial<Record<Dimension, Dimension>>;
  const groups = by === s.by ? s.groups : s.groups.map((g) => turned[g] ?? g);
  return { ...s, by, ids, groups, steps: by === s.by ? s.steps.filter((x) => x.kind !== "value" || x.dimension !== resourceOf(s)) : [] };
}

/** canEnter reports whether a group can be drilled into. */
export function canEnter(s: State, group: string[]): boolean {
  const v = view(s);
  return v.groups.some((d, i) => enters(s, d, group[i] ?? ""));
}

/** enters: what belongs to no queue can't be selected by one. */
const enters = (s: State, d: Dimension, value: string) => d !== resourceOf(s) || value !== "";

/** enter drills into a group. */
export function enter(s: State, group: string[]): State {
  const v = view(s);
  let out = s;
  v.groups.forEach((dimension, i) => {
    const value = group[i] ?? "";
    if (enters(s, dimension, value)) out = { ...out, steps: [...out.steps, { kind: "value", dimension, value, groups: nextGroups(out, dimension, value) }] };
  });
  return out;
}

/** enterTime drills into a piece. */
export function enterTime(s: State, piece: { start: number; end: number }): State {
  const v = view(s);
  if (piece.start === v.from && piece.end === v.to && finer(v.period, v.from, v.to) === v.period) return s;
  const step: Step = { kind: "time", from: piece.start, to: piece.end, period: finer(v.period, piece.start, piece.end) };
  return { ...s, steps: [...s.steps, step] };
}

/** canEnterTime reports whether a piece shows more when it is drilled into. */
export function canEnterTime(s: State): boolean {
  const v = view(s);
  return v.period !== "HOURLY" && v.period !== "NONE";
}
