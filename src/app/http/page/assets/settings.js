// The view of the settings: what is on, the voice of the captions, who is logged in and how, and the look of the page.

import { call, explain } from "./api.js";
import { button, fill, h, icon, newId } from "./dom.js";
import { keep, kept } from "./drafts.js";
import { announce } from "./notices.js";
import { platformName } from "./platforms.js";
import { readSession, session } from "./session.js";
import { setTheme, theme } from "./theme-choice.js";

/** @type {[keyof Schemas["FeatureFlags"], string, string][]} */
const FEATURES = [
  ["publish_enabled", "Publishing", "Images may be published."],
  ["analyze_caption_enabled", "Analysis and captions", "A model looks at images and writes captions."],
  ["voice_matching_enabled", "Voice", "Captions follow the examples of the voice."],
  ["alt_text_enabled", "Alt text", "Written, and sent where a platform has a place for it."],
  ["smart_hashtags_enabled", "Hashtags for each image", "A model's hashtags follow those of the site."],
  ["library_enabled", "Library", "Images may be uploaded and sorted here."],
  ["keep_enabled", "Keep", "Images may be moved to the folder of what is kept."],
  ["remove_enabled", "Remove", "Images may be moved to the folder of what is sorted out."],
  ["delete_enabled", "Delete", "Images may be deleted for good."],
  ["auto_view_enabled", "Open to everyone", "Everyone may look at the images without a login."],
];

/** @type {Record<string, string>} */
const STORAGES = { dropbox: "Dropbox", managed: "Managed storage", local: "A folder of the server" };

/** @type {Record<string, string>} */
const METHODS = {
  password: "Logged in with the site's password.",
  bearer: "Logged in with a token.",
  basic: "Logged in with a user name and a password.",
  disabled: "No login is needed: this service is open to everyone.",
};

/** The most examples of a voice. */
const MOST_EXAMPLES = 20;
const DRAFT = "voice-profile";

/**
 * The view.
 * @returns {import("./main.js").View}
 */
export function settingsView() {
  const { features, platforms, email, method } = session();
  const voice = h("section", { class: "card", "aria-labelledby": "voice-title" });
  const on = h("dl", { class: "features" });
  showFeatures(on);
  const node = h(
    "section",
    { class: "settings", "aria-labelledby": "settings-title" },
    h("div", { class: "view-head" }, h("h1", { id: "settings-title", tabindex: -1 }, "Settings")),
    h(
      "div",
      { class: "cards" },
      h(
        "section",
        { class: "card", "aria-labelledby": "session-title" },
        h("h2", { id: "session-title" }, "Session"),
        h("p", null, email ? ["Logged in as ", h("strong", null, email), "."] : METHODS[method ?? ""] ?? "Logged in."),
        h("h3", null, "Look"),
        themeChoice(),
      ),
      h(
        "section",
        { class: "card", "aria-labelledby": "platforms-title" },
        h("h2", { id: "platforms-title" }, "Platforms"),
        platforms.length === 0
          ? h("p", { class: "quiet" }, "None is on.")
          : h("ul", { class: "plain-list" }, platforms.map((it) => h("li", null, icon("check"), platformName(it)))),
        h("h3", null, "Storage"),
        h("p", null, STORAGES[features.storage_provider] ?? features.storage_provider),
      ),
      voice,
      h(
        "section",
        { class: "card", "aria-labelledby": "features-title" },
        h("h2", { id: "features-title" }, "What is on"),
        on,
        h("p", { class: "hint" }, "These are set in the site's configuration."),
      ),
    ),
  );
  void showVoice(voice, async () => {
    await readSession();
    showFeatures(on);
  });
  return { node, title: "Settings", dispose: () => {} };
}

