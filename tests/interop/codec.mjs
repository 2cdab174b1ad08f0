// SPDX-License-Identifier: Apache-2.0
// codec.mjs -- URNs, scopes, keys, blobs, payload metadata and documents, after the pages of spec/ with these names.
import { gcm } from "@noble/ciphers/aes";
import { chacha20poly1305 } from "@noble/ciphers/chacha";
import { expand, extract } from "@noble/hashes/hkdf";
import { sha256 } from "@noble/hashes/sha2";
import { address, canonical, hex, ID_MAX, parse, Reader, refuse, utf8 } from "./json.mjs";

export const sha = (bytes) => hex(sha256(bytes));
const ascii = (text) => Buffer.from(text, "latin1");
const number = (value, length) => {
  const out = Buffer.alloc(length);
  for (let i = length - 1, left = BigInt(value); i >= 0; i--, left >>= 8n) out[i] = Number(left & 255n);
  return out;
};

// URNs: urn.md.

const OCTET = "(?:[A-Za-z0-9._~!$&'()*+,;=@/-]|%[0-9A-Fa-f]{2})";
const UNRESERVED = /[A-Za-z0-9._~-]/;

function decoded(field) {
  const out = [];
  for (const part of field.match(/%..|./g)) out.push(part.length === 3 ? parseInt(part.slice(1), 16) : part.charCodeAt(0));
  return Uint8Array.from(out);
}

export function urnParse(bytes) {
  const text = Buffer.from(bytes).toString("latin1");
  if (text.length > 512) refuse("urn", "urn-length");
  if (!new RegExp(`^urn:blob:(?:${OCTET}|:)*$`, "i").test(text) || text.endsWith("\n")) refuse("urn", "urn-syntax");
  const fields = text.slice("urn:blob:".length).split(":");
  if (/%00/.test(text) || !/^[a-z0-9]+$/.test(fields[0])) refuse("urn", "urn-syntax");
  if (fields[0] !== "1") refuse("urn", "urn-version");
  if (fields.length !== 5) refuse("urn", "urn-fields");
  for (const field of fields) {
    if (field === "") refuse("urn", "urn-syntax");
    if (field.length > 255) refuse("urn", "urn-length");
    utf8(decoded(field), "urn");
  }
  const plain = fields.map((field) =>
    field.replace(/%(..)/g, (all, digits) => {
      const char = String.fromCharCode(parseInt(digits, 16));
      return UNRESERVED.test(char) ? char : "%" + digits.toUpperCase();
    }),
  );
  const [version, storage_type, provider, bucket, file_name] = plain;
  return { canonical: `urn:blob:${plain.join(":")}`, version, storage_type, provider, bucket, file_name };
}

export function urnMake(fields) {
  const encoded = fields.map((field) =>
    [...Buffer.from(field)].map((byte) => {
      const char = String.fromCharCode(byte);
      return UNRESERVED.test(char) ? char : "%" + byte.toString(16).toUpperCase().padStart(2, "0");
    }).join(""),
  );
  const text = ["urn:blob:1", ...encoded].join(":");
  urnParse(ascii(text));
  return text;
}

// Scopes: scope.md, and payload.md (PAY-6) for their JSON.

const KINDS = ["session", "task"];
const PURPOSES = ["input", "result"];
const ZERO = "0x" + "0".repeat(40);

export function scopeCheck(scope) {
  const result = scope.purpose === "result";
  const right = KINDS.includes(scope.kind) && PURPOSES.includes(scope.purpose) && !(result && scope.kind === "session") &&
    (scope.kind === "task" || !scope.task) && (result ? scope.attempt >= 1 && scope.miner !== ZERO : !scope.attempt && scope.miner === undefined);
  if (!right) refuse("scope", "scope-invalid");
  for (const id of [scope.session, ...(scope.kind === "task" ? [scope.task] : [])])
    if (!(id >= 1 && id <= ID_MAX)) refuse("scope", "id-range");
  return scope;
}

export function scopeEncode(scope) {
  scopeCheck(scope);
  const head = [Buffer.of(KINDS.indexOf(scope.kind) + 1, PURPOSES.indexOf(scope.purpose) + 1), number(scope.session, 8),
    number(scope.task ?? 0, 8), Buffer.from(scope.instance, "hex")];
  if (scope.purpose === "result") head.push(number(scope.attempt, 4), Buffer.from(scope.miner.slice(2), "hex"));
  return Buffer.concat(head);
}

