import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Farm } from "./api";
import type { Chart, Option } from "./chart";
import { type Answer, type Names, axisFigure, figure, merge, percent, value } from "./data";
import { Downloads } from "./Downloads";
import { canEnter, canEnterTime, enter, enterTime } from "./edit";
import { type Plot, type Series, additive, barOption, donutOption, looks, plotOf, rank, seriesOf } from "./plot";
import { type State, dimensionNames, view } from "./state";
import { Table } from "./Table";
import { isPrinting } from "./theme";
import { clockLabel, pieceLabel, rangeLabel } from "./time";

interface Props {
  answer: Answer;
  farm: Farm;
  names: Names;
  dark: boolean;
  stale: boolean;
  showIDs: boolean;
  setShowIDs: (on: boolean) => void;
  go: (s: State) => void;
}

export function Results({ answer: a, farm, names, dark, stale, showIDs, setShowIDs, go }: Props) {
  const look = looks[dark ? "dark" : "light"];
  const series = useMemo(() => seriesOf(a, names, look), [a, names, look]);
  const plot = useMemo(() => plotOf(a, series), [a, series]);
  const [focus, setFocus] = useState(-1);
  const [fault, setFault] = useState("");
  useEffect(() => setFault(""), [a]);
  if (!a.all) return <Empty answer={a} farm={farm} go={go} />;
  return (
    <div class={stale ? "results stale" : "results"}>
      <Summary answer={a} />
      <section class="panel chart" aria-labelledby="chart-title">
        <div class="panel-head">
          <h2 id="chart-title">{chartTitle(a)}</h2>
          <Downloads answer={a} farm={farm} names={names} plot={plot} look={look} fail={setFault} />
        </div>
        {fault && (
          <p class="note" role="alert">
            {fault}
          </p>
        )}
        {a.tooMany ? <p class="note">{a.tooMany} The breakdown below is whole.</p> : <Bars answer={a} plot={plot} dark={dark} go={go} />}
        <Legend answer={a} series={series} go={go} focus={setFocus} />
      </section>
      <div class="two">
        <Breakdown answer={a} series={series} names={names} showIDs={showIDs} go={go} />
        {additive(a) && <Donut answer={a} series={series} dark={dark} focus={focus} go={go} />}
      </div>
      <Table answer={a} names={names} showIDs={showIDs} setShowIDs={setShowIDs} go={go} />
    </div>
  );
}

export function chartTitle(a: Answer): string {
  const { measure, stat } = a.state;
  const v = view(a.state);
  const noun = { cost: "Cost", runtime: "Runtime", count: "Uses" }[measure];
  const kind = measure === "count" ? "" : { SUM: "", AVG: ", average", MIN: ", least", MAX: ", most" }[stat];
  const by = a.groups.map((d) => dimensionNames[d]).join(" and ");
  return `${noun}${kind}${by ? ` by ${by}` : ""}, ${rangeLabel(v.from, v.to)}`;
}

function Empty({ answer: a, farm, go }: { answer: Answer; farm: Farm; go: (s: State) => void }) {
  const v = view(a.state);
  const first = farm.firstStart ? Date.parse(farm.firstStart) + a.offset * 60_000 : null;
  const last = farm.lastEnd ? Date.parse(farm.lastEnd) + a.offset * 60_000 : null;
  const outside = first !== null && last !== null && (v.to <= first || v.from > last);
  const day = 86_400_000;
  const wide = first !== null && last !== null ? { from: Math.floor(first / day) * day, to: Math.ceil((last + 1) / day) * day } : null;
  return (
    <section class="problem" role="status" data-kind="EMPTY">
      <h2>Nothing was used</h2>
      {first === null ? <p>This farm has no records yet.</p> : outside ? <p>The farm’s records are of {rangeLabel(wide!.from, wide!.to)}, and this is {rangeLabel(v.from, v.to)}.</p> : <p>No record of what is selected lies in {rangeLabel(v.from, v.to)}.</p>}
      {wide && (
        <button type="button" onClick={() => go({ ...a.state, ...wide, steps: a.state.steps.filter((x) => x.kind !== "time") })}>
          Show the time of all records
        </button>
      )}
    </section>
  );
}

