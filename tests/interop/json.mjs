// SPDX-License-Identifier: Apache-2.0
// json.mjs -- strict JSON, canonical JSON and the texts that travel in it, after spec/json.md.
import { keccak_256 } from "@noble/hashes/sha3";

export class Refusal extends Error {
  constructor(stage, code) {
    super(code);
    this.stage = stage;
  }
}
export const refuse = (stage, code) => {
  throw new Refusal(stage, code);
};
export const ID_MAX = Number.MAX_SAFE_INTEGER;
const DEPTH_MAX = 16;
const VALUES_MAX = 65536;
const MEMBERS_MAX = 128;
const FIELDS_MAX = 64;
const NAME_MAX = 128;
const NUMBER_MAX = 32;
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

export const hex = (bytes) => Buffer.from(bytes).toString("hex");
export const utf8 = (bytes, stage = "parse") => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse(stage, "utf8");
  }
};

// A text into values: objects are Maps, so that no name means anything to the language.
class Parser {
  constructor(text) {
    Object.assign(this, { text, at: 0, values: 0 });
  }

  take(pattern, code = "syntax") {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) refuse("parse", code);
    this.at = pattern.lastIndex;
    return found[0];
  }

  space() {
    this.take(/[ \t\r\n]*/y);
  }

  next(char) {
    this.space();
    if (this.text[this.at] !== char) return false;
    this.at++;
    return true;
  }

  string(most = Infinity) {
    const token = this.take(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y);
    const value = JSON.parse(token);
    if (value.includes("\0") || LONE.test(value)) refuse("parse", "syntax");
    if (Buffer.byteLength(token) - 2 > most) refuse("parse", "too-large");
    return value;
  }

  number() {
    const token = this.take(/-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y);
    if (token.length > NUMBER_MAX) refuse("parse", "too-large");
    return Number(token);
  }

  list(end, item) {
    if (this.next(end)) return;
    do item();
    while (this.next(","));
    if (!this.next(end)) refuse("parse", "syntax");
  }

  object(depth) {
    const members = new Map();
    this.list("}", () => {
      this.space();
      const name = this.string(NAME_MAX);
      if (members.has(name)) refuse("parse", "duplicate-field");
      if (members.size === MEMBERS_MAX) refuse("parse", "too-large");
      if (!this.next(":")) refuse("parse", "syntax");
      members.set(name, this.value(depth));
    });
    return members;
  }

  array(depth) {
    const items = [];
    this.list("]", () => items.push(this.value(depth)));
    return items;
  }

  value(depth) {
    if (++this.values > VALUES_MAX) refuse("parse", "too-large");
    this.space();
    const char = this.text[this.at];
    if (char === "{" || char === "[") {
      if (depth === DEPTH_MAX) refuse("parse", "depth");
      this.at++;
      return char === "{" ? this.object(depth + 1) : this.array(depth + 1);
    }
    if (char === '"') return this.string();
    if (/[-0-9]/.test(char ?? "")) return this.number();
    return { true: true, false: false, null: null }[this.take(/true|false|null/y)];
  }

  whole() {
    const value = this.value(0);
    this.space();
    if (this.at !== this.text.length) refuse("parse", "syntax");
    return value;
  }
}

export function parse(bytes, most) {
  if (bytes.length > most) refuse("parse", "too-large");
  return new Parser(utf8(bytes)).whole();
}

// JSON-13 of plain objects; members that are undefined are absent.
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).filter((name) => value[name] !== undefined).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

// An object that is read by name: what nobody asked for at the end is unknown.
export class Reader {
  constructor(value) {
    if (!(value instanceof Map)) refuse("parse", "wrong-type");
    if (value.size > FIELDS_MAX) refuse("parse", "too-large");
    this.members = value;
    this.seen = new Set();
  }

  has(name) {
    return this.members.has(name);
  }

  get(name, type, required = true) {
    this.seen.add(name);
    if (!this.has(name)) return required ? refuse("parse", "missing-field") : undefined;
    const value = this.members.get(name);
    const right = type === "object" ? value instanceof Map : type === "any" || typeof value === type;
    return right ? value : refuse("parse", "wrong-type");
  }

  integer(name, { min = 0, max = ID_MAX, required = true } = {}) {
    const value = this.get(name, "number", required);
    if (value === undefined) return undefined;
    if (Number.isFinite(value) && !Number.isInteger(value)) refuse("parse", "wrong-type");
    return value >= min && value <= max ? value + 0 : refuse("parse", "out-of-range");
  }

  id(name) {
    const value = this.get(name, "number");
    if (Number.isFinite(value) && !Number.isInteger(value)) refuse("parse", "wrong-type");
    return value >= 1 && value <= ID_MAX ? value : refuse("scope", "id-range");
  }

  millionths(name, units) {
    const value = this.get(name, "number", false);
    if (value === undefined) return undefined;
    const count = Math.round(value * 1e6);
    if (count / 1e6 !== value || Math.abs(count) > units * 1e6) refuse("parse", "out-of-range");
    return value + 0;
  }

  hex(name, length, prefix = "") {
    const text = this.get(name, "string");
    if (!text.startsWith(prefix) || text.length !== prefix.length + 2 * length) refuse("parse", "wrong-length");
    return /^[0-9a-f]*$/.test(text.slice(prefix.length)) ? text.slice(prefix.length) : refuse("parse", "syntax");
  }

  end() {
    for (const name of this.members.keys()) if (!this.seen.has(name) && !name.startsWith("x-")) refuse("parse", "unknown-field");
  }
}

// JSON-17: lower case, upper case, or a checksum that is right; as lower case.
export function address(text, stage = "parse") {
  const digits = text.slice(2);
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) refuse(stage, "address-invalid");
  const lower = digits.toLowerCase();
  if (digits !== lower && digits !== digits.toUpperCase()) {
    const sum = hex(keccak_256(Buffer.from(lower)));
    const right = [...lower].map((c, i) => (parseInt(sum[i], 16) > 7 ? c.toUpperCase() : c)).join("");
    if (right !== digits) refuse(stage, "address-invalid");
  }
  return "0x" + lower;
}
