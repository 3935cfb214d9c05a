// What the page asks the server: who it is, what there is, and statistics through the
// same two operations as everybody.

import type { Period } from "./time";

export type Dimension = "QUEUE_ID" | "FLEET_ID" | "JOB_ID" | "USER_ID" | "USAGE_TYPE" | "INSTANCE_TYPE" | "LICENSE_PRODUCT";
export type Statistic = "SUM" | "AVG" | "MIN" | "MAX";
export const statistics: readonly Statistic[] = ["SUM", "AVG", "MIN", "MAX"];

export interface Session {
  signedIn: boolean;
  noAuth: boolean;
  name: string;
  accessKeyId: string;
  csrfToken: string;
  expiresAt?: string;
}

export interface Named {
  id: string;
  name: string;
}

export interface Farm {
  farmId: string;
  name: string;
  costScaleFactor: number;
  firstStart?: string;
  lastEnd?: string;
  running: number;
  mayLabel: boolean;
  queues: Named[];
  fleets: Named[];
  labels: { dimension: Dimension; value: string; label: string }[];
}

/** Fault is what the server says against a request. */
export class Fault extends Error {
  constructor(
    readonly kind: string,
    message: string,
    readonly status = 0,
  ) {
    super(message);
  }

  /** of makes a fault of whatever was thrown. */
  static of(e: unknown): Fault {
    return e instanceof Fault ? e : new Fault("BROKEN", e instanceof Error ? e.message : String(e));
  }
}

let csrf = "";

async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal, keepalive = false): Promise<T> {
  const headers: Record<string, string> = {};
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? null : JSON.stringify(body), signal: signal ?? null, keepalive, cache: "no-store" });
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new Fault("UNREACHABLE", "The server can’t be reached. Is it running?");
  }
  let says: { message?: string; __type?: string };
  try {
    says = await answer.json();
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new Fault("UNREADABLE", `The server’s answer can’t be read (status ${answer.status}).`, answer.status);
  }
  if (answer.ok) return says as T;
  const kind = answer.headers.get("x-amzn-ErrorType") ?? says.__type ?? "";
  if (kind.startsWith("MissingAuthenticationToken")) location.reload(); // to the page for signing in
  throw new Fault(kind, says.message ?? `The server answers with status ${answer.status}.`, answer.status);
}

export async function whoAmI(): Promise<Session> {
  const s = await call<Session>("GET", "/v1/session");
  csrf = s.csrfToken;
  return s;
}

export async function signOut(): Promise<void> {
  await call("DELETE", "/v1/session");
  location.assign("/");
}

export async function listFarms(): Promise<Named[]> {
  return (await call<{ farms: Named[] }>("GET", "/v1/farms")).farms;
}

export const describeFarm = (id: string) => call<Farm>("GET", `/v1/farms/${id}`);

export const setLabel = (farm: string, dimension: Dimension, value: string, label: string) =>
  call("PUT", `/v1/farms/${farm}/labels`, { dimension, value, label });

/** Question is one aggregation's request. */
export interface Question {
  farm: string;
  by: "queues" | "fleets";
  ids: string[]; // at most 10
  start: number; // instants
  end: number;
  timezone: string;
  period?: Exclude<Period, "NONE">; // absent: the whole range
  groupBy: Dimension[];
  keep: { dimension: Dimension; value: string }[]; // "" is the group without a value
}

export interface Stats {
  sum: number;
  avg: number;
  min: number;
  max: number;
}

export interface WireRow {
  queueId?: string;
  fleetId?: string;
  jobId?: string;
  jobName?: string;
  userId?: string;
  usageType?: string;
  instanceType?: string;
  licenseProduct?: string;
  count: number;
  costInUsd: Stats;
  runtimeInSeconds: Stats;
  aggregationStartTime: string;
  aggregationEndTime: string;
}

/** memberOf names the member of a row that has its value of a dimension. */
export const memberOf = {
  QUEUE_ID: "queueId",
  FLEET_ID: "fleetId",
  JOB_ID: "jobId",
  USER_ID: "userId",
  USAGE_TYPE: "usageType",
  INSTANCE_TYPE: "instanceType",
  LICENSE_PRODUCT: "licenseProduct",
} as const satisfies Record<Dimension, keyof WireRow>;

export interface Progress {
  ahead: number;
  recordsDone: number;
  recordsTotal: number;
}

/** Seen is what an answer says of the records behind it. */
export interface Seen {
  records: number;
  unpriced: number;
  running: number;
  asOf: string;
}

interface State extends Progress, Seen {
  aggregationId: string;
  status: "IN_PROGRESS" | "COMPLETED" | "FAILED" | "TIMEOUT";
  statusMessage: string;
  rows: number;
  reason?: string;
}

const pageRows = 10_000;

/** ask runs one aggregation and gives all of its rows. An abort cancels it. */
export async function ask(q: Question, signal: AbortSignal, progress: (p: Progress) => void, take: (rows: WireRow[]) => void): Promise<Seen & { aggregationId: string }> {
  const path = `/v1/explorer/farms/${q.farm}/sessions-statistics-aggregation`;
  const body = {
    resourceIds: q.by === "queues" ? { queueIds: q.ids } : { fleetIds: q.ids },
    startTime: new Date(q.start).toISOString(),
    endTime: new Date(q.end).toISOString(),
    timezone: q.timezone,
    ...(q.period ? { period: q.period } : {}),
    groupBy: q.groupBy,
    statistics,
    keep: q.keep,
  };
  // The Start itself is not aborted: its answer has the id by which to cancel.
  let state = await call<State>("POST", `${path}?waitMillis=${signal.aborted ? 0 : 120}`, body);
  const cancel = () => void call("DELETE", `${path}/${state.aggregationId}`, undefined, undefined, true).catch(() => {});
  if (signal.aborted) {
    cancel();
    signal.throwIfAborted();
  }
  signal.addEventListener("abort", cancel, { once: true });
  try {
    while (state.status === "IN_PROGRESS") {
      progress(state);
      state = await call<State>("GET", `${path}/${state.aggregationId}?waitMillis=400`, undefined, signal);
    }
    if (state.status !== "COMPLETED") throw new Fault(state.reason ?? state.status, state.statusMessage);
    for (let token = "", more = state.rows > 0; more; ) {
      const next = token && `&nextToken=${encodeURIComponent(token)}`;
      const page = await call<{ statistics: WireRow[]; nextToken?: string }>("GET", `${path}?aggregationId=${state.aggregationId}&maxResults=${pageRows}${next}`, undefined, signal);
      take(page.statistics);
      token = page.nextToken ?? "";
      more = token !== "";
    }
    return state;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** download gives a file that the server writes. */
export async function download(path: string): Promise<Blob> {
  const answer = await fetch(path, { cache: "no-store" });
  if (!answer.ok) throw new Fault(answer.headers.get("x-amzn-ErrorType") ?? "", (await answer.json()).message ?? "", answer.status);
  return answer.blob();
}
