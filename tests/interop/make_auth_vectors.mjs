// SPDX-License-Identifier: Apache-2.0
// make_auth_vectors.mjs -- spec/vectors/auth.json, made by ethers 6 and node:crypto alone: what
// spec/auth.md and spec/grants.md define.  npm i ethers@6 && node make_auth_vectors.mjs > auth.json
import crypto from "node:crypto";
import { ethers } from "ethers";

const TYPES = {
  request: "Request(address router,string method,string path,uint64 session,uint64 task," +
    "uint32 keyVersion,bytes32 bodySha256,bytes16 nonce,uint64 expires)",
  grant: "Grant(bytes32 enc,bytes sealedKey,bytes32 requestDigest,bytes scope,uint32 keyVersion," +
    "uint64 expires,uint64 auditSeq,bytes32 auditHead)",
  result: "Result(address router,uint64 session,uint64 task,uint32 attempt,uint64 epoch," +
    "bytes32 inputSha256,string resultUrn,bytes32 resultSha256,uint32 keyVersion)",
  checkpoint: "Checkpoint(address router,uint64 seq,bytes32 head)",
};

const secret = (n) => ethers.id(`pinf test wallet ${n}`);
const hash = (text) => ethers.sha256(ethers.toUtf8Bytes(text));
const bytes = (text, len) => ethers.dataSlice(hash(text), 0, len);
const router = new ethers.Wallet(secret("router")).address.toLowerCase();
const DOMAINS = [
  { chainId: 1, verifyingContract: "0x00000000000000000000000000000000000000c1" },
  { chainId: 9007199254740991, verifyingContract: "0xfedcba9876543210fedcba9876543210fedcba98" },
];
const MAX = 9007199254740991;

const REQUESTS = [
  { router, method: "POST", path: "/api/v3/reservations/101", session: 101, task: 0, keyVersion: 0,
    bodySha256: hash("{}"), nonce: "0x000102030405060708090a0b0c0d0e0f", expires: 1767225600000 },
  { router, method: "PUT", path: "/api/v3/blobs/" + hash("blob").slice(2) + "?session=7&task=9",
    session: MAX, task: MAX, keyVersion: 4294967295, bodySha256: hash("blob"),
    nonce: bytes("nonce", 16), expires: MAX },
];
const SCOPES = [ // kind, purpose, session, task, instance [, attempt, miner]
  "0x0201" + "0000000000000065" + "0000000000000007" + bytes("instance", 16).slice(2),
  "0x0202" + "0000000000000065" + "0000000000000007" + bytes("instance", 16).slice(2) + "00000002" +
    new ethers.Wallet(secret("miner")).address.slice(2).toLowerCase(),
];
const raw = (hex) => Buffer.from(hex.slice(2), "hex");
const number = (n, len) => raw(ethers.toBeHex(n, len));
const secretKey = (hex) => crypto.createPrivateKey({ format: "der", type: "pkcs8",
  key: Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), raw(hex)]) });
const publicOf = (key) => crypto.createPublicKey(key).export({ format: "der", type: "spki" }).subarray(12);

// RFC 9180, base mode, single shot: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.
function hpkeSeal(ephemeral, recipient, info, plain) {
  const KEM = Buffer.from("KEM\0\x20"), HPKE = Buffer.from("HPKE\0\x20\0\x01\0\x03");
  const hmac = (key, ...parts) => crypto.createHmac("sha256", key).update(Buffer.concat(parts)).digest();
  const extract = (suite, salt, label, ikm) => hmac(salt, Buffer.from("HPKE-v1"), suite, Buffer.from(label), ikm);
  const expand = (suite, prk, label, context, len) => hmac(prk, number(len, 2), Buffer.from("HPKE-v1"), suite,
    Buffer.from(label), context, Buffer.from([1])).subarray(0, len);
  const none = Buffer.alloc(0), enc = publicOf(ephemeral);
  const dh = crypto.diffieHellman({ privateKey: ephemeral, publicKey: crypto.createPublicKey(recipient) });
  const shared = expand(KEM, extract(KEM, none, "eae_prk", dh), "shared_secret",
    Buffer.concat([enc, publicOf(recipient)]), 32);
  const context = Buffer.concat([Buffer.from([0]), extract(HPKE, none, "psk_id_hash", none),
    extract(HPKE, none, "info_hash", info)]);
  const key = extract(HPKE, shared, "secret", none);
  const aead = crypto.createCipheriv("chacha20-poly1305", expand(HPKE, key, "key", context, 32),
    expand(HPKE, key, "base_nonce", context, 12), { authTagLength: 16 });
  return { enc, sealed: Buffer.concat([aead.update(plain), aead.final(), aead.getAuthTag()]) };
}

