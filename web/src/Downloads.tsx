import { useRef } from "preact/hooks";
import { type Farm, Fault, download } from "./api";
import { type Answer, type Names, type Row, figure, value } from "./data";
import { type Look, type Plot, additive, barOption } from "./plot";
import { type State, dimensionNames, view } from "./state";
import { minute, printLocal, printOffset, rangeLabel } from "./time";

function save(name: string, content: Blob) {
  const url = URL.createObjectURL(content);
  const a = document.createElement("a");
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** fileName names what is shown. */
function fileName(farm: Farm, s: State): string {
  const v = view(s);
  const words = [farm.name || "farm", s.measure, "by", ...v.groups.map((g) => dimensionNames[g]), printLocal(v.from), "to", printLocal(v.to - 1).slice(0, 10)];
  return words.join("-").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-");
}

const stats = ["sum", "avg", "min", "max"] as const;

/** table is what is shown as rows of values. Numbers are the API's. */
function table(a: Answer, names: Names): { columns: string[]; rows: (string | number | null)[][] } {
  const groups = a.groups.flatMap((d) => {
    const word = dimensionNames[d].replace(" ", "_");
    return [word + "_id", word];
  });
  const instant = (local: number) => new Date(local - a.offset * minute).toISOString().replace(".000Z", "Z");
  const columns = ["start", "end", ...groups, "count", ...stats.map((s) => `cost_in_usd_${s}`), ...stats.map((s) => `runtime_in_seconds_${s}`)];
  const line = (r: Row) => [
    instant(r.start),
    instant(r.end),
    ...a.groups.flatMap((d, i) => [r.group[i] || null, r.group[i] ? names.of(d, r.group[i]!, a.jobs) : null]),
    r.count,
    ...stats.map((s) => r.cost[s]),
    ...stats.map((s) => r.runtime[s]),
  ];
  return { columns, rows: a.rows.map(line) };
}

/** cell writes a value of CSV. A text that a spreadsheet would take for a formula gets an
    apostrophe before it. */
function cell(v: string | number | null): string {
  if (v === null) return "";
  if (typeof v === "number") return String(v);
  const text = /^[=+\-@\t\r]/.test(v) ? "'" + v : v;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function toCSV(a: Answer, names: Names): string {
  const { columns, rows } = table(a, names);
  return "\ufeff" + [columns, ...rows].map((r) => r.map(cell).join(",") + "\r\n").join("");
}

export function toJSON(a: Answer, names: Names, farm: Farm): string {
  const { columns, rows } = table(a, names);
  const v = view(a.state);
  const instant = (local: number) => new Date(local - a.offset * minute).toISOString();
  return JSON.stringify({ farmId: farm.farmId, farm: farm.name, startTime: instant(v.from), endTime: instant(v.to), timezone: printOffset(a.offset), records: a.seen, rows: rows.map((r) => Object.fromEntries(columns.map((c, i) => [c, r[i]]))) }, null, 1);
}

export function Downloads({ answer: a, farm, names, plot, look, fail }: { answer: Answer; farm: Farm; names: Names; plot: Plot; look: Look; fail: (why: string) => void }) {
  const box = useRef<HTMLDetailsElement>(null);
  const name = fileName(farm, a.state);
  const shut = (then: () => void) => () => {
    if (box.current) box.current.open = false;
    then();
  };
  // The server writes the file, with decimals that are exact, where one answer has all
  // rows. Those of more than ten queues come in parts.
  const one = a.aggregations.length === 1;
  const rows = (form: string) => {
    a.aggregations.forEach((id, i) => {
      const part = one ? "" : `-part-${i + 1}-of-${a.aggregations.length}`;
      download(`/v1/farms/${farm.farmId}/aggregations/${id}/export?format=${form}`).then(
        (content) => save(`${name}${part}.${form}`, content),
        (e) => fail(e instanceof Fault && e.status === 404 ? "The server has forgotten this answer. Reload the page and try again." : String(e.message ?? e)),
      );
    });
  };
  const chart = async (form: "png" | "svg") => {
    const { picture } = await import("./chart");
    const v = view(a.state);
    const option = barOption(a, plot, look, -1, true);
    const legend = { show: true, top: 26, left: 8, type: "plain" as const, icon: "roundRect", itemWidth: 10, itemHeight: 10, textStyle: { color: look.text } };
    const all = a.all && additive(a) ? `, ${figure(value(a.all, a.state.measure, a.state.stat), a.state.measure)}` : "";
    const title = { text: `${farm.name || farm.farmId}, ${rangeLabel(v.from, v.to)}${all}`, left: 8, top: 4, textStyle: { fontSize: 14, color: look.text } };
    const content = await picture({ ...option, legend, title }, form, 1200, 520, look.panel);
    save(`${name}.${form}`, content);
  };
  return (
    <details class="menu" ref={box}>
      <summary>Download</summary>
      <div class="pop">
        <button type="button" onClick={shut(() => (one ? rows("csv") : save(`${name}.csv`, new Blob([toCSV(a, names)], { type: "text/csv" }))))}>
          Rows as CSV
        </button>
        <button type="button" onClick={shut(() => (one ? rows("json") : save(`${name}.json`, new Blob([toJSON(a, names, farm)], { type: "application/json" }))))}>
          Rows as JSON
        </button>
        <button type="button" onClick={shut(() => rows("parquet"))}>
          Rows as Parquet
        </button>
        <button type="button" onClick={shut(() => rows("arrow"))}>
          Rows as Arrow
        </button>
        <button type="button" disabled={a.tooMany !== ""} onClick={shut(() => void chart("png").catch((e) => fail(String(e.message ?? e))))}>
          Chart as PNG
        </button>
        <button type="button" disabled={a.tooMany !== ""} onClick={shut(() => void chart("svg").catch((e) => fail(String(e.message ?? e))))}>
          Chart as SVG
        </button>
        <button type="button" onClick={shut(() => print())}>
          Print
        </button>
      </div>
    </details>
  );
}
