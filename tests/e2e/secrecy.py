# SPDX-License-Identifier: Apache-2.0
"""secrecy.py -- the secrets of a world or a demo, what can be seen of it, and sentinels planted in all of that."""
import base64
import ctypes
import ctypes.util
import hashlib
import hmac
import json
import os
import re
import shutil
import struct
import time

import search
import world


def mac(key, data):
    return hmac.digest(key, data, "sha256")


class Keyring:
    """A keyring file, opened as spec/keys.md#file says."""

    def __init__(self, path, passphrase):
        sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
        sealed = path.read_bytes()
        magic, form, passes, kib, salt = struct.unpack(">4sBII16s", sealed[:29])
        key, content = ctypes.create_string_buffer(32), ctypes.create_string_buffer(len(sealed) - 29 - 16)
        size, argon2id13 = ctypes.c_ulonglong, 2
        assert (magic, form) == (b"PNFK", 1)
        assert sodium.crypto_pwhash(key, size(32), passphrase, size(len(passphrase)), salt, size(passes),
                                    ctypes.c_size_t(kib * 1024), ctypes.c_int(argon2id13)) == 0
        assert sodium.crypto_aead_chacha20poly1305_ietf_decrypt(content, None, None, sealed[29:], size(len(sealed) - 29),
                                                                sealed[:29], size(29), bytes(12), key) == 0, "passphrase"
        self.chain, self.contract, self.identity, self.digest_key, count = struct.unpack(">Q20s32s32sI", content.raw[:96])
        self.seeds = {}
        for version in range(1, count + 1):
            _, _, length, seed, fingerprint = struct.unpack_from(">BQB64s8s", content.raw, 96 + 82 * (version - 1))
            self.seeds[version] = seed[:length]
            assert fingerprint == hashlib.sha256(b"pinf/seed-fingerprint/1" + seed[:length]).digest()[:8]

    def prk(self, version):
        """KEY-5."""
        domain = self.chain.to_bytes(8, "big") + self.contract + version.to_bytes(4, "big")
        return mac(b"pinf/keys/1" + domain, self.seeds[version])

    def keys_of(self, task):
        """KEY-6 for a row of the tasks: the input's key, and the result's of its last attempt."""
        prk = self.prk(task["key_version"])
        ids = task["session"].to_bytes(8, "big") + task["id"].to_bytes(8, "big") + task["instance"]
        keys = {"input key": mac(prk, b"\2\1" + ids + b"\1")}
        if task["miner"]:
            keys["result key"] = mac(prk, b"\2\2" + ids + task["attempt"].to_bytes(4, "big") + task["miner"] + b"\1")
        return keys


def blob_keys(header, scope_key):
    """BLOB-5: the blob's key and its commitment."""
    prk = mac(header[70:102], scope_key)
    one = mac(prk, b"pinf/blob/1" + header[:102] + b"\1")
    return one, mac(prk, one + b"pinf/blob/1" + header[:102] + b"\2")


def rows_of(place):
    copy = world.copy_database(place.data / "router.db", place.dir / "copy.db")
    copy.row_factory = lambda cursor, row: dict(zip([c[0] for c in cursor.description], row))
    tasks = copy.execute("SELECT session, id, key_version, instance, attempt, miner FROM tasks").fetchall()
    sealed = copy.execute("SELECT sha256 FROM inputs WHERE urn <> '' UNION SELECT sha256 FROM results WHERE urn <> ''").fetchall()
    copy.close()
    return tasks, {row["sha256"].hex() for row in sealed}


def blob_keys_of(place, blobs, scope_key):
    for path in (p for p in place.data.rglob("*") if p.name in blobs):
        header = path.read_bytes()[:134]
        key, commitment = blob_keys(header, scope_key)
        if commitment == header[102:134]:
            yield key


