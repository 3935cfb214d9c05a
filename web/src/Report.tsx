import type { ComponentChild } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Dimension, type Farm, Fault } from "./api";
import { type Answer, type Names, type Row, answer, count, counted, figure, merge, share } from "./data";
import { lookOf, plotOf, rank, seriesOf } from "./plot";
import { Bars, Legend } from "./Charts";
import { type Line, Ranks } from "./Ranks";
import { type State, resourceOf } from "./state";
import { Problem, Working } from "./Status";
import { Change, Notes } from "./Summary";
import { clockLabel, localAt, nextStart, printLocal, printOffset, rangeLabel, startOf } from "./time";

/** months are those that the farm has records of, the latest first. */
function months(farm: Farm, zone: string): number[] {
  if (!farm.firstStart || !farm.lastEnd) return [];
  const local = (text: string) => localAt(zone, Date.parse(text));
  const out = [];
  const last = Math.max(local(farm.firstStart), local(farm.lastEnd) - 1);
  for (let m = startOf("MONTHLY", local(farm.firstStart)); m <= last; m = nextStart("MONTHLY", m)) out.unshift(m);
  return out;
}

const parts: { dimension: Dimension; title: string; rows: number }[] = [
  { dimension: "USER_ID", title: "Users", rows: 8 },
  { dimension: "JOB_ID", title: "Jobs", rows: 8 },
  { dimension: "LICENSE_PRODUCT", title: "Licences", rows: 6 },
  { dimension: "INSTANCE_TYPE", title: "Machines", rows: 6 },
];

/** byRuntime shows an answer by its runtime: one without any cost has no other order. */
const byRuntime = (a: Answer): Answer => ({ ...a, state: { ...a.state, measure: "runtime" } });

/** Report is a month on one page of paper. */
export function Report({ farm, names, state, go, dark }: { farm: Farm; names: Names; state: State; go: (s: State) => void; dark: boolean }) {
  const list = useMemo(() => months(farm, state.zone), [farm, state.zone]);
  const from = list.includes(startOf("MONTHLY", state.from)) ? startOf("MONTHLY", state.from) : (list[0] ?? startOf("MONTHLY", state.from));
  const to = nextStart("MONTHLY", from);
  const [found, setFound] = useState<{ month: number; main: Answer; parts: Answer[] } | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const [abort, setAbort] = useState<AbortController | null>(null);
  const main: State = { ...state, from, to, period: "DAILY", groups: [resourceOf(state)], measure: "cost", stat: "SUM", steps: [], ids: [] };
  useEffect(() => {
    const a = new AbortController();
    setAbort(a);
    setFault(null);
    Promise.all([answer(farm, main, a.signal, () => {}), ...parts.map((p) => answer(farm, { ...main, groups: [p.dimension], period: "NONE" }, a.signal, () => {}))]).then(
      ([first, ...rest]) => {
        if (a.signal.aborted) return;
        const tell = first!.all?.cost.sum === 0 ? byRuntime : (x: Answer) => x;
        setFound({ month: from, main: tell(first!), parts: rest.map(tell) });
        setAbort(null);
      },
      (e) => {
        setAbort(null);
        setFault(a.signal.aborted ? null : Fault.of(e));
      },
    );
    return () => a.abort();
  }, [farm, from, state.zone, state.by]);

  const look = lookOf(dark);
  const a = found?.month === from ? found.main : null;
  const series = useMemo(() => (a ? seriesOf(a, names, look) : []), [a, names, look]);
  const plot = useMemo(() => (a ? plotOf(a, series) : null), [a, series]);
  return (
    <article class="report" {...(a ? { "data-ready": printLocal(from) } : {})}>
      <div class="row no-print">
        <label>
          <span>Month</span>
          <select value={printLocal(from)} onChange={(e) => { const m = Date.parse(e.currentTarget.value + "T00:00:00Z"); go({ ...state, from: m, to: nextStart("MONTHLY", m), steps: [] }); }}>
            {list.map((m) => (
              <option key={m} value={printLocal(m)}>
                {rangeLabel(m, nextStart("MONTHLY", m))}
              </option>
            ))}
          </select>
        </label>
        <button type="button" class="primary" onClick={() => print()} disabled={!a}>
          Print
        </button>
        <button type="button" onClick={() => go({ ...state, report: false })}>
          Back to the explorer
        </button>
      </div>
      {abort && !a && <Working progress={null} cancel={() => abort.abort()} />}
      {fault && <Problem fault={fault} />}
      {a && plot && !a.all && <p class="problem">Nothing was used in {rangeLabel(from, to)}.</p>}
      {a && plot && a.all && (
        <>
          <header class="report-head">
            <div>
              <h2>
                <bdi>{farm.name || farm.farmId}</bdi>, {rangeLabel(from, to)}
              </h2>
              <p class="dim">
                Days of {printOffset(a.offset)}. All {state.by}. Costs in US dollars.
              </p>
            </div>
            <div class="report-total">
              <div class="big">{figure(a.all.cost.sum, "cost")}</div>
              {a.comparable ? <Change now={a.all.cost.sum} was={a.allBefore?.cost.sum} on={rangeLabel(a.previous.from, a.previous.to)} /> : null}
            </div>
          </header>
          <Bars answer={a} plot={plot} dark={dark} go={() => {}} still />
          <Legend answer={a} series={series} go={null} focus={() => {}} />
          <div class="report-parts">
            <Part title={state.by === "queues" ? "Queues" : "Fleets"} answer={a} names={names} most={8} />
            {found!.parts.map((p, i) => (p.totals.some((r) => r.group[0] !== "") ? <Part key={i} title={parts[i]!.title} answer={p} names={names} most={parts[i]!.rows} /> : null))}
          </div>
          <footer class="report-foot">
            <Notes answer={a} />
            <p class="dim">
              As of {clockLabel(Date.parse(a.seen.asOf), a.offset)} ({printOffset(a.offset)}), of {counted(a.seen.records, "record")}.{a.comparable && ` Change is on ${rangeLabel(a.previous.from, a.previous.to)}.`}
            </p>
          </footer>
        </>
      )}
    </article>
  );
}

function Part({ title, answer: a, names, most }: { title: string; answer: Answer; names: Names; most: number }) {
  const ranked = rank(a).filter((r) => r.group[0] !== "");
  const others = ranked.slice(most);
  const rest = merge(others);
  const total = a.all?.cost.sum ?? 0;
  const line = (key: string, name: string, r: Row, change: ComponentChild): Line => ({
    key,
    name: <bdi title={name}>{name}</bdi>,
    figures: [figure(r.cost.sum, "cost"), share(r.cost.sum, total), figure(r.runtime.sum, "runtime"), ...(a.comparable ? [change] : [])],
  });
  const lines = ranked.slice(0, most).map((r) => line(r.key, names.group(a.groups, r.group, a.jobs), r, <Change now={r.cost.sum} was={a.before.get(r.key)?.cost.sum} />));
  if (rest) lines.push(line("others", `${count(others.length)} others`, rest, ""));
  return (
    <section>
      <h3>{title}</h3>
      <Ranks head={<span class="sr">name</span>} columns={["cost", "share", "runtime", ...(a.comparable ? ["change"] : [])]} lines={lines} />
    </section>
  );
}
