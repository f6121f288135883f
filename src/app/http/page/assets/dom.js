// Builds the document. Everything that comes from outside becomes text or a checked address here, never markup: no other
// module makes elements, and none uses `innerHTML`.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, any>} Properties */

const SVG = "http://www.w3.org/2000/svg";

/** What is set as a property of the element, since the attribute means something else. */
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "indeterminate", "open", "tabIndex", "type"]);
const ADDRESSES = new Set(["href", "src", "action"]);

/**
 * An element. Names that begin with `on` are listeners, `class` is the class list, the rest are attributes; `false`, `null`
 * and `undefined` leave one out. Children are nodes or texts.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties | null} [properties]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || (value === false && !PROPERTIES.has(name))) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (PROPERTIES.has(name)) /** @type {any} */ (element)[name] = value;
    else if (ADDRESSES.has(name)) {
      const address = safeAddress(String(value));
      if (address !== null) element.setAttribute(name, address);
    } else element.setAttribute(name, value === true ? "" : String(value));
  }
  put(element, ...children);
  return element;
}

/**
 * Replaces the children of an element.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  put(element, ...children);
}

/**
 * Appends children to an element.
 * @param {Element | DocumentFragment} element
 * @param {...(Child | Child[])} children
 */
export function put(element, ...children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/**
 * The address, if it is one of this page or of the web; `null` for any other scheme, such as `javascript:`.
 * @param {string} address
 * @returns {string | null}
 */
export function safeAddress(address) {
  if (address.startsWith("#")) return address;
  try {
    // `/\other.example` and `//other.example` are of another host, whatever they look like.
    if (address.startsWith("/")) return new URL(address, location.href).origin === location.origin ? address : null;
    const { protocol } = new URL(address);
    return protocol === "https:" || protocol === "http:" || protocol === "blob:" ? address : null;
  } catch {
    return null;
  }
}

/** The lines of the icons, on a grid of 24 by 24. @type {Record<string, string>} */
const ICONS = {
  library: "M4 5h7v6H4zM13 5h7v4h-7zM4 13h7v6H4zM13 11h7v8h-7z",
  queue: "M12 7v5l3.5 2M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17z",
  history: "M4 6h16M4 12h16M4 18h10",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  upload: "M12 16V5M7.5 9 12 4.5 16.5 9M5 15.5V19h14v-3.5",
  search: "M10.5 4.5a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l5 5",
  previous: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  back: "M20 12H5M11 6l-6 6 6 6",
  keep: "M12 4.5l2.3 4.9 5.2.7-3.8 3.7.9 5.3-4.6-2.6-4.6 2.6.9-5.3L4.5 10.100l5.2-.7z",
  remove: "M4 8h16v11H4zM4 8l2.500-3.500h11L20 8M9 13h6",
  delete: "M5 7h14M10 7V4.500h4V7M7 7l.8 12.500h8.400L17 7M10.500 10.500v5.500M13.500 10.500v5.500",
  analyze: "M12 3.500l1.900 5.100 5.100 1.900-5.100 1.900L12 17.500l-1.900-5.100L5 10.500l5.100-1.900zM19 16v4M17 18h4",
  publish: "M20.500 3.500 3.500 10l6.500 3 3 7.500zM10 13l4.500-4.500",
  later: "M5 6h14v14H5zM5 10.500h14M9 3.500V7M15 3.500V7M12 13.500v3l2 1",
  external: "M14 4.500h5.500V10M19.500 4.500 11 13M17.500 13.500v6h-13v-13h6",
  close: "M6 6l12 12M18 6 6 18",
  check: "M4.500 12.500l5 5 10-11",
  warning: "M12 4 2.500 20h19zM12 10v4.500M12 17v.5",
  logout: "M14 4.500H5v15h9M10 12h10.500M17 8.500l3.500 3.500-3.500 3.500",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400",
  moon: "M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10z",
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  retry: "M19.500 12a7.500 7.500 0 1 1-2.200-5.300L19.500 9M19.500 4.500V9H15",
  image: "M4 5h16v14H4zM4 16l4.500-4.500 3.500 3.500 3-3 5 5M15.500 8.500v.5",
  plus: "M12 5v14M5 12h14",
  eye: "M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12zM12 9.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5z",
};

/**
 * An icon, for eyes alone: what it stands beside has the name.
 * @param {string} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("class", "icon");
  picture.setAttribute("aria-hidden", "true");
  picture.setAttribute("focusable", "false");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name] ?? "");
  picture.append(path);
  return picture;
}

/**
 * A button with an icon and a name.
 * @param {string} name
 * @param {string | null} iconName
 * @param {(event: MouseEvent) => void} act
 * @param {Properties} [properties]
 * @returns {HTMLButtonElement}
 */
export function button(name, iconName, act, properties) {
  const label = iconName ? [icon(iconName), h("span", null, name)] : [name];
  return h("button", { type: "button", class: "button", onclick: act, ...properties }, label);
}

let lastId = 0;

/**
 * An id that no other element has.
 * @param {string} word
 */
export function newId(word) {
  lastId += 1;
  return `${word}-${lastId}`;
}