export function scopeDecode(bytes) {
  const at = Buffer.from(bytes);
  const big = (from) => Number(at.readBigUInt64BE(from));
  if (at.length !== (at[1] === 2 ? 58 : 34)) refuse("scope", "wrong-length");
  const scope = { kind: KINDS[at[0] - 1], purpose: PURPOSES[at[1] - 1], session: big(2), instance: hex(at.subarray(18, 34)) };
  if (scope.kind === "task") scope.task = big(10);
  else if (big(10) !== 0) refuse("scope", "scope-invalid");
  if (scope.purpose === "result") Object.assign(scope, { attempt: at.readUInt32BE(34), miner: "0x" + hex(at.subarray(38)) });
  return scopeCheck(scope);
}

export function scopeRead(value) {
  const reader = new Reader(value);
  const scope = { kind: reader.get("kind", "string"), purpose: reader.get("purpose", "string"), session: reader.id("session") };
  if (!KINDS.includes(scope.kind) || !PURPOSES.includes(scope.purpose)) refuse("scope", "scope-invalid");
  const result = scope.purpose === "result";
  for (const [name, applies] of [["task", scope.kind === "task"], ["attempt", result], ["miner", result]])
    if (reader.has(name) && !applies) refuse("scope", "scope-invalid");
  scope.instance = reader.hex("instance", 16);
  if (scope.kind === "task") scope.task = reader.id("task");
  if (result) {
    scope.attempt = reader.integer("attempt", { max: 2 ** 32 - 1 });
    scope.miner = address(reader.get("miner", "string"));
  }
  reader.end();
  return scopeCheck(scope);
}

export const sameScope = (a, b) => scopeEncode(a).equals(scopeEncode(b));

// Keys: keys.md.

export function keyDerive(seed, chainId, contract, version, scope) {
  const salt = Buffer.concat([ascii("pinf/keys/1"), number(chainId, 8), Buffer.from(contract.slice(2), "hex"), number(version, 4)]);
  return expand(sha256, extract(sha256, seed, salt), scopeEncode(scope), 32);
}

export const fingerprint = (seed) => sha(Buffer.concat([ascii("pinf/seed-fingerprint/1"), seed])).slice(0, 16);

export function seedImport(bytes) {
  const text = Buffer.from(bytes).toString("latin1");
  const isHex = /^(?:[0-9a-fA-F]{2})+$/.test(text) && !text.endsWith("\n");
  const seed = Buffer.from(text, isHex ? "hex" : "base64");
  if (!isHex && (seed.toString("base64") !== text || text === "")) refuse("parse", "syntax");
  const weak = seed.length < 32 || seed.length > 64 || seed.every((byte) => byte >= 0x20 && byte <= 0x7e) || new Set(seed).size < 16 ||
    (!isHex && !(/[a-z]/.test(text) && /[A-Z]/.test(text)));
  const repeats = Array.from({ length: seed.length >> 1 }, (_, i) => i + 1).some((p) => seed.every((byte, i) => i < p || byte === seed[i - p]));
  const steps = seed.every((byte, i) => i < 2 || ((byte - seed[i - 1]) & 255) === ((seed[i - 1] - seed[i - 2]) & 255));
  if (weak || repeats || steps) refuse("parse", "seed-weak");
  return { seed: hex(seed), fingerprint: fingerprint(seed) };
}

// Blobs: blob.md.

const HEADER = 134;
const SUITES = { "aes-256-gcm": [1, gcm], "chacha20-poly1305": [2, chacha20poly1305] };
const suiteNumbered = (n) => Object.entries(SUITES).find(([, [id]]) => id === n);

function blobKeys(header, scopeKey) {
  const t = expand(sha256, extract(sha256, scopeKey, header.subarray(70, 102)), Buffer.concat([ascii("pinf/blob/1"), header.subarray(0, 102)]), 64);
  return { key: t.subarray(0, 32), commitment: t.subarray(32) };
}

const nonce = (i, last) => Buffer.concat([number(i, 11), Buffer.of(last ? 1 : 0)]);

function padme(length) {
  const e = Math.floor(Math.log2(length));
  const step = 2 ** (e - (Math.floor(Math.log2(e)) + 1));
  return Math.ceil(length / step) * step;
}

