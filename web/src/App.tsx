import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Farm, type Named, type Progress, type Session, Fault, describeFarm, listFarms, signOut, whoAmI } from "./api";
import { Controls } from "./Controls";
import { Crumbs } from "./Crumbs";
import { type Answer, Names, answer, figure, lastMoment, value } from "./data";
import { NamesDialog } from "./NamesDialog";
import { Report } from "./Report";
import { Results, chartTitle } from "./Results";
import { type State, fromURL, resourceOf, toURL, view } from "./state";
import { Problem, Working } from "./Status";
import { day, isZone, localAt, startOf } from "./time";
import { type Theme, isDark, setTheme, theme } from "./theme";

/** browserZone is the zone of the machine in front of the person. */
export function browserZone(): string {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return zone && isZone(zone) ? zone : "UTC+00:00";
}

/** begin fills a state from the URL in: all queues, the last thirty days that there are. */
function begin(farm: Farm, given: Partial<State>): State {
  const zone = given.zone ?? browserZone();
  const to = startOf("DAILY", localAt(zone, lastMoment(farm)) - 1) + day;
  const by = given.by ?? (farm.queues.length === 0 && farm.fleets.length > 0 ? "fleets" : "queues");
  return {
    farm: farm.farmId,
    by,
    ids: given.ids ?? [],
    from: given.from ?? to - 30 * day,
    to: given.to ?? to,
    zone,
    period: given.period ?? "auto",
    groups: given.groups ?? [resourceOf({ by })],
    measure: given.measure ?? "cost",
    stat: given.stat ?? "SUM",
    steps: given.steps ?? [],
    report: given.report ?? false,
  };
}

/** asked is the part of a state that an answer depends on. */
const asked = (s: State) => toURL({ ...s, measure: "cost", stat: "SUM" });

const kept = 20; // answers for the back button

