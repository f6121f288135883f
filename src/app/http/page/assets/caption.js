// Counts captions as each platform does, and says where one would be cut. The service decides in the end; this is its
// `domain/caption` in short, so that the count is right while somebody types.

import { TOP_LEVELS } from "./top-levels.js";

/**
 * @typedef {object} Rules
 * @property {"utf16" | "char" | "grapheme"} unit
 * @property {number} limit in units
 * @property {number} [bytes] the most bytes of UTF-8 beside it
 * @property {number} [link] what a link of the web counts as
 * @property {boolean} [plain] one line of ASCII signs
 * @property {boolean} [hashtags] the tenant's go after the text
 */

/** @type {Record<string, Rules>} */
const RULES = {
  telegram: { unit: "utf16", limit: 1024, hashtags: true },
  email: { unit: "char", limit: 240, plain: true },
  mastodon: { unit: "grapheme", limit: 500, link: 23, hashtags: true },
  bluesky: { unit: "grapheme", limit: 300, bytes: 3000, hashtags: true },
};

/** @type {Record<Rules["unit"], string>} */
const UNITS = { utf16: "UTF-16 units", char: "characters", grapheme: "characters as read" };

/**
 * The rules of a platform; the service knows the limit better (`platform_limits`).
 * @param {string} platform
 * @param {number} [limit]
 * @returns {Rules}
 */
export function rulesOf(platform, limit) {
  const rules = RULES[platform] ?? { unit: "char", limit: 2000 };
  return limit === undefined ? rules : { ...rules, limit };
}

/**
 * How a platform counts, in words.
 * @param {Rules} rules
 */
export function counting(rules) {
  const parts = [`Counted in ${UNITS[rules.unit]}`];
  if (rules.link) parts.push(`a link counts as ${rules.link}`);
  if (rules.bytes) parts.push(`at most ${rules.bytes} bytes`);
  if (rules.plain) parts.push("becomes one line");
  if (rules.hashtags) parts.push("hashtags are added, and count");
  return `${parts.join("; ")}.`;
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * The parts of a text that are never divided.
 * @param {string} text
 */
function* segments(text) {
  for (const { segment, index } of graphemes.segment(text)) yield { segment, index };
}

/**
 * The length of a text without links.
 * @param {Rules} rules
 * @param {string} text
 */
function plainLength(rules, text) {
  if (rules.unit === "utf16") return text.length;
  if (rules.unit === "char") return Array.from(text).length;
  let count = 0;
  for (const _ of segments(text)) count += 1;
  return count;
}

const SHORTEST_LINK = 10;
const LINK = /(?<scheme>[a-z]+):\/\/[^\s\p{Cc}"<>`“”„‟«»‹›「」『』]+/giu;

/**
 * The links of a text: where each begins and ends, and what it counts as.
 * @param {Rules} rules
 * @param {string} text
 */
function links(rules, text) {
  return Array.from(text.matchAll(LINK), (found) => {
    const link = withoutLooseEnd(found[0]);
    const before = text.slice(0, found.index);
    const isWeb = /^https?$/i.test(found.groups?.["scheme"] ?? "") && !/[\p{L}\p{N}@＠$#＃]$/u.test(before);
    const [start, end] = [found.index, found.index + link.length];
    const plain = plainLength(rules, link);
    if (!rules.link) return { start, end, length: plain };
    if (isWeb && isCertain(link)) return { start, end, length: rules.link };
    return { start, end, length: plain + (link.split("://").length - 1) * (rules.link - SHORTEST_LINK) };
  });
}

/**
 * A link without the punctuation at its end, and without what follows a bracket that it has not opened.
 * @param {string} text
 */
function withoutLooseEnd(text) {
  let open = 0;
  let end = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text.charAt(at);
    if ("([{".includes(sign)) open += 1;
    if (")]}".includes(sign)) {
      if (open === 0) {
        end = at;
        break;
      }
      open -= 1;
    }
  }
  return text.slice(0, end).replace(/[.,;:!?'…’。、！？([{]+$/u, "");
}

/**
 * Whether every server takes the whole of this text for a link.
 * @param {string} link
 */
function isCertain(link) {
  const found = /^[a-z]+:\/\/([^/?:]+)(:\d+)?(\/[^?]*)?(\?.*)?$/i.exec(link);
  if (!found || link.length > 2000) return false;
  const [, domain = "", , path = "", query = ""] = found;
  const labels = domain.split(".");
  const top = (labels.pop() ?? "").toLowerCase();
  const areLabels = labels.length > 0 && labels.every((it) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(it));
  const isWhole = (/** @type {string} */ part) => part === "" || /^[\w/\-.~%=&+,:;!*'@#$]*[\w/-]$/.test(part);
  return areLabels && TOP_LEVELS.has(top) && isWhole(path) && isWhole(query.slice(1));
}

/**
 * The length of a text, as the platform counts it.
 * @param {Rules} rules
 * @param {string} text
 */
export function length(rules, text) {
  const whole = plainLength(rules, text);
  return links(rules, text).reduce(
    (sum, it) => sum - plainLength(rules, text.slice(it.start, it.end)) + it.length,
    whole,
  );
}

const bytesOf = (/** @type {string} */ text) => new TextEncoder().encode(text).length;

/**
 * What a platform gets of a text, and what is left out.
 * @param {Rules} rules
 * @param {string} typed
 * @returns {{ length: number, limit: number, fits: boolean, kept: string, cut: string }}
 */
export function measure(rules, typed) {
  const text = typed.trim();
  const size = length(rules, text);
  const fits = size <= rules.limit && (!rules.bytes || bytesOf(text) <= rules.bytes);
  if (fits) return { length: size, limit: rules.limit, fits, kept: text, cut: "" };
  const end = endOfKept(rules, text);
  const kept = text.slice(0, end);
  // Platforms take an ellipsis at the end of a link for a part of it.
  const gap = links(rules, text).some((it) => it.end === end) && length(rules, kept) + 2 <= rules.limit ? " " : "";
  return { length: size, limit: rules.limit, fits, kept: kept + gap, cut: text.slice(end) };
}

/**
 * Where a text that is too long ends: at a word, unless a long word would leave less than half of the room used; the ellipsis
 * takes a unit, or three where the caption is ASCII.
 * @param {Rules} rules
 * @param {string} text
 */
function endOfKept(rules, text) {
  const room = Math.max(0, rules.limit - (rules.plain ? 3 : 1));
  const bytes = (rules.bytes ?? Number.POSITIVE_INFINITY) - 3;
  const found = links(rules, text);
  let used = 0;
  let usedBytes = 0;
  let words = -1;
  let usedByWords = 0;
  let endOfLink = 0;
  for (const { segment, index } of segments(text)) {
    if (index < endOfLink) continue;
    if (/^\s/.test(segment)) {
      words = index;
      usedByWords = used;
    }
    const link = found.find((it) => it.start === index);
    const taken = link ? text.slice(link.start, link.end) : segment;
    used += link ? link.length : plainLength(rules, segment);
    usedBytes += bytesOf(taken);
    endOfLink = link ? link.end : 0;
    if (used > room || usedBytes > bytes) {
      const end = words >= 0 && (link || usedByWords >= room / 2) ? words : index;
      return text.slice(0, end).replace(/[\s,;:\-–—.]+$/u, "").length;
    }
  }
  return text.length;
}
