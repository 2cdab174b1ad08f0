// SPDX-License-Identifier: Apache-2.0
// access.mjs -- signed requests, results and checkpoints, key grants, allowlists and policy, after the pages of spec/ with these names.
import { chacha20poly1305 } from "@noble/ciphers/chacha";
import { x25519 } from "@noble/curves/ed25519";
import { secp256k1 } from "@noble/curves/secp256k1";
import { expand, extract } from "@noble/hashes/hkdf";
import { sha256 } from "@noble/hashes/sha2";
import { keccak_256 } from "@noble/hashes/sha3";
import { hashMessage, TypedDataEncoder } from "ethers";
import { address, hex, ID_MAX, parse, Reader, refuse } from "./json.mjs";
import { sameScope, scopeDecode, scopeEncode, sha } from "./codec.mjs";

const struct = (text) => text.split(",").map((field) => ({ type: field.split(" ")[0], name: field.split(" ")[1] }));
const TYPES = {
  Request: struct("address router,string method,string path,uint64 session,uint64 task,uint32 keyVersion,bytes32 bodySha256,bytes16 nonce,uint64 expires"),
  Result: struct("address router,uint64 session,uint64 task,uint32 attempt,uint64 epoch,bytes32 inputSha256,string resultUrn,bytes32 resultSha256,uint32 keyVersion"),
  Checkpoint: struct("address router,uint64 seq,bytes32 head"),
  Grant: struct("bytes32 enc,bytes sealedKey,bytes32 requestDigest,bytes scope,uint32 keyVersion,uint64 expires,uint64 auditSeq,bytes32 auditHead"),
};

// {chainId, contract} of the deployment; the digest as 32 bytes.
export function typed(domain, name, value) {
  const { chainId, contract } = domain;
  const digest = TypedDataEncoder.hash({ name: "pinf", version: "1", chainId, verifyingContract: contract }, { [name]: TYPES[name] }, value);
  return Buffer.from(digest.slice(2), "hex");
}

export const addressOf = (publicKey) => "0x" + hex(keccak_256(publicKey.subarray(1)).subarray(12));
export const walletAddress = (secret) => addressOf(secp256k1.getPublicKey(secret, false));

export function sign(secret, digest) {
  const signature = secp256k1.sign(digest, secret, { lowS: true });
  return "0x" + signature.toCompactHex() + (27 + signature.recovery).toString(16);
}

export function verify(digest, signature, signer) {
  const bytes = Buffer.from(signature.replace(/^0x/, ""), "hex");
  let recovered;
  if (bytes.length !== 65 || (bytes[64] !== 27 && bytes[64] !== 28)) refuse("auth", "auth-signature");
  try {
    const parsed = secp256k1.Signature.fromCompact(bytes.subarray(0, 64));
    if (parsed.hasHighS()) refuse("auth", "auth-high-s");
    recovered = addressOf(parsed.addRecoveryBit(bytes[64] - 27).recoverPublicKey(digest).toRawBytes(false));
  } catch {
    refuse("auth", "auth-signature");
  }
  if (recovered !== signer.toLowerCase()) refuse("auth", "auth-signature");
}

// Requests: auth.md.

export function requestDigest(scheme, domain, r) {
  if (scheme === "eip712") return typed(domain, "Request", { ...r, bodySha256: "0x" + r.bodySha256, nonce: "0x" + r.nonce });
  const lines = ["pinf request", `router: ${r.router}`, `chain: ${domain.chainId}`, `contract: ${domain.contract.toLowerCase()}`, `method: ${r.method}`,
    `path: ${r.path}`, `session: ${r.session}`, `task: ${r.task}`, `version: ${r.keyVersion}`, `body: ${r.bodySha256}`, `nonce: ${r.nonce}`, `expires: ${r.expires}`];
  return Buffer.from(hashMessage(lines.join("\n")).slice(2), "hex");
}

const HEADER = new RegExp("^Pinf scheme=(eip712|eip191), address=(0x[0-9a-f]{40}), router=(0x[0-9a-f]{40}), session=(0|[1-9][0-9]*), task=(0|[1-9][0-9]*), " +
  "version=(0|[1-9][0-9]*), nonce=([0-9a-f]{32}), expires=(0|[1-9][0-9]*), signature=(0x[0-9a-f]{130})$");

export function headerParse(text) {
  const found = text.length > 400 || text.includes("\n") ? null : HEADER.exec(text);
  if (!found) refuse("auth", "auth-syntax");
  const [, scheme, address, router, session, task, version, nonce, expires, signature] = found;
  if (Number(session) > ID_MAX || Number(task) > ID_MAX) refuse("auth", "id-range");
  if (Number(version) > 2 ** 32 - 1 || Number(expires) > ID_MAX) refuse("auth", "out-of-range");
  return { scheme, address, router, session: Number(session), task: Number(task), version: Number(version), nonce, expires: Number(expires), signature };
}

