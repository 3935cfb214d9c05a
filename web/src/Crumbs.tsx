import type { Names } from "./data";
import { type State, chosenOf, dimensionNames } from "./state";
import { rangeLabel } from "./time";

/** Crumbs lead back up. */
export function Crumbs({ state, names, jobs, go }: { state: State; names: Names; jobs: Map<string, string> | undefined; go: (s: State) => void }) {
  if (state.steps.length === 0) return null;
  const labels = [chosenOf(state), ...state.steps.map((x) => (x.kind === "time" ? rangeLabel(x.from, x.to) : names.of(x.dimension, x.value, jobs)))];
  return (
    <nav class="crumbs" aria-label="Where you are">
      <ol>
        {labels.map((label, i) => {
          const step = state.steps[i - 1];
          const kind = step?.kind === "value" ? <span class="dim">{dimensionNames[step.dimension]} </span> : null;
          return (
            <li key={i}>
              {i === labels.length - 1 ? (
                <span aria-current="page">
                  {kind}
                  <bdi>{label}</bdi>
                </span>
              ) : (
                <button type="button" class="link" onClick={() => go({ ...state, steps: state.steps.slice(0, i) })}>
                  {kind}
                  <bdi>{label}</bdi>
                </button>
              )}
            </li>
          );
        })}
      </ol>
    </nav>
  );
}
