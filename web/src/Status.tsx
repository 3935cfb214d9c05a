import { useEffect, useState } from "preact/hooks";
import type { Fault, Progress } from "./api";
import { count, counted } from "./data";
import { setGroups, setPeriod, setRange } from "./edit";
import { type State, view } from "./state";
import { day, startOf } from "./time";

/** Working says how far the server is; it appears only if that takes a moment. */
export function Working({ progress, cancel }: { progress: Progress | null; cancel: () => void }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 250);
    return () => clearTimeout(timer);
  }, []);
  const total = progress?.recordsTotal ?? 0;
  const done = progress?.recordsDone ?? 0;
  const says = !progress ? "Asking…" : progress.ahead > 0 && total === 0 ? `Waiting for ${counted(progress.ahead, "other question")}…` : total ? `${count(done)} of ${count(total)} records` : "Beginning…";
  return (
    <div class={late ? "working" : "working early"} role="status">
      <progress aria-label="records looked at" {...(total ? { max: total, value: done } : {})} />
      <span>{says}</span>
      <button type="button" onClick={cancel}>
        Cancel
      </button>
    </div>
  );
}

function latterHalf(s: State): State {
  const { from, to } = view(s);
  return setRange(s, Math.min(to - day, startOf("DAILY", from + (to - from) / 2)), to);
}

const titles: Record<string, string> = {
  EMPTY: "Nothing here yet",
  TOO_LARGE: "Too many rows to show",
  TOO_LONG: "It took too long",
  ThrottlingException: "Too busy",
  CANCELLED: "Cancelled",
  UNREACHABLE: "No connection",
  AccessDeniedException: "Not allowed",
  ResourceNotFoundException: "Not found",
};

/** Problem says why there is nothing to see, and what to do. */
export function Problem({ fault, state, go, again }: { fault: Fault; state?: State; go?: (s: State) => void; again?: () => void }) {
  const smaller = state && go && (fault.kind === "TOO_LARGE" || fault.kind === "TOO_LONG") ? view(state) : null;
  return (
    <section class="problem" role="alert" data-kind={fault.kind}>
      <h2>{titles[fault.kind] ?? "It did not work"}</h2>
      <p>{fault.message}</p>
      <p class="buttons">
        {smaller && smaller.groups.length > 1 && (
          <button type="button" onClick={() => go!(setGroups(state!, smaller.groups.slice(0, 1)))}>
            Group by one thing alone
          </button>
        )}
        {smaller && fault.kind === "TOO_LONG" && smaller.period !== "MONTHLY" && smaller.period !== "NONE" && (
          <button type="button" onClick={() => go!(setPeriod(state!, "MONTHLY"))}>
            By month
          </button>
        )}
        {smaller && smaller.to - smaller.from > day && (
          <button type="button" onClick={() => go!(latterHalf(state!))}>
            The latter half of the time
          </button>
        )}
        {again && (
          <button type="button" onClick={again}>
            Try again
          </button>
        )}
      </p>
    </section>
  );
}