export function headerMake(secret, domain, r) {
  const signature = sign(secret, requestDigest("eip712", domain, r));
  return `Pinf scheme=eip712, address=${walletAddress(secret)}, router=${r.router}, session=${r.session}, task=${r.task}, version=${r.keyVersion}, ` +
    `nonce=${r.nonce}, expires=${r.expires}, signature=${signature}`;
}

export function authVerify({ chainId, contract, router, method, path, body, authorization }) {
  const auth = headerParse(authorization);
  if (auth.router !== router) refuse("auth", "auth-router");
  if (!/^[\x21-\x7e]{1,16}$/.test(method) || !/^[\x21-\x7e]{1,1024}$/.test(path)) refuse("auth", "auth-syntax");
  const { session, task, version, nonce, expires } = auth;
  const digest = requestDigest(auth.scheme, { chainId, contract }, { router, method, path, session, task, keyVersion: version, bodySha256: sha(body), nonce, expires });
  verify(digest, auth.signature, auth.address);
  return { address: auth.address, session, task, version, expires };
}

export const resultDigest = (domain, claim) => typed(domain, "Result", { ...claim, inputSha256: "0x" + claim.inputSha256, resultSha256: "0x" + claim.resultSha256 });
export const checkpointDigest = (domain, { router, seq, head }) => typed(domain, "Checkpoint", { router, seq, head: "0x" + head });

// Grants: grants.md; HPKE as in RFC 9180, base mode.

const KEM = Buffer.concat([Buffer.from("KEM"), Buffer.of(0x00, 0x20)]);
const HPKE = Buffer.concat([Buffer.from("HPKE"), Buffer.of(0x00, 0x20, 0x00, 0x01, 0x00, 0x03)]);
const labeledExtract = (suite, salt, label, ikm) => extract(sha256, Buffer.concat([Buffer.from("HPKE-v1"), suite, Buffer.from(label), ikm]), salt);
const labeledExpand = (suite, prk, label, info, length) =>
  expand(sha256, prk, Buffer.concat([Buffer.of(length >> 8, length & 255), Buffer.from("HPKE-v1"), suite, Buffer.from(label), info]), length);
const NONE = Buffer.alloc(0);

// DeriveKeyPair of 32 random bytes (7.1.3).
export function hpkeKeyPair(random) {
  const secret = labeledExpand(KEM, labeledExtract(KEM, NONE, "dkp_prk", random), "sk", NONE, 32);
  return { secret, publicKey: x25519.getPublicKey(secret) };
}

export function hpkeOpen({ enc, secret, publicKey, info, sealed }) {
  try {
    const dh = x25519.getSharedSecret(secret, enc);
    const shared = labeledExpand(KEM, labeledExtract(KEM, NONE, "eae_prk", dh), "shared_secret", Buffer.concat([enc, publicKey]), 32);
    const context = Buffer.concat([Buffer.of(0), labeledExtract(HPKE, NONE, "psk_id_hash", NONE), labeledExtract(HPKE, NONE, "info_hash", info)]);
    const prk = labeledExtract(HPKE, shared, "secret", NONE);
    return chacha20poly1305(labeledExpand(HPKE, prk, "key", context, 32), labeledExpand(HPKE, prk, "base_nonce", context, 12)).decrypt(sealed);
  } catch {
    return refuse("auth", "hpke-open");
  }
}

const big = (value, length) => {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(BigInt(value));
  return out.subarray(8 - length);
};

export function grantRead(bytes) {
  const reader = new Reader(parse(bytes, 65536));
  const scopeText = reader.get("scope", "string");
  if (scopeText.length !== 68 && scopeText.length !== 116) refuse("scope", "wrong-length");
  const grant = {
    enc: reader.hex("enc", 32), sealed: reader.hex("sealed_key", 48), digest: reader.hex("request_digest", 32),
    scope: reader.hex("scope", scopeText.length / 2), version: reader.integer("key_version", { min: 1, max: 2 ** 32 - 1 }),
    expires: reader.integer("expires_ms"), seq: reader.integer("audit_seq"), head: reader.hex("audit_head", 32), signature: reader.hex("signature", 65, "0x"),
  };
  reader.end();
  scopeDecode(Buffer.from(grant.scope, "hex"));
  return grant;
}

// GRANT-7, in its order.
export function grantOpen(bytes, { domain, router, requestDigest: expected, scope, nowMs, secret, publicKey }) {
  const grant = grantRead(bytes);
  const digest = typed(domain, "Grant", { enc: "0x" + grant.enc, sealedKey: "0x" + grant.sealed, requestDigest: "0x" + grant.digest, scope: "0x" + grant.scope,
    keyVersion: grant.version, expires: grant.expires, auditSeq: grant.seq, auditHead: "0x" + grant.head });
  verify(digest, grant.signature, router);
  if (grant.digest !== expected) refuse("auth", "grant-mismatch");
  if (!sameScope(scopeDecode(Buffer.from(grant.scope, "hex")), scope)) refuse("scope", "scope-mismatch");
  if (grant.expires <= nowMs) refuse("auth", "grant-expired");
  const info = Buffer.concat([Buffer.from("pinf/grant/1"), Buffer.from(grant.digest, "hex"), scopeEncode(scope), big(grant.version, 4), big(grant.expires, 8)]);
  const key = hpkeOpen({ enc: Buffer.from(grant.enc, "hex"), secret, publicKey, info, sealed: Buffer.from(grant.sealed, "hex") });
  return { key: Buffer.from(key), version: grant.version };
}

