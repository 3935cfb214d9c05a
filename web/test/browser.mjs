// Debian's Chromium, and what every flow does in it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** given is what the test that runs this has prepared. */
export const given = JSON.parse(process.env.FARMTALLY_EXPLORER ?? "{}");

export const browser = await chromium.launch({
  executablePath: given.chromium,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

/** visit opens a page in a browser of its own. What it says on the console, and what it
    can't load, fails the test, as does a host that is not the server's. */
export async function visit(t, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: "UTC", acceptDownloads: true, ...options });
  context.setDefaultTimeout(120_000); // a machine may be slow, or busy
  const page = await context.newPage();
  const faults = [];
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && faults.push(`console: ${m.text()}`));
  page.on("pageerror", (e) => faults.push(`page: ${e.message}`));
  page.on("request", (r) => /^https?:/.test(r.url()) && new URL(url).protocol !== "about:" && new URL(r.url()).origin !== new URL(url).origin && faults.push(`asks elsewhere: ${r.url()}`));
  /** expectFault takes one expected fault away, undefined where there is none. */
  page.expectFault = (pattern) => {
    const i = faults.findIndex((f) => pattern.test(f));
    return i < 0 ? undefined : faults.splice(i, 1)[0];
  };
  t.after(async () => {
    await context.close();
    assert.deepEqual(faults, []);
  });
  await page.goto(url);
  return page;
}

/** settled waits until the page shows what it was asked. */
export async function settled(page) {
  await page.waitForFunction(() => {
    const r = document.querySelector("#results");
    const charts = [...document.querySelectorAll(".bars, .pie")];
    return r && r.dataset.state !== "working" && r.dataset.url === location.pathname + location.search && charts.every((c) => c.dataset.drawn === "yes");
  });
}

/** checkAccess fails for what axe calls serious. */
export async function checkAccess(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const bad = found.violations.filter((v) => ["serious", "critical"].includes(v.impact));
  assert.deepEqual(bad.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160)).slice(0, 3).join(" | ")}`), [], what);
}

/** shoot keeps a picture, where the caller wants pictures. */
export async function shoot(page, name, options = {}) {
  if (given.pictures) await page.screenshot({ path: `${given.pictures}/${name}.png`, fullPage: true, ...options });
}
