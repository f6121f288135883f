// The page at `/docs`, as people use it: in a browser, with the token, trying an operation. Run by
// `tests/clients/docs-page`. Names a file for a screenshot, if one is wanted.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

import { chromium } from "playwright-core";

const url = new URL(process.env.BASE_URL);
const address = url.hostname;
url.hostname = process.env.TENANT_HOST;
const profile = await mkdtemp(join(tmpdir(), "docs-page-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  viewport: { width: 1200, height: 1000 },
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
  await list.getByRole("button", { name: "Execute" }).click();
  const answer = list.locator(".live-responses-table .response").first();
  await answer.waitFor();
  assert.equal((await answer.locator(".response-col_status").innerText()).trim(), "200");
  assert.match(await answer.innerText(), /harbour-dawn\.jpg/);
  console.log("docs page: lists images with the token, and is answered with 200");

  assert.deepEqual([...hosts], [url.host]);
  assert.deepEqual(complaints, []);
  console.log(`docs page: has asked no host but ${url.host}`);
  if (process.argv[2]) {
    await list.locator(".live-responses-table").scrollIntoViewIfNeeded();
    await list.evaluate((element) => element.scrollIntoView());
    await page.screenshot({ path: process.argv[2] });
  }
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}