// The environment's allowlist: allowlist.md.

export function allowlistParse(bytes) {
  const text = Buffer.from(bytes).toString("latin1").replace(/^ +| +$/g, "").replace(/ *([;:,]) */g, "$1");
  const lists = new Map();
  if (text === "") refuse("parse", "missing-field");
  for (const list of text.replace(/;$/, "").split(";")) {
    const found = /^([1-9][0-9]*)(?:-([1-9][0-9]*))?:([^:]*)$/.exec(list);
    if (!found) refuse("parse", /^0|-0/.test(list) ? "id-range" : "syntax");
    const ids = [found[1], found[2] ?? "0"].map(Number);
    if (ids.some((id) => id > ID_MAX)) refuse("parse", "id-range");
    const miners = found[3].split(",").map((miner) => address(miner));
    if (new Set(miners).size !== miners.length) refuse("parse", "duplicate-field");
    if (lists.has(ids.join("-"))) refuse("parse", "conflict");
    lists.set(ids.join("-"), { ids, miners });
  }
  const entries = [...lists.values()].flatMap(({ ids: [session, task], miners }) => miners.map((miner) => ({ miner, session, task })));
  if (entries.length > 100000) refuse("parse", "too-large");
  return entries.sort((a, b) => a.session - b.session || a.task - b.task || (a.miner < b.miner ? -1 : 1));
}

// policy.md: the tables, in its notation.

const ALL = "submit, claim, issue-input, issue-result, accept, read, administer";
const DENY = [
  ["authentication-required", ALL, "actor in {none}"],
  ["wallet-required", "claim, issue-input, issue-result, accept, administer", "actor in {bearer-other, bearer-owner}"],
  ["wallet-required", "submit", "actor in {bearer-other, bearer-owner} and route in {caller-sealed}"],
  ["not-owner", "submit, read", "not actor in {bearer-owner, owner}"],
  ["not-owner", "issue-input, issue-result", "not actor in {owner, miner}"],
  ["not-owner", "administer", "not actor in {owner, admin}"],
  ["not-a-miner", "claim, accept", "not actor in {miner}"],
  ["results-for-wallet-only", "submit, read", "actor in {bearer-owner} and not bearer_reads"],
  ["session-closed", "submit", "not session_open"],
  ["session-closed", "claim", "not session_open and not lease_current"],
  ["stream-sealed", "submit", "stream and not route in {plain}"],
  ["plaintext-in-private-session", "submit, claim, accept", "session_private and route in {plain}"],
  ["sealed-in-public-session", "submit, claim, accept", "not session_private and not route in {plain}"],
  ["sealed-in-public-session", "issue-input, issue-result", "not session_private"],
  ["router-sealed-forbidden", "submit", "route in {router-sealed} and not router_sealed_allowed"],
  ["session-key-forbidden", "submit, issue-input", "session_key and not session_keys_allowed"],
  ["key-version-old", "submit", "not route in {plain} and not key_version_recent"],
  ["acl-source", "claim, issue-input, issue-result, accept", "actor in {miner} and session_private and not acl_source_right"],
  ["acl-stale", "submit", "route in {plain} and not acl_fresh"],
  ["acl-stale", "claim, issue-input, issue-result, accept", "actor in {miner} and not acl_fresh"],
  ["miner-not-allowed", "claim, issue-input, issue-result, accept", "actor in {miner} and session_private and not miner_listed"],
  ["lease-not-held", "issue-input, issue-result, accept", "actor in {miner} and not lease_current"],
  ["key-version-unusable", "issue-input, issue-result", "not key_version_usable"],
  ["attestation-required", "claim, issue-input, issue-result, accept", "actor in {miner} and attestation_required and not attested"],
];
const ALLOW = [
  ["allow", "submit, read", "actor in {bearer-owner, owner}"],
  ["allow", "claim, accept", "actor in {miner}"],
  ["allow", "issue-input, issue-result", "actor in {owner, miner}"],
  ["allow", "administer", "actor in {owner, admin}"],
];

function holds(term, facts) {
  const [, not, name, list] = /^(not )?([a-z_]+)(?: in \{(.*)\})?$/.exec(term);
  const true_ = list === undefined ? facts[name] : list.split(", ").includes(facts[name]);
  return not ? !true_ : true_;
}
const applies = (facts) => ([, actions, condition]) => actions.split(", ").includes(facts.action) && condition.split(" and ").every((term) => holds(term, facts));

export function policyDecide(facts) {
  const denied = DENY.find(applies(facts));
  if (denied) refuse("policy", denied[0]);
  if (!ALLOW.some(applies(facts))) refuse("policy", "unknown-action");
}