// How long the body of n real bytes is.
function bodyLength(n, chunk, padded) {
  if (!padded) return n;
  const length = n + 4 * Math.max(1, Math.ceil(n / (chunk - 4)));
  return length <= 256 ? 256 : padme(length);
}

function pad(plain, chunk, length) {
  const body = Buffer.alloc(length);
  for (let at = 0, from = 0; at < length; at += chunk) {
    const size = Math.min(chunk, length - at);
    const count = Math.min(size - 4, plain.length - from);
    plain.copy(body, at, from, from + count);
    body.writeUInt32BE(count, at + size - 4);
    from += count;
  }
  return body;
}

export function blobSeal({ suite, padded, chunkLog2, version, scope, key, salt, plain }) {
  const [id, cipher] = SUITES[suite] ?? refuse("version", "blob-suite");
  if (!(chunkLog2 >= 12 && chunkLog2 <= 20 && version >= 1)) refuse("payload", "blob-header");
  const encoded = scopeEncode(scope);
  const header = Buffer.concat([ascii("PINF"), Buffer.of(1, id, padded ? 1 : 0, chunkLog2), number(version, 4), encoded,
    Buffer.alloc(58 - encoded.length), salt, Buffer.alloc(32)]);
  const keys = blobKeys(header, key);
  header.set(keys.commitment, 102);
  const chunk = 2 ** chunkLog2;
  const body = padded ? pad(Buffer.from(plain), chunk, bodyLength(plain.length, chunk, true)) : plain;
  const parts = [header];
  const count = Math.max(1, Math.ceil(body.length / chunk));
  for (let i = 0; i < count; i++)
    parts.push(cipher(keys.key, nonce(i, i === count - 1)).encrypt(body.subarray(i * chunk, (i + 1) * chunk)));
  return Buffer.concat(parts);
}

export function blobHeader(blob) {
  if (!blob.subarray(0, 4).equals(ascii("PINF").subarray(0, blob.length)) && !ascii("PINF").equals(blob.subarray(0, 4))) refuse("payload", "blob-magic");
  if (blob.length < HEADER) refuse("payload", "blob-truncated");
  if (blob[4] !== 1) refuse("version", "blob-version");
  const [suite] = suiteNumbered(blob[5]) ?? refuse("version", "blob-suite");
  const version = blob.readUInt32BE(8);
  if (blob[6] > 1 || blob[7] < 12 || blob[7] > 20 || version === 0) refuse("payload", "blob-header");
  const scopeLength = blob[13] === 2 ? 58 : 34;
  if (!blob.subarray(12 + scopeLength, 70).every((byte) => byte === 0)) refuse("payload", "blob-header");
  let scope;
  try {
    scope = scopeDecode(blob.subarray(12, 12 + scopeLength));
  } catch {
    refuse("payload", "blob-header");
  }
  return { suite, padded: blob[6] === 1, chunk: 2 ** blob[7], version, scope };
}

// The real bytes of one chunk of a padded body, with what came before it.
function unpad(part, chunk, state) {
  const count = part.length >= 4 ? part.readUInt32BE(part.length - 4) : Infinity;
  if (count > part.length - 4 || !part.subarray(count, part.length - 4).every((byte) => byte === 0)) refuse("payload", "blob-padding");
  if (count > 0 && state.partial) refuse("payload", "blob-padding");
  state.partial ||= count < chunk - 4;
  return part.subarray(0, count);
}

export function blobOpen(blob, key, expected) {
  const header = blobHeader(blob);
  if (expected && !sameScope(header.scope, expected)) refuse("scope", "scope-mismatch");
  const keys = blobKeys(blob, key);
  if (!Buffer.from(keys.commitment).equals(blob.subarray(102, HEADER))) refuse("payload", "blob-commitment");
  const sealed = blob.length - HEADER;
  const count = Math.max(1, Math.ceil(sealed / (header.chunk + 16)));
  const body = sealed - 16 * count;
  if (sealed < 16 || body < 0 || (body === 0 && count > 1) || sealed - (count - 1) * (header.chunk + 16) < (count > 1 ? 17 : 16)) refuse("payload", "blob-truncated");
  const cipher = SUITES[header.suite][1];
  const state = { partial: false };
  const out = [];
  for (let i = 0; i < count; i++) {
    const from = HEADER + i * (header.chunk + 16);
    let part;
    try {
      part = Buffer.from(cipher(keys.key, nonce(i, i === count - 1)).decrypt(blob.subarray(from, from + header.chunk + 16)));
    } catch {
      refuse("payload", "blob-forged");
    }
    out.push(header.padded ? unpad(part, header.chunk, state) : part);
  }
  const plain = Buffer.concat(out);
  if (header.padded && bodyLength(plain.length, header.chunk, true) !== body) refuse("payload", "blob-padding");
  return plain;
}

