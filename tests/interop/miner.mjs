// SPDX-License-Identifier: Apache-2.0
// miner.mjs -- a miner: events in, effects out.  After spec/states.md (STATE-14 to STATE-16), api.md and grants.md; asked as spec/CONFORMANCE.md has it.
import { grantOpen, headerMake, hpkeKeyPair, requestDigest, resultDigest, sign, walletAddress } from "./access.mjs";
import { blobHeader, blobOpen, blobSeal, documentDecode, payloadRead, sameScope, sha, urnMake } from "./codec.mjs";
import { canonical, hex, parse, Reader, Refusal, refuse } from "./json.mjs";

const INLINE_MAX = 4096;
const INFER_MS = 60000;
const RETRY_MS = 250;
const LIFETIME_MS = 60000; // of a signature
// Refused for what the clock, the store or the network did: asked again, signed anew.
const MAY_PASS = new Set(["auth-expired", "auth-too-far", "auth-replay", "no-such-blob", "hash-mismatch", "size-mismatch"]);

// One task at a time, from claim to commit.
class Slot {
  constructor(miner) {
    Object.assign(this, { miner, todo: "claim", tries: 0, dueMs: 0, waiting: false });
  }

  act() {
    this.waiting = true;
    this[this.todo]();
  }

  next(todo) {
    Object.assign(this, { todo, tries: 0 });
    this.act();
  }

  again(todo = this.todo) {
    this.waiting = false;
    this.todo = todo;
    this.dueMs = this.miner.monoMs + Math.min(RETRY_MS * 2 ** this.tries++, this.miner.config.retry_max_ms);
  }

  get about() {
    return this.todo === "claim" ? { session: 0, task: 0 } : { session: this.lease.session, task: this.lease.task };
  }

  send(method, path, body) {
    return this.miner.send(this, method, path, body);
  }

  post(path, body) {
    return this.send("POST", path, Buffer.from(canonical(body)));
  }

  ids(more) {
    const { session, task, attempt } = this.lease;
    return { session_id: session, task_id: task, attempt, ...more };
  }

  claim() {
    this.post("/api/v1/miner/claim", { session_id: 0, wait_ms: this.miner.config.wait_ms });
  }

  claimed(body, status) {
    if (status === 204) return this.next("claim");
    const reader = new Reader(parse(body, 2 ** 20));
    this.lease = { session: reader.id("session_id"), task: reader.id("task_id"), attempt: reader.integer("attempt", { min: 1 }), epoch: reader.integer("epoch"),
      version: reader.integer("key_version"), instance: reader.hex("instance", 16), input: payloadRead(reader.get("input", "object")) };
    const { session, task, instance, input } = this.lease;
    if (input.encryption !== "none") {
      const { scope } = input.encryption;
      const right = scope.purpose === "input" && scope.session === session && (scope.kind === "session" || (scope.task === task && scope.instance === instance));
      if (!right) refuse("scope", "scope-mismatch");
    }
    return this.next("ack");
  }

  ack() {
    this.post("/api/v1/miner/ack", this.ids());
  }

  acked() {
    const { input } = this.lease;
    if (input.inline !== undefined) return this.infer(Buffer.from(input.inline));
    return this.next(input.encryption === "none" ? "fetch" : "inputKey");
  }

  askKey(scope) {
    const { session, task, attempt } = this.lease;
    const pair = hpkeKeyPair(this.miner.random(32));
    const body = { session_id: session, task_id: task, attempt, hpke_public: hex(pair.publicKey), purpose: scope.purpose };
    const digest = this.post(`/api/v1/auth/payload_enc_key/${scope.kind}`, body);
    this.asked = { ...pair, scope, digest };
  }

  takeKey(body) {
    const { secret, publicKey, scope, digest } = this.asked;
    const { config, domain, nowMs } = this.miner;
    const grant = grantOpen(body, { domain, router: config.router, requestDigest: hex(digest), scope, nowMs, secret, publicKey });
    return grant.version === this.lease.version ? grant.key : refuse("auth", "grant-mismatch");
  }

  inputKey() {
    this.askKey(this.lease.input.encryption.scope);
  }

  inputKeyed(body) {
    this.key = this.takeKey(body);
    this.next("fetch");
  }

  fetch() {
    this.send("GET", `/api/v3/blobs/${this.lease.input.sha256}`);
  }

  fetched(body) {
    const { input } = this.lease;
    if (body.length !== input.size) refuse("payload", "size-mismatch");
    if (sha(body) !== input.sha256) refuse("payload", "hash-mismatch");
    if (input.encryption === "none") return this.infer(body);
    const { suite, key_version: version, scope } = input.encryption;
    const header = blobHeader(body);
    if (header.suite !== suite || header.version !== version) refuse("payload", "blob-header");
    return this.infer(blobOpen(body, this.key, scope));
  }

  infer(document) {
    documentDecode("input", document);
    this.miner.effect(this, { kind: "infer", document: hex(document), timeout_ms: INFER_MS });
    this.todo = "infer";
    this.waiting = true;
  }

