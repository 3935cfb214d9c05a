import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Chart, Option } from "./chart";
import { type Answer, axisFigure, counted, figure, merge, percent, value } from "./data";
import { canEnter, canEnterTime, enter, enterTime } from "./edit";
import { type Plot, type Series, barOption, donutOption, lookOf } from "./plot";
import type { State } from "./state";
import { isPrinting, wantsNoMotion } from "./theme";
import { pieceLabel } from "./time";

/** paperWidth is what A4 has between its margins, in CSS pixels. */
const paperWidth = 700;

/** useChart keeps a chart drawn, of the element's size. The element says whether what it was
    given last stands still: a click meets what is seen then. */
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
      // The width stays what it was told until it is told otherwise.
      chart.current?.resize(e.type === "beforeprint" && wide ? { width: paperWidth } : { width: "auto" });
      chart.current?.getZr().flush();
    };
    void import("./chart").then(({ draw }) => {
      if (gone || !box.current) return;
      const c = draw(box.current);
      chart.current = c;
      wired.current(c);
      c.on("finished", () => {
        if (box.current) box.current.dataset["drawn"] = "yes";
      });
      if (latest.current) c.setOption(latest.current, { notMerge: true });
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
      if (box.current) box.current.dataset["drawn"] = "no";
      chart.current.setOption(isPrinting() || wantsNoMotion() ? { ...option, animation: false } : option, { notMerge: true });
      if (isPrinting()) chart.current.getZr().flush();
      performance.mark("farmtally-drawn");
    }
  }, [option]);
  return { box, chart };
}

/** Bars are the pieces of time, for the mouse and for the keyboard. */
export function Bars({ answer: a, plot, dark, go, still = false }: { answer: Answer; plot: Plot; dark: boolean; go: (s: State) => void; still?: boolean }) {
  const [cursor, setCursor] = useState(-1);
  const look = lookOf(dark);
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
  const label = `Chart of ${counted(plot.pieces.length, "piece")} of time. The most is ${says(most)}. Arrow keys move through it${open ? ", Enter lookOf into a piece" : ""}.`;
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
      <p class={still ? "cursor still" : "cursor"} aria-live="polite">
        {cursor >= 0 ? says(cursor) : ""}
      </p>
    </>
  );
}

/** Legend names the colours, and leads into what has one. */
export function Legend({ answer: a, series, go, focus }: { answer: Answer; series: Series[]; go: ((s: State) => void) | null; focus: (i: number) => void }) {
  return (
    <ul class="legend" aria-label="Colours">
      {series.map((s, i) => (
        <li key={s.key ?? "others"} onPointerEnter={() => focus(i)} onPointerLeave={() => focus(-1)}>
          <span class="dot" style={{ background: s.color }} />
          {go && s.key !== null && canEnter(a.state, s.group) ? (
            <button type="button" class="link" title={s.name} onClick={() => go(enter(a.state, s.group))}>
              <bdi>{s.name}</bdi>
            </button>
          ) : (
            <bdi title={s.name}>{s.name}</bdi>
          )}
        </li>
      ))}
    </ul>
  );
}

/** Donut shows the shares. */
export function Donut({ answer: a, series, dark, focus, go }: { answer: Answer; series: Series[]; dark: boolean; focus: number; go: (s: State) => void }) {
  const look = lookOf(dark);
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
