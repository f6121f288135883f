// The names of the platforms, for people, and their order on the page.

/** @type {Record<string, string>} */
const NAMES = { telegram: "Telegram", email: "FetLife (email)", mastodon: "Mastodon", bluesky: "Bluesky" };

/**
 * The name of a platform, for people.
 * @param {string} platform
 */
export function platformName(platform) {
  return NAMES[platform] ?? platform.charAt(0).toUpperCase() + platform.slice(1);
}

/**
 * The place of a platform among others; those that are not known come last.
 * @param {string} platform
 */
export function platformPlace(platform) {
  const place = ["telegram", "mastodon", "bluesky", "email"].indexOf(platform);
  return place < 0 ? Number.MAX_SAFE_INTEGER : place;
}