def needles(place, prompts, api_key):
    """Every secret there is: texts, and keys down to those that sealed each payload."""
    passphrase = (place.dir / "passphrase").read_bytes()
    keyring = Keyring(place.data / "keyring", passphrase.strip())
    secret = {f"prompt {i}": p.encode() for i, p in enumerate(prompts)}
    secret |= {f"answer {i}": world.engine(p).encode() for i, p in enumerate(prompts)}
    secret |= {"passphrase": bytes.fromhex(passphrase.decode()), "passphrase's text": passphrase,
               "API key": bytes.fromhex(api_key[4:]), "router's identity": keyring.identity, "digest key": keyring.digest_key}
    for version, seed in keyring.seeds.items():
        secret |= {f"seed {version}": seed, f"PRK {version}": keyring.prk(version)}
    for path in place.dir.glob("*.wallet"):
        secret[path.name] = bytes.fromhex(path.read_text())
    tasks, blobs = rows_of(place)
    for task in tasks:
        for name, key in keyring.keys_of(task).items():
            opened = list(blob_keys_of(place, blobs, key))
            # A router-sealed task's result is sealed too; a task that nobody took has none.
            assert len(opened) == 1, f"the {name} derived here for task {task['id']} seals {len(opened)} blobs"
            secret |= {f"{name} of task {task['id']}": key, f"blob's {name} of task {task['id']}": opened[0]}
    return [search.Needle(name, text) for name, text in secret.items()]


def observe(place, work, captured):
    """What can be seen from outside while work() runs, and after it: files, logs, metrics; and traffic."""
    capture = search.Capture((place.port, place.miner_port)) if captured else None
    watcher = search.Watcher(place.data)
    watcher.start()
    try:
        work()
    finally:
        heap = watcher.finish()
        traffic = capture.finish() if capture else {}
    return {**heap, **at_rest(place)}, traffic


def at_rest(place):
    return {"metrics": place.request("GET", "/metrics", miner=True)[1],
            **{path.name: path.read_bytes() for path in place.dir.glob("*.log")}}


def without(traffic, request):
    """The streams but for those that begin with that request, and the answers to them."""
    aside = set()
    for name, data in traffic.items():
        if data.startswith(request):
            source, target, number = re.fullmatch(r"tcp (\d+) -> (\d+) (#\d+)", name).groups()
            aside |= {name, f"tcp {target} -> {source} {number}"}
    return {name: data for name, data in traffic.items() if name not in aside}


class Sentinel:
    """32 bytes of a long text and a key, planted in every place in another spelling."""

    def __init__(self):
        self.text = world.words("canary", 4096).encode()
        self.window, self.key = self.text[1001:1033], os.urandom(32)
        self.needles = [search.Needle("canary", self.text), search.Needle("key", self.key)]
        self.hex = self.window.hex().upper().encode()
        self.json = json.dumps({"x": "".join(f"\\u{c:04x}" for c in self.window)}).replace("\\\\", "\\").encode()

    def plant(self, place, session, api_key):
        (place.data / "canary").write_bytes(b"7" + self.window)
        with open(place.dir / "router.log", "ab") as log:
            log.write(b'{"event":"' + self.hex + b'","key":"' + base64.b64encode(self.key) + b'"}\n')
        place.request("POST", "/api/v1/auth/payload_enc_key/task", self.json)
        # Kept by the router in its database, so in its log ahead of the pages.
        place.bearer(f"/api/v2/completions/{session}", {"prompt": "x", "client_reference": self.window.decode()}, api_key)
        time.sleep(0.2)
        (place.data / "canary").unlink()

    def missed(self, found, captured):
        """The places in which search.search() did not find what was planted there."""
        wanted = [("/canary#", "canary"), ("router.log", "canary"), ("router.log", "key"), ("router.db-wal#", "canary")]
        wanted += [("tcp ", "canary")] * captured
        return [(where, what) for where, what in wanted if not any(where in place and what == name for place, name, _ in found)]


def can_capture():
    if os.geteuid() == 0 and shutil.which("tcpdump"):
        return True
    print("\n*** NOT CAPTURED: this needs root and tcpdump; files, logs and metrics are searched all the same ***")
    return False
