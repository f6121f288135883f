// The view of the library: a grid of all images, searched, sorted, selected, and dropped into.

import { explain, Problem } from "./api.js";
import { allowedActions, curate, moveBack } from "./curation.js";
import { button, fill, h, icon } from "./dom.js";
import { happenings } from "./events.js";
import { Grid } from "./grid.js";
import { announce } from "./notices.js";
import { planned } from "./planned.js";
import { session } from "./session.js";
import { source } from "./source.js";
import { upload } from "./upload.js";

/** @typedef {import("./source.js").Folder} Folder */

/** @type {Record<Folder, string>} */
const FOLDERS = { root: "To publish", archive: "Published", keep: "Kept", remove: "Removed" };

/** @type {Record<string, { name: string, icon: string }>} */
export const ACTIONS = {
  keep: { name: "Keep", icon: "keep" },
  remove: { name: "Remove", icon: "remove" },
  delete: { name: "Delete", icon: "delete" },
};

/** Where the grid was left, so that going back leads there. */
let left = { scroll: 0, image: "" };

/**
 * The view.
 * @returns {import("./main.js").View}
 */
export function libraryView() {
  const end = new AbortController();
  const { admin } = session();
  const isInRoot = () => source.query.folder === "root";
  const actions = admin ? allowedActions() : [];
  const summary = h("p", { class: "summary", role: "status" });
  const content = h("div", { class: "library-content" });
  const bar = h("div", { class: "selection-bar", role: "region", "aria-label": "Selection", hidden: true });

  const grid = new Grid(source, {
    isSelectable: actions.length > 0 || source.isLibrary,
    hasThumbnails: isInRoot,
    selectionChanged: () => showSelection(),
  });

  const taken = () => {
    const names = [...grid.selected];
    grid.clear();
    return names;
  };

  const showSelection = () => {
    const count = grid.selected.size;
    bar.hidden = count === 0;
    fill(
      bar,
      h("p", { role: "status" }, count === 1 ? "1 selected" : `${count} selected`),
      isInRoot() ? actions.map((action) => {
        const { name, icon: iconName } = ACTIONS[action] ?? { name: action, icon: "check" };
        return button(name, iconName, () => curate(action, taken()), {
          class: action === "delete" ? "button danger" : "button",
        });
      }) : button("Move back", "back", () => void moveBack(source.query.folder, taken())),
      source.isWhole && count < source.count && button("Select all", null, () => grid.selectAll()),
      button("Clear", "close", () => grid.clear()),
    );
  };

  const show = () => {
    const { count } = source;
    const hasImages = count > 0;
    if (source.error) fill(content, failure(source.error));
    else if (!source.isLoaded) fill(content, h("p", { class: "waiting" }, "Loading the images …"));
    else if (!hasImages) fill(content, empty());
    else if (!grid.element.isConnected) {
      fill(content, grid.element);
      grid.renew();
    }
    const images = count === 1 ? "1 image" : `${count.toLocaleString()} images`;
    const more = source.isTruncated ? " of those that were read; the folder holds more" : "";
    summary.textContent = source.isLoaded && !source.error ? `${images}${more}` : "";
  };
  source.addEventListener("change", show, { signal: end.signal });
  // What somebody else, or a job, has published leaves the folder.
  happenings.addEventListener("job", (event) => {
    const job = /** @type {CustomEvent<Job | null>} */ (event).detail;
    if (job?.status === "done") void refresh();
  }, { signal: end.signal });

  const node = h(
    "section",
    { class: "library", "aria-labelledby": "library-title" },
    h(
      "div",
      { class: "view-head" },
      h("div", null, h("h1", { id: "library-title", tabindex: -1 }, "Library"), summary),
      tools(grid, end.signal),
    ),
    source.isLibrary ? folders(grid) : null,
    content,
    bar,
    h("div", { class: "drop-hint", "aria-hidden": "true" }, icon("upload"), h("span", null, "Drop images to upload them")),
  );
  acceptDrops(node, end.signal);

  show();
  const isReturning = source.isLoaded && left.image !== "";
  void planned.load();
  if (source.isLoaded) void refresh();
  else void source.reload();

  return {
    node,
    title: "Library",
    focus: isReturning ? null : undefined,
    shown: () => {
      if (!isReturning) return;
      window.scrollTo(0, left.scroll);
      grid.renew();
      grid.show(left.image);
    },
    dispose: () => {
      left.scroll = window.scrollY;
      end.abort();
      grid.dispose();
    },
  };
}

