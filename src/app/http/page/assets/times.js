// Times for people: in the time zone of the browser unless another is named.

const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const dayOfOtherYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

/** The time zone of the browser. */
export const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/**
 * A day and a time, such as "Mon 30 Nov, 18:30".
 * @param {string | null | undefined} instant
 */
export function dayAndTime(instant) {
  if (!instant) return "";
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return instant;
  const isOfThisYear = date.getFullYear() === new Date().getFullYear();
  return `${(isOfThisYear ? day : dayOfOtherYear).format(date)}, ${clock.format(date)}`;
}

/**
 * The whole of an instant, for a title.
 * @param {string} instant
 */
export function wholeTime(instant) {
  const date = new Date(instant);
  return Number.isNaN(date.getTime()) ? instant : whole.format(date);
}

/**
 * How far away an instant is, such as "in 2 hours".
 * @param {string | null | undefined} instant
 */
export function fromNow(instant) {
  if (!instant) return "";
  const seconds = (new Date(instant).getTime() - Date.now()) / 1000;
  if (Number.isNaN(seconds)) return "";
  const size = Math.abs(seconds);
  if (size < 45) return seconds > 0 ? "in a moment" : "just now";
  if (size < 3600) return relative.format(Math.round(seconds / 60), "minute");
  if (size < 86_400) return relative.format(Math.round(seconds / 3600), "hour");
  return relative.format(Math.round(seconds / 86_400), "day");
}

/**
 * The value of a `datetime-local` field for an instant.
 * @param {Date} date
 */
export function localValue(date) {
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

/**
 * The instant of a `datetime-local` field, with the offset that holds here then (RFC 3339).
 * @param {string} value
 */
export function withOffset(value) {
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return null;
  const minutes = -date.getTimezoneOffset();
  const two = (/** @type {number} */ number) => String(Math.trunc(number)).padStart(2, "0");
  const size = Math.abs(minutes);
  return `${localValue(date)}:00${minutes < 0 ? "-" : "+"}${two(size / 60)}:${two(size % 60)}`;
}

/**
 * Some times that people choose often, from now on.
 * @returns {{ name: string, date: Date }[]}
 */
export function suggestions() {
  const at = (/** @type {number} */ days, /** @type {number} */ hour, /** @type {number} */ minute) => {
    const date = new Date();
    date.setDate(date.getDate() + days);
    date.setHours(hour, minute, 0, 0);
    return date;
  };
  const inAnHour = new Date(Date.now() + 3_600_000);
  inAnHour.setMinutes(Math.ceil(inAnHour.getMinutes() / 5) * 5, 0, 0);
  const untilMonday = (8 - new Date().getDay()) % 7 || 7;
  const all = [
    { name: "In an hour", date: inAnHour },
    { name: "This evening", date: at(0, 18, 30) },
    { name: "Tomorrow morning", date: at(1, 9, 0) },
    { name: "Monday morning", date: at(untilMonday, 9, 0) },
  ];
  return all.filter((it) => it.date.getTime() > Date.now());
}

/**
 * A `time` element's content and attributes.
 * @param {string} instant
 */
export function timeAttributes(instant) {
  return { datetime: instant, title: wholeTime(instant) };
}

/**
 * A size in bytes, for people.
 * @param {number} bytes
 */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${Math.round(bytes / 1024)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
