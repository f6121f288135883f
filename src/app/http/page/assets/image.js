// The view of one image: the picture, its captions, its analysis, its publication, and what was published when.

import { call, explain, imagePath, Problem, thumbnail } from "./api.js";
import { Captions } from "./captions.js";
import { allowedActions, curate } from "./curation.js";
import { button, fill, h, icon } from "./dom.js";
import { pause } from "./events.js";
import { publishLater } from "./later.js";
import { ACTIONS, remember } from "./library.js";
import { announce, notify, openDialog } from "./notices.js";
import { because, outcomeChip, postLink, when } from "./outcomes.js";
import { planned } from "./planned.js";
import { platformName } from "./platforms.js";
import { Publishing } from "./publishing.js";
import { session } from "./session.js";
import { source } from "./source.js";
import { Steps } from "./steps.js";

/** How long a publication may run, in milliseconds. */
const LONGEST_PUBLICATION = 600_000;
/** How often the record is read while a publication runs elsewhere, in milliseconds. */
const WATCH = 3_000;

/**
 * The view.
 * @param {string} filename
 * @returns {import("./main.js").View}
 */
export function imageView(filename) {
  const end = new AbortController();
  remember(filename);
  const heading = h("h1", { id: "image-title", tabindex: -1, dir: "auto" }, filename);
  const steps = new Steps(filename);
  const stage = h("div", { class: "stage" });
  const panel = h("div", { class: "panel" }, h("p", { class: "waiting" }, "Loading the image …"));
  const node = h(
    "article",
    { class: "image-view", "aria-labelledby": "image-title" },
    h(
      "div",
      { class: "image-head" },
      h("a", { class: "button", href: "#/library", "aria-label": "All images" }, icon("back"), h("span", null, "All images")),
      h("div", { class: "image-title" }, heading, steps.place),
      steps.element,
    ),
    h("div", { class: "image-body" }, stage, panel),
  );
  void steps.load();
  steps.follow(stage, end.signal);
  const image = new ImagePage(filename, stage, panel, () => steps.leave());
  void image.load();
  return {
    node,
    title: "Image",
    dispose: () => {
      end.abort();
      image.dispose();
    },
  };
}

class ImagePage {
  #end = new AbortController();
  #record = h("section", { class: "record", "aria-labelledby": "record-title" });
  #analysis = h("section", { class: "analysis", "aria-labelledby": "analysis-title" });
  #planned = h("p", { class: "planned-note", hidden: true });
  /** @type {Captions | null} */
  #captions = null;
  #publishing;
  #publish = button("Publish", "publish", () => this.#startPublishing(), { class: "button primary large" });
  #later = button("Publish later", "later", () => this.#startLater(), { class: "button large" });
  #analyze = button("Analyze", "analyze", () => void this.#startAnalysis(), { class: "button small" });
  /** @type {Schemas["ImageInfo"] | null} */
  #info = null;
  #isGone = false;
  #isWatching = false;

