// What the charts of an answer look like.

import type { Option } from "./chart";
import { type Answer, type Names, type Row, axisFigure, count, figure, merge, percent, value } from "./data";
import { axisLabel, buckets, pieceLabel } from "./time";
import { view } from "./state";

/** Look is the colours of a chart. The palette's ten are told apart by most eyes, each with
    3:1 on its background; rest is for all others together. */
export interface Look {
  text: string;
  faint: string;
  line: string;
  panel: string;
  palette: string[];
  rest: string;
}

const light: Look = {
  text: "#1d2226",
  faint: "#5b646c",
  line: "#dde1e5",
  panel: "#ffffff",
  palette: ["#2f6fb3", "#c2571a", "#27825a", "#8a4fb0", "#b0821b", "#b23a63", "#38818f", "#6b6f1d", "#7a5a45", "#5561c4"],
  rest: "#8d9196",
};
const dark: Look = {
  text: "#e8ebee",
  faint: "#a3acb5",
  line: "#343b42",
  panel: "#1b2025",
  palette: ["#6aa9ee", "#f08c4a", "#4fc08d", "#c08be6", "#e3bb52", "#ee7aa2", "#62c3d3", "#b5ba4b", "#c4a088", "#96a0fb"],
  rest: "#80858c",
};

export const lookOf = (isDark: boolean): Look => (isDark ? dark : light);

/** Series is one group, or all that have no colour of their own. */
export interface Series {
  key: string | null; // null is the rest
  group: string[];
  name: string;
  total: Row;
  before: Row | null;
  color: string;
  members: number; // groups that it stands for
}

/** shownSeries is how many groups have a colour of their own, where there are many. */
const shownSeries = 9;

/** rank sorts the groups by their figure, the largest first. */
export function rank(a: Answer): Row[] {
  const { measure, stat } = a.state;
  return a.totals.slice().sort((x, y) => value(y, measure, stat) - value(x, measure, stat) || (x.key < y.key ? -1 : 1));
}

/** additive reports whether a figure's parts make up its whole. */
export const additive = (a: Answer): boolean => a.state.measure === "count" || a.state.stat === "SUM";

/** seriesOf gives the largest groups a colour each, and one to all others together. */
export function seriesOf(a: Answer, names: Names, look: Look): Series[] {
  const ranked = rank(a);
  const few = ranked.length <= shownSeries + 1 ? ranked : ranked.slice(0, shownSeries);
  const series: Series[] = few.map((r, i) => ({
    key: r.key,
    group: r.group,
    name: names.group(a.groups, r.group, a.jobs),
    total: r,
    before: a.before.get(r.key) ?? null,
    color: look.palette[i % look.palette.length]!,
    members: 1,
  }));
  const others = ranked.slice(few.length);
  const total = merge(others);
  if (total) {
    const inFew = new Set(few.map((r) => r.key));
    series.push({
      key: null,
      group: [],
      name: `${count(others.length)} others`,
      total,
      before: merge([...a.before.values()].filter((r) => !inFew.has(r.key))),
      color: look.rest,
      members: others.length,
    });
  }
  return series;
}

/** Plot is the figures of the bars: a list over the pieces for each series. */
export interface Plot {
  pieces: { start: number; end: number }[];
  series: Series[];
  rows: (Row | null)[][];
}

export function plotOf(a: Answer, series: Series[]): Plot {
  const v = view(a.state);
  const pieces = buckets(v.period, v.from, v.to);
  const at = new Map(pieces.map((p, i) => [p.start, i]));
  const index = new Map(series.map((s, i) => [s.key, i]));
  const other = index.get(null);
  const cells: Row[][][] = series.map(() => pieces.map(() => []));
  for (const r of a.rows) {
    const s = index.get(r.key) ?? other;
    const p = at.get(r.start);
    if (s !== undefined && p !== undefined) cells[s]![p]!.push(r);
  }
  return { pieces, series, rows: cells.map((list) => list.map((x) => (x.length === 1 ? x[0]! : merge(x)))) };
}

function element(tag: string, text = "", className = ""): HTMLElement {
  const e = document.createElement(tag);
  e.textContent = text;
  e.className = className;
  return e;
}

/** tip is a tooltip's content. Names are people's own words, so it is made of nodes. */
function tip(title: string, lines: { color: string; name: string; text: string }[], foot = ""): HTMLElement {
  const box = element("div", "", "tip");
  box.append(element("div", title, "tip-title"));
  for (const l of lines) {
    const line = element("div", "", "tip-line");
    const dot = element("span", "", "dot");
    dot.style.background = l.color;
    const name = element("span", l.name, "tip-name");
    name.dir = "auto";
    line.append(dot, name, element("span", l.text, "tip-figure"));
    box.append(line);
  }
  if (foot) box.append(element("div", foot, "tip-foot"));
  return box;
}

const short = (text: string, most: number) => (text.length > most ? text.slice(0, most - 1) + "…" : text);

/** mostBars is how many pieces are drawn as bars of their own. */
const mostBars = 800;

