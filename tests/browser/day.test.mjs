// A day with the page, on the real service with nothing made up: from the login to the logout, by mouse, on a phone, and by keys
// alone; and two people at once. The sandbox was started with `--refuse-once` and `--slow` for it (see `run`).

import assert from "node:assert/strict";
import process from "node:process";
import { after, test } from "node:test";

import { admin, api, button, close, visit } from "./browser.mjs";
import { choose, HANDS, LOGINS, newPicture } from "./hands.mjs";

after(close);

/** What the sandbox was told of: Telegram refuses the first post with each of these, and is slow with that one. */
const REFUSED = (process.env.REFUSED_ONCE ?? "").split(" ").filter((it) => it !== "");
const { SLOW } = process.env;

/** The publications of an image, as `platform outcome`, in their order. */
async function record(visitor, name) {
  const { publications } = await api(visitor, "GET", `/api/publications?filename=${encodeURIComponent(name)}`);
  return publications.map((it) => `${it.platform} ${it.outcome}`).reverse();
}

let refused = 0;

for (const [way, { options, hand: make }] of Object.entries(HANDS)) {
  for (const [login, logIn] of Object.entries(LOGINS)) {
    test(`a day ${way}: log in ${login}, upload, look, analyze, edit, publish, retry, plan, approve, look back, log out`, async (t) => {
      const word = REFUSED[refused];
      refused += 1;
      if (!word) {
        t.skip("the sandbox was not told to refuse a post");
        return;
      }
      const visitor = await visit("carol", options);
      const { window, leave } = visitor;
      const hand = make(window);
      const name = `day-${refused}-${Date.now()}.png`;
      const view = (title) => window.getByRole("heading", { name: title, exact: true });

      await window.getByLabel("Password").waitFor();
      await logIn(window, hand);
      await view("Library").waitFor();

      // Upload, and look at it.
      const file = { name, mimeType: "image/png", buffer: newPicture() };
      await choose(window, () => hand.press(button(window, "Upload")), file);
      await window.locator(".uploads li.done", { hasText: name }).waitFor();
      await hand.press(button(window, "Close the uploads"));
      await hand.type(window.getByLabel("Search by name"), name);
      await window.getByText("1 image", { exact: true }).waitFor();
      await hand.press(window.getByRole("link", { name, exact: true }));
      await view(name).waitFor();
      await window.waitForFunction(() => (document.querySelector("img.picture")?.naturalWidth ?? 0) > 0);

      // Have captions written, and edit them.
      const telegram = window.getByRole("textbox", { name: "Telegram" });
      const fetlife = window.getByRole("textbox", { name: "FetLife" });
      await hand.press(button(window, "Analyze"));
      await view("Analysis").waitFor();
      const written = await telegram.inputValue();
      assert.notEqual(written, "");
      assert.notEqual(await fetlife.inputValue(), "");
      await hand.type(telegram, `Edited ${word}`);
      await hand.type(fetlife, `Also edited ${word}`);

      // Telegram refuses it, the other takes it; Retry goes to Telegram alone.
      await hand.press(button(window, "Publish"));
      await window.getByText("Some platforms did not take it.").waitFor();
      await window.getByText("not enough rights to send photos", { exact: false }).first().waitFor();
      await window.getByText("Sends to Telegram only.", { exact: true }).waitFor();
      assert.deepEqual((await record(visitor, name)).sort(), ["email published", "telegram failed"]);
      await hand.press(button(window, "Retry"));
      await window.getByText("Published.", { exact: true }).waitFor();
      const after = (await record(visitor, name)).filter((it) => it.endsWith("published"));
      assert.deepEqual(after.sort(), ["email published", "telegram published"]);

      // Another one later, once somebody has said yes.
      const next = "salt-flat.png";
      await hand.press(window.getByRole("link", { name: "Library", exact: true }));
      await view("Library").waitFor();
      await hand.type(window.getByLabel("Search by name"), next);
      await hand.press(window.getByRole("link", { name: next, exact: true }));
      await view(next).waitFor();
      await hand.press(button(window, "Publish later"));
      const dialog = window.getByRole("dialog");
      await hand.press(button(dialog, "Monday morning"));
      await hand.check(dialog.getByLabel("Ask for approval first"));
      await hand.press(button(dialog, "Schedule"));
      await dialog.waitFor({ state: "detached" });
      await hand.press(window.getByRole("link", { name: "Queue", exact: true }));
      await view("Queue").waitFor();
      const job = window.locator("li.job", { hasText: next });
      await hand.press(button(job, "Approve"));
      await button(job, "Approve").waitFor({ state: "detached" });
      const [planned] = (await api(visitor, "GET", "/api/jobs?status=scheduled")).jobs;
      assert.equal(planned.filename, next);
      assert.equal(new Date(planned.publish_at).getUTCDay(), 1);
      await hand.press(button(job, "Cancel").first());
      await window.getByText("Somebody cancelled it.").first().waitFor();

      // What was published is in the history, with what failed.
      await hand.press(window.getByRole("link", { name: "History", exact: true }));
      await window.getByRole("rowheader", { name }).first().waitFor();
      const row = window.locator("tr", { hasText: name });
      await row.filter({ hasText: "Telegram" }).getByText("Published", { exact: true }).waitFor();
      await row.filter({ hasText: "FetLife" }).getByText("Published", { exact: true }).waitFor();

      await hand.press(button(window, "Log out"));
      await window.getByLabel("Password").waitFor();
      assert.equal((await window.evaluate(async () => (await fetch("/api/images/list")).status)), 401);
      await leave();
    });
  }
}

test("while one of two people publishes an image, the other sees it and cannot; then both see the outcome", async (t) => {
  if (!SLOW) {
    t.skip("the sandbox was not told to be slow");
    return;
  }
  const first = await admin("carol");
  const name = `both-${Date.now()}.png`;
  await first.window.getByLabel("Images to upload").setInputFiles([{ name, mimeType: "image/png", buffer: newPicture() }]);
  await first.window.locator(".uploads li.done", { hasText: name }).waitFor();
  await button(first.window, "Close the uploads").click();
  const second = await admin("carol", { at: `#/image/${name}` });
  await first.window.getByRole("link", { name, exact: true }).click();
  for (const { window } of [first, second]) {
    await window.getByRole("textbox", { name: "Telegram" }).fill(`Both ${SLOW}`);
    await window.getByRole("textbox", { name: "FetLife" }).fill(`Both ${SLOW}`);
  }
  await button(first.window, "Publish").click();
  await second.window.getByText("This image is being published.").first().waitFor();
  for (const action of ["Publish", "Publish later"]) {
    assert.equal(await button(second.window, action).isDisabled(), true, action);
  }
  // A third who comes only now sees it as well.
  const third = await admin("carol", { at: `#/image/${name}` });
  await third.window.getByText("This image is being published.").first().waitFor();
  // Who does not use the page is refused.
  const refusal = await api(second, "POST", `/api/images/${name}/publish`, { caption: "Once more" });
  assert.equal(refusal.type, "/problems/conflict");
  await first.window.getByText("Published.", { exact: true }).waitFor();
  await second.window.getByText("Published.", { exact: true }).waitFor();
  assert.equal(await second.window.getByRole("textbox", { name: "Telegram" }).inputValue(), `Both ${SLOW}`);
  assert.deepEqual((await record(first, name)).sort(), ["email published", "telegram published"]);
  for (const visitor of [third, second, first]) await visitor.leave();
});