  /**
   * @param {string} filename
   * @param {HTMLElement} stage
   * @param {HTMLElement} panel
   * @param {() => void} gone
   */
  constructor(filename, stage, panel, gone) {
    this.filename = filename;
    this.stage = stage;
    this.panel = panel;
    this.gone = gone;
    this.#publishing = new Publishing(filename, {
      changed: () => this.#showBusy(),
      ended: (results) => void this.#ended(results),
    });
  }

  dispose() {
    this.#end.abort();
    this.#publishing.dispose();
  }

  async load() {
    const { signal } = this.#end;
    try {
      this.#info = await call("GET", imagePath(this.filename), { signal });
    } catch (error) {
      if (signal.aborted) return;
      this.#showMissing(error);
      return;
    }
    this.#showPicture();
    this.#showPanel();
  }

  #showPicture() {
    const info = this.#info;
    const alt = textOf(info?.metadata?.["alt_text"]) || this.filename;
    const picture = h("img", { src: thumbnail(this.filename, "w1024h768"), alt, class: "picture" });
    picture.addEventListener("load", () => picture.classList.add("shown"));
    picture.addEventListener("error", () => {
      picture.replaceWith(h("p", { class: "waiting" }, icon("image"), "No thumbnail can be made of this file."));
    });
    const actions = session().admin ? allowedActions() : [];
    fill(
      this.stage,
      h("div", { class: "mat" }, picture),
      h(
        "div",
        { class: "stage-actions" },
        actions.map((action) => {
          const { name, icon: iconName } = ACTIONS[action] ?? { name: action, icon: "check" };
          return button(name, iconName, () => {
            curate(action, [this.filename]);
            this.gone();
          }, { class: action === "delete" ? "button danger" : "button" });
        }),
        info ? h("a", { class: "button", href: info.temp_url, target: "_blank", rel: "noopener noreferrer" },
          icon("external"), h("span", null, "Open original")) : null,
      ),
    );
  }

  #showPanel() {
    const { admin, features } = session();
    if (!admin) {
      fill(this.panel, h("p", { class: "quiet" }, "Log in to publish this image."));
      return;
    }
    this.#captions = new Captions(this.filename, this.#info, features.analyze_caption_enabled ? [this.#analyze] : []);
    const canPublish = features.publish_enabled && session().platforms.length > 0;
    fill(
      this.panel,
      this.#publishing.element,
      this.#captions.element,
      canPublish
        ? [this.#planned, h("div", { class: "publish-bar" }, this.#publish, this.#later)]
        : h("p", { class: "quiet" }, "Publishing is off for this site."),
      this.#analysis,
      this.#record,
    );
    this.#showAnalysis(null);
    void this.#showRecord();
    this.#publishing.resume();
    planned.addEventListener("change", () => this.#showPlanned(), { signal: this.#end.signal });
    void planned.load();
  }

  #showPlanned() {
    const job = planned.of(this.filename);
    this.#planned.hidden = !job;
    if (!job) return;
    const text = job.status === "awaiting_approval" ? "Waits for approval, for " : "Planned for ";
    fill(this.#planned, icon("queue"), h("span", null, text, when(job.publish_at), " ", h("a", { href: "#/queue" }, "Change it")));
  }

  #showBusy() {
    const isOff = this.#publishing.isBusy || this.#isGone;
    for (const it of [this.#publish, this.#later, this.#analyze]) it.disabled = isOff;
    for (const it of this.stage.querySelectorAll("button")) it.disabled = isOff;
    if (this.#publishing.isElsewhere) void this.#watch();
  }

  /** Looks at the record until what runs elsewhere is over. */
  async #watch() {
    if (this.#isWatching) return;
    this.#isWatching = true;
    while (this.#publishing.isElsewhere && !this.#end.signal.aborted) {
      await pause(WATCH, this.#end.signal);
      if (this.#publishing.isElsewhere) await this.#showRecord();
    }
    this.#isWatching = false;
  }

  #startPublishing() {
    const request = this.#captions?.request();
    if (!request) return;
    if ("message" in request) this.#captions?.refuse(request.message, request.box);
    else {
      this.#confirmCut("Publish with the cut", () => {
        this.#publishing.start(request.body);
        this.#publishing.element.scrollIntoView({ block: "nearest" });
      });
    }
  }

  /**
   * Asks first where a caption would be cut.
   * @param {string} name
   * @param {() => void} act
   */
  #confirmCut(name, act) {
    const platforms = (this.#captions?.cut ?? []).map(platformName).join(", ");
    if (platforms === "") {
      act();
      return;
    }
    openDialog(`${name}?`, (close) => [
      h("p", null, `The caption is too long for ${platforms}, and would end where the page shows the cut.`),
      h("footer", { class: "row-actions" }, button("Back", null, close), button(name, null, () => {
        close();
        act();
      }, { class: "button primary" })),
    ]);
  }

  #startLater() {
    const request = this.#captions?.request();
    if (!request) return;
    if ("message" in request) this.#captions?.refuse(request.message, request.box);
    else this.#confirmCut("Plan with the cut", () => publishLater(this.filename, request.body, () => this.#captions?.sent()));
  }

  async #startAnalysis() {
    if (this.#analyze.getAttribute("aria-busy") === "true") return;
    this.#analyze.setAttribute("aria-busy", "true");
    announce("Analyzing the image.");
    try {
      const query = this.#info?.caption_generated ? { force_refresh: "true" } : {};
      /** @type {Schemas["ImageAnalysis"]} */
      const analysis = await call("POST", imagePath(this.filename, "analyze"), { query, signal: this.#end.signal });
      const keptBoxes = this.#captions?.show(analysis.platform_captions) ?? 0;
      this.#showAnalysis(analysis);
      announce("The image is analyzed.");
      if (keptBoxes > 0) notify({ text: "What you typed is still there. “Use the written one” takes the new caption." });
    } catch (error) {
      if (!this.#end.signal.aborted) notify({ kind: "bad", text: `Not analyzed. ${explain(error)}`, stays: true });
    }
    this.#analyze.removeAttribute("aria-busy");
  }

  /** @param {Schemas["ImageAnalysis"] | null} analysis */
  #showAnalysis(analysis) {
    const metadata = this.#info?.metadata ?? {};
    const tags = analysis?.tags ?? listOf(metadata["tags"]);
    /** @type {[string, string][]} */
    const texts = [
      ["Alt text", analysis?.alt_text ?? textOf(metadata["alt_text"])],
      ["What it shows", analysis?.description ?? textOf(metadata["description"])],
      ["Mood", analysis?.mood ?? textOf(metadata["mood"])],
      ["For training", analysis?.sd_caption ?? this.#info?.sd_caption ?? ""],
    ];
    const known = texts.filter(([, text]) => text !== "");
    const nsfw = analysis?.nsfw ?? (textOf(metadata["nsfw"]) === "true");
    this.#analysis.hidden = known.length === 0 && tags.length === 0;
    fill(
      this.#analysis,
      h("h2", { id: "analysis-title" }, "Analysis", nsfw ? h("span", { class: "chip warn" }, "Not safe for work") : null),
      h("dl", null, known.map(([name, text]) => h("div", null, h("dt", null, name), h("dd", { dir: "auto" }, text)))),
      tags.length > 0 ? h("ul", { class: "tags", "aria-label": "Tags" }, tags.map((it) => h("li", { dir: "auto" }, it))) : null,
    );
  }

  async #showRecord() {
    const title = h("h2", { id: "record-title" }, "Published so far");
    try {
      /** @type {Schemas["PublicationList"]} */
      const list = await call("GET", "/api/publications", {
        query: { filename: this.filename, limit: 50 },
        signal: this.#end.signal,
      });
      const entries = list.publications;
      fill(this.#record, title, entries.length === 0 ? h("p", { class: "quiet" }, "Nowhere yet.") : h(
        "ul",
        { class: "results" },
        entries.map((it) => h(
          "li",
          null,
          h(
            "div",
            { class: "result-head" },
            h("strong", null, it.platform ? platformName(it.platform) : "By another service"),
            outcomeChip(it.outcome),
            when(it.ended_at ?? it.started_at),
          ),
          it.error || it.reason ? h("p", { class: "why", dir: "auto" }, because(it.reason, it.error)) : null,
          h("div", { class: "row-actions" }, postLink(it.post_url, it.platform ?? "")),
        )),
      ));
      // One that is older was ended without a record: it does not run any more.
      const isRunning = entries.some((it) =>
        it.outcome === "in_progress" && Date.now() - Date.parse(it.started_at) < LONGEST_PUBLICATION
      );
      if (isRunning) this.#publishing.busyElsewhere();
      else {
        this.#publishing.freed();
        this.#publishing.showEarlier(entries);
      }
    } catch (error) {
      if (this.#end.signal.aborted) return;
      fill(this.#record, title, h("p", { class: "field-problem" }, explain(error)));
    }
  }

  /**
   * @param {Record<string, Schemas["PlatformResult"]>} results
   */
  async #ended(results) {
    const isThere = Object.values(results).some((it) => it.success);
    if (isThere) this.#captions?.sent();
    void this.#showRecord();
    if (!isThere) return;
    try {
      this.#info = await call("GET", imagePath(this.filename), { signal: this.#end.signal });
    } catch (error) {
      if (!(error instanceof Problem) || error.kind !== "image-not-found") return;
      // It is in the archive now: what is on the page stays to be read.
      this.#isGone = true;
      source.gone(this.filename);
      this.#showBusy();
    }
  }

  /** @param {unknown} error */
  #showMissing(error) {
    const isGone = error instanceof Problem && error.kind === "image-not-found";
    if (!isGone) {
      fill(this.stage);
      fill(
        this.panel,
        h(
          "div",
          { class: "state-card", role: "alert" },
          icon("warning"),
          h("h2", null, "The image cannot be shown"),
          h("p", null, explain(error)),
          button("Try again", "retry", () => void this.load(), { class: "button primary" }),
        ),
      );
      return;
    }
    fill(this.stage, h("div", { class: "mat" }, h("p", { class: "waiting" }, icon("image"), "Not in the library any more")));
    fill(
      this.panel,
      h("p", null, "The image was published and archived, moved or deleted. Its history stays."),
      session().admin ? [this.#publishing.element, this.#record] : null,
    );
    if (!session().admin) return;
    void this.#showRecord();
    this.#publishing.resume();
  }
}

/** @param {unknown} value */
function textOf(value) {
  return typeof value === "string" ? value : "";
}

/** @param {unknown} value @returns {string[]} */
function listOf(value) {
  return Array.isArray(value) ? value.map(String) : [];
}
