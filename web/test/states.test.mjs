import assert from "node:assert/strict";
import { after, test } from "node:test";
import { browser, checkAccess, given, settled, shoot, visit } from "./browser.mjs";

after(() => browser.close());

const of = (farm, more) => `${given.open}/?farm=${farm}&${more}`;
const kind = (page) => page.locator(".problem").getAttribute("data-kind");

test("no farm at all", async (t) => {
  const page = await visit(t, given.empty);
  await page.getByText("There is no farm yet.").waitFor();
  await checkAccess(page, "no farm");
});

test("a farm with one running session, an Arabic user and a job of HTML", async (t) => {
  const page = await visit(t, of(given.edge, "group=USER_ID&zone=UTC%2B00:00"));
  await settled(page);
  await page.getByText("1 session is still running, counted up to").waitFor();
  await page.locator('[data-note="unpriced"]').waitFor();
  assert.equal(await page.locator('[data-note="free"]').count(), 0);
  const user = page.locator(".breakdown tbody").getByRole("button", { name: "ليلى حدّاد" });
  assert.equal(await user.locator("bdi").evaluate((x) => getComputedStyle(x).unicodeBidi), "isolate");
  await shoot(page, "edge");
  await user.click();
  await settled(page);
  await page.locator(".breakdown tbody").getByText(given.html, { exact: true }).waitFor();
  assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
  await page.locator(".bars").hover();
  await page.waitForTimeout(300);
  await shoot(page, "html");
  assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
});

test("a farm whose records have no price", async (t) => {
  const page = await visit(t, of(given.free, "group=QUEUE_ID&zone=UTC%2B00:00"));
  await settled(page);
  await page.getByText("1 of 1 record matched no rate of the rate card when imported, and counts as $0.").waitFor();
  await page.locator(".pie").click({ position: { x: 130, y: 15 } }); // where the ring has no slice
  await shoot(page, "free");
  await page.getByRole("button", { name: "Show the runtime" }).click();
  await settled(page);
  assert.match(page.url(), /measure=runtime/);
  assert.equal(await page.locator('[data-note="free"]').count(), 0);
  assert.doesNotMatch(page.url(), /step=/, "a share of nothing leads nowhere");
  assert.equal(await page.locator('[data-total="runtime"]').innerText(), "<0.001 h", "a second is not nothing");
  await page.getByRole("button", { name: "Monthly report" }).click();
  await page.locator(".report[data-ready]").waitFor();
  assert.equal(await page.locator(".report-total .big").innerText(), "$0.00");
  await shoot(page, "free-report");
});

test("a time without records", async (t) => {
  const page = await visit(t, of(given.aurora, "from=2020-01-01&to=2020-02-01&zone=UTC%2B00:00&group=QUEUE_ID"));
  await settled(page);
  assert.equal(await kind(page), "EMPTY");
  await page.getByRole("button", { name: "Show the time of all records" }).click();
  await settled(page);
  assert.match(await page.locator("#chart-title").innerText(), /2025/);
});

test("a half-hour zone", async (t) => {
  const page = await visit(t, of(given.aurora, "from=2025-11-14&to=2025-11-15&group=QUEUE_ID&period=HOURLY"), { timezoneId: "Asia/Kolkata" });
  await settled(page);
  await page.locator(".zone").getByText("UTC+05:30", { exact: true }).waitFor();
  assert.match(page.url(), /zone=Asia\/(Kolkata|Calcutta)/);
  const first = await page.locator(".table tbody tr:not([aria-hidden]) td").first().innerText();
  assert.match(first, /14 Nov 2025, \d\d:00/, "hours begin on the hour there");
  const api = await fetchAPI({ farm: given.aurora, from: "2025-11-13T18:30:00Z", to: "2025-11-14T18:30:00Z" });
  assert.equal(await page.locator('[data-total="cost"]').evaluate((x) => Number(x.dataset.value).toFixed(9)), api.toFixed(9));
});

async function fetchAPI({ farm, from, to }) {
  const queues = (await (await fetch(`${given.open}/v1/farms/${farm}`)).json()).queues.map((q) => q.id);
  const path = `${given.open}/2023-10-12/farms/${farm}/sessions-statistics-aggregation`;
  const body = JSON.stringify({ resourceIds: { queueIds: queues }, startTime: from, endTime: to, groupBy: ["QUEUE_ID"], statistics: ["SUM"] });
  const { aggregationId } = await (await fetch(path, { method: "POST", body })).json();
  for (;;) {
    const page = await (await fetch(`${path}?aggregationId=${aggregationId}`)).json();
    if (page.status === "COMPLETED") return page.statistics.reduce((s, r) => s + r.costInUsd.sum, 0);
    assert.equal(page.status, "IN_PROGRESS");
  }
}

