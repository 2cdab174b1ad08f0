// SPDX-License-Identifier: Apache-2.0
// files.mjs -- keyring files, policy documents, contract calls and what they return, after spec/keys.md, policy.md and chain.md.
import { chacha20poly1305 } from "@noble/ciphers/chacha";
import { argon2id } from "@noble/hashes/argon2";
import { keccak_256 } from "@noble/hashes/sha3";
import { walletAddress } from "./access.mjs";
import { fingerprint } from "./codec.mjs";
import { canonical, hex, ID_MAX, parse, Reader, refuse } from "./json.mjs";

// KEY-20 to KEY-24.

const STATES = ["", "pending", "active", "decrypt-only", "destroyed"];
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const HEADER = 29;
const HEAD = 96;
const EACH = 82;
const malformed = () => refuse("payload", "keyring-format");

function versionRead(bytes, index) {
  const state = bytes[0];
  const created = bytes.readBigUInt64BE(1);
  const length = bytes[9];
  const seed = bytes.subarray(10, 10 + length);
  const print = hex(bytes.subarray(74));
  const lengthRight = STATES[state] === "destroyed" ? length === 0 : length >= 32 && length <= 64;
  if (state < 1 || state > 4 || created > BigInt(ID_MAX) || !lengthRight || !bytes.subarray(10 + length, 74).every((byte) => byte === 0)) malformed();
  if (length > 0 && fingerprint(seed) !== print) malformed();
  return { version: index + 1, state: STATES[state], created_ms: Number(created), fingerprint: print };
}

export function keyringOpen(file, passphrase) {
  if (file.length > 2 ** 20 || file.length < HEADER + 16 || file.toString("latin1", 0, 4) !== "PNFK" || file[4] !== 1) malformed();
  const [passes, memory] = [file.readUInt32BE(5), file.readUInt32BE(9)];
  if (passes < 1 || passes > 16 || memory < 8 || memory > 262144) malformed();
  let content;
  try {
    const key = argon2id(passphrase, file.subarray(13, HEADER), { t: passes, m: memory, p: 1, dkLen: 32, version: 0x13 });
    content = Buffer.from(chacha20poly1305(key, new Uint8Array(12), file.subarray(0, HEADER)).decrypt(file.subarray(HEADER)));
  } catch {
    refuse("payload", "passphrase-wrong");
  }
  if (content.length < HEAD) malformed();
  const count = content.readUInt32BE(92);
  const identity = content.subarray(28, 60);
  const secret = BigInt("0x" + hex(identity));
  if (count > 4096 || content.length !== HEAD + EACH * count || content.readBigUInt64BE(0) > BigInt(ID_MAX) || secret === 0n || secret >= ORDER) malformed();
  const versions = Array.from({ length: count }, (_, i) => versionRead(content.subarray(HEAD + EACH * i, HEAD + EACH * (i + 1)), i));
  const prints = new Set(versions.map((version) => version.fingerprint));
  if (prints.size !== count || versions.filter((version) => version.state === "active").length > 1) malformed();
  return { chain_id: Number(content.readBigUInt64BE(0)), contract: "0x" + hex(content.subarray(8, 28)), identity: walletAddress(hex(identity)), versions };
}

// POL-50 to POL-52.

export function policyDocument(bytes) {
  const reader = new Reader(parse(bytes, 4096));
  const word = (name, words) => {
    const value = reader.get(name, "string", false) ?? words[0];
    return words.includes(value) ? value : refuse("parse", "out-of-range");
  };
  const flag = (name) => reader.get(name, "boolean", false) ?? false;
  const document = {
    acl_source: word("acl_source", ["any", "router", "contract", "env"]), attestation: flag("attestation"),
    grant_lifetime_ms: reader.integer("grant_lifetime_ms", { min: 1000, max: 86400000, required: false }), key_scope: word("key_scope", ["session", "task"]),
    read_results: word("read_results", ["owner", "wallet"]), rotation_period_ms: reader.integer("rotation_period_ms", { min: 60000, required: false }),
    router_sealed: flag("router_sealed"),
  };
  reader.end();
  return canonical(document);
}

// CHAIN-1 to CHAIN-5.

const WORD = 32;
const word = (value) => Buffer.from(BigInt(value).toString(16).padStart(2 * WORD, "0"), "hex");
const number = (bytes) => BigInt("0x" + hex(bytes));

export function abiCall(signature, values) {
  return hex(Buffer.concat([keccak_256(Buffer.from(signature)).subarray(0, 4), ...values.map(({ uint, address }) => word(uint ?? address))]));
}

function address(bytes) {
  return bytes.subarray(0, 12).every((byte) => byte === 0) ? "0x" + hex(bytes.subarray(12)) : refuse("parse", "not-canonical");
}

function addresses(data, max) {
  if (data.length < 2 * WORD) refuse("parse", "wrong-length");
  if (number(data.subarray(0, WORD)) !== 32n) refuse("parse", "not-canonical");
  const count = number(data.subarray(WORD, 2 * WORD));
  if (count > BigInt(max)) refuse("parse", "too-large");
  if (data.length !== WORD * (2 + Number(count))) refuse("parse", "wrong-length");
  return Array.from({ length: Number(count) }, (_, i) => address(data.subarray(WORD * (2 + i), WORD * (3 + i))));
}

export function abiDecode(type, data, max) {
  if (type === "address[]") return addresses(data, max);
  if (data.length !== WORD) refuse("parse", "wrong-length");
  if (type === "address") return address(data);
  const value = number(data);
  if (type === "bool") return value <= 1n ? value === 1n : refuse("parse", "not-canonical");
  return value <= BigInt(max) ? Number(value) : refuse("parse", "id-range");
}
