import { useMemo, useState } from "preact/hooks";
import { type Answer, type Names, type Row, count, figure, share, value } from "./data";
import { canEnter, enter } from "./edit";
import { type Series, additive, rank } from "./plot";
import { type Line, Ranks } from "./Ranks";
import { type State, dimensionNames } from "./state";
import { Change } from "./Summary";

// How many lines are shown: at first, and when more are asked for.
const fewLines = 50;
const mostLines = 1000;

/** Breakdown ranks the groups. */
export function Breakdown({ answer: a, series, names, showIDs, go }: { answer: Answer; series: Series[]; names: Names; showIDs: boolean; go: (s: State) => void }) {
  const { measure, stat } = a.state;
  const [all, setAll] = useState(false);
  const ranked = useMemo(() => rank(a), [a]);
  const colors = new Map(series.map((s) => [s.key, s.color]));
  const total = a.all ? value(a.all, measure, stat) : 0;
  const most = ranked[0] ? value(ranked[0], measure, stat) : 0;
  const shares = additive(a);
  const list = ranked.slice(0, all ? mostLines : fewLines);
  const by = a.groups.map((d) => dimensionNames[d]).join(" and ") || "selection";
  const line = (r: Row): Line => {
    const v = value(r, measure, stat);
    const before = a.before.get(r.key);
    const text = names.group(a.groups, r.group, a.jobs);
    const name = <bdi>{text}</bdi>;
    const ids = r.group.join(" · ");
    return {
      key: r.key,
      data: { "data-key": r.group.join(" "), "data-value": v },
      name: (
        <>
          <span class="bar" style={{ width: most > 0 ? `${(100 * v) / most}%` : "0", background: colors.get(r.key) ?? "var(--rest)" }} />
          {canEnter(a.state, r.group) ? (
            <button type="button" class="link" onClick={() => go(enter(a.state, r.group))} title={ids}>
              {name}
            </button>
          ) : (
            <span title={ids}>{name}</span>
          )}
          {showIDs && ids !== text && <span class="id">{ids}</span>}
        </>
      ),
      figures: [
        figure(v, measure),
        ...(shares ? [share(v, total)] : []),
        ...(a.comparable ? [<Change now={v} was={before ? value(before, measure, stat) : undefined} />] : []),
      ],
    };
  };
  return (
    <section class="panel breakdown" aria-labelledby="breakdown-title">
      <h2 id="breakdown-title">
        {count(ranked.length)} {ranked.length === 1 ? by : plural(by)}
      </h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Breakdown">
        <Ranks head={by} columns={[measure, ...(shares ? ["share"] : []), ...(a.comparable ? ["change"] : [])]} lines={list.map(line)} />
      </div>
      {ranked.length > list.length && (
        <p class="more">
          {all ? (
            <span class="dim">The first {count(mostLines)} of {count(ranked.length)}; the table below has all.</span>
          ) : (
            <button type="button" onClick={() => setAll(true)}>
              Show more of {count(ranked.length)}
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
