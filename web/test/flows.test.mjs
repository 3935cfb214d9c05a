import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { browser, checkAccess, given, settled, shoot, visit } from "./browser.mjs";

after(() => browser.close());

const year = `${given.open}/?farm=${given.aurora}&from=2025-08-01&to=2026-02-01&zone=UTC%2B00:00&group=QUEUE_ID`;
const title = (page) => page.locator("#chart-title").innerText();
const crumbs = async (page) => (await page.locator(".crumbs li").allInnerTexts()).map((x) => x.trim());
const enter = async (page, name) => {
  await page.locator(".breakdown").getByRole("button", { name, exact: true }).click();
  await settled(page);
};

test("signing in and out", async (t) => {
  const page = await visit(t, given.closed + `/?farm=${given.closedFarm}&group=USER_ID&zone=UTC%2B00:00`);
  await page.getByRole("heading", { name: "farmtally" }).waitFor();
  await checkAccess(page, "the page for signing in");
  await shoot(page, "signin");
  await page.getByLabel("Access key id").fill(given.key.accessKeyId);
  await page.getByLabel("Secret access key").fill("not the secret");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("the secret is not its own").waitFor();
  page.expectFault(/403/);

  await page.getByLabel("Secret access key").fill(given.key.secretAccessKey);
  await page.keyboard.press("Enter");
  await settled(page);
  assert.match(await title(page), /by user/, "the link survives signing in");
  const cookies = await page.context().cookies();
  assert.equal(cookies.length, 1);
  assert.deepEqual([cookies[0].httpOnly, cookies[0].sameSite, cookies[0].secure], [true, "Strict", false]);
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href, document.documentElement.outerHTML]));
  assert.ok(!kept.includes(given.key.secretAccessKey), "the secret is nowhere in the page");

  await page.goto("about:blank");
  await page.goto(given.closed + "/");
  await settled(page);
  await page.getByRole("button", { name: /Sign out/ }).click();
  await page.getByLabel("Access key id").waitFor();
  assert.equal((await page.context().cookies()).length, 0);
});

test("a session that has ended", async (t) => {
  const page = await visit(t, given.closed);
  const signIn = async () => {
    await page.getByLabel("Access key id").fill(given.key.accessKeyId);
    await page.getByLabel("Secret access key").fill(given.key.secretAccessKey);
    await page.getByRole("button", { name: "Sign in" }).click();
    await settled(page);
  };
  await signIn();
  await page.context().clearCookies();
  await page.getByLabel("Group by").selectOption("USER_ID");
  await page.getByLabel("Access key id").waitFor();
  while (page.expectFault(/403/));
  await signIn();
  assert.match(await title(page), /by user/, "it goes on where it ended");
});

test("with the keyboard alone", async (t) => {
  const page = await visit(t, year);
  await settled(page);
  const focused = () => page.evaluate(() => document.activeElement.textContent.trim());
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the results");
  await page.keyboard.press("Enter");
  const tabTo = async (what, key = "Tab") => {
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press(key);
      if ((await focused()) === what) return;
    }
    assert.fail(`${what} is not reached`);
  };
  await tabTo("sim");
  await page.keyboard.press("Enter");
  await settled(page);
  assert.deepEqual(await crumbs(page), ["all queues", "queue sim"]);
  assert.match(await page.locator("#told").innerText(), /^Cost by user.*: \$/, "it is read aloud");
  await tabTo("all queues", "Shift+Tab");
  await page.keyboard.press("Enter");
  await settled(page);
  assert.equal(await page.locator(".crumbs").count(), 0);
});

