// The captions of an image: a text box for each platform that is on, with a live count, what would be cut, and what is kept
// through reloads and logins.

import { call, explain, imagePath } from "./api.js";
import { counting, measure, rulesOf } from "./caption.js";
import { button, fill, h, icon, newId } from "./dom.js";
import { keep, kept } from "./drafts.js";
import { platformName, platformPlace } from "./platforms.js";
import { session, writesCaptions } from "./session.js";

/**
 * @typedef {object} Box
 * @property {string} platform
 * @property {HTMLTextAreaElement} text
 * @property {HTMLInputElement} isOn
 * @property {HTMLElement} problem
 * @property {() => void} count
 * @property {() => boolean} isCut
 */

/** @typedef {{ body: Record<string, unknown> } | { message: string, box: Box | null }} Request */

export class Captions {
  element = h("section", { class: "captions", "aria-labelledby": newId("captions") });
  /** @type {Box[]} */
  #boxes = [];
  /** What the service has written or was sent, by platform. @type {Record<string, string>} */
  #written = {};
  #preview = h("div", { class: "preview", "aria-live": "polite" });
  #general = h("p", { class: "field-problem", role: "alert" });

  /**
   * @param {string} filename
   * @param {Schemas["ImageInfo"] | null} info
   * @param {Node[]} tools what stands beside the heading
   */
  constructor(filename, info, tools) {
    this.filename = filename;
    const draft = kept(`draft.${filename}`) ?? {};
    this.#written = { ...info?.caption_generated, ...info?.caption_submitted };
    for (const platform of session().platforms) {
      const rules = rulesOf(platform, info?.platform_limits[platform]);
      const value = draft.captions?.[platform] ?? this.#written[platform] ?? "";
      const isOn = !(draft.off ?? []).includes(platform);
      this.#boxes.push(this.#box(platform, rules, value, isOn));
    }
    const heading = h("h2", { id: this.element.getAttribute("aria-labelledby") }, "Captions");
    fill(
      this.element,
      h("div", { class: "section-head" }, heading, tools),
      this.#boxes.length === 0 ? h("p", { class: "quiet" }, "No platform is on. The owner of the site can turn one on.") : null,
      this.#boxes.map((it) => it.text.closest(".box")),
      this.#general,
      this.#boxes.length > 0
        ? h(
          "div",
          { class: "row-actions" },
          button("Preview", "eye", () => void this.#showPreview(), { class: "button small quiet-button" }),
          h("span", { class: "quiet" }, writesCaptions()
            ? "If all boxes are empty, captions are written for you when you publish."
            : "Captions have to be typed: on this site none are written."),
        )
        : null,
      this.#preview,
    );
    this.#hint();
  }

  /** The platforms that are meant. */
  get platforms() {
    return this.#boxes.filter((it) => it.isOn.checked).map((it) => it.platform);
  }

  /** Whether something was typed that the service does not have. */
  get isEdited() {
    return this.#boxes.some((it) => it.text.value !== (this.#written[it.platform] ?? ""));
  }

  /**
   * Shows captions that were written just now; what somebody has typed stays.
   * @param {Record<string, string>} written
   * @returns {number} how many boxes keep what was typed
   */
  show(written) {
    let keptBoxes = 0;
    for (const box of this.#boxes) {
      const text = written[box.platform];
      if (text === undefined) continue;
      const isTyped = box.text.value.trim() !== "" && box.text.value !== (this.#written[box.platform] ?? "");
      this.#written[box.platform] = text;
      if (isTyped) keptBoxes += 1;
      else box.text.value = text;
      box.count();
    }
    this.#save();
    return keptBoxes;
  }

  /** The platforms whose caption would be cut. */
  get cut() {
    return this.#boxes.filter((it) => it.isOn.checked && it.isCut()).map((it) => it.platform);
  }

  /** Forgets what was typed: it is sent. */
  sent() {
    keep(`draft.${this.filename}`, null);
  }

  /**
   * The request that publishes what stands here, or what is missing.
   * @returns {Request}
   */
  request() {
    for (const box of this.#boxes) box.problem.textContent = "";
    this.#general.textContent = "";
    const meant = this.#boxes.filter((it) => it.isOn.checked);
    if (meant.length === 0) return { message: "Choose at least one platform.", box: this.#boxes[0] ?? null };
    const platforms = meant.map((it) => it.platform);
    const empty = meant.filter((it) => it.text.value.trim() === "");
    if (empty.length === meant.length) {
      if (writesCaptions()) return { body: { platforms } };
      return { message: "Type a caption: on this site none is written for you.", box: empty[0] ?? null };
    }
    if (empty.length > 0) {
      const names = empty.map((it) => platformName(it.platform)).join(", ");
      const other = writesCaptions() ? "leave it out, or empty all boxes" : "or leave it out";
      return { message: `Type a caption for ${names} as well, ${other}.`, box: empty[0] ?? null };
    }
    return { body: { platforms, captions: Object.fromEntries(meant.map((it) => [it.platform, it.text.value.trim()])) } };
  }

  /**
   * Says what is missing, at its place.
   * @param {string} message
   * @param {Box | null} box
   */
  refuse(message, box) {
    if (!box) {
      this.#general.textContent = message;
      return;
    }
    box.problem.textContent = message;
    box.text.focus();
  }

  /**
   * @param {string} platform
   * @param {import("./caption.js").Rules} rules
   * @param {string} value
   * @param {boolean} isOn
   * @returns {Box}
   */
  #box(platform, rules, value, isOn) {
    const [id, hintId, countId, problemId] = [newId("caption"), newId("hint"), newId("count"), newId("problem")];
    const name = platformName(platform);
    const counter = h("span", { id: countId, class: "count" });
    const cut = h("div", { class: "cut", hidden: true });
    const problem = h("p", { id: problemId, class: "field-problem", role: "alert" });
    const revert = button("Use the written one", null, () => {
      text.value = this.#written[platform] ?? "";
      count();
      this.#save();
      text.focus();
    }, { class: "link-button", hidden: true });
    const text = h("textarea", {
      id,
      rows: rules.limit > 400 ? 4 : 3,
      dir: "auto",
      spellcheck: true,
      value,
      maxlength: 10_000,
      "aria-describedby": `${countId} ${hintId} ${problemId}`,
      oninput: () => {
        count();
        problem.textContent = "";
        this.#save();
      },
    });
    const choice = h("input", {
      type: "checkbox",
      checked: isOn,
      "aria-label": `Send to ${name}`,
      onchange: () => {
        box.classList.toggle("off", !choice.checked);
        this.#save();
      },
    });
    const count = () => {
      const measured = measure(rules, text.value);
      counter.textContent = `${measured.length} / ${measured.limit}`;
      counter.classList.toggle("over", !measured.fits);
      counter.classList.toggle("near", measured.fits && measured.length > measured.limit * 0.9);
      cut.hidden = measured.fits;
      if (!measured.fits) {
        fill(
          cut,
          h("span", { class: "cut-title" }, icon("warning"), "Too long: it would be cut here."),
          h("p", { dir: "auto" }, ending(measured.kept), h("mark", null, rules.plain ? "..." : "…"), h("s", null, beginning(measured.cut))),
        );
      }
      const written = this.#written[platform];
      revert.hidden = written === undefined || written === text.value;
      grow(text);
    };
    const box = h(
      "div",
      { class: isOn ? "box" : "box off" },
      h("div", { class: "box-head" }, choice, h("label", { for: id }, name), revert, counter),
      text,
      cut,
      h("p", { id: hintId, class: "hint" }, counting(rules)),
      problem,
    );
    requestAnimationFrame(count);
    count();
    return { platform, text, isOn: choice, problem, count, isCut: () => !measure(rules, text.value).fits };
  }

  /** Says in each empty box what becomes of it. */
  #hint() {
    const isTyped = this.#boxes.some((it) => it.isOn.checked && it.text.value.trim() !== "");
    const words = isTyped ? "Type a caption, or leave this platform out" : writesCaptions() ? "Written for you when you publish" : "Type a caption";
    for (const { text } of this.#boxes) text.placeholder = words;
  }

  #save() {
    this.#hint();
    const edited = this.#boxes.filter((it) => it.text.value !== (this.#written[it.platform] ?? ""));
    const off = this.#boxes.filter((it) => !it.isOn.checked).map((it) => it.platform);
    const captions = Object.fromEntries(edited.map((it) => [it.platform, it.text.value]));
    keep(`draft.${this.filename}`, edited.length + off.length > 0 ? { captions, off } : null);
    this.#preview.replaceChildren();
  }

  /** What each platform would get, as the service says: with hashtags, and cut where it is too long. */
  async #showPreview() {
    const request = this.request();
    if ("message" in request) {
      this.refuse(request.message, request.box);
      return;
    }
    if (!("captions" in request.body)) {
      fill(this.#preview, h("p", { class: "quiet" }, "There is nothing to preview yet. Type a caption, or use Analyze."));
      return;
    }
    fill(this.#preview, h("p", { class: "quiet" }, "Asking what each platform would get …"));
    try {
      /** @type {Schemas["PublishResult"]} */
      const answer = await call("POST", imagePath(this.filename, "publish"), { body: { ...request.body, dry_run: true } });
      const results = Object.entries(answer.results).sort(([a], [b]) => platformPlace(a) - platformPlace(b));
      fill(this.#preview, results.map(([platform, result]) => h(
        "figure",
        null,
        h("figcaption", null, `On ${platformName(platform)}`),
        h("blockquote", { dir: "auto" }, result.caption || (result.error ?? "Nothing: the image is there already.")),
      )));
    } catch (error) {
      fill(this.#preview, h("p", { class: "field-problem" }, explain(error)));
    }
  }
}

/**
 * The end of a long text: where it is cut is what matters.
 * @param {string} text
 */
function ending(text) {
  return text.length > 90 ? `…${text.slice(-80)}` : text;
}

/** @param {string} text */
function beginning(text) {
  return text.length > 160 ? `${text.slice(0, 150)}…` : text;
}

/** @param {HTMLTextAreaElement} text */
function grow(text) {
  text.style.height = "auto";
  if (text.scrollHeight > 0) text.style.height = `${Math.min(text.scrollHeight + 2, 360)}px`;
}
