import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { statistics } from "./api";
import { type Answer, type Names, type Row, count, counted, figure, value } from "./data";
import { canEnter, enter } from "./edit";
import { type State, dimensionNames } from "./state";
import { pieceLabel } from "./time";

interface Props {
  answer: Answer;
  names: Names;
  showIDs: boolean;
  setShowIDs: (on: boolean) => void;
  go: (s: State) => void;
}

interface Column {
  name: string;
  number: boolean;
  text: (r: Row) => string;
  compare: (a: Row, b: Row) => number;
  raw?: (r: Row) => number;
}

const rowHeight = 32;
const beyond = 8; // rows drawn above and below what is seen
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** Table shows every row, of which those in sight are drawn. */
export function Table({ answer: a, names, showIDs, setShowIDs, go }: Props) {
  const [sort, setSort] = useState<{ column: number; down: boolean }>({ column: 0, down: false });
  const [filter, setFilter] = useState("");
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(420);
  const box = useRef<HTMLDivElement>(null);
  const columns = useMemo(() => columnsOf(a, names), [a, names]);
  const at = sort.column < columns.length ? sort : { column: 0, down: false };

  const texts = useMemo(() => {
    const made = new Map<string, string>();
    for (const r of a.rows) if (!made.has(r.key)) made.set(r.key, (names.group(a.groups, r.group, a.jobs) + " " + r.group.join(" ")).toLowerCase());
    return made;
  }, [a.rows, names]);
  const rows = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    const found = words.length ? a.rows.filter((r) => words.every((w) => texts.get(r.key)!.includes(w) || pieceLabel(r.start, r.end).toLowerCase().includes(w))) : a.rows.slice();
    const { compare } = columns[at.column]!;
    const sign = at.down ? -1 : 1;
    return found.sort((x, y) => sign * compare(x, y) || x.start - y.start || (x.key < y.key ? -1 : 1));
  }, [a.rows, texts, columns, filter, at.column, at.down]);

  useEffect(() => {
    const e = box.current;
    if (!e) return;
    const watch = new ResizeObserver(() => setHeight(e.clientHeight));
    watch.observe(e);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    box.current?.scrollTo({ top: 0 });
    setTop(0);
  }, [rows]);

  const first = Math.max(0, Math.floor(top / rowHeight) - beyond);
  const last = Math.min(rows.length, Math.ceil((top + height) / rowHeight) + beyond);
  return (
    <section class="panel table" aria-labelledby="table-title">
      <div class="panel-head">
        <h2 id="table-title" data-rows={rows.length}>
          {rows.length === a.rows.length ? counted(rows.length, "row") : `${count(rows.length)} of ${count(a.rows.length)} rows`}
        </h2>
        <label class="inline">
          <span class="sr">Filter rows</span>
          <input type="search" placeholder="filter rows" value={filter} onInput={(e) => setFilter(e.currentTarget.value)} />
        </label>
        <label class="check">
          <input type="checkbox" checked={showIDs} onChange={(e) => setShowIDs(e.currentTarget.checked)} /> ids
        </label>
      </div>
      <div class="scroll" ref={box} tabIndex={0} role="region" aria-label="Rows" onScroll={(e) => setTop(e.currentTarget.scrollTop)}>
        <table aria-rowcount={rows.length + 1}>
          <thead>
            <tr aria-rowindex={1}>
              {columns.map((c, i) => (
                <th key={c.name} scope="col" class={c.number ? "number" : ""} aria-sort={at.column === i ? (at.down ? "descending" : "ascending") : "none"}>
                  <button type="button" class="link" onClick={() => setSort({ column: i, down: at.column === i ? !at.down : c.number })}>
                    {c.name}
                    <span aria-hidden="true">{at.column === i ? (at.down ? " ↓" : " ↑") : ""}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {first > 0 && (
              <tr aria-hidden="true" style={{ height: first * rowHeight + "px" }}>
                <td colSpan={columns.length} />
              </tr>
            )}
            {rows.slice(first, last).map((r, i) => (
              <tr key={r.start + r.key} aria-rowindex={first + i + 2} style={{ height: rowHeight + "px" }}>
                {columns.map((c, j) => (
                  <td key={c.name} class={c.number ? "number" : ""} {...(c.raw ? { "data-value": c.raw(r) } : {})}>
                    {j > 0 && j <= a.groups.length ? (
                      <>
                        {j === 1 && canEnter(a.state, r.group) ? (
                          <button type="button" class="link" onClick={() => go(enter(a.state, r.group))} title={r.group[j - 1] ?? ""}>
                            <bdi>{c.text(r)}</bdi>
                          </button>
                        ) : (
                          <bdi title={r.group[j - 1] ?? ""}>{c.text(r)}</bdi>
                        )}
                        {showIDs && r.group[j - 1] !== c.text(r) && <span class="id">{r.group[j - 1]}</span>}
                      </>
                    ) : (
                      c.text(r)
                    )}
                  </td>
                ))}
              </tr>
            ))}
            {last < rows.length && (
              <tr aria-hidden="true" style={{ height: (rows.length - last) * rowHeight + "px" }}>
                <td colSpan={columns.length} />
              </tr>
            )}
          </tbody>
        </table>
        {rows.length === 0 && <p class="dim">No row has these words.</p>}
      </div>
    </section>
  );
}

function columnsOf(a: Answer, names: Names): Column[] {
  const named = new Map<string, string>();
  const nameOf = (i: number, r: Row) => {
    const d = a.groups[i]!;
    const id = r.group[i] ?? "";
    const k = d + id;
    let n = named.get(k);
    if (n === undefined) named.set(k, (n = names.of(d, id, a.jobs)));
    return n;
  };
  // A name's place among all names is found once, so that sorting compares numbers.
  const places = a.groups.map((_, i) => {
    const all = [...new Set(a.rows.map((r) => nameOf(i, r)))].sort(collator.compare);
    return new Map(all.map((n, p) => [n, p]));
  });
  const says = { SUM: "", AVG: " average", MIN: " least", MAX: " most" };
  const numbers: Column[] = [];
  for (const m of ["cost", "runtime"] as const)
    for (const s of statistics) numbers.push({ name: m + says[s], number: true, text: (r) => figure(value(r, m, s), m), compare: (x, y) => value(x, m, s) - value(y, m, s), raw: (r) => value(r, m, s) });
  return [
    { name: "time", number: false, text: (r) => pieceLabel(r.start, r.end), compare: (x, y) => x.start - y.start },
    ...a.groups.map((d, i): Column => ({ name: dimensionNames[d], number: false, text: (r) => nameOf(i, r), compare: (x, y) => places[i]!.get(nameOf(i, x))! - places[i]!.get(nameOf(i, y))! })),
    { name: "uses", number: true, text: (r) => figure(r.count, "count"), compare: (x, y) => x.count - y.count, raw: (r) => r.count },
    ...numbers,
  ];
}
