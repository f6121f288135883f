// Takes the pictures of the documentation. Run by `tests/browser/run --pictures <folder>`.

import { join } from "node:path";
import process from "node:process";

import { admin, api, button, close } from "./browser.mjs";

const folder = process.argv[2];
const take = (window, name) => window.screenshot({ path: join(folder, `page-${name}.png`) });

/** Waits until the pictures on the page are there. */
async function settled(window) {
  await window.waitForFunction(() =>
    [...document.images].every((it) => it.complete && !("wanted" in it.dataset)) && document.images.length > 0
  );
  await window.waitForTimeout(300);
}

const first = await admin("carol");
await first.window.getByRole("link", { name: "salt-flat.png", exact: true }).waitFor();
await settled(first.window);
await take(first.window, "library");
await first.leave();

const second = await admin("erin", { scheme: "dark", at: "#/image/salt-flat.png" });
await button(second.window, "Analyze").click();
await second.window.getByRole("heading", { name: "Analysis" }).waitFor();
await settled(second.window);
await take(second.window, "image");
await second.leave();

// A queue with something in it, which is taken out again.
const third = await admin("alice", { at: "#/queue" });
const soon = (hours) => new Date(Date.now() + hours * 3_600_000).toISOString();
const jobs = [];
for (const [filename, hours, needs_approval] of [["harbour-dawn.jpg", 3, false], ["paper-lantern.png", 27, false], ["red-thread.webp", 51, true]]) {
  jobs.push(await api(third, "POST", "/api/jobs", { filename, publish_at: soon(hours), needs_approval }));
}
await third.window.getByRole("link", { name: "red-thread.webp" }).waitFor();
await settled(third.window);
await take(third.window, "queue");
await third.leave();

const fourth = await admin("alice", { phone: true, scheme: "dark", at: "#/image/harbour-dawn.jpg" });
await fourth.window.getByRole("textbox", { name: "Telegram" }).waitFor();
await settled(fourth.window);
await take(fourth.window, "phone");
await fourth.leave();
for (const { id } of jobs) await api(fourth, "POST", `/api/jobs/${id}/cancel`);
await close();
