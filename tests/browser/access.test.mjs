// People who see badly, use keys alone, or a phone: axe-core finds nothing in any view in either theme, and the flows work.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";

import { admin, api, button, close, PASSWORD, visit } from "./browser.mjs";

after(close);

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** The violations of WCAG 2 A and AA that axe-core finds. */
async function violations(window) {
  // By the debugger, to which the policy of the page does not apply.
  const { readFile } = await import("node:fs/promises");
  await window.evaluate(await readFile(axe, "utf8"));
  return window.evaluate(async () => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
    const { violations: found } = await window.axe.run(document, { runOnly: { type: "tag", values: tags } });
    return found.flatMap((it) => it.nodes.map((node) => `${it.id}: ${node.target.join(" ")} (${node.failureSummary})`));
  });
}

async function picture(window, name) {
  const folder = process.env.SCREENSHOTS;
  if (folder) await window.screenshot({ path: join(folder, `${name}.png`) });
}

const VIEWS = [
  ["library", "#/library", (window) => window.getByRole("link", { name: "harbour-dawn.jpg", exact: true })],
  ["image", "#/image/harbour-dawn.jpg", (window) => window.getByText(/Nowhere yet|Published/).first()],
  ["queue", "#/queue", (window) => window.getByLabel("Time zone").or(window.getByText("This service has no posting times."))],
  ["history", "#/history", (window) => window.getByRole("table").or(window.getByText("Nothing is published yet"))],
  ["settings", "#/settings", (window) => button(window, "Save the voice")],
];

for (const scheme of ["light", "dark"]) {
  for (const phone of [false, true]) {
    const where = phone ? `${scheme}, on a phone` : scheme;
    test(`axe-core finds nothing in any view (${where})`, async () => {
      const { window, leave, home } = await admin("alice", { scheme, phone });
      for (const [name, at, seen] of VIEWS) {
        await window.goto(`${home}/${at}`);
        await seen(window).waitFor();
        await window.waitForTimeout(400);
        await picture(window, `${name}-${scheme}${phone ? "-phone" : ""}`);
        assert.deepEqual(await violations(window), [], `${name}, ${where}`);
      }
      await window.goto(`${home}/#/image/harbour-dawn.jpg`);
      const box = window.getByRole("textbox", { name: "FetLife" });
      await box.fill("word ".repeat(70));
      await button(window, "Keep").waitFor();
      assert.deepEqual(await violations(window), [], `a caption that is too long, ${where}`);
      await box.fill("x");
      await window.getByRole("textbox", { name: "Telegram" }).fill("x");
      await button(window, "Publish later").click();
      await window.getByRole("dialog").waitFor();
      assert.deepEqual(await violations(window), [], `the dialog, ${where}`);
      await leave();
      const visitor = await visit("alice", { scheme, phone });
      await visitor.window.getByLabel("Password").waitFor();
      await picture(visitor.window, `login-${scheme}${phone ? "-phone" : ""}`);
      assert.deepEqual(await violations(visitor.window), [], `login, ${where}`);
      await visitor.leave();
    });
  }
}

test("everything is done by keys alone", async () => {
  const { window, leave } = await visit("erin");
  const focused = () => window.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent?.trim());
  /** Goes on by Tab to what has this name. */
  const tabTo = async (name) => {
    for (let step = 0; step < 60; step += 1) {
      if ((await focused()) === name) return;
      await window.keyboard.press("Tab");
    }
    assert.fail(`${name} is not reached; the focus is on ${await focused()}`);
  };
  await window.getByLabel("Password").waitFor();
  await window.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the content");
  while (await window.evaluate(() => document.activeElement?.getAttribute("type")) !== "password") await window.keyboard.press("Tab");
  await window.keyboard.type(PASSWORD);
  await window.keyboard.press("Enter");
  await window.getByRole("link", { name: "salt-flat.png", exact: true }).waitFor();

  await tabTo("north-ridge.jpg");
  await window.keyboard.press("ArrowRight");
  assert.equal(await focused(), "salt-flat.png");
  await window.keyboard.press("x");
  await window.getByText("1 selected").waitFor();
  await window.keyboard.press("Escape");
  await window.keyboard.press("Enter");
  await window.getByRole("heading", { name: "salt-flat.png" }).waitFor();
  assert.equal(await focused(), "salt-flat.png");
  await window.keyboard.press("ArrowRight");
  await window.getByRole("heading", { name: "tide-line.webp" }).waitFor();
  await window.keyboard.press("ArrowLeft");
  await window.getByRole("heading", { name: "salt-flat.png" }).waitFor();
  await window.getByRole("textbox", { name: "Bluesky" }).waitFor();
  await tabTo("Publish later");
  await window.keyboard.press("Enter");
  await window.getByRole("dialog").waitFor();
  await window.keyboard.press("Escape");
  await window.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await focused(), "Publish later");
  await window.keyboard.press("Escape");
  await window.getByRole("heading", { name: "Library" }).waitFor();
  await window.waitForTimeout(200);
  assert.equal(await focused(), "salt-flat.png");
  await window.keyboard.press("?");
  await window.getByRole("dialog", { name: "Keys" }).waitFor();
  await window.keyboard.press("Escape");
  await leave();
});