function Summary({ answer: a }: { answer: Answer }) {
  const { all, allBefore: before } = a;
  if (!all) return null;
  const cards = [
    { name: "Cost", now: all.cost.sum, was: before?.cost.sum, m: "cost" as const },
    { name: "Runtime", now: all.runtime.sum, was: before?.runtime.sum, m: "runtime" as const },
    { name: "Uses", now: all.count, was: before?.count, m: "count" as const },
  ];
  return (
    <section class="summary" aria-label="In all">
      {cards.map((c) => (
        <div class="card" key={c.name}>
          <div class="dim">{c.name}</div>
          <div class="big" data-total={c.m} data-value={c.now}>
            {figure(c.now, c.m)}
          </div>
          {a.comparable ? <Change now={c.now} was={c.was} long /> : <span class="change dim">records begin too late to compare</span>}
        </div>
      ))}
      <div class="states">
        <Notes answer={a} />
      </div>
    </section>
  );
}

/** Notes say what a reader of the figures should know. */
export function Notes({ answer: a }: { answer: Answer }) {
  const of = view(a.state).filters.length ? ` of the ${a.state.by} here` : ""; // the counts are of all that was looked at
  return (
    <>
        {a.seen.unpriced > 0 && (
          <p class="warn" data-note="unpriced">
            {a.seen.unpriced.toLocaleString("en-US")} of {a.seen.records.toLocaleString("en-US")} records{of} matched no rate of the rate card: they count as $0.
          </p>
        )}
        {a.seen.running > 0 && (
          <p data-note="running">
            {a.seen.running.toLocaleString("en-US")} {a.seen.running === 1 ? "session" : "sessions"}
            {of} {a.seen.running === 1 ? "is" : "are"} still running, counted up to {clockLabel(Date.parse(a.seen.asOf), a.offset)}.
          </p>
        )}
    </>
  );
}

/** Change compares with the range before. */
export function Change({ now, was, long = false }: { now: number; was: number | undefined; long?: boolean }) {
  const tail = long ? " on the range before" : "";
  if (was === undefined) return <span class="change dim">{long ? "nothing in the range before" : "new"}</span>;
  if (was === 0) return <span class="change dim">{now === 0 ? "same" : "from 0"}</span>;
  const x = now / was - 1;
  const rounded = Math.round(x * 1000) / 1000;
  const sign = rounded > 0 ? "▲" : rounded < 0 ? "▼" : "";
  return (
    <span class={"change " + (rounded > 0 ? "up" : rounded < 0 ? "down" : "dim")}>
      <span aria-hidden="true">{sign} </span>
      <span class="sr">{rounded > 0 ? "up " : rounded < 0 ? "down " : ""}</span>
      {Math.abs(x) >= 10 ? `${(now / was).toLocaleString("en-US", { maximumFractionDigits: 0 })}×` : percent(Math.abs(rounded))}
      {tail}
    </span>
  );
}

/** paperWidth is what A4 has between its margins, in CSS pixels. */
const paperWidth = 700;

/** useChart keeps a chart drawn, of the element's size. */
function useChart(option: Option | null, wire: (c: Chart) => void, wide: boolean) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  const wired = useRef(wire);
  wired.current = wire;
  useEffect(() => {
    let gone = false;
    let watch: ResizeObserver | null = null;
    // Paper is narrower than the window, and nothing is measured between the two.
    const fit = (e: Event) => {
      chart.current?.resize(e.type === "beforeprint" && wide ? { width: paperWidth } : {});
      chart.current?.getZr().flush();
    };
    void import("./chart").then(({ draw }) => {
      if (gone || !box.current) return;
      const c = draw(box.current);
      chart.current = c;
      wired.current(c);
      if (latest.current) c.setOption(latest.current, { notMerge: true });
      box.current.dataset["drawn"] = "yes";
      watch = new ResizeObserver(() => c.resize());
      watch.observe(box.current);
      addEventListener("beforeprint", fit);
      addEventListener("afterprint", fit);
    });
    return () => {
      gone = true;
      watch?.disconnect();
      removeEventListener("beforeprint", fit);
      removeEventListener("afterprint", fit);
      chart.current?.dispose();
      chart.current = null;
    };
  }, []);
  const latest = useRef(option);
  latest.current = option;
  useLayoutEffect(() => {
    if (chart.current && option) {
      chart.current.setOption(isPrinting() ? { ...option, animation: false } : option, { notMerge: true });
      if (isPrinting()) chart.current.getZr().flush();
      performance.mark("farmtally-drawn");
    }
  }, [option]);
  return { box, chart };
}

