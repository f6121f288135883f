// The view of the history: the ledger of publications, newest first, filtered, a page at a time.

import { call, explain } from "./api.js";
import { button, fill, h, icon, newId } from "./dom.js";
import { newKey } from "./drafts.js";
import { announce, notify } from "./notices.js";
import { because, HISTORY_OUTCOMES, outcomeChip, outcomeName, postLink, when } from "./outcomes.js";
import { platformName } from "./platforms.js";
import { session } from "./session.js";

/** The filters, kept while the page is open. */
const filters = { filename: "", platform: "", outcome: "" };
const PAGE = 50;

/**
 * The view.
 * @returns {import("./main.js").View}
 */
export function historyView() {
  const end = new AbortController();
  const body = h("tbody");
  const foot = h("div", { class: "more" });
  const state = h("div", { role: "status" });
  /** @type {string | null} */
  let cursor = null;
  let generation = 0;

  const load = async (/** @type {boolean} */ isMore) => {
    generation += 1;
    const own = generation;
    if (!isMore) cursor = null;
    fill(foot, h("p", { class: "waiting" }, "Loading …"));
    try {
      /** @type {Schemas["PublicationList"]} */
      const list = await call("GET", "/api/publications", {
        query: { ...filters, cursor, limit: PAGE },
        signal: end.signal,
      });
      if (own !== generation) return;
      if (!isMore) body.replaceChildren();
      body.append(...list.publications.map((it) => row(it)));
      cursor = list.next_cursor;
      const count = body.childElementCount;
      fill(foot, cursor === null ? null : button("Show more", null, () => void load(true)));
      fill(state, count === 0 ? nothing() : null);
      table.hidden = count === 0;
      announce(count === 0 ? "No entries." : `${count} entries${cursor === null ? "" : ", and more"}.`);
    } catch (error) {
      if (end.signal.aborted || own !== generation) return;
      fill(
        foot,
        h("p", { class: "field-problem", role: "alert" }, explain(error)),
        button("Try again", "retry", () => void load(isMore)),
      );
    }
  };

  const table = h(
    "table",
    { class: "history-table" },
    h("caption", { class: "visually-hidden" }, "Publications, newest first"),
    h("thead", null, h("tr", null, ["Image", "Platform", "Outcome", "When", "Actions"].map((it) => h("th", { scope: "col" }, it)))),
    body,
  );
  const node = h(
    "section",
    { class: "history", "aria-labelledby": "history-title" },
    h(
      "div",
      { class: "view-head" },
      h("h1", { id: "history-title", tabindex: -1 }, "History"),
      filterForm(() => void load(false)),
    ),
    state,
    table,
    foot,
  );
  void load(false);
  return { node, title: "History", dispose: () => end.abort() };
}

function nothing() {
  const isFiltered = Object.values(filters).some((it) => it !== "");
  return h(
    "div",
    { class: "state-card" },
    icon("history"),
    h("h2", null, isFiltered ? "Nothing matches" : "Nothing is published yet"),
    h("p", null, isFiltered ? "Try other filters. A name must be whole." : "What is published shows here, with links to the posts."),
  );
}

/** @param {() => void} changed */
function filterForm(changed) {
  const name = h("input", {
    type: "search",
    value: filters.filename,
    placeholder: "Name of the image",
    "aria-label": "Name of the image",
    onchange: () => {
      filters.filename = name.value.trim();
      changed();
    },
  });
  const choice = (/** @type {"platform" | "outcome"} */ field, /** @type {string} */ label, /** @type {[string, string][]} */ options) => {
    const select = h("select", {
      "aria-label": label,
      onchange: () => {
        filters[field] = select.value;
        changed();
      },
    }, h("option", { value: "" }, `Every ${label.toLowerCase()}`), options.map(([value, text]) => h("option", { value }, text)));
    select.value = filters[field];
    return h("label", { class: "select" }, select);
  };
  return h(
    "form",
    { class: "tools", role: "search", onsubmit: (/** @type {SubmitEvent} */ event) => event.preventDefault() },
    h("label", { class: "search" }, icon("search"), name),
    choice("platform", "Platform", ["telegram", "mastodon", "bluesky", "email"].map((it) => [it, platformName(it)])),
    choice("outcome", "Outcome", HISTORY_OUTCOMES.map((it) => [it, outcomeName(it)])),
  );
}

/**
 * @param {Schemas["Publication"]} entry
 * @returns {HTMLTableRowElement}
 */
function row(entry) {
  const id = newId("entry");
  const name = entry.filename
    ? h("a", { id, href: `#/image/${encodeURIComponent(entry.filename)}`, dir: "auto" }, entry.filename)
    : h("span", { id, class: "quiet" }, "Name not known");
  const why = because(entry.reason, entry.error);
  const cell = (/** @type {string} */ label, /** @type {import("./dom.js").Child[]} */ ...content) =>
    h("td", { "data-label": label }, ...content);
  /** @type {HTMLTableRowElement} */
  const made = h(
    "tr",
    null,
    h("th", { scope: "row" }, name),
    cell("Platform", entry.platform ? platformName(entry.platform) : "—"),
    cell("Outcome", outcomeChip(entry.outcome), why ? h("p", { class: "why", dir: "auto" }, why) : null),
    cell("When", when(entry.ended_at ?? entry.started_at)),
    cell("Actions", h("div", { class: "row-actions" }, actions(entry, id, () => made))),
  );
  return made;
}

/**
 * @param {Schemas["Publication"]} entry
 * @param {string} id
 * @param {() => HTMLElement} own
 */
function actions(entry, id, own) {
  const { platform, filename } = entry;
  const look = { class: "button small", "aria-describedby": id };
  const replace = (/** @type {Schemas["Publication"]} */ by) => {
    const made = row(by);
    own().replaceWith(made);
    announce(`${filename ?? "The image"}: ${outcomeName(by.outcome)}.`);
    made.querySelector("a")?.focus();
  };
  if (entry.outcome === "unknown") {
    const check = button("Check", "eye", async () => {
      check.disabled = true;
      try {
        replace(await call("POST", `/api/publications/${encodeURIComponent(entry.id)}/check`));
      } catch (error) {
        check.disabled = false;
        notify({ kind: "bad", text: explain(error) });
      }
    }, { ...look, title: "Asks the platform whether the post is there. Sends nothing." });
    return [postLink(entry.post_url, platform ?? ""), check];
  }
  const canRetry = entry.outcome === "failed" && platform && filename && session().platforms.includes(platform);
  if (!canRetry) return [postLink(entry.post_url, platform ?? "")];
  const key = newKey();
  const retry = button("Retry", "retry", async () => {
    retry.disabled = true;
    try {
      const answer = await call("POST", `/api/images/${encodeURIComponent(filename)}/publish`, {
        body: { platforms: [platform] },
        headers: { "Idempotency-Key": key },
      });
      const result = answer.results?.[platform];
      if (result) replace({ ...entry, ...result, outcome: result.success ? "published" : result.outcome, ended_at: new Date().toISOString() });
    } catch (error) {
      retry.disabled = false;
      notify({ kind: "bad", text: explain(error) });
    }
  }, look);
  return [retry];
}
