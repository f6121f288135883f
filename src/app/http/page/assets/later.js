// The dialog that puts a publication off, or changes one that has not begun: its time, its platforms, its captions.

import { call, explain, Problem } from "./api.js";
import { counting, measure, rulesOf } from "./caption.js";
import { button, fill, h, newId } from "./dom.js";
import { newKey } from "./drafts.js";
import { notify, openDialog, shortName } from "./notices.js";
import { platformName } from "./platforms.js";
import { session, writesCaptions } from "./session.js";
import { dayAndTime, localValue, ownZone, suggestions, withOffset } from "./times.js";

/**
 * Asks when to publish an image, and adds the job.
 * @param {string} filename
 * @param {Record<string, unknown>} body platforms and captions
 * @param {() => void} added
 */
export function publishLater(filename, body, added) {
  const keys = new Keys();
  openDialog("Publish later", (close) => {
    const time = timeField(suggestions()[0]?.date ?? new Date(Date.now() + 3_600_000));
    const needsApproval = h("input", { type: "checkbox" });
    return [form("Schedule", close, [
      h("p", { class: "quiet", dir: "auto" }, filename),
      time.element,
      h("label", { class: "check" }, needsApproval, "Ask for approval first"),
    ], async () => {
      const asked = { filename, publish_at: time.value(), needs_approval: needsApproval.checked, ...body };
      const job = await keys.send(asked, (headers) => call("POST", "/api/jobs", { body: asked, headers }));
      notify({
        kind: "good",
        text: `${shortName(filename)} is planned for ${dayAndTime(job.publish_at)}.`,
        action: { name: "Show the queue", act: () => (location.hash = "#/queue") },
      });
      added();
    })];
  });
}

/** The key of a request: the same while it is not known whether the request has arrived, and a new one for every other. */
class Keys {
  #key = "";
  #body = "";

  /**
   * @template Answer
   * @param {unknown} body
   * @param {(headers: Record<string, string>) => Promise<Answer>} act
   */
  async send(body, act) {
    const text = JSON.stringify(body);
    if (text !== this.#body) [this.#key, this.#body] = [newKey(), text];
    try {
      return await act({ "Idempotency-Key": this.#key });
    } catch (error) {
      const isRunning = error instanceof Problem && error.kind === "conflict" && error.retryAfter !== null;
      if (error instanceof Problem && error.status < 500 && !isRunning) this.#body = "";
      throw error;
    }
  }
}

/**
 * Changes a job that has not begun.
 * @param {Job} job
 * @param {(job: Job) => void} changed
 */
export function changeJob(job, changed) {
  openDialog("Change", (close) => {
    const time = timeField(new Date(job.publish_at), true);
    const chosen = new Set(job.platforms ?? session().platforms);
    const boxes = session().platforms.map((platform) => {
      const value = job.captions?.[platform] ?? job.caption ?? "";
      return captionField(platform, value, chosen.has(platform));
    });
    return [form("Save", close, [
      h("p", { class: "quiet", dir: "auto" }, job.filename ?? "The next image that is not published by then"),
      time.element,
      h("fieldset", { class: "change-captions" }, h("legend", null, "Captions"), boxes.map((it) => it.element)),
    ], async () => {
      const meant = boxes.filter((it) => it.isOn());
      if (meant.length === 0) throw new Error("Choose at least one platform.");
      const typed = meant.filter((it) => it.text() !== "");
      if (typed.length > 0 && typed.length < meant.length) {
        const other = writesCaptions() ? ", or for none: then they are written for you" : "";
        throw new Error(`Type a caption for every platform that is chosen${other}.`);
      }
      const captions = typed.length > 0 ? Object.fromEntries(typed.map((it) => [it.platform, it.text()])) : null;
      const body = {
        publish_at: time.value(),
        platforms: meant.length === boxes.length ? null : meant.map((it) => it.platform),
        captions,
        caption: null,
      };
      const answer = await call("PATCH", `/api/jobs/${encodeURIComponent(job.id)}`, { body });
      notify({ kind: "good", text: "Changed." });
      changed(answer);
    })];
  }, { class: "dialog wide" });
}

/**
 * @param {string} name
 * @param {() => void} close
 * @param {Node[]} fields
 * @param {() => Promise<void>} act
 */
function form(name, close, fields, act) {
  const problem = h("p", { class: "field-problem", role: "alert" });
  const send = h("button", { type: "submit", class: "button primary" }, name);
  return h(
    "form",
    {
      class: "dialog-form",
      onsubmit: async (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        if (send.disabled) return;
        send.disabled = true;
        problem.textContent = "";
        try {
          await act();
          close();
        } catch (error) {
          problem.textContent = explain(error);
        }
        send.disabled = false;
      },
    },
    ...fields,
    problem,
    h("footer", null, button("Back", null, close), send),
  );
}

/**
 * @param {Date} first
 * @param {boolean} [mayStay] whether `first` may be sent although it has passed
 */
function timeField(first, mayStay = false) {
  const id = newId("time");
  const input = h("input", { id, type: "datetime-local", required: true, value: localValue(first) });
  const element = h(
    "div",
    { class: "field" },
    h("label", { for: id }, "Time"),
    input,
    h("div", { class: "suggestions" }, suggestions().map(({ name, date }) =>
      button(name, null, () => {
        input.value = localValue(date);
      }, { class: "button small" })
    )),
    h("p", { class: "hint" }, `In your time zone, ${ownZone}.`),
  );
  const value = () => {
    const instant = withOffset(input.value);
    if (!instant) throw new Error("Choose a day and a time.");
    // What is not changed may have passed: people change the captions of a job that waits for approval.
    if (Date.parse(instant) < Date.now() && !(mayStay && input.value === localValue(first))) {
      throw new Error("This time has passed. Choose a later one.");
    }
    return instant;
  };
  return { element, value };
}

/**
 * @param {string} platform
 * @param {string} value
 * @param {boolean} isOn
 */
function captionField(platform, value, isOn) {
  const id = newId("caption");
  const name = platformName(platform);
  const rules = rulesOf(platform);
  const counter = h("span", { class: "count" });
  const text = h("textarea", { id, rows: 2, dir: "auto", value, placeholder: writesCaptions() ? "Written for you" : "Type a caption", oninput: () => count() });
  const choice = h("input", { type: "checkbox", checked: isOn, "aria-label": `Send to ${name}` });
  const count = () => {
    const measured = measure(rules, text.value);
    fill(counter, `${measured.length} / ${measured.limit}`);
    counter.classList.toggle("over", !measured.fits);
  };
  count();
  const element = h(
    "div",
    { class: "box" },
    h("div", { class: "box-head" }, choice, h("label", { for: id }, name), counter),
    text,
    h("p", { class: "hint" }, counting(rules)),
  );
  return { platform, element, isOn: () => choice.checked, text: () => text.value.trim() };
}
