import { useEffect, useRef, useState } from "preact/hooks";
import { browserZone } from "./App";
import type { Dimension, Farm, Statistic } from "./api";
import { type Names, lastMoment } from "./data";
import { setGroups, setPeriod, setRange, setResources } from "./edit";
import { type Measure, type State, dimensionNames, dimensions, resourceOf, view } from "./state";
import { type Period, changes, clockLabel, day, fitting, localAt, minute, nextStart, offsetAt, parseLocal, printLocal, printOffset, startOf } from "./time";

/** presets are ranges that end with the records, or today if that is sooner. */
function presets(farm: Farm, zone: string): { name: string; from: number; to: number }[] {
  const last = lastMoment(farm);
  const first = farm.firstStart ? Date.parse(farm.firstStart) : last;
  const local = (t: number) => localAt(zone, t);
  const today = startOf("DAILY", local(last) - 1);
  const to = today + day;
  const month = startOf("MONTHLY", today);
  const before = startOf("MONTHLY", month - 1);
  const year = Date.UTC(new Date(today).getUTCFullYear(), 0, 1);
  const of = Date.now() - last > 2 * day ? " of records" : ""; // an old farm's days are not today's
  return [
    { name: `last day${of}`, from: today, to },
    { name: `last 7 days${of}`, from: to - 7 * day, to },
    { name: `last 30 days${of}`, from: to - 30 * day, to },
    { name: `last 90 days${of}`, from: to - 90 * day, to },
    { name: "last month with records", from: month, to: nextStart("MONTHLY", month) },
    { name: "the month before", from: before, to: month },
    { name: "last year with records", from: year, to: Date.UTC(new Date(year).getUTCFullYear() + 1, 0, 1) },
    { name: "everything", from: startOf("DAILY", local(first)), to },
  ];
}

const periodNames: Record<Period, string> = { HOURLY: "hours", DAILY: "days", WEEKLY: "weeks", MONTHLY: "months", NONE: "the whole range" };
const measureNames: Record<Measure, string> = { cost: "cost", runtime: "runtime", count: "uses" };
const statNames: Record<Statistic, string> = { SUM: "sum", AVG: "average", MIN: "least", MAX: "most" };

/** zones are those offered beside the browser's: every half-hour offset of the API. */
const zones = [-12, -11, -10, -9.5, -9, -8, -7, -6, -5, -4, -3.5, -3, -2, -1, 0, 1, 2, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 8, 9, 9.5, 10, 10.5, 11, 12, 13, 14].map((h) => printOffset(h * 60));

