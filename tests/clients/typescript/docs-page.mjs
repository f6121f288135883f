// The page at `/docs`, as people use it: in a browser, with the token, trying an operation. Run by
// `tests/clients/docs-page`. Takes a folder for pictures of it, if they are wanted.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

import { chromium } from "playwright-core";

/** Takes a picture of everything from the first of these elements to the last. */
async function picture(page, name, elements) {
  const folder = process.argv[2];
  if (!folder) return;
  await page.mouse.move(0, 0);
  await page.evaluate(() => {
    document.activeElement?.blur();
    window.scrollTo(0, 0);
  });
  const boxes = await Promise.all((await elements.all()).map((element) => element.boundingBox()));
  const margin = 4;
  const x = Math.min(...boxes.map((box) => box.x)) - margin;
  const y = Math.min(...boxes.map((box) => box.y)) - margin;
  const right = Math.max(...boxes.map((box) => box.x + box.width)) + margin;
  const bottom = Math.max(...boxes.map((box) => box.y + box.height)) + margin;
  const clip = { x, y, width: right - x, height: bottom - y };
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, clip });
}

const url = new URL(process.env.BASE_URL);
const address = url.hostname;
url.hostname = process.env.TENANT_HOST;
const profile = await mkdtemp(join(tmpdir(), "docs-page-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  viewport: { width: 1120, height: 1000 },
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    `--host-resolver-rules=MAP ${url.hostname} ${address}`,
  ],
});
try {
  const page = await browser.newPage();
  const hosts = new Set();
  const complaints = [];
  page.on("request", (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol.startsWith("http")) hosts.add(host);
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`${message.text()} ${message.location().url}`);
  });

  await page.goto(`${url.origin}/docs`);
  await page.locator(".opblock").first().waitFor();
  const described = await (await fetch(`${process.env.BASE_URL}/openapi.json`)).json();
  const operations = Object.values(described.paths).flatMap((methods) => Object.keys(methods));
  assert.equal(await page.locator(".opblock").count(), operations.length);
  console.log(`docs page: shows ${operations.length} operations`);
  await picture(page, "api-operations", page.locator(".opblock-tag-section"));

  await page.getByRole("button", { name: "Authorize" }).first().click();
  const bearer = page.locator(".auth-container", { hasText: "bearerAuth" });
  await bearer.locator("input").fill(process.env.TOKEN);
  await bearer.getByRole("button", { name: "Apply credentials" }).or(
    bearer.locator("button.authorize"),
  ).first().click();
  await page.locator(".close-modal").click();

  const list = page.locator("#operations-Images-listImages");
  await list.locator(".opblock-summary-control").click();
  await list.getByRole("button", { name: "Try it out" }).click();
  await list.getByPlaceholder("after", { exact: true }).fill("d");
  await list.getByRole("button", { name: "Execute" }).click();
  const answer = list.locator(".live-responses-table .response").first();
  await answer.waitFor();
  assert.equal((await answer.locator(".response-col_status").innerText()).trim(), "200");
  assert.match(await answer.innerText(), /harbour-dawn\.jpg/);
  console.log("docs page: lists images with the token, and is answered with 200");

  assert.deepEqual([...hosts], [url.host]);
  assert.deepEqual(complaints, []);
  console.log(`docs page: has asked no host but ${url.host}`);
  // What has the token in it is no picture to show.
  await list.evaluate((element, token) => {
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode;
      text.data = text.data.replaceAll(token, "$TOKEN");
    }
  }, process.env.TOKEN);
  await picture(page, "api-try", list.locator(".opblock-summary, .live-responses-table"));
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}