const RECIPIENT = secret("recipient"), KEY = hash("scope key");
const GRANTS = SCOPES.map((scope, i) => {
  const grant = { requestDigest: hash(`digest ${i}`), scope, keyVersion: 1 + i, expires: 1767225600000 + i,
    auditSeq: i === 0 ? 1 : MAX, auditHead: hash(`head ${i}`) };
  const info = Buffer.concat([Buffer.from("pinf/grant/1"), raw(grant.requestDigest), raw(scope),
    number(grant.keyVersion, 4), number(grant.expires, 8)]);
  const { enc, sealed } = hpkeSeal(secretKey(secret(`ephemeral ${i}`)), secretKey(RECIPIENT), info, raw(KEY));
  return { enc: ethers.hexlify(enc), sealedKey: ethers.hexlify(sealed), ...grant };
});
const grantJson = (g, signature) => `{"audit_head":"${g.auditHead.slice(2)}","audit_seq":${g.auditSeq},` +
  `"enc":"${g.enc.slice(2)}","expires_ms":${g.expires},"key_version":${g.keyVersion},` +
  `"request_digest":"${g.requestDigest.slice(2)}","scope":"${g.scope.slice(2)}",` +
  `"sealed_key":"${g.sealedKey.slice(2)}","signature":"${signature}"}`;
const RESULTS = ["", "urn:blob:1:fs:local:pinf:" + hash("result").slice(2)].map((resultUrn, i) => ({
  router, session: 101, task: 7 + i, attempt: 1 + i, epoch: 3 * i, inputSha256: hash("input"),
  resultUrn, resultSha256: hash("result"), keyVersion: i,
}));
const CHECKPOINTS = [0, MAX].map((seq) => ({ router, seq, head: hash(`head of ${seq}`) }));

function typed(text) {
  const [, name, fields] = text.match(/^(\w+)\((.*)\)$/);
  return { [name]: fields.split(",").map((f) => ({ type: f.split(" ")[0], name: f.split(" ")[1] })) };
}

const text191 = (r, domain) => [
  "pinf request", `router: ${r.router}`, `chain: ${domain.chainId}`,
  `contract: ${domain.verifyingContract}`, `method: ${r.method}`, `path: ${r.path}`,
  `session: ${r.session}`, `task: ${r.task}`, `version: ${r.keyVersion}`,
  `body: ${r.bodySha256.slice(2)}`, `nonce: ${r.nonce.slice(2)}`, `expires: ${r.expires}`,
].join("\n");

const header = (scheme, address, r, signature) =>
  `Pinf scheme=${scheme}, address=${address}, router=${r.router}, session=${r.session}, ` +
  `task=${r.task}, version=${r.keyVersion}, nonce=${r.nonce.slice(2)}, expires=${r.expires}, ` +
  `signature=${signature}`;

const vectors = [];
async function add(kind, name, value, n) {
  const wallet = new ethers.Wallet(secret(kind === "request" ? `caller ${n}` :
    kind === "result" ? "miner" : "router"));
  const address = wallet.address.toLowerCase();
  const domain = { name: "pinf", version: "1", ...DOMAINS[n] };
  const base = { secret: wallet.privateKey, address, chain_id: domain.chainId,
    contract: domain.verifyingContract, value };
  const types = typed(TYPES[kind]);
  const signature = await wallet.signTypedData(domain, types, value);
  const made = kind === "request" ? { header: header("eip712", address, value, signature) } :
    kind === "grant" ? { json: grantJson(value, signature), recipient_secret: RECIPIENT,
      recipient_public: ethers.hexlify(publicOf(secretKey(RECIPIENT))), key: KEY } : {};

  vectors.push({ id: `${name}-eip712-${n + 1}`, kind, scheme: "eip712", type: TYPES[kind], ...base,
    domain_separator: ethers.TypedDataEncoder.hashDomain(domain),
    digest: ethers.TypedDataEncoder.hash(domain, types, value), signature, ...made });
  if (kind !== "request")
    return;
  const text = text191(value, domain);
  const personal = await wallet.signMessage(text);
  vectors.push({ id: `${name}-eip191-${n + 1}`, kind, scheme: "eip191", text, ...base,
    digest: ethers.hashMessage(text), signature: personal,
    header: header("eip191", address, value, personal) });
}

for (const [kind, list] of Object.entries(
  { request: REQUESTS, grant: GRANTS, result: RESULTS, checkpoint: CHECKPOINTS }))
  for (const [n, value] of list.entries())
    await add(kind, kind, value, n);
console.log(JSON.stringify({ generator: `ethers ${ethers.version}`, vectors }, null, 1));
