// Times. A range is kept as wall-clock times of a zone. Statistics are cut at one fixed
// offset, the zone's at the range's start, and all arithmetic is in wall-clock
// milliseconds ("local"): Date's UTC functions on them are the calendar's.

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

export type Period = "HOURLY" | "DAILY" | "WEEKLY" | "MONTHLY" | "NONE";

/** parseLocal reads "2026-01-31" or "2026-01-31T08:00", null for anything else. */
export function parseLocal(text: string): number | null {
  const m = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text);
  if (!m) return null;
  const [y, mo, d, h, mi, s] = m.slice(1).map((x) => Number(x ?? 0)) as [number, number, number, number, number, number];
  const t = Date.UTC(y, mo - 1, d, h, mi, s);
  const back = new Date(t);
  return back.getUTCMonth() === mo - 1 && back.getUTCDate() === d && h < 24 && mi < 60 ? t : null;
}

export function printLocal(local: number): string {
  const text = new Date(local).toISOString();
  if (local % day === 0) return text.slice(0, 10);
  return local % minute === 0 ? text.slice(0, 16) : text.slice(0, 19);
}

/** fixedOffset reads "UTC+05:30" as minutes. */
export function fixedOffset(zone: string): number | null {
  const m = /^UTC([+-])(\d\d):(\d\d)$/.exec(zone);
  if (!m) return null;
  const minutes = Number(m[2]) * 60 + Number(m[3]);
  return m[1] === "-" ? -minutes : minutes;
}

