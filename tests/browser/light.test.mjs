// How light the page is: its bytes, and its document with ten thousand images.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";

import { admin, close, visit } from "./browser.mjs";

after(close);

const MANY = 10_000;
const names = Array.from({ length: MANY }, (_, index) => `image-${String(index).padStart(5, "0")}.jpg`);

test("the shell, which is all that the first view takes, has less than 60 KB", async () => {
  const sizes = new Map();
  for (const name of await readdir(process.env.ASSETS)) {
    sizes.set(name, gzipSync(await readFile(join(process.env.ASSETS, name)), { level: 9 }).length);
  }
  const html = await readFile(join(process.env.ASSETS, "index.html"), "utf8");
  const shell = new Set(["index.html", ...Array.from(html.matchAll(/\/assets\/([\w.-]+)/g), (found) => found[1])]);
  // What a module of the shell imports is of the shell.
  for (const name of shell) {
    if (!name.endsWith(".js")) continue;
    const text = await readFile(join(process.env.ASSETS, name), "utf8");
    for (const [, imported] of text.matchAll(/^(?:import|export) .*?from "\.\/([\w.-]+)"/gm)) {
      assert.ok(shell.has(imported), `${imported} is imported by ${name}, and not preloaded`);
    }
  }
  const sum = (names) => [...names].reduce((total, name) => total + sizes.get(name), 0);
  console.log(`the shell: ${sum(shell)} bytes in ${shell.size} files; all views: ${sum(sizes.keys())} bytes`);
  assert.ok(sum(shell) < 60 * 1024, `${sum(shell)} bytes`);
});

test("with ten thousand images, only those that are seen are in the document", async () => {
  const asked = { thumbnails: 0, lists: 0 };
  const visitor = await admin("bob", {
    before: async (window) => {
      await window.route("**/api/images/list?*", (route) => {
        asked.lists += 1;
        const query = new URL(route.request().url()).searchParams;
        const first = names.indexOf(query.get("after")) + 1;
        return route.fulfill({ json: { filenames: names.slice(first, first + Number(query.get("limit"))), count: MANY } });
      });
      await window.route("**/thumbnail?*", (route) => {
        asked.thumbnails += 1;
        return route.fulfill({ contentType: "image/svg+xml", body: `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>` });
      });
    },
  });
  const { window, leave } = visitor;
  await window.getByText("10,000 images", { exact: true }).waitFor();
  const nodes = () => window.evaluate(() => document.querySelectorAll("*").length);
  const top = await nodes();
  assert.ok(top < 600, `${top} nodes`);
  for (let step = 0; step < 40; step += 1) await window.mouse.wheel(0, 6000);
  await window.keyboard.press("End");
  await window.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
  await window.getByRole("link", { name: names[MANY - 1], exact: true }).waitFor();
  const end = await nodes();
  assert.ok(end < 600, `${end} nodes`);
  assert.equal(asked.lists, 10);

  // From the last image, by keys: Home leads to the first.
  await window.getByRole("link", { name: names[MANY - 1], exact: true }).focus();
  await window.keyboard.press("Home");
  await window.getByRole("link", { name: names[0], exact: true }).waitFor();
  assert.equal(await window.evaluate(() => document.activeElement?.textContent), names[0]);
  await window.getByLabel("Search by name").fill("09999");
  await window.getByText("1 image", { exact: true }).waitFor();
  const memory = await window.evaluate(() => performance.memory?.usedJSHeapSize ?? 0);
  console.log(`ten thousand images: ${top} nodes at the top, ${end} at the end, ${asked.lists} lists, ${asked.thumbnails} thumbnails, ${Math.round(memory / 1024 / 1024)} MB of scripts' memory`);
  await leave();
});

test("a library of ten thousand images is read as far as it is seen, and a list that lacks images ends", async () => {
  let lists = 0;
  const visitor = await admin("carol", {
    before: async (window) => {
      await window.route("**/api/library/objects?*", (route) => {
        lists += 1;
        const query = new URL(route.request().url()).searchParams;
        const first = Number(query.get("offset"));
        const page = names.slice(first, first + Number(query.get("limit"))).map((key) => ({ key, size: 1, last_modified: null }));
        // The folder says that it has more than it has.
        return route.fulfill({ json: { objects: page, total_in_window: MANY + 30, truncated: false, cursor: null, anchor_offset: null } });
      });
      await window.route("**/thumbnail?*", (route) => route.fulfill({ status: 404, body: "" }));
    },
  });
  const { window, leave } = visitor;
  await window.getByRole("link", { name: names[0], exact: true }).waitFor();
  assert.equal(lists, 1);
  await window.getByRole("link", { name: names[0], exact: true }).focus();
  await window.keyboard.press("End");
  await window.getByRole("link", { name: names[MANY - 1], exact: true }).waitFor();
  await window.waitForTimeout(500);
  assert.ok(lists <= 4, `${lists} lists`);
  const end = await window.evaluate(() => document.querySelectorAll("*").length);
  assert.ok(end < 600, `${end} nodes`);
  await leave();
});

test("the first paint, and what it takes", async () => {
  const { window, leave } = await visit("bob");
  await window.getByLabel("Password").waitFor();
  const figures = await window.evaluate(() => {
    const files = performance.getEntriesByType("resource");
    return {
      paint: Math.round(performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? -1),
      bytes: files.reduce((sum, it) => sum + it.transferSize, 0),
      requests: files.length,
    };
  });
  console.log(`first contentful paint after ${figures.paint} ms, ${figures.bytes} bytes in ${figures.requests} requests`);
  assert.ok(figures.paint > 0);
  await leave();
});