export function Bars({ answer: a, plot, dark, go, still = false }: { answer: Answer; plot: Plot; dark: boolean; go: (s: State) => void; still?: boolean }) {
  const [cursor, setCursor] = useState(-1);
  const look = looks[dark ? "dark" : "light"];
  const { measure, stat } = a.state;
  useEffect(() => setCursor(-1), [plot]);
  const option = useMemo(() => barOption(a, plot, look, cursor), [a, plot, look, cursor]);
  const now = useRef({ a, plot, go });
  now.current = { a, plot, go };
  const open = !still && canEnterTime(a.state);
  const enters = useRef(open);
  enters.current = open;
  const into = (p: number) => {
    const piece = now.current.plot.pieces[p];
    if (piece) now.current.go(enterTime(now.current.a.state, piece));
  };
  const { box } = useChart(option, (c) => {
    c.getZr().on("click", (e) => {
      const at = c.convertFromPixel({ gridIndex: 0 }, [e.offsetX, e.offsetY]) as number[] | undefined;
      const p = at?.[0];
      if (p === undefined || !c.containPixel({ gridIndex: 0 }, [e.offsetX, e.offsetY])) return;
      if (enters.current) into(p);
    });
  }, true);
  const totals = plot.pieces.map((_, p) => merge(plot.rows.flatMap((list) => (list[p] ? [list[p]!] : []))));
  const says = (p: number) => {
    const piece = plot.pieces[p];
    if (!piece) return "";
    const t = totals[p];
    return `${pieceLabel(piece.start, piece.end)}: ${t ? figure(value(t, measure, stat), measure) : "nothing"}`;
  };
  const most = totals.reduce((best, t, i) => (t && value(t, measure, stat) > (totals[best] ? value(totals[best]!, measure, stat) : -1) ? i : best), 0);
  const label = `Chart of ${plot.pieces.length} ${plot.pieces.length === 1 ? "piece" : "pieces"} of time. The most is ${says(most)}. Arrow keys move through it${open ? ", Enter looks into a piece" : ""}.`;
  const key = (e: KeyboardEvent) => {
    const last = plot.pieces.length - 1;
    const to = { ArrowRight: Math.min(cursor + 1, last), ArrowLeft: Math.max(cursor - 1, 0), Home: 0, End: last, Escape: -1 }[e.key];
    if (to !== undefined) {
      setCursor(to);
      e.preventDefault();
    } else if (e.key === "Enter" && cursor >= 0 && open) {
      into(cursor);
      e.preventDefault();
    }
  };
  return (
    <>
      <div class={open ? "bars can-enter" : "bars"} ref={box} role="application" aria-roledescription="chart" tabIndex={0} aria-label={label} onKeyDown={key} onBlur={() => setCursor(-1)} />
      <p class="cursor" aria-live="polite">
        {cursor >= 0 ? says(cursor) : ""}
      </p>
    </>
  );
}

export function Legend({ answer: a, series, go, focus }: { answer: Answer; series: Series[]; go: ((s: State) => void) | null; focus: (i: number) => void }) {
  return (
    <ul class="legend" aria-label="Colours">
      {series.map((s, i) => (
        <li key={s.key ?? "others"} onPointerEnter={() => focus(i)} onPointerLeave={() => focus(-1)}>
          <span class="dot" style={{ background: s.color }} />
          {go && s.key !== null && canEnter(a.state, s.group) ? (
            <button type="button" class="link" onClick={() => go(enter(a.state, s.group))}>
              <bdi>{s.name}</bdi>
            </button>
          ) : (
            <bdi>{s.name}</bdi>
          )}
        </li>
      ))}
    </ul>
  );
}