test("on a phone, an image is opened, left by swiping, and its captions are typed", async () => {
  const visitor = await admin("erin", { phone: true });
  const { window, leave } = visitor;
  await window.getByRole("link", { name: "north-ridge.jpg", exact: true }).tap();
  await window.getByRole("heading", { name: "north-ridge.jpg" }).waitFor();
  await window.getByRole("link", { name: "Next image" }).and(window.locator("[href]")).waitFor();
  const swipe = async (from, to) => {
    await window.locator(".stage").evaluate((stage, [start, end]) => {
      const touch = (x) => new Touch({ identifier: 1, target: stage, clientX: x, clientY: 300 });
      stage.dispatchEvent(new TouchEvent("touchstart", { touches: [touch(start)], changedTouches: [touch(start)], bubbles: true }));
      stage.dispatchEvent(new TouchEvent("touchend", { touches: [], changedTouches: [touch(end)], bubbles: true }));
    }, [from, to]);
  };
  await swipe(300, 80);
  await window.getByRole("heading", { name: "salt-flat.png" }).waitFor();
  await window.getByRole("link", { name: "Previous image" }).and(window.locator("[href]")).waitFor();
  await swipe(80, 300);
  await window.getByRole("heading", { name: "north-ridge.jpg" }).waitFor();
  await window.getByRole("textbox", { name: "Mastodon" }).fill("From a phone");
  const wide = await window.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  assert.equal(wide, false);
  for (const name of ["Queue", "History", "Settings", "Library"]) {
    await window.getByRole("link", { name, exact: true }).tap();
    await window.getByRole("heading", { name, exact: true }).waitFor();
    const isWide = await window.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    assert.equal(isWide, false, `${name} is wider than the phone`);
  }
  await api(visitor, "GET", "/health/live");
  await leave();
});

test("nothing is wider than a window of 320 pixels", async () => {
  const { window, leave, home } = await admin("alice", { phone: true });
  await window.setViewportSize({ width: 320, height: 640 });
  const isWide = () => window.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  const within = (name) => window.getByRole("button", { name, exact: true }).evaluate((it) => it.getBoundingClientRect().right <= 320);
  for (const [name, at, seen] of VIEWS) {
    await window.goto(`${home}/${at}`);
    await seen(window).waitFor();
    assert.equal(await isWide(), false, name);
    await picture(window, `${name}-320`);
    if (name === "image") for (const it of ["Publish", "Publish later", "Delete"]) assert.equal(await within(it), true, it);
    if (name === "history") {
      // The words of a choice that stands there are read whole.
      const widths = await window.locator(".tools select").evaluateAll((all) => all.map((it) => it.clientWidth));
      for (const width of widths) assert.ok(width >= 150, `${width}`);
    }
  }
  await leave();
  const visitor = await visit("alice", { phone: true });
  await visitor.window.setViewportSize({ width: 320, height: 640 });
  await visitor.window.getByLabel("Password").waitFor();
  assert.equal(await visitor.window.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), true);
  await visitor.leave();
});

test("the theme is chosen and kept", async () => {
  const { window, leave } = await admin("alice", { at: "#/settings" });
  const ground = () => window.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await window.getByRole("radio", { name: "Dark" }).check({ force: true });
  const dark = await ground();
  assert.notEqual(light, dark);
  await window.reload();
  assert.equal(await ground(), dark);
  await button(window, "Switch between light and dark").click();
  assert.equal(await ground(), light);
  await leave();
});
