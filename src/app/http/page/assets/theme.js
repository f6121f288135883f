// Runs before the first paint, so that a chosen theme does not flash in.
try {
  const chosen = localStorage.getItem("publisher.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is off: the system's choice holds.
}