test("a range across a change of the clocks", async (t) => {
  const page = await visit(t, of(given.aurora, "from=2025-10-20&to=2025-11-10&zone=Europe/Berlin&group=QUEUE_ID"));
  await settled(page);
  assert.match(await page.locator(".zone").innerText(), /UTC\+02:00.*Clocks change there on 26 Oct 2025, 03:00, from UTC\+02:00 to UTC\+01:00/s);
  assert.ok((await page.locator(".bars").getAttribute("aria-label")).startsWith("Chart of 21 pieces"));
});

test("a hundred thousand rows", async (t) => {
  const page = await visit(t, of(given.synthetic, "from=2025-01-01&to=2025-07-01&zone=UTC%2B00:00&group=USER_ID,INSTANCE_TYPE&period=HOURLY"));
  await settled(page);
  const rows = await page.locator("#table-title").evaluate((x) => Number(x.dataset.rows));
  assert.ok(rows >= 100_000, `${rows} rows`);
  assert.ok((await page.locator(".table tbody tr").count()) < 60, "those in sight alone are drawn");
  await page.locator(".table .scroll").scrollIntoViewIfNeeded();
  // Scrolling through all of it: what a frame takes of a processor, for a clock would
  // measure what else runs on it.
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const spent = async () => (await devtools.send("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value;
  const before = await spent();
  await page.evaluate(async () => {
    const box = document.querySelector(".table .scroll");
    for (let i = 1; i <= 100; i++) {
      box.scrollTop = (box.scrollHeight * i) / 100;
      await new Promise(requestAnimationFrame);
    }
  });
  const frame = ((await spent()) - before) * 10;
  t.diagnostic(`${frame.toFixed(1)} ms of a processor for a frame while scrolling ${rows} rows`);
  assert.ok(frame > 0 && frame < 33, `${frame} ms`);
  const last = await page.locator(".table tbody tr:not([aria-hidden]) td").first().innerText();
  assert.match(last, /Jun 2025/);
  await shoot(page, "rows");
});

test("too large, and what to do", async (t) => {
  const page = await visit(t, of(given.synthetic, "from=2025-01-01&to=2026-01-01&zone=UTC%2B00:00&group=USER_ID,INSTANCE_TYPE&period=HOURLY"));
  await settled(page);
  await page.locator(".chart .note").getByText("would have more than 200000 rows").waitFor();
  assert.ok((await page.locator(".breakdown tbody tr").count()) > 0, "the breakdown is whole all the same");
});

test("too large even as totals", async (t) => {
  const page = await visit(t, `${given.meagre}/?from=2025-01-01&to=2026-01-01&zone=UTC%2B00:00&group=QUEUE_ID,USER_ID`);
  await settled(page);
  assert.equal(await kind(page), "TOO_LARGE");
  await page.getByText("would have more than 20 rows. Reduce the time frame, or reduce the number of queues or fleets.").waitFor();
  assert.equal(await page.getByRole("button", { name: "By month" }).count(), 0, "totals have no period to increase");
  await checkAccess(page, "too large");
  await shoot(page, "too-large");
  await page.getByRole("button", { name: "The latter half of the time" }).click();
  await settled(page);
  assert.match(page.url(), /from=2025-07-02&to=2026-01-01/);
  assert.equal(await kind(page), "TOO_LARGE");
  await page.getByRole("button", { name: "Group by one thing alone" }).click();
  await settled(page);
  assert.match(await page.locator("#chart-title").innerText(), /^Cost by queue, /);
  assert.ok((await page.locator(".breakdown tbody tr").count()) > 30, "ten queues at a time are few rows");
  await page.locator(".chart .note").getByText("would have more than 20 rows").waitFor();
  await page.locator(".menu summary").click();
  assert.ok(await page.getByRole("button", { name: "Rows as CSV" }).isDisabled(), "there are no rows to give");
});

test("names that are long", async (t) => {
  for (const width of [1280, 390]) {
    const page = await visit(t, of(given.long, "group=USER_ID,JOB_ID&zone=UTC%2B00:00"), { viewport: { width, height: 800 } });
    await settled(page);
    const box = page.locator(".breakdown .scroll");
    assert.ok(await box.evaluate((x) => x.scrollWidth <= x.clientWidth), `the figures beside them are in sight at ${width}`);
    await page.getByRole("button", { name: "Monthly report" }).click();
    await page.locator(".report[data-ready]").waitFor();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `nothing of the report sticks out at ${width}`);
  }
});

test("an answer that takes too long", async (t) => {
  const page = await visit(t, `${given.hasty}/?zone=UTC%2B00:00&group=QUEUE_ID`);
  await settled(page);
  assert.equal(await kind(page), "TOO_LONG");
  await page.getByText("Reduce the time frame").waitFor();
  await page.getByRole("button", { name: "Try again" }).waitFor();
  await checkAccess(page, "a problem");
  await shoot(page, "problem");
});

test("cancel stops the server's work", async (t) => {
  const page = await visit(t, of(given.synthetic, "from=2025-01-01&to=2025-02-01&zone=UTC%2B00:00&group=QUEUE_ID"));
  await settled(page);
  // Other people ask a lot at once, so that this page has to wait for its turn.
  const path = `${given.open}/v1/explorer/farms/${given.synthetic}/sessions-statistics-aggregation`;
  const queues = (await (await fetch(`${given.open}/v1/farms/${given.synthetic}`)).json()).queues.map((q) => q.id);
  const others = await Promise.all(
    Array.from({ length: 170 }, async (_, i) => {
      const body = { resourceIds: { queueIds: queues.slice(i % 30, (i % 30) + 10) }, startTime: new Date(Date.parse("2025-01-01T00:00:00Z") + i * 1000).toISOString(), endTime: "2025-12-31T00:00:00Z", groupBy: ["JOB_ID", "USER_ID"], period: "HOURLY", statistics: ["SUM"] };
      return (await (await fetch(path, { method: "POST", body: JSON.stringify(body) })).json()).aggregationId;
    }),
  );
  await page.getByLabel("Group by").selectOption("JOB_ID");
  await page.getByText(/Waiting for \d+ other questions?…/).waitFor();
  await shoot(page, "waiting");
  const cancelled = [];
  page.on("requestfinished", (r) => r.method() === "DELETE" && cancelled.push(new URL(r.url()).pathname.split("/").at(-1)));
  await page.getByRole("button", { name: "Cancel" }).dispatchEvent("click"); // which waits for nothing
  await settled(page);
  assert.equal(await kind(page), "CANCELLED");
  while (cancelled.length === 0) await page.waitForTimeout(20);
  const ends = await Promise.all(cancelled.map(async (id) => (await fetch(`${path}/${id}?waitMillis=10000`)).json()));
  assert.ok(ends.every((s) => s.status !== "IN_PROGRESS") && ends.some((s) => s.reason === "CANCELLED"), JSON.stringify(ends));
  await Promise.all(others.map((x) => fetch(`${path}/${x}`, { method: "DELETE" })));
  await page.getByRole("button", { name: "Try again" }).click();
  await settled(page);
  assert.match(await page.locator("#chart-title").innerText(), /by job/);
});

test("quick clicks and many tabs do not collide", async (t) => {
  const pages = await Promise.all(Array.from({ length: 3 }, () => visit(t, of(given.aurora, "from=2025-08-01&to=2026-02-01&zone=UTC%2B00:00&group=QUEUE_ID"))));
  await Promise.all(
    pages.map(async (page) => {
      await settled(page);
      for (const g of ["USER_ID", "JOB_ID", "FLEET_ID", "USAGE_TYPE"]) await page.getByLabel("Group by").selectOption(g);
      await settled(page);
      assert.match(await page.locator("#chart-title").innerText(), /by usage type/);
      assert.equal(await page.locator(".problem").count(), 0);
    }),
  );
});

test("the server is gone, and back", async (t) => {
  const page = await visit(t, of(given.aurora, "from=2025-08-01&to=2026-02-01&zone=UTC%2B00:00&group=QUEUE_ID"));
  await settled(page);
  await page.context().setOffline(true);
  await page.getByLabel("Group by").selectOption("USER_ID");
  await settled(page);
  assert.equal(await kind(page), "UNREACHABLE");
  while (true) {
    const before = page.expectFault(/ERR_INTERNET_DISCONNECTED/);
    if (before === undefined) break;
  }
  await page.context().setOffline(false);
  await page.getByRole("button", { name: "Try again" }).click();
  await settled(page);
  assert.equal(await page.locator(".problem").count(), 0);
});