/** @param {HTMLElement} list */
function showFeatures(list) {
  const { features } = session();
  fill(list, FEATURES.map(([name, title, text]) => {
    const isOn = features[name] === true;
    return h(
      "div",
      null,
      h("dt", null, title, h("span", { class: isOn ? "chip good" : "chip plain" }, isOn ? "On" : "Off")),
      h("dd", null, text),
    );
  }));
}

function themeChoice() {
  /** @type {["system" | "light" | "dark", string, string][]} */
  const choices = [["system", "System", "system"], ["light", "Light", "sun"], ["dark", "Dark", "moon"]];
  return h(
    "fieldset",
    { class: "folders" },
    h("legend", { class: "visually-hidden" }, "Look"),
    choices.map(([value, name, iconName]) =>
      h("label", null, h("input", {
        type: "radio",
        name: "theme",
        value,
        checked: theme() === value,
        onchange: () => setTheme(value),
      }), h("span", null, icon(iconName), name))
    ),
  );
}

/**
 * @param {HTMLElement} card
 * @param {() => Promise<void>} saved the voice may be on now, or off
 */
async function showVoice(card, saved) {
  const heading = () => h("h2", { id: "voice-title" }, "Voice");
  try {
    /** @type {Schemas["VoiceProfile"]} */
    const profile = await call("GET", "/api/config/voice-profile");
    /** @type {string[]} */
    const examples = kept(DRAFT) ?? [...(profile.voice_profile ?? [])];
    const draw = (/** @type {Schemas["VoiceProfile"]} */ known) => fill(card, heading(), ...editor(known, examples, draw, saved));
    draw(profile);
  } catch (error) {
    fill(card, heading(), h("p", { class: "field-problem" }, explain(error)), button("Try again", "retry", () => void showVoice(card, saved)));
  }
}

/**
 * @param {Schemas["VoiceProfile"]} profile
 * @param {string[]} examples
 * @param {(profile: Schemas["VoiceProfile"]) => void} draw
 * @param {() => Promise<void>} saved
 */
function editor(profile, examples, draw, saved) {
  const problem = h("p", { class: "field-problem", role: "alert" });
  const list = h("ol", { class: "examples" });
  const edited = () => keep(DRAFT, examples);
  const show = (/** @type {number} */ focus = -1) => {
    fill(list, examples.map((text, index) => {
      const id = newId("example");
      const box = h("textarea", { id, rows: 2, dir: "auto", value: text, oninput: () => {
        examples[index] = box.value;
        edited();
      } });
      return h(
        "li",
        null,
        h("label", { for: id, class: "visually-hidden" }, `Example ${index + 1}`),
        box,
        button("", "close", () => {
          examples.splice(index, 1);
          edited();
          show(Math.max(0, index - 1));
        }, { class: "icon-button", "aria-label": `Take out example ${index + 1}`, title: "Take out" }),
      );
    }));
    add.hidden = examples.length >= MOST_EXAMPLES;
    list.querySelectorAll("textarea")[focus]?.focus();
  };
  const add = button("Add an example", "plus", () => {
    examples.push("");
    show(examples.length - 1);
  }, { class: "button small" });
  const save = button("Save the voice", null, async () => {
    save.disabled = true;
    problem.textContent = "";
    try {
      const body = { voice_profile: examples.map((it) => it.trim()).filter((it) => it !== "") };
      const answer = await call("PUT", "/api/config/voice-profile", { body });
      keep(DRAFT, null);
      examples.splice(0, examples.length, ...(answer.voice_profile ?? []));
      announce("The voice is saved.");
      draw(answer);
      await saved().catch(() => {});
    } catch (error) {
      problem.textContent = explain(error);
      save.disabled = false;
    }
  }, { class: "button primary" });
  show();
  const used = profile.examples_used;
  return [
    h("p", { class: "quiet" }, "Captions of your own. New captions are written to sound like them."),
    list,
    add,
    problem,
    h("div", { class: "row-actions" }, save, h("span", { class: "quiet" }, profile.enabled ? `${used} in use.` : "Not in use: the voice is off.")),
  ];
}
