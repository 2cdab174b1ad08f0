#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prompts of 1 byte, 4 KiB of emoji and 10 MB, by every route: the answers are the engine's."""
import signal
import threading
import time
import unittest

import world

PROMPTS = {"1 B": "x", "4 KiB": world.emoji(4, 4096), "10 MB": world.words(10, 10_000_000)}


class Complete(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = w = cls.enterClassContext(world.World())
        w.start_router()
        for name in ("miner-1", "miner-2"):
            w.start_miner(name)
        cls.private, cls.private_key = w.session("--router-sealed", miners=("miner-1", "miner-2"))
        cls.public, cls.public_key = w.session("--no-private")

    def check(self, session, route, key=None, **options):
        for name, prompt in PROMPTS.items():
            with self.subTest(prompt=name):
                self.assertEqual(len(prompt.encode()), {"1 B": 1, "4 KiB": 4096, "10 MB": 10_000_000}[name])
                answer = self.world.complete(session, prompt, route, key, **options)
                self.assertEqual(answer["text"], world.engine(prompt, int(options.get("max_tokens", 0))))
                self.assertEqual(answer["finish_reason"], "length" if options else "stop")

    def test_v3_caller_sealed(self):
        self.check(self.private, "v3")

    def test_v2_router_sealed(self):
        self.check(self.private, "v2", self.private_key)

    def test_v1_public(self):
        self.check(self.public, "v1", self.public_key)

    def test_max_tokens_travels_sealed(self):
        self.check(self.private, "v3", max_tokens="40")

    def test_deployed_request_and_answer(self):
        body = {"session_id": self.public, "prompt": "hello", "prompt_type": "text", "stream": False, "timeout": 60,
                "precommit_timeout": 30, "client_reference": "deployed-1", "max_tokens": 3, "temperature": 0.7,
                "top_p": 0.9, "top_k": 40, "presence_penalty": 0.5, "frequency_penalty": -0.5}
        for path in ("/api/v1/completions", "/api/v2/completion"):
            status, answer = self.world.bearer(path, {**body, "client_reference": path}, self.public_key)
            self.assertEqual(status, 200, answer)
            self.assertEqual(answer["choices"][0]["text"], world.engine("hello", 3))
            self.assertEqual(set(answer), {"id", "object", "created", "model", "task_id", "choices", "usage"})
            usage = answer["usage"]
            self.assertEqual(usage["total_tokens"], usage["prompt_tokens"] + usage["completion_tokens"])

    def test_a_reference_gives_the_same_task(self):
        body = {"prompt": "again", "client_reference": "r-2"}
        path = f"/api/v2/completions/{self.private}"
        one, two = (self.world.bearer(path, body, self.private_key)[1] for _ in range(2))
        self.assertEqual(one, two)
        status, answer = self.world.bearer(path, {**body, "prompt": "other"}, self.private_key)
        self.assertEqual((status, world.error_of(answer)[0]), (409, "conflict"))

    def test_rotation_keeps_answers_coming(self):
        w = self.world
        before = w.complete(self.private, "old key")["task_id"]
        w.pinf("key", "rotate", "--router-url", f"http://127.0.0.1:{w.miner_port}")
        after = w.complete(self.private, "new key")["task_id"]
        versions = [w.signed("owner", "GET", f"/api/v1/tasks/{self.private}/{task}")[1]["key_version"]
                    for task in (before, after)]
        self.assertEqual(versions[1], versions[0] + 1)

    def test_a_denied_miner_gets_no_more_work(self):
        w = self.world
        w.wallet("late")
        session, _ = w.session(miners=("late",))
        w.start_miner("late", "--session", session)
        self.assertEqual(w.complete(session, "allowed")["text"], world.engine("allowed"))
        w.pinf("session", "deny", session, w.wallets["late"])
        with self.assertRaises(world.Refused):
            w.complete(session, "denied", timeout="3s")


class Gone(unittest.TestCase):
    def test_what_a_stopped_miner_was_given(self):
        """A task that comes as its miner goes is not held until the time for an acknowledgement is over: here, an hour."""
        with world.World() as w:
            w.start_router("--ack-timeout", "1h")
            for name in ("first", "second"):
                w.wallet(name)
            session, key = w.session("--router-sealed", miners=("first", "second"))
            for how in (signal.SIGTERM, signal.SIGKILL):
                w.start_miner("first", "--slots", 4)
                w.complete(session, "it waits again")
                time.sleep(0.5)
                answers = []
                asked = threading.Thread(target=lambda: answers.append(w.complete(session, "given", "v2", key, timeout="30s")["text"]))
                w.stop("first", how)
                asked.start()
                w.start_miner("second")
                asked.join()
                self.assertEqual(answers, [world.engine("given")])
                w.stop("second")


if __name__ == "__main__":
    world.main()