export function App() {
  const [session, setSession] = useState<Session | null>(null);
  const [farms, setFarms] = useState<Named[] | null>(null);
  const [farm, setFarm] = useState<Farm | null>(null);
  const [state, setState] = useState<State | null>(null);
  const [result, setResult] = useState<Answer | null>(null);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [working, setWorking] = useState(false);
  const [problem, setProblem] = useState<Fault | null>(null);
  const [naming, setNaming] = useState(false);
  const [showIDs, setShowIDs] = useState(false);
  const [dark, setDark] = useState(isDark());
  const answers = useRef(new Map<string, Answer>());
  const running = useRef<AbortController | null>(null);
  const [turn, setTurn] = useState(0);

  useEffect(() => {
    const follow = () => setDark(isDark());
    addEventListener("themechange", follow);
    return () => removeEventListener("themechange", follow);
  }, []);

  const open = useCallback(async (given: Partial<State>, all: Named[]) => {
    const id = given.farm ?? all[0]?.id;
    if (!id) return;
    try {
      const found = await describeFarm(id);
      setFarm(found);
      const s = begin(found, given);
      setState(s);
      history.replaceState(null, "", toURL(s));
    } catch (e) {
      setFarm(null);
      setProblem(Fault.of(e));
    }
  }, []);

  useEffect(() => {
    (async () => {
      try {
        setSession(await whoAmI());
        const all = await listFarms();
        setFarms(all);
        await open(fromURL(location.search), all);
      } catch (e) {
        setProblem(Fault.of(e));
      }
    })();
  }, [open]);

  // The back button gives the state of the URL back.
  useEffect(() => {
    const back = () => {
      const given = fromURL(location.search);
      if (farm && given.farm === farm.farmId) setState(begin(farm, given));
      else if (farms) void open(given, farms);
    };
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, [farm, farms, open]);

  const go = useCallback((s: State) => {
    history.pushState(null, "", toURL(s));
    setProblem(null);
    setState(s);
  }, []);

  const question = state && !state.report ? asked(state) : null;
  useEffect(() => {
    if (!farm || !state || !question || state.farm !== farm.farmId) return;
    const have = answers.current.get(question);
    if (have) {
      setResult(have);
      setProblem(null);
      setWorking(false);
      return;
    }
    const abort = new AbortController();
    running.current = abort;
    setWorking(true);
    setProgress(null);
    setProblem(null);
    answer(farm, state, abort.signal, (p) => !abort.signal.aborted && setProgress(p)).then(
      (a) => {
        if (abort.signal.aborted) return;
        answers.current.set(question, a);
        while (answers.current.size > kept) answers.current.delete(answers.current.keys().next().value!);
        setResult(a);
        setWorking(false);
      },
      (e) => {
        if (running.current !== abort) return;
        setWorking(false);
        setResult(null);
        setProblem(abort.signal.aborted ? new Fault("CANCELLED", "You cancelled this question.") : Fault.of(e));
      },
    );
    // Who leaves the page asks no more, until the back button brings it back as it was.
    const leave = () => abort.abort();
    const back = (e: PageTransitionEvent) => e.persisted && setTurn((n) => n + 1);
    addEventListener("pagehide", leave);
    addEventListener("pageshow", back);
    return () => {
      removeEventListener("pagehide", leave);
      removeEventListener("pageshow", back);
      if (running.current === abort) running.current = null;
      abort.abort();
    };
  }, [farm, question, turn]);

  const names = useMemo(() => (farm ? new Names(farm) : null), [farm]);
  const again = () => {
    if (question) answers.current.delete(question);
    setProblem(null);
    setTurn(turn + 1);
  };

  if (state) document.title = title(state, farm);
  // An answer to another question stays in sight, as it was, until its successor is there.
  const current = result !== null && question !== null && asked(result.state) === question;
  const seen = current ? state : (result?.state ?? null);
  const shown = useMemo(() => (result && seen ? { ...result, state: seen } : null), [result, seen]);
  const stands = problem ? "problem" : current && !working ? "done" : "working";
  return (
    <>
      <a class="skip" href="#results">
        Skip to the results
      </a>
      <header class="top">
        <div class="brand">
          <img src="/favicon.svg" alt="" width="24" height="24" /> farmtally
        </div>
        {farms && farms.length > 0 && (
          <label class="inline">
            <span>Farm</span>
            <select value={farm?.farmId ?? ""} onChange={(e) => void open({ farm: e.currentTarget.value }, farms).then(() => setProblem(null))}>
              {!farm && <option value="">choose…</option>}
              {farms.map((f) => (
                <option key={f.id} value={f.id}>
                  {f.name || f.id}
                </option>
              ))}
            </select>
          </label>
        )}
        <span class="grow" />
        {farm && (
          <button type="button" onClick={() => setNaming(true)}>
            Names
          </button>
        )}
        {farm && state && (
          <button type="button" onClick={() => go({ ...state, report: !state.report })} aria-pressed={state.report}>
            Monthly report
          </button>
        )}
        <label class="inline">
          <span class="quiet">Theme</span>
          <select value={theme()} onChange={(e) => setTheme(e.currentTarget.value as Theme)}>
            <option value="system">system</option>
            <option value="light">light</option>
            <option value="dark">dark</option>
          </select>
        </label>
        {session && !session.noAuth && (
          <button type="button" onClick={() => void signOut()} title={session.accessKeyId}>
            Sign out{session.name ? ` ${session.name}` : ""}
          </button>
        )}
      </header>
      <main>
        <h1 class="sr">farmtally explorer{farm ? `, ${farm.name || farm.farmId}` : ""}</h1>
        {farms?.length === 0 && (
          <Problem
            fault={new Fault("EMPTY", session?.noAuth === false ? "There is no farm that your key may read." : "There is no farm yet. Import its accounting log with “farmtally import sacct”, or push records, and reload.")}
          />
        )}
        {problem && !state && <Problem fault={problem} />}
        {farm && state && names && state.report && <Report farm={farm} names={names} state={state} go={go} dark={dark} />}
        {farm && state && names && !state.report && (
          <>
            <Controls farm={farm} names={names} state={state} go={go} />
            <Crumbs state={state} names={names} jobs={result?.jobs} go={go} />
            <div id="results" tabIndex={-1} aria-busy={working} data-url={toURL(state)} data-state={stands}>
              <p class="sr" id="told" role="status">
                {stands === "done" && shown ? `${chartTitle(shown)}: ${shown.all ? figure(value(shown.all, shown.state.measure, shown.state.stat), shown.state.measure) : "nothing"}` : ""}
              </p>
              {working && <Working progress={progress} cancel={() => running.current?.abort()} />}
              {problem && <Problem fault={problem} state={state} go={go} again={again} />}
              {shown && !problem && <Results answer={shown} farm={farm} names={names} dark={dark} stale={!current} showIDs={showIDs} setShowIDs={setShowIDs} go={go} />}
            </div>
          </>
        )}
      </main>
      {naming && farm && names && (
        <NamesDialog
          farm={farm}
          result={result}
          close={(changed) => {
            setNaming(false);
            if (changed) void describeFarm(farm.farmId).then(setFarm);
          }}
        />
      )}
    </>
  );
}

function title(s: State, farm: Farm | null): string {
  const v = view(s);
  const range = `${new Date(v.from).toISOString().slice(0, 10)} – ${new Date(v.to - 1).toISOString().slice(0, 10)}`;
  return `${farm?.name || "farm"} ${range} – farmtally`;
}
