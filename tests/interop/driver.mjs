// SPDX-License-Identifier: Apache-2.0
// driver.mjs -- the second implementation, asked by the conformance kit: spec/CONFORMANCE.md.
import readline from "node:readline";
import * as access from "./access.mjs";
import * as codec from "./codec.mjs";
import * as files from "./files.mjs";
import { canonical, hex, parse, Refusal } from "./json.mjs";
import { Miner } from "./miner.mjs";

// CONF-4: hex, or a head, a part that is repeated, a tail.
const bytes = (value) => {
  if (typeof value === "string") return Buffer.from(value, "hex");
  const { head = "", repeat, count, tail = "" } = value;
  return Buffer.concat([bytes(head), Buffer.alloc((count * repeat.length) / 2, repeat, "hex"), bytes(tail)]);
};
const map = (value) =>
  value !== null && typeof value === "object" && !Array.isArray(value) ? new Map(Object.entries(value).map(([name, member]) => [name, map(member)])) : value;
const scope = (value) => codec.scopeRead(map(value));
const domain = (input) => ({ chainId: input.chain_id, contract: input.contract });

const OPERATIONS = {
  "urn.parse": (i) => codec.urnParse(bytes(i.text)),
  "urn.make": (i) => ({ canonical: codec.urnMake([i.storage_type, i.provider, i.bucket, i.file_name]) }),
  "json.check": (i) => void parse(bytes(i.text), 2 ** 30),
  "scope.encode": (i) => ({ encoded: hex(codec.scopeEncode(scope(i.scope))) }),
  "scope.decode": (i) => ({ scope: codec.scopeDecode(bytes(i.encoded)) }),
  "key.derive": (i) => ({ key: hex(codec.keyDerive(bytes(i.seed), i.chain_id, i.contract, i.key_version, scope(i.scope))) }),
  "seed.import": (i) => codec.seedImport(bytes(i.text)),
  "blob.seal": (i) => {
    const sealed = codec.blobSeal({ suite: i.suite, padded: i.padded, chunkLog2: i.chunk_log2, version: i.key_version, scope: scope(i.scope),
      key: bytes(i.key), salt: bytes(i.salt), plain: bytes(i.plain) });
    return { length: sealed.length, sha256: codec.sha(sealed) };
  },
  "blob.open": (i) => {
    const plain = codec.blobOpen(bytes(i.blob), bytes(i.key), i.scope && scope(i.scope));
    return { length: plain.length, sha256: codec.sha(plain) };
  },
  "payload.decode": (i) => ({ canonical: canonical(codec.payloadDecode(bytes(i.text))) }),
  "document.decode": (i) => ({ sha256: codec.documentDecode(i.kind, bytes(i.text)).sha256 }),
  "auth.verify": (i) => access.authVerify({ ...domain(i), router: i.router, method: i.method, path: i.path, body: bytes(i.body), authorization: i.authorization }),
  "result.verify": (i) =>
    access.verify(access.resultDigest(domain(i), { router: i.router, session: i.session, task: i.task, attempt: i.attempt, epoch: i.epoch,
      inputSha256: i.input_sha256, resultUrn: i.result_urn, resultSha256: i.result_sha256, keyVersion: i.key_version }), i.signature, i.miner),
  "checkpoint.verify": (i) => access.verify(access.checkpointDigest(domain(i), i), i.signature, i.router),
  "grant.open": (i) => ({
    key: hex(access.grantOpen(bytes(i.grant), { domain: domain(i), router: i.router, requestDigest: i.request_digest, scope: scope(i.scope), nowMs: i.now_ms,
      secret: bytes(i.secret), publicKey: bytes(i.public) }).key),
  }),
  "allowlist.parse": (i) => ({ entries: access.allowlistParse(bytes(i.text)) }),
  "keyring.open": (i) => files.keyringOpen(bytes(i.file), bytes(i.passphrase)),
  "policy.document": (i) => ({ canonical: files.policyDocument(bytes(i.text)) }),
  "abi.call": (i) => ({ data: files.abiCall(i.signature, i.arguments) }),
  "abi.decode": (i) => ({ value: files.abiDecode(i.type, bytes(i.data), i.max) }),
  "policy.decide": (i) => {
    access.policyDecide(i);
    return { decision: "allow" };
  },
};

function run({ id, operation, input }) {
  if (!(operation in OPERATIONS)) return { id, skip: "not an operation of this driver" };
  try {
    return { id, ok: OPERATIONS[operation](input) ?? {} };
  } catch (error) {
    return error instanceof Refusal ? { id, reject: { stage: error.stage, code: error.message } } : { id, error: String(error.stack) };
  }
}

let miner;
const VERBS = {
  start: () => ({ ok: { implementation: "pinf-interop", version: "1", operations: Object.keys(OPERATIONS), roles: ["miner"] } }),
  run,
  node({ role, config, entropy }) {
    if (role !== "miner") return { skip: "a miner alone" };
    miner = new Miner(config, entropy);
    return { ok: {} };
  },
  event: ({ now_ms: nowMs, mono_ms: monoMs, event }) => ({ ok: { effects: miner.step(nowMs, monoMs, event) } }),
  reset() {
    miner = undefined;
    return { ok: {} };
  },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  process.stdout.write(JSON.stringify(VERBS[asked.verb]?.(asked) ?? { ok: {} }) + "\n");
  if (asked.verb === "stop") break;
}
process.exit(0);
