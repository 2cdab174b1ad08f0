#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nothing of a long prompt or its answer, and no key, lies anywhere: files, logs, metrics, traffic.

test_secrecy.py [BYTES]: size of the longest prompt, 1,000,000 unless given.
"""
import base64
import hashlib
import hmac
import json
import os
import secrets
import shutil
import sys
import time
import unittest

import search
import world

LONGEST = int(sys.argv.pop()) if sys.argv[-1].isdigit() else 1_000_000
SEED = hashlib.sha256(b"the seed that this test imports").digest()


def mac(key, data):
    return hmac.digest(key, data, "sha256")


def keys_of(task, version=1):
    """What keys.md derives for a task: the version's PRK, the input's key, the keys of all its attempts."""
    prk = mac(b"pinf/keys/1" + (1).to_bytes(8, "big") + bytes(20) + version.to_bytes(4, "big"), SEED)
    ids = task["session"].to_bytes(8, "big") + task["id"].to_bytes(8, "big") + task["instance"]
    keys = {"PRK": prk, "input key": mac(prk, b"\2\1" + ids + b"\1")}
    if task["miner"]:
        keys["result key"] = mac(prk, b"\2\2" + ids + task["attempt"].to_bytes(4, "big") + task["miner"] + b"\1")
    return keys


def blob_keys(header, scope_key):
    """BLOB-5: the blob's key and its commitment."""
    prk = mac(header[70:102], scope_key)
    one = mac(prk, b"pinf/blob/1" + header[:102] + b"\1")
    return one, mac(prk, one + b"pinf/blob/1" + header[:102] + b"\2")


