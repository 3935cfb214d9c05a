import { useEffect, useMemo, useState } from "preact/hooks";
import type { Farm } from "./api";
import { Breakdown } from "./Breakdown";
import { Bars, Donut, Legend } from "./Charts";
import type { Answer, Names } from "./data";
import { Downloads } from "./Downloads";
import { additive, lookOf, plotOf, seriesOf } from "./plot";
import { type State, chosenOf, dimensionNames, view } from "./state";
import { Summary } from "./Summary";
import { Table } from "./Table";
import { day, minute, rangeLabel } from "./time";

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

/** Results are all that an answer shows. */
export function Results({ answer: a, farm, names, dark, stale, showIDs, setShowIDs, go }: Props) {
  const look = lookOf(dark);
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
          <Downloads answer={a} farm={farm} plot={plot} look={look} fail={setFault} />
        </div>
        {fault && (
          <p class="note" role="alert">
            {fault}
          </p>
        )}
        {a.state.measure === "cost" && a.all.cost.sum === 0 && (
          <p class="note" data-note="free">
            All of it costs $0.{" "}
            <button type="button" onClick={() => go({ ...a.state, measure: "runtime" })}>
              Show the runtime
            </button>
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

/** chartTitle says what is shown. */
export function chartTitle(a: Answer): string {
  const { measure, stat } = a.state;
  const v = view(a.state);
  const noun = { cost: "Cost", runtime: "Runtime", count: "Uses" }[measure];
  const kind = measure === "count" ? "" : { SUM: "", AVG: ", average", MIN: ", least", MAX: ", most" }[stat];
  const by = a.groups.map((d) => dimensionNames[d]).join(" and ");
  const of = a.state.ids.length && !a.state.steps.length ? ` of ${chosenOf(a.state)}` : ""; // where no crumbs say so
  return `${noun}${kind}${by ? ` by ${by}` : ""}${of}, ${rangeLabel(v.from, v.to)}`;
}

/** Empty says why there is nothing, and leads to where there is something. */
function Empty({ answer: a, farm, go }: { answer: Answer; farm: Farm; go: (s: State) => void }) {
  const v = view(a.state);
  const first = farm.firstStart ? Date.parse(farm.firstStart) + a.offset * minute : null;
  const last = farm.lastEnd ? Date.parse(farm.lastEnd) + a.offset * minute : null;
  const outside = first !== null && last !== null && (v.to <= first || v.from > last);
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