  inferred(document) {
    documentDecode("result", document);
    this.document = document;
    const { input, session, task, instance, attempt } = this.lease;
    if (input.encryption === "none") return this.store(document, "none");
    this.scope = { kind: "task", purpose: "result", session, task, instance, attempt, miner: this.miner.address };
    return this.next("resultKey");
  }

  resultKey() {
    this.askKey(this.scope);
  }

  resultKeyed(body) {
    const { suite } = this.lease.input.encryption;
    const { version } = this.lease;
    const sealed = blobSeal({ suite, padded: true, chunkLog2: 16, version, scope: this.scope, key: this.takeKey(body), salt: this.miner.random(32), plain: this.document });
    this.store(sealed, { key_version: version, scope: this.scope, suite });
  }

  store(bytes, encryption) {
    const { type, provider, bucket } = this.miner.config.storage;
    this.result = { encryption, sha256: sha(bytes), size: bytes.length };
    this.blob = bytes;
    if (encryption === "none" && bytes.length <= INLINE_MAX) {
      this.result.inline = bytes.toString();
      return this.next("precommit");
    }
    this.result.urn = urnMake([type, provider, bucket, this.result.sha256]);
    return this.next("upload");
  }

  upload() {
    this.send("PUT", `/api/v3/blobs/${this.result.sha256}`, this.blob);
  }

  uploaded() {
    this.next("precommit");
  }

  signature(resultUrn) {
    const { session, task, attempt, epoch, version, input } = this.lease;
    const claim = { router: this.miner.config.router, session, task, attempt, epoch, inputSha256: input.sha256, resultUrn, resultSha256: this.result.sha256, keyVersion: version };
    return sign(this.miner.secret, resultDigest(this.miner.domain, claim));
  }

  precommit() {
    this.post("/api/v1/miner/precommit", this.ids({ result_sha256: this.result.sha256, signature: this.signature("") }));
  }

  precommitted() {
    this.next("commit");
  }

  commit() {
    this.post("/api/v1/miner/commit", this.ids({ payload: this.result, signature: this.signature(this.result.urn ?? "") }));
  }

  committed() {
    this.next("claim");
  }

  // What came of the last request, or of the inference.
  answered({ status, body, error }) {
    const done = { claim: "claimed", ack: "acked", inputKey: "inputKeyed", fetch: "fetched", infer: "inferred", resultKey: "resultKeyed", upload: "uploaded",
      precommit: "precommitted", commit: "committed" }[this.todo];
    if (error !== undefined || status >= 500) return this.todo === "infer" ? this.again("claim") : this.again();
    if (status >= 400) return this.again(MAY_PASS.has(codeOf(body)) ? this.todo : "claim");
    try {
      return this[done](body, status);
    } catch (wrong) {
      if (!(wrong instanceof Refusal)) throw wrong;
      return this.again("claim"); // What the router gave is not to be used: the lease runs out.
    }
  }
}

function codeOf(body) {
  try {
    return new Reader(new Reader(parse(body, 65536)).get("error", "object")).get("code", "string");
  } catch {
    return "";
  }
}

export class Miner {
  constructor(config, entropy) {
    Object.assign(this, { config, entropy: Buffer.from(entropy, "hex"), drawn: 0, requests: new Map(), numbered: 0, effects: [] });
    this.secret = config.secret;
    this.address = walletAddress(config.secret);
    this.domain = { chainId: config.chain_id, contract: config.contract };
    this.slots = Array.from({ length: config.slots }, () => new Slot(this));
  }

  // From the entropy that it was given alone: one history for one seed.
  random(length) {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(this.drawn++);
    return Buffer.from(sha(Buffer.concat([this.entropy, count])), "hex").subarray(0, length);
  }

  effect(slot, effect) {
    this.requests.set(++this.numbered, slot);
    this.effects.push({ ...effect, request: this.numbered });
  }

  // Signed as of now; the digest that a grant must name.
  send(slot, method, path, body = Buffer.alloc(0)) {
    const { session, task } = slot.about;
    const request = { router: this.config.router, method, path, session, task, keyVersion: 0, bodySha256: sha(body), nonce: hex(this.random(16)), expires: this.nowMs + LIFETIME_MS };
    this.effect(slot, { kind: "send", method, path, authorization: headerMake(this.secret, this.domain, request), body: hex(body), timeout_ms: this.config.send_timeout_ms + (slot.todo === "claim" ? this.config.wait_ms : 0) });
    return requestDigest("eip712", this.domain, request);
  }

  step(nowMs, monoMs, event) {
    Object.assign(this, { nowMs, monoMs, effects: [] });
    const slot = this.requests.get(event.request);
    this.requests.delete(event.request);
    if (slot) slot.answered({ ...event, body: Buffer.from(event.body ?? "", "hex") });
    for (const idle of this.slots) if (!idle.waiting && idle.dueMs <= monoMs) idle.act();
    const due = this.slots.filter((idle) => !idle.waiting).map((idle) => idle.dueMs);
    if (due.length > 0) this.effects.push({ kind: "wake", at_ms: Math.min(...due) });
    return this.effects;
  }
}