class Secrecy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = w = cls.enterClassContext(world.World(seed=SEED))
        w.start_router()
        for name in ("miner-1", "miner-2", "unlisted"):
            w.start_miner(name, "--log-level", "debug")
        cls.session, cls.api_key = w.session("--router-sealed", miners=("miner-1", "miner-2"))

    def logs(self):
        return {path.name: path.read_bytes() for path in self.world.dir.glob("*.log")}

    def observed(self, work, captured):
        """What can be seen from outside while work() runs, and after it."""
        w = self.world
        capture = search.Capture((w.port, w.miner_port)) if captured else None
        watcher = search.Watcher(w.data)
        watcher.start()
        try:
            work()
        finally:
            heap = watcher.finish()
            traffic = capture.finish() if capture else {}
        heap["metrics"] = w.request("GET", "/metrics", miner=True)[1]
        return {**heap, **self.logs()}, traffic

    def needles(self, prompts):
        w = self.world
        found = [search.Needle(f"prompt {i}", p.encode()) for i, p in enumerate(prompts)]
        found += [search.Needle(f"answer {i}", world.engine(p).encode()) for i, p in enumerate(prompts)]
        found += [search.Needle("passphrase", bytes.fromhex((w.dir / "passphrase").read_text())),
                  search.Needle("passphrase's text", (w.dir / "passphrase").read_bytes()),
                  search.Needle("API key", bytes.fromhex(self.api_key[4:])), search.Needle("seed", SEED)]
        found += [search.Needle(f"wallet {name}", bytes.fromhex((w.dir / f"{name}.wallet").read_text()))
                  for name in w.wallets]
        copy = world.copy_database(w.data / "router.db", w.dir / "copy.db")
        copy.row_factory = lambda cursor, row: dict(zip([c[0] for c in cursor.description], row))
        tasks = copy.execute("SELECT session, id, instance, attempt, miner FROM tasks").fetchall()
        blobs = {row["sha256"].hex(): row["row"] for row in copy.execute("SELECT sha256, row FROM inputs WHERE urn <> ''")}
        copy.close()
        self.assertGreaterEqual(len(tasks), len(prompts))
        opened = 0
        for task in tasks:
            keys = keys_of(task)
            for path in (p for p in w.data.rglob("*") if p.name in blobs):
                header = path.read_bytes()[:134]
                key, commitment = blob_keys(header, keys["input key"])
                if commitment == header[102:134]:
                    keys["blob key"] = key
                    opened += 1
            found += [search.Needle(f"{name} of task {task['id']}", key) for name, key in keys.items()]
        self.assertGreaterEqual(opened, len(prompts), "keys derived here are not those that sealed")
        return found

    def test_1_sentinels_are_found(self):
        """What is planted in each place, in each spelling, is found there: so the search can fail."""
        w = self.world
        canary = world.words("canary", 4096).encode()
        window = canary[1001:1033]
        key = secrets.token_bytes(32)
        places = {
            "in a file": window, "in a log": window.hex().upper().encode(),
            "in traffic": json.dumps({"x": "".join(f"\\u{c:04x}" for c in window)}).replace("\\\\", "\\").encode(),
            "in base64": base64.b64encode(b"x" + window), "across": b"7" + window.hex().encode(),
        }
        needles = [search.Needle("canary", canary), search.Needle("key", key)]
        self.assertFalse(search.search({"nearly": window[:31], "none": canary[::-1]}, needles))
        for place, text in places.items():
            self.assertTrue(search.search({place: b"\0" * 7 + text + b"\0"}, needles), place)
            self.assertTrue(search.search({place: b"\0" * 7 + text.replace(window, key)}, needles) or window not in text)
        for text in (key, key.hex().encode(), base64.b64encode(key), base64.urlsafe_b64encode(b"ab" + key),
                     json.dumps(key.decode("latin-1")).encode()):
            self.assertEqual({n for _, n, _ in search.search({"k": b"\0\0\0" + text}, needles)}, {"key"}, text)

        def plant():
            (w.data / "canary").write_bytes(places["in a file"])
            with open(w.dir / "router.log", "ab") as log:
                log.write(b'{"event":"' + places["in a log"] + b'"}\n')
            w.request("POST", "/api/v1/sessions", places["in traffic"])
            # Kept by the router in its database, so in its log ahead of the pages.
            w.bearer(f"/api/v2/completions/{self.session}", {"prompt": "x", "client_reference": window.decode()}, self.api_key)
            time.sleep(0.2)
            (w.data / "canary").unlink()

        captured = can_capture()
        heap, traffic = self.observed(plant, captured)
        found = {place for place, _, _ in search.search({**heap, **traffic}, needles)}
        wanted = ["/canary#", "router.log", "router.db"] + ["tcp "] * captured
        for place in wanted:
            self.assertTrue(any(place in f for f in found), (place, found))

    def test_2_caller_sealed(self):
        prompts = [world.emoji("v3", 4096), world.words("v3", LONGEST)]
        captured = can_capture()

        def work():
            for prompt in prompts:
                self.assertEqual(self.world.complete(self.session, prompt)["text"], world.engine(prompt))

        heap, traffic = self.observed(work, captured)
        self.looked_at_all(heap, traffic, captured)
        self.assertEqual(search.search({**heap, **traffic}, self.needles(prompts)), set())

    def test_3_router_sealed(self):
        """The caller's own request and answer are in the clear by choice; nothing else is."""
        prompts = [world.emoji("v2", 4096), world.words("v2", LONGEST)]

        def work():
            for prompt in prompts:
                answer = self.world.complete(self.session, prompt, "v2", self.api_key)
                self.assertEqual(answer["text"], world.engine(prompt))

        captured = can_capture()
        heap, traffic = self.observed(work, captured)
        ours = [name for name in traffic if f" {self.world.port} " in name + " "]
        for name in ours:
            del traffic[name]  # callers' port: that request and answer; the miners' port stays
        self.looked_at_all(heap, traffic, captured)
        self.assertEqual(search.search({**heap, **traffic}, self.needles(prompts)), set())

    def looked_at_all(self, heap, traffic, captured):
        names = "\n".join(heap)
        for name in ("router.db", "router.db-wal", "keyring", "router.log", "miner-1.log", "unlisted.log", "metrics"):
            self.assertIn(name, names)
        sealed = [data for data in heap.values() if data.startswith(b"PINF") and len(data) > LONGEST]
        self.assertTrue(sealed, "the sealed blob itself was looked at")
        if captured:
            self.assertTrue(any(blob in data for blob in sealed for data in traffic.values()), "streams are captured whole")


def can_capture():
    if os.geteuid() == 0 and shutil.which("tcpdump"):
        return True
    print("\n*** NOT CAPTURED: this needs root and tcpdump; files, logs and metrics are searched all the same ***")
    return False


if __name__ == "__main__":
    world.main()