/** Images may have come or gone while another view was open. */
async function refresh() {
  if (source.isLibrary || source.count < 2000) await source.reload();
}

/**
 * The image that is opened, to come back to.
 * @param {string} name
 */
export function remember(name) {
  left.image = name;
}

/**
 * @param {Grid} grid
 * @param {AbortSignal} end
 */
function tools(grid, end) {
  let timer = 0;
  const search = h("input", {
    type: "search",
    placeholder: "Search by name",
    "aria-label": "Search by name",
    value: source.query.search,
    maxlength: 100,
    autocomplete: "off",
    oninput: () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        grid.clear();
        void source.change({ search: search.value.trim() });
        window.scrollTo(0, 0);
      }, 200);
    },
  });
  window.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof Element && event.target.closest("input, textarea, select, dialog");
    if (event.key !== "/" || isTyping) return;
    event.preventDefault();
    search.focus();
  }, { signal: end });
  const orders = [["name asc", "Name, A to Z"], ["name desc", "Name, Z to A"]];
  if (source.isLibrary) {
    orders.push(["last_modified desc", "Newest first"], ["last_modified asc", "Oldest first"]);
    orders.push(["size desc", "Largest first"], ["size asc", "Smallest first"]);
  }
  const sort = h("select", {
    "aria-label": "Sort",
    onchange: () => {
      const [by, order] = sort.value.split(" ");
      void source.change(/** @type {any} */ ({ sort: by, order }));
      announce(`Sorted: ${sort.selectedOptions[0]?.textContent ?? ""}`);
    },
  }, orders.map(([value = "", name = ""]) => h("option", { value }, name)));
  sort.value = `${source.query.sort} ${source.query.order}`;
  const isPossible = session().admin && session().features.library_enabled;
  const files = h("input", {
    type: "file",
    multiple: true,
    accept: "image/jpeg,image/png,image/webp",
    class: "visually-hidden",
    tabindex: -1,
    "aria-label": "Images to upload",
    onchange: () => {
      upload(files.files ?? []);
      files.value = "";
    },
  });
  return h(
    "div",
    { class: "tools" },
    h("label", { class: "search" }, icon("search"), search),
    h("label", { class: "select" }, sort),
    isPossible && [button("Upload", "upload", () => files.click(), { class: "button primary" }), files],
  );
}

/** @param {Grid} grid */
function folders(grid) {
  const names = /** @type {Folder[]} */ (Object.keys(FOLDERS));
  return h(
    "fieldset",
    { class: "folders" },
    h("legend", { class: "visually-hidden" }, "Folder"),
    names.map((folder) =>
      h("label", null, h("input", {
        type: "radio",
        name: "folder",
        value: folder,
        checked: source.query.folder === folder,
        onchange: () => {
          grid.clear();
          void source.change({ folder });
        },
      }), h("span", null, FOLDERS[folder]))
    ),
  );
}

/** @param {unknown} error */
function failure(error) {
  const isMissing = error instanceof Problem && error.status === 404;
  return h(
    "div",
    { class: "state-card", role: "alert" },
    icon("warning"),
    h("h2", null, "The images cannot be listed"),
    h("p", null, isMissing ? "This folder does not exist." : explain(error)),
    button("Try again", "retry", () => void source.reload(), { class: "button primary" }),
  );
}

function empty() {
  const { search, folder } = source.query;
  if (search) {
    return h(
      "div",
      { class: "state-card" },
      icon("search"),
      h("h2", null, "No image has this in its name"),
      h("p", { dir: "auto" }, `Nothing matches “${search}”.`),
    );
  }
  const isOpen = session().admin && session().features.library_enabled && folder === "root";
  return h(
    "div",
    { class: "state-card" },
    icon("image"),
    h("h2", null, folder === "root" ? "No images are waiting" : "This folder is empty"),
    h("p", null, isOpen ? "Drop images here, or use Upload." : "New images show here once they are in the folder."),
  );
}

/**
 * Takes files that are dropped anywhere on the view.
 * @param {HTMLElement} node
 * @param {AbortSignal} signal
 */
function acceptDrops(node, signal) {
  if (!session().admin || !session().features.library_enabled) return;
  let depth = 0;
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  const over = (/** @type {boolean} */ isOver) => node.classList.toggle("dropping", isOver);
  window.addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    over(true);
  }, { signal });
  window.addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (depth === 0) over(false);
  }, { signal });
  window.addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  }, { signal });
  window.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    over(false);
    upload(event.dataTransfer?.files ?? []);
  }, { signal });
}
