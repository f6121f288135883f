// Everything from outside is text: names, captions, sidecars, errors, addresses of posts. A script that ran would change the
// title, or set `ran`.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { admin, api, button, close, problem } from "./browser.mjs";
import { newPicture } from "./hands.mjs";

after(close);

const ATTACKS = [
  `<img src=x onerror="document.title='ran';window.ran=1">.jpg`,
  `"><script>document.title='ran';window.ran=1</script>.png`,
  `javascript:document.title='ran'.webp`,
  `'-window.ran=1-'.jpg`,
  "%2e%2e%2f#&?x=\u202Egpj.jpg",
  `<svg onload="window.ran=1">`,
];

const attack = `<img src=x onerror="document.title='ran';window.ran=1"><a href="javascript:window.ran=1">x</a>`;

const entry = (filename, outcome) => ({
  id: attack, filename, platform: "telegram", content_hash: attack, content_hash_kind: "sha256", outcome, reason: attack,
  error: attack, post_id: attack, post_url: "javascript:window.ran=1", started_at: attack, ended_at: attack,
});

const info = (filename) => ({
  filename, temp_url: "javascript:window.ran=1", thumbnail_url: "javascript:window.ran=1", sha256: null, caption: attack,
  sd_caption: attack, metadata: { alt_text: attack, description: attack, mood: attack, tags: [attack], [attack]: attack },
  has_sidecar: true, caption_generated: { telegram: attack }, caption_submitted: null, platform_limits: { telegram: 40 },
});

/** Nothing ran, and nothing of the attack became an element. */
async function unharmed(window, title) {
  await window.waitForTimeout(150);
  assert.equal(await window.evaluate(() => window.ran), undefined);
  assert.equal(await window.title(), title);
  const made = await window.evaluate(() =>
    [...document.querySelectorAll("body script, [onerror], [onload], img[src='x'], [href^='javascript'], [src^='javascript'], iframe")].length
  );
  assert.equal(made, 0);
}

test("hostile names, sidecars, errors and addresses are text in every view", async () => {
  const visitor = await admin("bob", {
    before: async (window) => {
      await window.route("**/api/images/list?*", (route) => route.fulfill({ json: { filenames: ATTACKS, count: ATTACKS.length } }));
      await window.route(/\/api\/images\/[^/?]+$/, (route) =>
        route.fulfill({ json: info(decodeURIComponent(new URL(route.request().url()).pathname.split("/")[3])) }));
      await window.route("**/thumbnail?*", (route) => route.fulfill({ status: 404, body: "" }));
      await window.route("**/analyze*", (route) => route.fulfill(problem(502, "upstream-failed", { detail: attack })));
      await window.route("**/api/publications?*", (route) =>
        route.fulfill({ json: { publications: ["failed", "unknown", attack].map((it) => entry(attack, it)), next_cursor: null } }));
      await window.route("**/api/config/voice-profile", (route) =>
        route.fulfill({ json: { voice_profile: [attack], enabled: true, examples_used: 1 } }));
      const job = {
        id: attack, status: "failed", filename: attack, publish_at: attack, created_at: attack, attempts: 1, stage: attack,
        error: attack, reason: attack, platforms: [attack], caption: attack, captions: { telegram: attack }, force: false,
        needs_approval: false, schedule: attack,
        results: { [attack]: { outcome: attack, success: false, caption: attack, error: attack, reason: attack, post_id: attack, post_url: "data:text/html,x", retry_after_seconds: null } },
      };
      await window.route("**/api/jobs?*", (route) => route.fulfill({ json: { jobs: [job], next_cursor: null } }));
      await window.route("**/api/schedule", (route) =>
        route.fulfill({ json: { timezone: attack, times: [attack], platforms: null, enabled: true, needs_approval: false, next: [attack] } }));
    },
  });
  const { window, leave, home } = visitor;
  await window.getByRole("link", { name: ATTACKS[0], exact: true }).waitFor();
  await unharmed(window, "Library · Publisher");
  for (const name of ATTACKS) {
    await window.goto(`${home}/#/image/${encodeURIComponent(name)}`);
    await window.getByRole("heading", { name, exact: true }).waitFor();
    await window.getByText(attack).first().waitFor();
    await unharmed(window, "Image · Publisher");
  }
  assert.equal(await window.getByRole("link", { name: "Open original" }).count(), 0);
  await button(window, "Analyze").click();
  await window.getByRole("region", { name: "Notices" }).getByText(attack, { exact: false }).waitFor();
  for (const [view, title] of [["queue", "Queue"], ["history", "History"], ["settings", "Settings"]]) {
    await window.goto(`${home}/#/${view}`);
    await window.getByText(attack, { exact: false }).first().waitFor();
    await unharmed(window, `${title} · Publisher`);
  }
  for (const at of [attack, "javascript:window.ran=1", "%E0%A4%A", "image/%E0%A4%A"]) {
    await window.goto(`${home}/#/${at}`);
    await window.locator("main h1").waitFor();
    assert.equal(await window.evaluate(() => window.ran), undefined);
  }
  await leave();
});

test("a caption that is markup is sent and shown as it was typed", async () => {
  const visitor = await admin("bob", { at: "#/image/tide-line.webp" });
  const { window, leave } = visitor;
  const box = window.getByRole("textbox", { name: "Telegram" });
  await box.fill(attack);
  await button(window, "Preview").click();
  await window.locator(".preview blockquote").getByText("onerror", { exact: false }).waitFor();
  await unharmed(window, "Image · Publisher");
  await leave();
});

test("a hostile name and captions are uploaded, published, and read back from the sidecar, for real, and nothing runs", async () => {
  const visitor = await admin("carol");
  const { window, leave, home } = visitor;
  // Without a double quote: browsers write it as %22 into a form.
  const name = `'><img src=x onerror=window.ran=1 ${Date.now()}>.png`;
  await window.getByLabel("Images to upload").setInputFiles([{ name, mimeType: "image/png", buffer: newPicture() }]);
  await window.locator(".uploads li.done", { hasText: name }).waitFor();
  await window.getByRole("link", { name, exact: true }).waitFor();
  await unharmed(window, "Library · Publisher");
  await button(window, "Close the uploads").click();
  await window.getByRole("link", { name, exact: true }).click();
  await window.getByRole("heading", { name, exact: true }).waitFor();
  for (const platform of ["Telegram", "FetLife"]) await window.getByRole("textbox", { name: platform }).fill(attack);
  await button(window, "Publish").click();
  await window.getByText("Published.", { exact: true }).waitFor();
  await unharmed(window, "Image · Publisher");
  await window.goto(`${home}/#/history`);
  await window.getByRole("rowheader", { name, exact: true }).first().waitFor();
  await unharmed(window, "History · Publisher");

  await leave();
});

test("what the policy allows is scripts and styles of this host alone", async () => {
  const visitor = await admin("bob");
  const answer = await visitor.window.request.fetch(visitor.home).catch(() => null);
  const policy = answer?.headers()["content-security-policy"] ?? await visitor.window.evaluate(async () =>
    (await fetch("/")).headers.get("content-security-policy"));
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*|data:|https?:/);
  await api(visitor, "GET", "/health/live");
  await visitor.leave();
});
