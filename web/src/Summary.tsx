import { type Answer, count, counted, figure, percent } from "./data";
import { view } from "./state";
import { clockLabel, rangeLabel } from "./time";

/** Summary is what it all comes to. */
export function Summary({ answer: a }: { answer: Answer }) {
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
          {a.comparable ? <Change now={c.now} was={c.was} on={rangeLabel(a.previous.from, a.previous.to)} /> : <span class="change dim">records begin too late to compare</span>}
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
          {count(a.seen.unpriced)} of {counted(a.seen.records, "record")}
          {of} matched no rate of the rate card when imported, and {a.seen.unpriced === 1 ? "counts" : "count"} as $0.
        </p>
      )}
      {a.seen.running > 0 && (
        <p data-note="running">
          {counted(a.seen.running, "session")}
          {of} {a.seen.running === 1 ? "is" : "are"} still running, counted up to {clockLabel(Date.parse(a.seen.asOf), a.offset)}.
        </p>
      )}
    </>
  );
}

/** Change compares with the range before, which it names if it is told to. */
export function Change({ now, was, on = "" }: { now: number; was: number | undefined; on?: string }) {
  const tail = on && ` on ${on}`;
  if (was === undefined) return <span class="change dim">{on ? `nothing in ${on}` : "new"}</span>;
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