test("a key reads what it may, and names if it is an owner's", async (t) => {
  for (const [key, farms, names] of [[given.manager, 1, false], [given.writer, 0, false], [given.key, 2, true]]) {
    const page = await visit(t, given.closed);
    await page.getByLabel("Access key id").fill(key.accessKeyId);
    await page.getByLabel("Secret access key").fill(key.secretAccessKey);
    await page.getByRole("button", { name: "Sign in" }).click();
    if (farms === 0) {
      await page.getByText("There is no farm that your key may read.").waitFor();
      continue;
    }
    await settled(page);
    assert.equal(await page.locator(".top select").first().locator("option").count(), farms);
    await page.getByRole("button", { name: "Names" }).click();
    await page.getByRole("heading", { name: "Names" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Keep" }).count(), names ? 1 : 0);
  }
});

test("the first paint is light, and its files are kept", async (t) => {
  const page = await visit(t, "about:blank");
  let bytes = 0;
  const seen = [];
  page.on("response", async (r) => {
    const path = new URL(r.url()).pathname;
    if (path.startsWith("/v1/")) return;
    bytes += (await r.request().sizes()).responseBodySize;
    seen.push([path, r.headers()["content-encoding"], r.headers()["cache-control"]]);
  });
  await page.goto(year);
  await settled(page);
  await page.waitForLoadState("networkidle");
  t.diagnostic(`${bytes} bytes in ${seen.length} files`);
  assert.ok(bytes > 50_000 && bytes < 300 * 1024, `${bytes} bytes`);
  for (const [path, encoding, cache] of seen) {
    assert.equal(encoding, "br", path);
    if (path.startsWith("/assets/")) assert.match(cache, /max-age=31536000, immutable/);
  }
});

test("from the spike to its job and back", async (t) => {
  const page = await visit(t, year);
  await settled(page);
  await checkAccess(page, "the explorer");
  await shoot(page, "light");
  // The largest bar is a week of November: the keyboard finds it and looks into it.
  const bars = page.locator(".bars");
  await bars.focus();
  const label = await bars.getAttribute("aria-label");
  assert.match(label, /10 Nov 2025 – 16 Nov 2025/, "the spike");
  for (let i = 0; ; i++) {
    assert.ok(i < 40);
    await page.keyboard.press("ArrowRight");
    if ((await page.locator(".cursor").innerText()).startsWith("10 Nov 2025")) break;
  }
  await page.keyboard.press("Enter");
  await settled(page);
  assert.deepEqual(await crumbs(page), ["all queues", "10 Nov 2025 – 16 Nov 2025"]);
  await enter(page, "render");
  assert.match(await title(page), /by user/);
  assert.equal(await page.locator(".breakdown tbody tr").first().locator("button").innerText(), "farid");
  await enter(page, "farid");
  assert.match(await title(page), /by job/);
  await enter(page, "sq03_sh0170_volumes_fullres");
  assert.match(await title(page), /by usage type/);
  assert.deepEqual(await crumbs(page), ["all queues", "10 Nov 2025 – 16 Nov 2025", "queue render", "user farid", "job sq03_sh0170_volumes_fullres"]);
  await shoot(page, "drilled");
  const cost = await page.locator('[data-total="cost"]').innerText();

  // A colleague opens the link in a browser of their own.
  const other = await visit(t, page.url(), { timezoneId: "Asia/Kolkata" });
  await settled(other);
  assert.equal(await other.locator('[data-total="cost"]').innerText(), cost);
  assert.deepEqual(await crumbs(other), await crumbs(page));

  for (const back of [/by job/, /by user/, /by queue/]) {
    await page.goBack();
    await settled(page);
    assert.match(await title(page), back);
  }
  await page.goForward();
  await settled(page);
  await page.locator(".crumbs").getByRole("button", { name: "all queues" }).click();
  await settled(page);
  assert.equal(await page.locator(".crumbs").count(), 0);
  assert.equal(await title(page), "Cost by queue, 1 Aug 2025 – 31 Jan 2026");
});

test("a click on a bar, a slice and a row", async (t) => {
  const page = await visit(t, year + "&period=MONTHLY");
  await settled(page);
  const box = await page.locator(".bars").boundingBox();
  await page.mouse.click(box.x + box.width * 0.6, box.y + box.height * 0.8);
  await settled(page);
  assert.equal((await crumbs(page))[1], "November 2025", "months, then days");
  await page.mouse.click(box.x + box.width * 0.465, box.y + box.height * 0.85);
  await settled(page);
  assert.match((await crumbs(page))[2], /^Fri,? 14 Nov 2025$/, "days, then hours");
  assert.ok((await page.locator(".bars").getAttribute("aria-label")).includes("24 pieces"));
  await page.locator(".pie").scrollIntoViewIfNeeded();
  const pie = await page.locator(".pie").boundingBox();
  await page.mouse.click(pie.x + pie.width / 2 + pie.height * 0.36, pie.y + pie.height / 2);
  await settled(page);
  assert.equal((await crumbs(page))[3], "queue render");
  await page.locator(".table tbody").getByRole("button", { name: "farid" }).first().click();
  await settled(page);
  assert.equal((await crumbs(page))[4], "user farid");
});

test("choosing with the controls", async (t) => {
  const page = await visit(t, year);
  await settled(page);
  await page.getByRole("button", { name: /^Queues/ }).click();
  await page.getByRole("searchbox", { name: "find queues" }).fill("si");
  await page.getByRole("checkbox", { name: "sim" }).check();
  await page.keyboard.press("Escape");
  await settled(page);
  assert.equal(await page.locator(".breakdown tbody tr").count(), 1);
  assert.equal(await title(page), "Cost by queue of 1 queue, 1 Aug 2025 – 31 Jan 2026");
  await page.getByLabel("Select by").selectOption("fleets");
  await settled(page);
  assert.equal(await title(page), "Cost by fleet, 1 Aug 2025 – 31 Jan 2026");
  await page.getByLabel("and by").selectOption("INSTANCE_TYPE");
  await page.getByLabel("Measure").selectOption("runtime");
  await page.getByLabel("Statistic").selectOption("MAX");
  await settled(page);
  assert.equal(await title(page), "Runtime, most by fleet and machine, 1 Aug 2025 – 31 Jan 2026");
  assert.equal(await page.locator(".donut").count(), 0, "what does not add up has no shares");
  await page.getByLabel(/^Time(?! zone)/).selectOption({ label: "last 7 days of records" });
  await page.getByLabel("First day").fill("2025-12-01");
  await settled(page);
  assert.match(page.url(), /from=2025-12-01&to=2026-02-01/);
  await page.locator(".top").getByLabel("Theme").selectOption("dark");
  await checkAccess(page, "dark");
  await shoot(page, "dark");
});

test("rows are sorted, filtered and shown with ids", async (t) => {
  const page = await visit(t, year.replace("QUEUE_ID", "USER_ID"));
  await settled(page);
  const cells = () => page.locator(".table tbody tr:not([aria-hidden]) td:nth-child(4)").evaluateAll((list) => list.map((x) => Number(x.dataset.value)));
  await page.locator(".table thead").getByRole("button", { name: "cost", exact: true }).click();
  const costs = await cells();
  assert.deepEqual(costs, costs.toSorted((a, b) => b - a));
  await page.getByPlaceholder("filter rows").fill("chen");
  assert.match(await page.locator("#table-title").innerText(), /^\d+ of \d+ rows$/);
  assert.ok((await page.locator(".table tbody tr:not([aria-hidden]) td:nth-child(2)").allInnerTexts()).every((x) => x === "chen"));
  await page.getByPlaceholder("filter rows").fill("nobody");
  await page.getByText("No row has these words.").waitFor();
});

test("names for users and machines", async (t) => {
  const page = await visit(t, year.replace("QUEUE_ID", "USER_ID"));
  await settled(page);
  await page.getByRole("button", { name: "Names" }).click();
  await page.getByLabel("with the id").fill("dora");
  await page.getByLabel("the name is").fill("Dora <b>Ćosić</b>");
  await page.getByRole("button", { name: "Keep" }).click();
  await page.getByRole("cell", { name: "Dora <b>Ćosić</b>", exact: true }).waitFor();
  await checkAccess(page, "names");
  await page.keyboard.press("Escape");
  await page.locator(".breakdown").getByRole("button", { name: "Dora <b>Ćosić</b>" }).waitFor();
  const other = await visit(t, page.url());
  await settled(other);
  await other.locator(".breakdown").getByRole("button", { name: "Dora <b>Ćosić</b>" }).waitFor();
  await page.getByRole("button", { name: "Names" }).click();
  await page.getByRole("button", { name: /^remove the name Dora/ }).click();
  await page.getByText("None yet.").waitFor();
});

test("every download", async (t) => {
  const page = await visit(t, year);
  await settled(page);
  const total = await page.locator('[data-total="cost"]').evaluate((x) => Number(x.dataset.value));
  const fetchFile = async (name) => {
    await page.locator(".menu summary").click();
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".menu").getByRole("button", { name, exact: true }).click()]);
    return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
  };
  const close = (x) => Math.abs(x - total) < 1e-6;
  const csv = await fetchFile("Rows as CSV");
  assert.match(csv.name, /\.csv$/);
  const lines = csv.bytes.toString("utf8").replace(/^\ufeff/, "").trimEnd().split(/\r?\n/).map((l) => l.split(","));
  const at = lines[0].findIndex((c) => /cost.*sum/i.test(c));
  assert.ok(at > 0 && close(lines.slice(1).reduce((s, l) => s + Number(l[at]), 0)), "CSV adds up");
  const json = JSON.parse((await fetchFile("Rows as JSON")).bytes);
  assert.ok(JSON.stringify(json).length > 1000);
  assert.equal((await fetchFile("Rows as Parquet")).bytes.subarray(0, 4).toString(), "PAR1");
  assert.equal((await fetchFile("Rows as Arrow")).bytes.subarray(0, 6).toString(), "ARROW1");
  assert.equal((await fetchFile("Chart as PNG")).bytes.subarray(1, 4).toString(), "PNG");
  const svg = (await fetchFile("Chart as SVG")).bytes.toString();
  assert.match(svg, /^<svg/);
  assert.match(svg, /render/);
});