function Donut({ answer: a, series, dark, focus, go }: { answer: Answer; series: Series[]; dark: boolean; focus: number; go: (s: State) => void }) {
  const look = looks[dark ? "dark" : "light"];
  const { measure, stat } = a.state;
  const option = useMemo(() => donutOption(a, series, look, focus), [a, series, look, focus]);
  const now = useRef({ a, series, go });
  now.current = { a, series, go };
  const { box } = useChart(option, (c) => {
    c.on("click", (e) => {
      const s = now.current.series[e.dataIndex];
      if (s && s.key !== null && canEnter(now.current.a.state, s.group)) now.current.go(enter(now.current.a.state, s.group));
    });
  }, false);
  const all = a.all ? value(a.all, measure, stat) : 0;
  const label = "Shares: " + series.map((s) => `${s.name} ${all ? percent(value(s.total, measure, stat) / all) : "0 %"}`).join(", ");
  return (
    <section class="panel donut" aria-labelledby="donut-title">
      <h2 id="donut-title">Shares</h2>
      <div class="ring">
        <div class="pie" ref={box} role="img" aria-label={label} />
        <div class="middle" aria-hidden="true">
          {axisFigure(all, measure)}
        </div>
      </div>
    </section>
  );
}

const rankedFirst = 50;

function Breakdown({ answer: a, series, names, showIDs, go }: { answer: Answer; series: Series[]; names: Names; showIDs: boolean; go: (s: State) => void }) {
  const { measure, stat } = a.state;
  const [all, setAll] = useState(false);
  const ranked = useMemo(() => rank(a), [a]);
  const colors = new Map(series.map((s) => [s.key, s.color]));
  const total = a.all ? value(a.all, measure, stat) : 0;
  const most = ranked[0] ? value(ranked[0], measure, stat) : 0;
  const shares = additive(a);
  const list = all ? ranked.slice(0, 1000) : ranked.slice(0, rankedFirst);
  const by = a.groups.map((d) => dimensionNames[d]).join(" and ") || "selection";
  return (
    <section class="panel breakdown" aria-labelledby="breakdown-title">
      <h2 id="breakdown-title">
        {ranked.length.toLocaleString("en-US")} {ranked.length === 1 ? by : plural(by)}
      </h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Breakdown">
        <table>
          <thead>
            <tr>
              <th scope="col">{by}</th>
              <th scope="col" class="number">
                {measure}
              </th>
              {shares && (
                <th scope="col" class="number">
                  share
                </th>
              )}
              <th scope="col" class="number">
                change
              </th>
            </tr>
          </thead>
          <tbody>
            {list.map((r) => {
              const v = value(r, measure, stat);
              const before = a.before.get(r.key);
              const name = names.group(a.groups, r.group, a.jobs);
              return (
                <tr key={r.key} data-key={r.group.join(" ")} data-value={v}>
                  <th scope="row">
                    <span class="bar" style={{ width: most > 0 ? `${(100 * v) / most}%` : "0", background: colors.get(r.key) ?? "var(--rest)" }} />
                    {canEnter(a.state, r.group) ? (
                      <button type="button" class="link" onClick={() => go(enter(a.state, r.group))} title={r.group.join(" · ")}>
                        <bdi>{name}</bdi>
                      </button>
                    ) : (
                      <bdi title={r.group.join(" · ")}>{name}</bdi>
                    )}
                    {showIDs && <span class="id">{r.group.join(" · ")}</span>}
                  </th>
                  <td class="number">{figure(v, measure)}</td>
                  {shares && <td class="number">{total ? percent(v / total) : "–"}</td>}
                  <td class="number">
                    {a.comparable ? <Change now={v} was={before ? value(before, measure, stat) : undefined} /> : <span class="dim">–</span>}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {ranked.length > list.length && (
        <p>
          {all ? (
            <span class="dim">The first 1,000 of {ranked.length.toLocaleString("en-US")}; the table below has all.</span>
          ) : (
            <button type="button" onClick={() => setAll(true)}>
              Show more of {ranked.length.toLocaleString("en-US")}
            </button>
          )}
        </p>
      )}
    </section>
  );
}

function plural(by: string): string {
  return by
    .split(" and ")
    .map((w) => w + "s")
    .join(" × ");
}