export function Controls({ farm, names, state, go }: { farm: Farm; names: Names; state: State; go: (s: State) => void }) {
  const v = view(state);
  const list = presets(farm, state.zone);
  const chosen = list.findIndex((p) => p.from === v.from && p.to === v.to);
  const offset = offsetAt(state.zone, v.from);
  const lastDay = Math.max(v.from, v.to - 1);
  const own = browserZone();
  const second = v.groups[1];
  const free = 2 - v.filters.length;
  const setDay = (which: "from" | "to", text: string) => {
    const t = parseLocal(text);
    if (t === null) return;
    const from = which === "from" ? t : Math.min(startOf("DAILY", v.from), t);
    const to = which === "to" ? t + day : Math.max(startOf("DAILY", v.to + day - 1), t + day);
    go(setRange(state, from, to));
  };
  const moved = changes(state.zone, v.from - offset.minutes * minute, v.to - offset.minutes * minute);
  return (
    <section class="controls" aria-label="What to show">
      <div class="row">
        <label>
          <span>Select by</span>
          <select value={state.by} onChange={(e) => go(setResources(state, e.currentTarget.value as State["by"], []))}>
            <option value="queues">queues</option>
            <option value="fleets">fleets</option>
          </select>
        </label>
        <Picker farm={farm} names={names} state={state} go={go} />
        <label>
          <span>Time</span>
          <select value={chosen} onChange={(e) => go(setRange(state, list[Number(e.currentTarget.value)]!.from, list[Number(e.currentTarget.value)]!.to))}>
            <option value={-1} disabled>
              chosen days
            </option>
            {list.map((p, i) => (
              <option key={p.name} value={i}>
                {p.name}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>First day</span>
          <input type="date" required value={printLocal(startOf("DAILY", v.from))} onChange={(e) => setDay("from", e.currentTarget.value)} />
        </label>
        <label>
          <span>Last day</span>
          <input type="date" required value={printLocal(startOf("DAILY", lastDay))} onChange={(e) => setDay("to", e.currentTarget.value)} />
        </label>
        <label>
          <span>Time zone</span>
          <select value={state.zone} onChange={(e) => go({ ...state, zone: e.currentTarget.value })}>
            {[...new Set([own, state.zone])].filter((z) => !zones.includes(z)).map((z) => (
              <option key={z} value={z}>
                {z.replaceAll("_", " ")} ({printOffset(offsetAt(z, v.from).minutes)})
              </option>
            ))}
            {zones.map((z) => (
              <option key={z} value={z}>
                {z}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div class="row">
        <label>
          <span>In steps of</span>
          <select value={stepsPeriod(state)} onChange={(e) => go(setPeriod(state, e.currentTarget.value as Period | "auto"))}>
            <option value="auto">what fits ({periodNames[fitting(v.from, v.to)]})</option>
            {Object.entries(periodNames).map(([p, name]) => (
              <option key={p} value={p}>
                {name}
              </option>
            ))}
          </select>
        </label>
        {free > 0 && (
          <label>
            <span>Group by</span>
            <select value={v.groups[0]} onChange={(e) => go(setGroups(state, withGroup(v.groups, 0, e.currentTarget.value as Dimension)))}>
              {dimensions.map((d) => (
                <option key={d} value={d} disabled={v.filters.some((f) => f.dimension === d)}>
                  {dimensionNames[d]}
                </option>
              ))}
            </select>
          </label>
        )}
        {free > 1 && (
          <label>
            <span>and by</span>
            <select value={second ?? ""} onChange={(e) => go(setGroups(state, e.currentTarget.value ? withGroup(v.groups, 1, e.currentTarget.value as Dimension) : v.groups.slice(0, 1)))}>
              <option value="">nothing else</option>
              {dimensions.map((d) => (
                <option key={d} value={d} disabled={d === v.groups[0]}>
                  {dimensionNames[d]}
                </option>
              ))}
            </select>
          </label>
        )}
        <label>
          <span>Measure</span>
          <select value={state.measure} onChange={(e) => go({ ...state, measure: e.currentTarget.value as Measure })}>
            {Object.entries(measureNames).map(([m, name]) => (
              <option key={m} value={m}>
                {name}
              </option>
            ))}
          </select>
        </label>
        {state.measure !== "count" && (
          <label>
            <span>Statistic</span>
            <select value={state.stat} onChange={(e) => go({ ...state, stat: e.currentTarget.value as Statistic })}>
              {Object.entries(statNames).map(([s, name]) => (
                <option key={s} value={s}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <p class="zone">
        Days and hours are those of <strong>{printOffset(offset.minutes)}</strong>
        {state.zone !== printOffset(offset.minutes) && <> ({state.zone.replaceAll("_", " ")})</>}.
        {offset.rounded && <> Statistics know offsets of half hours alone: this is the nearest.</>}
        {moved.map((c) => (
          <span key={c.at} class="note">
            {" "}
            Clocks change there on {clockLabel(c.at, c.before)}, from {printOffset(c.before)} to {printOffset(c.after)}. Statistics have one offset for the whole range, so from then on days begin
            {c.after > c.before ? " an hour later" : " an hour earlier"} by the clock there.
          </span>
        ))}
      </p>
    </section>
  );
}

function stepsPeriod(s: State): Period | "auto" {
  const step = s.steps.findLast((x) => x.kind === "time");
  return step?.kind === "time" ? step.period : s.period;
}

function withGroup(groups: Dimension[], at: number, d: Dimension): Dimension[] {
  const out = groups.slice();
  out[at] = d;
  return [...new Set(out)];
}

/** Picker chooses queues or fleets by name. */
function Picker({ farm, names, state, go }: { farm: Farm; names: Names; state: State; go: (s: State) => void }) {
  const things = state.by === "queues" ? farm.queues : farm.fleets;
  const dimension = resourceOf(state);
  const [open, setOpen] = useState(false);
  const [filter, setFilter] = useState("");
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return;
    box.current?.querySelector<HTMLInputElement>("input")?.focus();
    const away = (e: Event) => {
      if (e instanceof KeyboardEvent ? e.key === "Escape" : !box.current?.parentElement?.contains(e.target as Node)) {
        setOpen(false);
        if (e instanceof KeyboardEvent) button.current?.focus();
      }
    };
    document.addEventListener("pointerdown", away);
    document.addEventListener("keydown", away);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("keydown", away);
    };
  }, [open]);
  const label = state.ids.length === 0 ? `all ${things.length}` : state.ids.length === 1 ? names.of(dimension, state.ids[0]!) : `${state.ids.length} of ${things.length}`;
  const shown = things.map((t) => ({ id: t.id, name: names.of(dimension, t.id) })).filter((t) => t.name.toLowerCase().includes(filter.toLowerCase()) || t.id.includes(filter));
  const toggle = (id: string) => {
    const next = state.ids.includes(id) ? state.ids.filter((x) => x !== id) : [...state.ids, id];
    go(setResources(state, state.by, next.length === things.length ? [] : next));
  };
  const noun = state.by === "queues" ? "Queues" : "Fleets";
  return (
    <div class="picker">
      <span class="label" id="picker-label">
        {noun}
      </span>
      <button type="button" ref={button} aria-expanded={open} aria-haspopup="dialog" aria-labelledby="picker-label picker-value" onClick={() => setOpen(!open)}>
        <bdi id="picker-value">{label}</bdi>
        <span aria-hidden="true"> ▾</span>
      </button>
      {open && (
        <div class="pop" ref={box} role="dialog" aria-label={noun}>
          <input type="search" placeholder="find by name or id" aria-label={`find ${state.by}`} value={filter} onInput={(e) => setFilter(e.currentTarget.value)} />
          <button type="button" disabled={state.ids.length === 0} onClick={() => go(setResources(state, state.by, []))}>
            All {things.length}
          </button>
          <ul>
            {shown.slice(0, 500).map((t) => (
              <li key={t.id}>
                <label class="check" title={t.id}>
                  <input type="checkbox" checked={state.ids.includes(t.id)} onChange={() => toggle(t.id)} />
                  <bdi>{t.name}</bdi>
                </label>
              </li>
            ))}
          </ul>
          {shown.length === 0 && <p class="dim">None of that name.</p>}
        </div>
      )}
    </div>
  );
}
