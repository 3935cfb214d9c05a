// How long from a click to the drawn chart? node drill.mjs URL [drills]: on the farm
// of the server at URL, over all of its time, from queues to users to jobs, and from
// months to days to hours. No state is asked twice.
import { chromium } from "playwright-core";

const [url, drills = "20"] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.FARMTALLY_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, timezoneId: "UTC" });
const settled = () =>
  page.waitForFunction(() => {
    const r = document.querySelector("#results");
    return r && r.dataset.state === "done" && r.dataset.url === location.pathname + location.search && document.querySelector('.bars[data-drawn="yes"]');
  });

/** timed clicks what find gives in the page, and waits for the frame after the chart's. */
const timed = (selector, text) =>
  page.evaluate(
    async ([selector, text]) => {
      const target = [...document.querySelectorAll(selector)].find((e) => text === null || e.textContent.trim() === text);
      const before = document.querySelector("#results").dataset.url;
      performance.clearMarks("farmtally-drawn");
      const start = performance.now();
      target.click();
      for (;;) {
        await new Promise(requestAnimationFrame);
        const r = document.querySelector("#results");
        if (r.dataset.state === "problem") throw new Error(r.innerText);
        if (r.dataset.state === "done" && r.dataset.url !== before && performance.getEntriesByName("farmtally-drawn").length) break;
      }
      await new Promise(requestAnimationFrame);
      return performance.now() - start;
    },
    [selector, text],
  );

const { farms } = await (await fetch(`${url}/v1/farms`)).json();
const farm = await (await fetch(`${url}/v1/farms/${farms[0].id}`)).json();
const day = (t) => t.slice(0, 10);
const year = `${url}/?farm=${farm.farmId}&from=${day(farm.firstStart)}&to=${day(new Date(Date.parse(farm.firstStart) + 365 * 86_400_000).toISOString())}&zone=UTC%2B00:00`;
const times = { "queue → users": [], "user → jobs": [], "job → usage types": [], "month → days": [], "day → hours": [] };
await page.goto(`${year}&group=QUEUE_ID`);
await settled();
for (let i = 0; i < Number(drills); i++) {
  await page.goto(`${year}&group=QUEUE_ID&period=WEEKLY`);
  await settled();
  times["queue → users"].push(await timed(`.breakdown tbody tr:nth-child(${(i % 40) + 1}) button`, null));
  times["user → jobs"].push(await timed(`.breakdown tbody tr:nth-child(${(i % 7) + 1}) button`, null));
  times["job → usage types"].push(await timed(".breakdown tbody tr:nth-child(1) button", null));
  await page.goto(`${year}&group=${["QUEUE_ID", "USER_ID", "INSTANCE_TYPE"][i % 3]}&period=MONTHLY`);
  await settled();
  for (const step of ["month → days", "day → hours"]) {
    await page.locator(".bars").focus();
    for (let k = 0; k <= i % 12; k++) await page.keyboard.press("ArrowRight");
    const from = await page.evaluate(() => {
      document.querySelector(".bars").addEventListener("click", (e) => { if (e.isTrusted) return; e.currentTarget.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true })); }, { once: true });
    });
    void from;
    times[step].push(await timed(".bars", null));
    await settled();
  }
}
await browser.close();
const at = (list, q) => list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))];
console.log("| from → to | median | p95 |\n|---|---|---|");
for (const [name, list] of Object.entries(times)) console.log(`| ${name} | ${at(list, 0.5).toFixed(0)} ms | ${at(list, 0.95).toFixed(0)} ms |`);
const all = Object.values(times).flat();
console.log(`| all ${all.length} | ${at(all, 0.5).toFixed(0)} ms | ${at(all, 0.95).toFixed(0)} ms |`);
