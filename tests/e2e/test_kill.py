#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the router and of miners, over and over, while tasks come over HTTP: each ends once, rightly.

test_kill.py [TASKS KILLS COMMITTED]: KILLS of the router and of miners at least, COMMITTED of them
between commit and release.  Without: a short run.

The router's log goes through a pipe of one page.  Where the test stops reading it, the router's core
comes to a halt in the write of its next line: with "batch-begin" as the last one that came through,
that is after the commit and before the first effect is released.
"""
import collections
import fcntl
import itertools
import json
import os
import pathlib
import random
import signal
import struct
import sys
import termios
import threading
import time
import unittest

import world

TASKS, KILLS, COMMITTED = map(int, sys.argv[1:]) if len(sys.argv) == 4 else (60, 8, 1)
del sys.argv[1:]
MINERS = 3
CALLERS = 6
LIMIT_S = 500
PIPE = 4096
STATES = ["", "reserved", "created", "assigned", "acknowledged", "precommitted", "committed", "closed", "failed", "expired"]
PHASES = {"": "idle", "batch-begin": "in a transaction", "batch-committed": "releasing", "batch-released": "idle"}


class PipedWorld(world.World):
    """Its router's log is read through a pipe, by a thread that can be held."""

    def __init__(self):
        super().__init__()
        self.flowing = threading.Event()
        self.flowing.set()
        self.reader = self.last = None

    def open_log(self, name):
        if name != "router":
            return super().open_log(name)
        read, write = os.pipe()
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, PIPE)
        self.pipe, self.last = read, ""
        self.reader = threading.Thread(target=self.read_log, args=(read,), daemon=True)
        self.reader.start()
        return os.fdopen(write, "wb")

    def read_log(self, pipe):
        with open(self.dir / "router.log", "ab") as log, os.fdopen(pipe, "rb", buffering=0) as lines:
            rest = b""
            while data := lines.read(PIPE):
                log.write(data)
                *whole, rest = (rest + data).split(b"\n")
                for line in whole:
                    if b'"event":"batch-' in line:
                        self.last = json.loads(line)["event"]
                self.flowing.wait()

    def stall(self):
        """Holds the log until the router stands still; whether it did."""
        self.flowing.clear()
        until = time.monotonic() + 0.4
        while time.monotonic() < until:
            waiting = struct.unpack("i", fcntl.ioctl(self.pipe, termios.FIONREAD, b"\0" * 4))[0]
            if waiting > PIPE - 200:
                time.sleep(0.1)  # a transaction in hand ends in this time
                return True
            time.sleep(0.001)
        return False

    def kill_router(self, stalled):
        """Its phase when it died, and the states that its tasks were in."""
        stood = stalled and self.stall()
        self.stop("router", signal.SIGKILL)
        self.flowing.set()
        self.reader.join()
        phase = PHASES[self.last]
        if stood and self.last == "batch-begin":
            phase = "committed, not released"
        copy = world.copy_database(self.data / "router.db", self.dir / "copy.db")
        states = collections.Counter(dict(copy.execute("SELECT state, count(*) FROM tasks GROUP BY state")))
        copy.close()
        self.start_again("router")
        return phase, states


class Caller(threading.Thread):
    """Sends tasks until all are answered.  Whatever goes wrong, it asks again under the same reference."""

    def __init__(self, test, numbers, v3):
        super().__init__(daemon=True)
        self.test, self.numbers, self.v3 = test, numbers, v3
        self.answers, self.tries, self.process = {}, 0, None

    def run(self):
        for number in self.numbers:
            if number >= TASKS and self.test.enough.is_set():
                return
            while not self.test.over.is_set() and number not in self.answers:
                self.tries += 1
                try:
                    self.answers[number] = self.ask(number)
                except (OSError, world.Refused) as error:
                    self.test.failures[type(error).__name__] += 1
                    self.test.last_failure = str(error)
                    time.sleep(0.05)

    def ask(self, number):
        w, prompt, reference = self.test.world, f"task number {number}", f"kill-{number}"
        if self.v3:
            answer = w.complete(self.test.session, prompt, reference=reference, timeout="2m", watch=self.watch)
            return answer["text"], answer["task_id"]
        status, answer = w.bearer(f"/api/v2/completions/{self.test.session}",
                                  {"prompt": prompt, "client_reference": reference, "timeout": 60}, self.test.key, timeout=70)
        if status != 200:
            raise ConnectionError(f"{status}: {answer}")
        return answer["choices"][0]["text"], answer["task_id"]


    def watch(self, process):
        self.process = process

    def kill(self):
        """Its v3 command, wherever it is; whether there was one."""
        if self.process is None or self.process.poll() is not None:
            return False
        self.process.kill()
        return True