export function printOffset(minutes: number): string {
  const a = Math.abs(minutes);
  return `UTC${minutes < 0 ? "-" : "+"}${String(Math.floor(a / 60)).padStart(2, "0")}:${String(a % 60).padStart(2, "0")}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

export function isZone(zone: string): boolean {
  if (fixedOffset(zone) !== null) return true;
  try {
    zoneFormat(zone);
    return true;
  } catch {
    return false;
  }
}

function zoneFormat(zone: string): Intl.DateTimeFormat {
  let f = formats.get(zone);
  if (!f) {
    f = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
    formats.set(zone, f);
  }
  return f;
}

/** trueOffset is a zone's offset at an instant, in minutes. */
export function trueOffset(zone: string, instant: number): number {
  const fixed = fixedOffset(zone);
  if (fixed !== null) return fixed;
  const name = zoneFormat(zone).formatToParts(instant).find((p) => p.type === "timeZoneName")?.value ?? "GMT";
  const m = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(name);
  if (!m?.[1]) return 0;
  const minutes = Number(m[2]) * 60 + Number(m[3]);
  return m[1] === "-" ? -minutes : minutes;
}

/** offsetAt is the offset that a range beginning at local is cut at: the zone's there,
    to the half hour that the API knows. */
export function offsetAt(zone: string, local: number): { minutes: number; rounded: boolean } {
  const exact = trueOffset(zone, local - trueOffset(zone, local) * minute);
  const minutes = Math.round(exact / 30) * 30;
  return { minutes, rounded: minutes !== exact };
}

/** localAt is an instant as the wall clock of a zone shows it. */
export const localAt = (zone: string, instant: number): number => instant + offsetAt(zone, instant).minutes * minute;

/** changes are the moments in a range at which the zone's offset changes. */
export function changes(zone: string, from: number, to: number): { at: number; before: number; after: number }[] {
  if (fixedOffset(zone) !== null) return [];
  const found = [];
  for (let t = from; t < to; t += day) {
    const end = Math.min(t + day, to);
    const before = trueOffset(zone, t);
    const after = trueOffset(zone, end);
    if (before === after) continue;
    let [low, high] = [t, end];
    while (high - low > minute) {
      const mid = low + Math.floor((high - low) / 2 / minute) * minute;
      if (trueOffset(zone, mid) === before) low = mid;
      else high = mid;
    }
    found.push({ at: high, before, after });
  }
  return found;
}

export function startOf(period: Period, local: number): number {
  const d = new Date(local);
  switch (period) {
    case "HOURLY":
      return Math.floor(local / hour) * hour;
    case "DAILY":
      return Math.floor(local / day) * day;
    case "WEEKLY":
      return Math.floor(local / day) * day - ((d.getUTCDay() + 6) % 7) * day;
    case "MONTHLY":
      return Date.UTC(d.getUTCFullYear(), d.getUTCMonth(), 1);
    case "NONE":
      return local;
  }
}

export function nextStart(period: Period, start: number): number {
  const d = new Date(start);
  switch (period) {
    case "HOURLY":
      return start + hour;
    case "DAILY":
      return start + day;
    case "WEEKLY":
      return start + 7 * day;
    case "MONTHLY":
      return Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + 1, 1);
    case "NONE":
      return Infinity;
  }
}

/** rangeBefore is what a range is compared with: whole months with as many months before,
    for no two need be equally long, and any other with as much time. */
export function rangeBefore(from: number, to: number): { from: number; to: number } {
  const whole = [from, to].every((t) => startOf("MONTHLY", t) === t);
  if (!whole) return { from: from - (to - from), to: from };
  const [a, b] = [new Date(from), new Date(to)];
  const months = 12 * (b.getUTCFullYear() - a.getUTCFullYear()) + b.getUTCMonth() - a.getUTCMonth();
  return { from: Date.UTC(a.getUTCFullYear(), a.getUTCMonth() - months, 1), to: from };
}

/** buckets are the pieces that a period cuts a range into, clipped to it. */
export function buckets(period: Period, from: number, to: number): { start: number; end: number }[] {
  if (period === "NONE") return [{ start: from, end: to }];
  const out = [];
  for (let s = startOf(period, from); s < to; s = nextStart(period, s)) {
    out.push({ start: Math.max(s, from), end: Math.min(nextStart(period, s), to) });
  }
  return out;
}

/** fitting is the period that cuts a range into a few dozen pieces. */
export function fitting(from: number, to: number): Period {
  const length = to - from;
  if (length <= 3 * day) return "HOURLY";
  if (length <= 93 * day) return "DAILY";
  if (length <= 400 * day) return "WEEKLY";
  return "MONTHLY";
}

/** finer is the period to look into one piece with. */
export function finer(period: Period, from: number, to: number): Period {
  if (period === "MONTHLY" || period === "WEEKLY") return "DAILY";
  if (period === "DAILY" || period === "HOURLY") return "HOURLY";
  return fitting(from, to);
}

const dates = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short", year: "numeric" });
const shortDates = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short" });
const weekdays = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", weekday: "short", day: "numeric", month: "short", year: "numeric" });
const months = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", month: "long", year: "numeric" });
const shortMonths = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", month: "short", year: "numeric" });
const clocks = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", hour: "2-digit", minute: "2-digit" });

/** axisLabel is a piece's name under the chart. */
export function axisLabel(period: Period, start: number, long: boolean, pieces: number): string {
  switch (period) {
    case "HOURLY":
      if (pieces > 96) return `${shortDates.format(start)}, ${clocks.format(start)}`;
      return start % day === 0 ? shortDates.format(start) : clocks.format(start);
    case "MONTHLY":
      return shortMonths.format(start);
    default:
      return long ? dates.format(start) : shortDates.format(start);
  }
}

/** pieceLabel is a piece's whole name. */
export function pieceLabel(start: number, end: number): string {
  if (end - start <= hour && start % minute === 0) return `${weekdays.format(start)}, ${clocks.format(start)}–${clocks.format(end)}`;
  return rangeLabel(start, end);
}

/** rangeLabel names a range as briefly as it can. */
export function rangeLabel(from: number, to: number): string {
  if (from % day !== 0 || to % day !== 0) return `${dates.format(from)}, ${clocks.format(from)} – ${dates.format(to)}, ${clocks.format(to)}`;
  if (to - from === day) return weekdays.format(from);
  if (startOf("MONTHLY", from) === from && nextStart("MONTHLY", from) === to) return months.format(from);
  const d = new Date(from);
  if (startOf("MONTHLY", from) === from && d.getUTCMonth() === 0 && Date.UTC(d.getUTCFullYear() + 1, 0, 1) === to) return String(d.getUTCFullYear());
  return `${dates.format(from)} – ${dates.format(to - day)}`;
}

export function clockLabel(instant: number, offset: number): string {
  const local = instant + offset * minute;
  return `${dates.format(local)}, ${clocks.format(local)}`;
}
