// The ways in which people use the page: by mouse, by touch on a phone, and by keys alone. A flow is written once, and used by
// each. Also what a flow begins with: a login, and an image of its own.

import assert from "node:assert/strict";
import { deflateSync } from "node:zlib";

import { button, PASSWORD } from "./browser.mjs";

/** How often Tab is pressed before something counts as out of reach. */
const FAR = 120;

const mouse = (window) => ({
  press: (target) => target.click(),
  check: (target) => target.check(),
  type: (target, text) => target.fill(text),
});

const touch = (window) => ({
  press: (target) => target.tap(),
  check: (target) => target.tap(),
  type: async (target, text) => {
    await target.tap();
    await target.fill(text);
  },
});

const keys = (window) => {
  /** Goes on by Tab to an element, as people do who see where the focus is. */
  const reach = async (target) => {
    await target.waitFor({ state: "attached" });
    for (let step = 0; step < FAR; step += 1) {
      if (await target.evaluate((it) => it === document.activeElement)) return;
      await window.keyboard.press("Tab");
    }
    assert.fail(`${target} is not reached by Tab`);
  };
  return {
    press: async (target) => {
      await reach(target);
      await window.keyboard.press("Enter");
    },
    check: async (target) => {
      await reach(target);
      await window.keyboard.press("Space");
    },
    type: async (target, text) => {
      await reach(target);
      await window.keyboard.press("Control+A");
      await window.keyboard.insertText(text);
    },
  };
};

/** @type {Record<string, { options: object, hand: Function }>} */
export const HANDS = {
  "by mouse": { options: {}, hand: mouse },
  "on a phone": { options: { phone: true }, hand: touch },
  "by keys alone": { options: {}, hand: keys },
};

/**
 * The ways to log in, from the page that asks for it to the library. Another way is another entry: each flow is run with every one.
 * @type {Record<string, (window: any, hand: any) => Promise<void>>}
 */
export const LOGINS = {
  "by password": async (window, hand) => {
    await hand.type(window.getByLabel("Password"), PASSWORD);
    await hand.press(button(window, "Use the password"));
  },
  // At the identity provider of the sandbox, which has an account of the name of each tenant.
  "by an account": async (window, hand) => {
    const [name] = new URL(window.url()).hostname.split(".");
    await hand.press(button(window, "Log in"));
    await hand.press(window.getByRole("link", { name: new RegExp(`^${name} `) }));
  },
};

/** Chooses a file at a button that asks for one. */
export async function choose(window, press, file) {
  const [chooser] = await Promise.all([window.waitForEvent("filechooser"), press()]);
  await chooser.setFiles(file);
}

/** A PNG that nobody has yet: 64 × 48 pixels by chance. Whatever was published before, this image was not. */
export function newPicture() {
  const [width, height] = [64, 48];
  const rows = Buffer.alloc((width * 3 + 1) * height);
  const [red, green, blue] = [Math.random() * 255, Math.random() * 255, Math.random() * 255];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = y * (width * 3 + 1) + 1 + x * 3;
      rows[at] = (red + x * 2) & 255;
      rows[at + 1] = (green + y * 2) & 255;
      rows[at + 2] = (blue + Math.random() * 40) & 255;
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", head),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(name, data) {
  const named = Buffer.concat([Buffer.from(name, "latin1"), data]);
  let crc = 0xffffffff;
  for (const byte of named) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(~crc >>> 0, 4);
  return Buffer.concat([frame.subarray(0, 4), named, frame.subarray(4)]);
}