test("one file of more than ten queues, as of fewer", async (t) => {
  const lines = async (more) => {
    const page = await visit(t, `${given.open}/?farm=${given.synthetic}&from=2025-01-01&to=2025-07-01&zone=UTC%2B00:00&group=QUEUE_ID&period=MONTHLY${more}`);
    await settled(page);
    const shown = await page.locator("#table-title").evaluate((x) => Number(x.dataset.rows));
    const text = {};
    for (const form of ["CSV", "JSON"]) {
      await page.locator(".menu summary").click();
      const [file] = await Promise.all([page.waitForEvent("download"), page.locator(".menu").getByRole("button", { name: `Rows as ${form}`, exact: true }).click()]);
      text[form] = await readFile(await file.path(), "utf8");
    }
    return { csv: text.CSV.split("\r\n").slice(0, -1), json: JSON.parse(text.JSON).statistics, shown };
  };
  const { queues } = await (await fetch(`${given.open}/v1/farms/${given.synthetic}`)).json();
  const few = await lines(`&ids=${queues.slice(0, 10).map((q) => q.id)}`);
  const all = await lines("");
  assert.ok(queues.length > 10 && few.shown > 10 && all.shown > few.shown);
  for (const x of [few, all]) assert.deepEqual([x.csv.length - 1, x.json.length], [x.shown, x.shown]);
  const had = new Set(all.csv);
  assert.deepEqual(few.csv.filter((l) => !had.has(l)), [], "each line of the few is one of all, the head too");
  const objects = new Set(all.json.map((r) => JSON.stringify(r)));
  assert.deepEqual(few.json.filter((r) => !objects.has(JSON.stringify(r))), []);
});