// Payload metadata: payload.md.

const INLINE_MAX = 4096;

function encryptionRead(value) {
  if (typeof value === "string") return value === "none" ? value : refuse("payload", "encryption-invalid");
  const reader = new Reader(value);
  const suite = reader.get("suite", "string");
  if (!(suite in SUITES)) refuse("payload", "encryption-invalid");
  const encryption = { suite, key_version: reader.integer("key_version", { min: 1, max: 2 ** 32 - 1 }), scope: scopeRead(reader.get("scope", "object")) };
  reader.end();
  return encryption;
}

export function payloadRead(value) {
  const reader = new Reader(value);
  const payload = { encryption: encryptionRead(reader.get("encryption", "any")), size: reader.integer("size", { min: 1 }) };
  payload.sha256 = reader.get("sha256", "string");
  if (!/^[0-9a-f]{64}$/.test(payload.sha256)) refuse("payload", "hash-invalid");
  if (payload.encryption === "none" && reader.has("inline")) {
    payload.inline = reader.get("inline", "string");
    const bytes = Buffer.from(payload.inline);
    if (bytes.length > INLINE_MAX) refuse("parse", "too-large");
    if (bytes.length !== payload.size) refuse("payload", "size-mismatch");
    if (sha(bytes) !== payload.sha256) refuse("payload", "hash-mismatch");
  } else {
    payload.urn = urnParse(Buffer.from(reader.get("urn", "string"))).canonical;
  }
  reader.end();
  return payload;
}

export const payloadDecode = (bytes) => payloadRead(parse(bytes, 32768));

// Documents: documents.md.

const TEXT_MAX = 64 * 2 ** 20;
const COUNT = { min: 0, max: 2 ** 32 - 1 };

function label(reader, name, { min, required }) {
  const text = reader.get(name, "string", required);
  if (text === undefined) return undefined;
  const length = Buffer.byteLength(text);
  return length <= 128 ? (length >= min ? text : refuse("payload", "not-canonical")) : refuse("parse", "wrong-length");
}

function inputRead(reader) {
  const prompt = reader.get("prompt", "string");
  const template = reader.get("prompt_template", "string", false);
  const counts = ["max_tokens", "top_k"].map((name) => [name, reader.integer(name, { ...COUNT, required: false })]);
  const samples = ["frequency_penalty", "presence_penalty", "temperature", "top_p"].map((name) => [name, reader.millionths(name, 100)]);
  if (prompt === "") refuse("parse", "wrong-length");
  if (template === "" || counts.some(([, count]) => count === 0)) refuse("payload", "not-canonical");
  if (Buffer.byteLength(prompt) + Buffer.byteLength(template ?? "") > TEXT_MAX) refuse("parse", "too-large");
  return { prompt, prompt_template: template, prompt_type: label(reader, "prompt_type", { min: 1, required: false }), ...Object.fromEntries(counts), ...Object.fromEntries(samples) };
}

function resultRead(reader) {
  const text = reader.get("text", "string");
  if (Buffer.byteLength(text) > TEXT_MAX) refuse("parse", "too-large");
  return { completion_tokens: reader.integer("completion_tokens", COUNT), finish_reason: label(reader, "finish_reason", { min: 0, required: true }),
    model: label(reader, "model", { min: 0, required: true }), prompt_tokens: reader.integer("prompt_tokens", COUNT), text };
}

export function documentDecode(kind, bytes) {
  const reader = new Reader(parse(bytes, 2 ** 30));
  if (reader.get("document", "string") !== `pinf-${kind}-1`) refuse("parse", "wrong-type");
  const document = { document: `pinf-${kind}-1`, ...(kind === "input" ? inputRead(reader) : resultRead(reader)) };
  reader.end();
  const written = canonical(document);
  if (!Buffer.from(written).equals(bytes)) refuse("payload", "not-canonical");
  return { document, sha256: sha(Buffer.from(written)) };
}
