#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nothing of a long prompt or its answer, and no key, lies anywhere: files, logs, metrics, traffic.

test_secrecy.py [BYTES]: size of the longest prompt, 1,000,000 unless given.
"""
import base64
import hashlib
import json
import sys
import unittest

import search
import secrecy
import world

LONGEST = int(sys.argv.pop()) if sys.argv[-1].isdigit() else 1_000_000
SEED = hashlib.sha256(b"the seed that this test imports").digest()


class Secrecy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = w = cls.enterClassContext(world.World(seed=SEED))
        w.start_router()
        for name in ("miner-1", "miner-2", "unlisted"):
            w.start_miner(name, "--log-level", "debug")
        cls.session, cls.api_key = w.session("--router-sealed", miners=("miner-1", "miner-2"))

    def nothing_of(self, prompts, work):
        captured = secrecy.can_capture()
        heap, traffic = secrecy.observe(self.world, work, captured)
        traffic = secrecy.without(traffic, b"POST /api/v2/completions")  # the caller's own request and its answer
        self.looked_at_all(heap, traffic, captured)
        self.assertEqual(search.search({**heap, **traffic}, secrecy.needles(self.world, prompts, self.api_key)), set())

    def test_1_sentinels_are_found(self):
        """What is planted in each place, in each spelling, is found there: so the search can fail."""
        sentinel = secrecy.Sentinel()
        window, key = sentinel.window, sentinel.key
        needles = sentinel.needles
        self.assertFalse(search.search({"nearly": window[:31], "none": sentinel.text[::-1]}, needles))
        for shift in range(16):
            self.assertTrue(search.search({"shifted": b"\0" * shift + window}, needles), shift)
        for text in (window, sentinel.hex, sentinel.json, base64.b64encode(b"x" + window), b"7" + window.hex().encode()):
            self.assertEqual({n for _, n, _ in search.search({"k": b"\0" * 7 + text + b"\0"}, needles)}, {"canary"}, text)
        for text in (key, key.hex().encode(), base64.b64encode(key), base64.urlsafe_b64encode(b"ab" + key),
                     json.dumps(key.decode("latin-1")).encode()):
            self.assertEqual({n for _, n, _ in search.search({"k": b"\0\0\0" + text}, needles)}, {"key"}, text)

        captured = secrecy.can_capture()
        heap, traffic = secrecy.observe(self.world, lambda: sentinel.plant(self.world, self.session, self.api_key), captured)
        self.assertEqual(sentinel.missed(search.search({**heap, **traffic}, needles), captured), [])

    def test_2_caller_sealed(self):
        prompts = [world.emoji("v3", 4096), world.words("v3", LONGEST)]

        def work():
            for prompt in prompts:
                self.assertEqual(self.world.complete(self.session, prompt)["text"], world.engine(prompt))

        self.nothing_of(prompts, work)

    def test_3_router_sealed(self):
        """The caller's own request and answer are in the clear by choice; nothing else is."""
        prompts = [world.emoji("v2", 4096), world.words("v2", LONGEST)]

        def work():
            for prompt in prompts:
                answer = self.world.complete(self.session, prompt, "v2", self.api_key)
                self.assertEqual(answer["text"], world.engine(prompt))

        self.nothing_of(prompts, work)

    def looked_at_all(self, heap, traffic, captured):
        names = "\n".join(heap)
        for name in ("router.db", "router.db-wal", "keyring", "router.log", "miner-1.log", "unlisted.log", "metrics"):
            self.assertIn(name, names)
        sealed = [data for data in heap.values() if data.startswith(b"PINF") and len(data) > LONGEST]
        self.assertTrue(sealed, "the sealed blob itself was looked at")
        if captured:
            self.assertTrue(any(blob in data for blob in sealed for data in traffic.values()), "streams are captured whole")


if __name__ == "__main__":
    world.main()
