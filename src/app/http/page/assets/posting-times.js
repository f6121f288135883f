// The posting times of the site: at these times the next image that is not published yet is.

import { call, explain, Problem } from "./api.js";
import { button, fill, h, newId } from "./dom.js";
import { keep, kept } from "./drafts.js";
import { announce } from "./notices.js";
import { platformName } from "./platforms.js";
import { session } from "./session.js";
import { dayAndTime, ownZone } from "./times.js";

const DAYS = [
  ["daily", "Every day"],
  ["Mon", "Mondays"],
  ["Tue", "Tuesdays"],
  ["Wed", "Wednesdays"],
  ["Thu", "Thursdays"],
  ["Fri", "Fridays"],
  ["Sat", "Saturdays"],
  ["Sun", "Sundays"],
];
/** What is offered for a new time: none is there twice. */
const USUAL = ["daily 18:30", "daily 09:00", "daily 12:30", "daily 21:00", "daily 15:00", "daily 07:00"];
const DRAFT = "posting-times";

export class PostingTimes {
  element = h("section", { class: "card posting-times", "aria-labelledby": "times-title" });
  /** @type {Schedule} */
  #schedule = { timezone: ownZone, times: [], platforms: null, enabled: false, needs_approval: false };
  /** @type {string[]} */
  #next = [];

  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
    fill(this.element, h("h2", { id: "times-title" }, "Posting times"), h("p", { class: "waiting" }, "Loading …"));
  }

  async load() {
    try {
      const answer = await call("GET", "/api/schedule");
      this.#next = answer.next ?? [];
      const isNew = answer.times.length === 0 && !answer.enabled;
      const zone = isNew ? ownZone : answer.timezone;
      const { times, platforms, enabled, needs_approval } = answer;
      this.#schedule = kept(DRAFT) ?? { timezone: zone, times, platforms, enabled, needs_approval };
      this.#draw();
    } catch (error) {
      const isOff = error instanceof Problem && error.status === 404;
      const text = isOff ? "This service has no posting times." : explain(error);
      fill(this.element, h("h2", { id: "times-title" }, "Posting times"), h("p", { class: "quiet" }, text));
    }
  }

  #draw() {
    const schedule = this.#schedule;
    const all = session().platforms;
    const chosen = new Set(schedule.platforms ?? all);
    const problem = h("p", { class: "field-problem", role: "alert" });
    const zoneId = newId("zone");
    const list = h("ul", { class: "times" });
    const edited = () => keep(DRAFT, this.#schedule);
    const drawTimes = (/** @type {number} */ focus = -1) => {
      fill(list, schedule.times.map((entry, index) => this.#entry(entry, index, drawTimes, edited)));
      const row = list.children[focus]?.querySelector("select");
      if (row instanceof HTMLElement) row.focus();
    };
    drawTimes();
    const save = h("button", { type: "submit", class: "button primary" }, "Save");
    fill(
      this.element,
      h("h2", { id: "times-title" }, "Posting times"),
      h("p", { class: "quiet" }, "At each of them, the next image that is not published yet is published."),
      h(
        "form",
        { onsubmit: (/** @type {SubmitEvent} */ event) => void this.#save(event, save, problem) },
        this.#check("Follow the posting times", schedule.enabled, (isOn) => {
          schedule.enabled = isOn;
          edited();
        }, "switch"),
        list,
        button("Add a time", "plus", () => {
          schedule.times.push(USUAL.find((it) => !schedule.times.includes(it)) ?? "daily 00:00");
          edited();
          drawTimes(schedule.times.length - 1);
        }, { class: "button small" }),
        h(
          "div",
          { class: "field" },
          h("label", { for: zoneId }, "Time zone"),
          h("input", {
            id: zoneId,
            list: "zones",
            value: schedule.timezone,
            autocomplete: "off",
            spellcheck: false,
            onfocus: offerZones,
            oninput: (/** @type {Event} */ event) => {
              schedule.timezone = /** @type {HTMLInputElement} */ (event.target).value.trim();
              edited();
            },
          }),
          h("datalist", { id: "zones" }),
        ),
        all.length > 0
          ? h("fieldset", null, h("legend", null, "Platforms"), all.map((platform) =>
            this.#check(platformName(platform), chosen.has(platform), (isOn) => {
              if (isOn) chosen.add(platform);
              else chosen.delete(platform);
              schedule.platforms = chosen.size === all.length ? null : all.filter((it) => chosen.has(it));
              edited();
            })
          ))
          : null,
        this.#check("Ask for approval first", schedule.needs_approval, (isOn) => {
          schedule.needs_approval = isOn;
          edited();
        }),
        problem,
        h("div", { class: "row-actions" }, save, kept(DRAFT) === null ? null : button("Discard changes", null, () => {
          keep(DRAFT, null);
          void this.load();
        })),
      ),
      this.#next.length > 0
        ? h("p", { class: "hint" }, `Next in your time: ${this.#next.slice(0, 3).map(dayAndTime).join("; ")}.`)
        : null,
    );
  }

  /**
   * @param {string} entry
   * @param {number} index
   * @param {(focus?: number) => void} draw
   * @param {() => void} edited
   */
  #entry(entry, index, draw, edited) {
    const [first = "daily", clock = "18:30"] = entry.split(" ");
    const day = DAYS.find(([value = ""]) => value.toLowerCase() === first.toLowerCase())?.[0] ?? "daily";
    const number = index + 1;
    const days = h("select", { "aria-label": `Day of time ${number}`, onchange: () => set() }, DAYS.map(
      ([value = "", name = ""]) => h("option", { value }, name),
    ));
    days.value = day;
    const time = h("input", {
      type: "time",
      required: true,
      "aria-label": `Time of day of time ${number}`,
      value: clock,
      oninput: () => set(),
    });
    const set = () => {
      this.#schedule.times[index] = `${days.value} ${time.value}`;
      edited();
    };
    return h("li", null, days, time, button("", "close", () => {
      this.#schedule.times.splice(index, 1);
      edited();
      draw(Math.max(0, index - 1));
    }, { class: "icon-button", "aria-label": `Take out time ${number}`, title: "Take out" }));
  }

  /**
   * @param {string} name
   * @param {boolean} isOn
   * @param {(isOn: boolean) => void} changed
   * @param {string} [look]
   */
  #check(name, isOn, changed, look = "") {
    const input = h("input", {
      type: "checkbox",
      checked: isOn,
      role: look === "switch" ? "switch" : null,
      onchange: () => changed(input.checked),
    });
    return h("label", { class: `check ${look}` }, input, name);
  }

  /**
   * @param {SubmitEvent} event
   * @param {HTMLButtonElement} save
   * @param {HTMLElement} problem
   */
  async #save(event, save, problem) {
    event.preventDefault();
    if (save.disabled) return;
    problem.textContent = "";
    if (this.#schedule.enabled && this.#schedule.times.length === 0) {
      problem.textContent = "Add a time first, or do not follow the posting times.";
      return;
    }
    if (this.#schedule.platforms?.length === 0) {
      problem.textContent = "Choose at least one platform.";
      return;
    }
    save.disabled = true;
    try {
      const answer = await call("PUT", "/api/schedule", { body: this.#schedule });
      keep(DRAFT, null);
      this.#next = answer?.next ?? [];
      this.#draw();
      announce("The posting times are saved.");
      this.changed();
    } catch (error) {
      problem.textContent = explain(error);
      save.disabled = false;
    }
  }
}

/** Fills the list of time zones once it is needed: it is long. */
function offerZones() {
  const list = document.getElementById("zones");
  if (list && list.childElementCount === 0) {
    fill(list, Intl.supportedValuesOf("timeZone").map((value) => h("option", { value })));
  }
}