class Kill(unittest.TestCase):
    def setUp(self):
        self.over, self.enough = threading.Event(), threading.Event()
        self.failures, self.last_failure = collections.Counter(), ""
        self.world = w = self.enterContext(PipedWorld())
        w.start_router("--ack-timeout", "2s", "--precommit-timeout", "2s", "--commit-timeout", "2s",
                       "--reserve-timeout", "2s", "--attempts-max", "200",
                       "--rate-per-minute", "1000000")
        self.miners = [f"miner-{i}" for i in range(MINERS)]
        for name in self.miners:
            w.start_miner(name, "--slots", "2")
        self.session, self.key = w.session("--router-sealed", miners=self.miners)
        self.doomed, self.doomed_key = w.session("--router-sealed")

    def doom(self):
        """Tasks that nobody may work on: they expire."""
        for number in range(3):
            try:
                self.world.bearer(f"/api/v2/completions/{self.doomed}", {"prompt": f"{number}", "timeout": 1}, self.doomed_key)
            except OSError:
                pass

    def fail_one(self):
        """A task whose key version is destroyed under it: one in the state FAILED, for the kills to meet."""
        w = self.world
        waiting = threading.Thread(target=w.bearer, args=(f"/api/v2/completions/{self.doomed}", {"prompt": "lost"}, self.doomed_key))
        waiting.start()
        until = time.monotonic() + 20
        while w.metric('pinf_tasks{state="created"}') < 1 and time.monotonic() < until:
            time.sleep(0.05)
        at_router = ["--router-url", f"http://127.0.0.1:{w.miner_port}"]
        w.pinf("key", "rotate", *at_router)
        w.pinf("key", "destroy", 1, "--force", *at_router)
        waiting.join()

    def test_everything_ends_once(self):
        w, rng, started = self.world, random.Random(9), time.monotonic()
        callers = [Caller(self, itertools.count(i, CALLERS), i % 3 == 0) for i in range(CALLERS)]
        if KILLS >= 100:
            self.fail_one()
        doom = threading.Thread(target=self.doom)
        doom.start()
        for caller in callers:
            caller.start()
        phases, states, miner_phases = collections.Counter(), collections.Counter(), collections.Counter()
        kills = callers_killed = 0
        try:
            while any(c.is_alive() for c in callers) and time.monotonic() - started < LIMIT_S:
                time.sleep(rng.uniform(0.02, 0.7))
                if kills >= KILLS and phases["committed, not released"] >= COMMITTED:
                    self.enough.set()
                else:
                    name = rng.choice(self.miners)
                    w.stop(name, signal.SIGKILL)
                    miner_phases[self.miner_phase(name)] += 1
                    w.start_again(name)
                    phase, seen = w.kill_router(stalled=kills % 2 == 0)
                    phases[phase] += 1
                    states += seen
                    kills += 1
                    w.wait_healthy()
                    callers_killed += kills % 3 == 0 and rng.choice([c for c in callers if c.v3]).kill()
        finally:
            self.over.set()
        doom.join()
        for caller in callers:
            caller.join(60)
        seconds = time.monotonic() - started
        answers = {n: a for c in callers for n, a in c.answers.items()}
        print(f"\n{len(answers)} tasks, {kills} kills of the router and of a miner each, {callers_killed} of callers, {seconds:.0f} s, "
              f"{sum(c.tries for c in callers)} requests, {dict(self.failures)}, last: {self.last_failure[-160:]}\nrouter killed when: {dict(phases)}\n"
              f"miner killed after: {dict(miner_phases)}\ntask states met: { {STATES[s]: n for s, n in sorted(states.items())} }")
        self.assertFalse(any(c.is_alive() for c in callers), "a caller does not end")
        self.assertGreaterEqual(len(answers), TASKS, f"not all tasks were answered in time; the last failure: {self.last_failure}")
        for number, (text, _) in answers.items():
            self.assertEqual(text, world.engine(f"task number {number}"))
        self.assertGreaterEqual(kills, KILLS)
        self.assertGreaterEqual(phases["committed, not released"], COMMITTED)
        if KILLS >= 100:
            self.assertEqual({STATES[s] for s in states}, set(STATES[1:]), "a state that no kill met")
        self.stop_all()
        self.check_database(answers)

    def miner_phase(self, name):
        lines = self.world.log(name).splitlines()
        try:
            return json.loads(lines[-1])["event"] if lines else "start"
        except ValueError:
            return "start"

    def stop_all(self):
        w = self.world
        for name in [*self.miners, "router"]:
            self.assertEqual(w.stop(name), 0)
        mine = str(w.dir).encode()
        left = [p.read_bytes() for p in pathlib.Path("/proc").glob("[0-9]*/cmdline") if p.parent.name != str(os.getpid())
                and mine in self.read(p)]
        self.assertEqual(left, [], "processes left behind")

    @staticmethod
    def read(path):
        try:
            return path.read_bytes()
        except OSError:
            return b""

    def check_database(self, answers):
        w = self.world
        database = w.data / "router.db"
        report = w.pinf("audit", "verify", "--database", database)
        self.assertEqual(report["verdict"], "intact")
        copy = world.copy_database(database, w.dir / "copy.db")
        rows = copy.execute("SELECT reference, id, state FROM tasks WHERE session = ?", (self.session,)).fetchall()
        self.assertLessEqual({STATES[state] for _, _, state in rows}, {"committed", "closed"})
        done = {task: int(reference.split("-")[1]) for reference, task, _ in rows}
        self.assertEqual(done, {task: number for number, (_, task) in answers.items()}, "one task a reference, one answer")
        accepted = collections.Counter(task for task, in copy.execute(
            "SELECT task FROM audit WHERE session = ? AND kind = 7", (self.session,)))
        self.assertEqual(accepted, dict.fromkeys(done, 1), "one result a task")
        self.assertEqual(copy.execute("SELECT count(*) FROM results").fetchone()[0], len(done))
        doomed = {STATES[s] for s, in copy.execute("SELECT state FROM tasks WHERE session = ?", (self.doomed,))}
        self.assertLessEqual(doomed, {"expired", "failed"})
        copy.close()


if __name__ == "__main__":
    world.main()
