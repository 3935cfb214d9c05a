// Numbers on the page are the API's.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { browser, given, settled, visit } from "./browser.mjs";

after(() => browser.close());

const seed = Number(process.env.FARMTALLY_SEED ?? Date.now() % 1e9);
let state = seed >>> 0 || 1;
const random = (n) => {
  state ^= state << 13;
  state >>>= 0;
  state ^= state >>> 17;
  state ^= state << 5;
  state >>>= 0;
  return state % n;
};
const pick = (list) => list[random(list.length)];

const member = { QUEUE_ID: "queueId", FLEET_ID: "fleetId", JOB_ID: "jobId", USER_ID: "userId", USAGE_TYPE: "usageType", INSTANCE_TYPE: "instanceType", LICENSE_PRODUCT: "licenseProduct" };
const day = 86_400_000;

async function api(farm, question) {
  const path = `${given.open}/2023-10-12/farms/${farm.farmId}/sessions-statistics-aggregation`;
  const started = await (await fetch(path, { method: "POST", body: JSON.stringify(question) })).json();
  assert.ok(started.aggregationId, JSON.stringify(started));
  const rows = [];
  for (let token = ""; ; ) {
    const page = await (await fetch(`${path}?aggregationId=${started.aggregationId}${token && `&nextToken=${encodeURIComponent(token)}`}`)).json();
    if (page.status === "IN_PROGRESS") continue;
    assert.equal(page.status, "COMPLETED");
    rows.push(...page.statistics);
    if (!page.nextToken) return rows;
    token = page.nextToken;
  }
}

/** draw makes a random state: its URL, and the API's question for it. */
function draw(farm) {
  const by = pick(["queues", "queues", "fleets"]);
  const all = farm[by].map((x) => x.id);
  const ids = random(2) ? all : all.filter(() => random(2));
  if (!ids.length) ids.push(all[0]);
  const first = Date.parse("2025-07-25T00:00:00Z") + random(190) * day;
  const length = pick([1, 2, 7, 30, 61]) * day;
  const zone = pick(["UTC+00:00", "UTC+05:30", "UTC-03:30", "UTC+14:00", "UTC-08:00"]);
  const offset = (zone[3] === "-" ? -1 : 1) * (Number(zone.slice(4, 6)) * 60 + Number(zone.slice(7)));
  const groups = [...new Set([pick(Object.keys(member)), ...(random(2) ? [pick(Object.keys(member))] : [])])];
  const period = pick(["HOURLY", "DAILY", "WEEKLY", "MONTHLY", "NONE"]);
  const measure = pick(["cost", "runtime", "count"]);
  const stat = measure === "count" ? "SUM" : pick(["SUM", "AVG", "MIN", "MAX"]);
  const date = (t) => new Date(t).toISOString().slice(0, 10);
  const url = `?farm=${farm.farmId}&by=${by}&ids=${ids.length === all.length ? "" : ids.join(",")}&from=${date(first)}&to=${date(first + length)}&zone=${encodeURIComponent(zone)}&period=${period}&group=${groups}&measure=${measure}&stat=${stat}`;
  const instant = (t) => new Date(t - offset * 60_000).toISOString();
  const question = { resourceIds: { [by === "queues" ? "queueIds" : "fleetIds"]: ids }, startTime: instant(first), endTime: instant(first + length), timezone: zone, groupBy: groups, statistics: ["SUM", "AVG", "MIN", "MAX"] };
  return { url, question, groups, period, measure, stat };
}

const keyOf = (groups, row) => groups.map((d) => row[member[d]] ?? "").join(" ");
const valueOf = (row, measure, stat) => (measure === "count" ? row.count : row[measure === "cost" ? "costInUsd" : "runtimeInSeconds"][stat.toLowerCase()]);