test("a monthly report on one page", async (t) => {
  const page = await visit(t, year);
  await settled(page);
  await page.getByRole("button", { name: "Monthly report" }).click();
  await page.locator(".report[data-ready]").waitFor();
  await page.getByLabel("Month").selectOption("2025-11-01");
  await page.locator('.report[data-ready="2025-11-01"]').waitFor();
  assert.match(await page.locator(".report").innerText(), /November 2025/);
  const cost = async (from, to) => {
    const other = await visit(t, year.replace("from=2025-08-01&to=2026-02-01", `from=${from}&to=${to}`));
    await settled(other);
    return other.locator('[data-total="cost"]').evaluate((x) => Number(x.dataset.value));
  };
  const grown = (await cost("2025-11-01", "2025-12-01")) / (await cost("2025-10-01", "2025-11-01")) - 1;
  await page.locator(".report-total").getByText(`▲ up ${(100 * grown).toFixed(1)}% on October 2025`).waitFor(); // a month has 30 days or 31
  assert.match(await page.locator(".report").innerText(), /sq03_sh0170_volumes_fullres/);
  await checkAccess(page, "report");
  await shoot(page, "report");
  const paper = await page.pdf({ format: "A4", preferCSSPageSize: true, ...(given.pictures ? { path: `${given.pictures}/report.pdf` } : {}) });
  const pdf = paper.toString("latin1");
  assert.equal(pdf.match(/\/Type\s*\/Page\b(?!s)/g).length, 1, "it is one page");
});

test("narrow and print", async (t) => {
  const page = await visit(t, year, { viewport: { width: 390, height: 800 } });
  await settled(page);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing sticks out");
  await checkAccess(page, "narrow");
  await shoot(page, "narrow");
  await page.getByRole("button", { name: "Queues" }).click();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the list of queues does not stick out");
  const boxes = await page.locator(".picker li input").evaluateAll((list) => list.map((x) => Math.round(x.getBoundingClientRect().left)));
  assert.equal(new Set(boxes).size, 1, `boxes are one below the other: ${boxes}`);
  await shoot(page, "narrow-queues");
  const wide = await visit(t, year, { colorScheme: "dark" });
  await settled(wide);
  const width = () => wide.locator(".bars canvas").evaluate((x) => x.clientWidth);
  const before = await width();
  await wide.pdf({ format: "A4", preferCSSPageSize: true, ...(given.pictures ? { path: `${given.pictures}/print.pdf` } : {}) });
  assert.equal(await width(), before, "what was drawn for paper is as wide as the window again");
});