/** barOption draws the pieces: stacked bars for what adds up, lines for what does not. */
export function barOption(a: Answer, plot: Plot, look: Look, cursor: number, still = false): Option {
  const { measure, stat } = a.state;
  const period = view(a.state).period;
  const stacked = additive(a);
  const long = plot.pieces.length > 0 && new Date(plot.pieces[0]!.start).getUTCFullYear() !== new Date(plot.pieces.at(-1)!.end - 1).getUTCFullYear();
  return {
    animationDuration: 250,
    animationDurationUpdate: 250,
    animation: plot.pieces.length * plot.series.length < 2000,
    textStyle: { fontFamily: "system-ui, sans-serif", color: look.text },
    grid: { left: 8, right: 12, top: still ? 60 : 12, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    tooltip: {
      trigger: "axis",
      padding: [8, 10],
      extraCssText: "max-width: 420px",
      confine: true,
      transitionDuration: 0,
      axisPointer: { type: "shadow" },
      backgroundColor: look.panel,
      borderColor: look.line,
      formatter: (given) => {
        const list = (Array.isArray(given) ? given : [given]) as { dataIndex: number }[];
        return tipOf(a, plot, list[0]?.dataIndex ?? 0);
      },
    },
    xAxis: {
      type: "category",
      data: plot.pieces.map((p) => axisLabel(period, p.start, long, plot.pieces.length)),
      axisTick: { show: false },
      axisLine: { lineStyle: { color: look.line } },
      axisLabel: { color: look.faint, hideOverlap: true },
      triggerEvent: true,
    },
    yAxis: {
      type: "value",
      axisLabel: { color: look.faint, formatter: (v: number) => axisFigure(v, measure) },
      splitLine: { lineStyle: { color: look.line } },
      ...(measure === "runtime" ? niceHours(a, plot, stacked) : {}),
    },
    series: plot.series.map((s, i) => {
      const figures = plot.rows[i]!.map((r) => (r ? value(r, measure, stat) : stacked ? 0 : null));
      const common = { name: short(s.name, 40), itemStyle: { color: s.color }, emphasis: { disabled: true } };
      if (!stacked) return { ...common, data: withSymbols(figures), type: "line" as const, showSymbol: true, showAllSymbol: true, symbolSize: 5, lineStyle: { color: s.color, width: 2 }, connectNulls: false };
      // Bars narrower than a pixel are drawn as one outline of them all.
      if (plot.pieces.length > mostBars) return { ...common, data: figures, type: "line" as const, step: "middle" as const, stack: "all", showSymbol: false, lineStyle: { width: 0 }, areaStyle: { color: s.color, opacity: 1 } };
      const data = cursor < 0 ? figures : figures.map((v, p) => ({ value: v, itemStyle: { opacity: cursor === p ? 1 : 0.35 } }));
      return { ...common, data, type: "bar" as const, stack: "all", barCategoryGap: plot.pieces.length > 60 ? "12%" : "24%" };
    }),
  };
}

/** withSymbols gives every point a symbol where there are few, and else those alone that no
    line leads to. */
function withSymbols(figures: (number | null)[]) {
  if (figures.length < 60) return figures;
  const none = (p: number) => (figures[p] ?? null) === null;
  return figures.map((v, p) => ({ value: v, symbol: none(p - 1) && none(p + 1) ? "emptyCircle" : "none" }));
}

/** niceHours puts the axis's lines at whole hours: its values are seconds. */
function niceHours(a: Answer, plot: Plot, stacked: boolean): { interval?: number; max?: number } {
  let most = 0;
  for (let p = 0; p < plot.pieces.length; p++) {
    let sum = 0;
    for (const list of plot.rows) {
      const r = list[p];
      const x = r ? value(r, a.state.measure, a.state.stat) : 0;
      sum = stacked ? sum + x : Math.max(sum, x);
    }
    most = Math.max(most, sum);
  }
  if (most <= 0) return {};
  const rough = most / 3600 / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((x) => x * power).find((x) => x >= rough) ?? rough;
  return { interval: step * 3600, max: Math.ceil(most / 3600 / step) * step * 3600 };
}

function tipOf(a: Answer, plot: Plot, p: number): HTMLElement {
  const { measure, stat } = a.state;
  const piece = plot.pieces[p];
  if (!piece) return tip("", []);
  const lines = plot.series.flatMap((s, i) => {
    const r = plot.rows[i]![p];
    return r ? [{ color: s.color, name: short(s.name, 60), text: figure(value(r, measure, stat), measure) }] : [];
  });
  const all = merge(plot.rows.flatMap((list) => (list[p] ? [list[p]!] : [])));
  return tip(pieceLabel(piece.start, piece.end), lines.slice(0, 12), all ? `in all ${figure(value(all, measure, stat), measure)}` : "nothing");
}

/** donutOption draws the shares. */
export function donutOption(a: Answer, series: Series[], look: Look, focus: number): Option {
  const { measure, stat } = a.state;
  const all = a.all ? value(a.all, measure, stat) : 0;
  const slim = series.some((s) => value(s.total, measure, stat) < all / 100); // slices that their edges would hide
  return {
    animationDuration: 250,
    animationDurationUpdate: 250,
    textStyle: { fontFamily: "system-ui, sans-serif", color: look.text },
    tooltip: {
      trigger: "item",
      padding: [8, 10],
      extraCssText: "max-width: 420px",
      transitionDuration: 0,
      backgroundColor: look.panel,
      borderColor: look.line,
      formatter: (given) => {
        const s = series[(given as { dataIndex: number }).dataIndex];
        if (!s) return "";
        const v = value(s.total, measure, stat);
        return tip(s.name, [{ color: s.color, name: figure(v, measure), text: all ? percent(v / all) : "" }]);
      },
    },
    series: [
      {
        type: "pie",
        radius: ["58%", "88%"],
        itemStyle: { borderColor: look.panel, borderWidth: slim ? 0 : 1.5 },
        label: { show: false },
        emphasis: { scaleSize: 4 },
        emptyCircleStyle: { color: look.line },
        // Nothing has no shares: the ring is empty.
        data: (all ? series : []).map((s, i) => ({ name: short(s.name, 40), value: value(s.total, measure, stat), itemStyle: { color: s.color, opacity: focus < 0 || focus === i ? 1 : 0.4 } })),
      },
    ],
  };
}