test(`a hundred random states, seed ${seed}`, async (t) => {
  const farm = await (await fetch(`${given.open}/v1/farms/${given.aurora}`)).json();
  const page = await visit(t, `${given.open}/?farm=${given.aurora}&zone=UTC%2B00:00`);
  await settled(page);
  let compared = 0;
  let empty = 0;
  for (let i = 0; i < 100; i++) {
    const s = draw(farm);
    const whole = await api(farm, s.question);
    const rows = s.period === "NONE" ? whole : await api(farm, { ...s.question, period: s.period });
    // As a link within the page would: the state comes from the URL alone.
    await page.evaluate((url) => {
      history.pushState(null, "", url);
      dispatchEvent(new PopStateEvent("popstate"));
    }, s.url);
    await page.waitForFunction((url) => {
      const [want, has] = [new URLSearchParams(url), new URLSearchParams(document.querySelector("#results").dataset.url.slice(1))];
      if (!["from", "to", "zone", "group"].every((k) => want.get(k) === has.get(k)) || (want.get("ids") || null) !== has.get("ids")) return false;
      history.replaceState(null, "", document.querySelector("#results").dataset.url); // as the page itself writes it
      return true;
    }, s.url.slice(1));
    await settled(page);
    const shown = await page.evaluate(() => ({
      problem: document.querySelector(".problem")?.dataset.kind ?? "",
      breakdown: [...document.querySelectorAll(".breakdown tbody tr")].map((tr) => [tr.dataset.key, Number(tr.dataset.value)]),
      rows: Number(document.querySelector("#table-title")?.dataset.rows ?? 0),
      cells: [...document.querySelectorAll(".table tbody tr:not([aria-hidden])")].map((tr) => [...tr.querySelectorAll("td[data-value]")].map((td) => Number(td.dataset.value))),
      totals: [...document.querySelectorAll("[data-total]")].map((x) => Number(x.dataset.value)),
    }));
    if (whole.length === 0) {
      assert.equal(shown.problem, "EMPTY", s.url);
      empty++;
      continue;
    }
    assert.equal(shown.problem, "", s.url);
    const want = new Map(whole.map((r) => [keyOf(s.groups, r), valueOf(r, s.measure, s.stat)]));
    assert.equal(shown.breakdown.length, Math.min(want.size, 50), s.url);
    for (const [key, value] of shown.breakdown) assert.equal(value, want.get(key), `${s.url}: ${key}`);
    assert.equal(shown.rows, rows.length, s.url);
    const lines = new Set(rows.map((r) => JSON.stringify([r.count, ...["costInUsd", "runtimeInSeconds"].flatMap((m) => ["sum", "avg", "min", "max"].map((x) => r[m][x]))])));
    for (const line of shown.cells) assert.ok(lines.has(JSON.stringify(line)), `${s.url}: ${line}`);
    const near = (x, y) => Math.abs(x - y) <= 1e-9 * Math.max(1, Math.abs(y));
    const sums = [(r) => r.costInUsd.sum, (r) => r.runtimeInSeconds.sum, (r) => r.count].map((f) => whole.reduce((n, r) => n + f(r), 0));
    shown.totals.forEach((x, j) => assert.ok(near(x, sums[j]), `${s.url}: ${x} and ${sums[j]}`));
    compared += shown.breakdown.length + shown.cells.length;
  }
  t.diagnostic(`${compared} rows compared, ${empty} states were empty`);
  assert.ok(compared > 1000);
});

test(`what a row says is what it opens to, seed ${seed}`, async (t) => {
  const farm = await (await fetch(`${given.open}/v1/farms/${given.aurora}`)).json();
  const page = await visit(t, `${given.open}/?farm=${given.aurora}&zone=UTC%2B00:00`);
  await settled(page);
  const open = async (url) => {
    await page.goto(given.open + "/" + url);
    await settled(page);
  };
  const total = (m) => page.locator(`[data-total="${m}"]`).evaluate((x) => Number(x.dataset.value));
  let opened = 0;
  for (let i = 0; i < 12; i++) {
    const s = draw(farm);
    await open(s.url.replace(/stat=\w+/, "stat=SUM").replace("measure=count", "measure=cost"));
    const measure = s.measure === "count" ? "cost" : s.measure;
    for (let depth = 0; depth < 3; depth++) {
      const rows = page.locator(".breakdown tbody tr:has(button)");
      const n = await rows.count();
      if (n === 0) break;
      const row = rows.nth(random(n));
      const [name, want] = [await row.locator("button").innerText(), await row.evaluate((x) => Number(x.dataset.value))];
      await row.locator("button").click();
      await settled(page);
      const where = `${page.url()}: ${name}`;
      assert.equal(await page.locator(".problem").count(), 0, where);
      const got = await total(measure);
      assert.ok(Math.abs(got - want) <= 1e-9 * Math.max(1, want), `${where}: ${got}, and the row said ${want}`);
      opened++;
    }
  }
  t.diagnostic(`${opened} rows opened`);
  assert.ok(opened > 10);
});
