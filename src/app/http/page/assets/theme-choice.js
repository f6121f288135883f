// The choice between light and dark, kept in this browser. `theme.js` sets it before the first paint.

/** @typedef {"system" | "light" | "dark"} Theme */

const NAME = "publisher.theme";

/** @returns {Theme} */
export function theme() {
  const chosen = document.documentElement.dataset["theme"];
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

/** @param {Theme} chosen */
export function setTheme(chosen) {
  if (chosen === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = chosen;
  try {
    if (chosen === "system") localStorage.removeItem(NAME);
    else localStorage.setItem(NAME, chosen);
  } catch {
    // Storage is off: the choice holds as long as the page does.
  }
}

/** Whether the page is dark at present. */
export function isDark() {
  const chosen = theme();
  return chosen === "dark" || (chosen === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
}
