#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The commands as typed: help, files and their modes, what is refused and what is then said."""
import hashlib
import json
import os
import re
import signal
import struct
import subprocess
import time
import unittest

import world

COMMANDS = """demo|router|miner|complete|session create|session allow|session deny|session show|session list|
session policy|policy explain|key new|
key list|key rotate|key destroy|key export|key import|wallet new|wallet show|seal|open|blob info|urn parse|urn make|
audit verify|audit show|pool allow|pool deny|pool list""".replace("\n", "").split("|")
URN = "urn:blob:1:fs:local:pinf:" + "ab" * 32


def run(*args, env=None):
    return subprocess.run([world.PINF, *args], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
                          env=env)


class Alone(unittest.TestCase):
    """Without any router."""

    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(world.World())

    def refused(self, *args, says, env=None, stdin=None):
        with self.assertRaises(world.Refused) as caught:
            self.world.pinf(*args, env=env, stdin=stdin)
        self.assertEqual(caught.exception.status, 1)
        self.assertRegex(caught.exception.said, says)
        self.assertEqual(caught.exception.said.count("\n"), 1, "one line, please: " + caught.exception.said)

    def test_where_what_is_missing_may_stand(self):
        self.refused("seal", "a", "b", says=r"^--session: is required .*: give --session\n$")
        self.assertRegex(run("miner", env={}).stderr, r'give --router-address, the variable PINF_ROUTER_ADDRESS, or "router_address" in the configuration file\n$')

    def test_prompts_without_a_router(self):
        self.refused("complete", "--session", 1, stdin="", says="the prompt is empty")
        nowhere = {"PINF_ROUTER_URL": f"http://127.0.0.1:{world.free_port()}"}
        with self.assertRaises(world.Refused) as caught:
            self.world.pinf("complete", "--session", 1, "--timeout", "2s", stdin="x", env=nowhere)
        first, last = caught.exception.said.splitlines()
        self.assertRegex(first, "^pinf complete: http.*connect.*Trying again until --timeout is over[.]$")
        self.assertRegex(last, "^not completed in time: http.*connect.*Is it running there[?]$")

    def test_help_and_version(self):
        listing = run("--help")
        self.assertEqual(listing.returncode, 0)
        listed = re.findall(r"^  ([a-z]+(?: [a-z]+)?) {2,}\S", listing.stdout, re.MULTILINE)
        self.assertEqual(sorted(listed), sorted(COMMANDS))
        self.assertEqual(run("--version").stdout, "pinf 0.1.0\n")
        for command in COMMANDS:
            with self.subTest(command=command):
                for option in ("--help", "--version"):
                    shown = run(*command.split(), option)
                    self.assertEqual((shown.returncode, shown.stderr), (0, ""))
                    self.assertIn("pinf", shown.stdout)
                    if option == "--help" and command not in ("router", "miner"):  # they answer nothing
                        self.assertIn("--json", shown.stdout)

    def test_what_is_not_there(self):
        for words, says in (((), "Usage: pinf COMMAND"), (("frobnicate",), "no command 'frobnicate'"),
                            (("key",), "no command 'key'")):
            with self.subTest(words=words):
                got = run(*words)
                self.assertEqual((got.returncode, got.stdout), (1, ""))
                self.assertIn(says, got.stderr)
        self.refused("urn", "parse", "--frob", URN, says=r'--frob: no such option; see "pinf urn parse --help"')
        self.refused("urn", "parse", URN, URN, says="one argument too many")
        self.refused("urn", "parse", says="too few arguments: give URN")

    def test_urn(self):
        got = self.world.pinf("urn", "parse", URN.replace("urn:blob", "URN:BLOB"))
        self.assertEqual((got["canonical"], got["is_canonical"], got["bucket"]), (URN, False, "pinf"))
        made = self.world.pinf("urn", "make", "fs", "lo:cal", "pinf", "a b")["urn"]
        self.assertEqual(made, "urn:blob:1:fs:lo%3Acal:pinf:a%20b")
        for bad, says in (("urn:blob:1:fs:local", "five fields"), ("urn:blob:9:fs:a:b:c", "version is not known"),
                          ("urn:isbn:1", "urn:blob"), (URN + "?=q", "urn:blob"), (URN + "x" * 2000, "too long")):
            with self.subTest(urn=bad[:40]):
                self.refused("urn", "parse", bad, says=says)

    def test_wallet(self):
        path = self.world.dir / "w.wallet"
        address = self.world.pinf("wallet", "new", path)["address"]
        self.assertRegex(address, "^0x[0-9a-fA-F]{40}$")
        self.assertEqual(self.world.pinf("wallet", "show", path)["address"], address)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        secret = path.read_text().strip()
        self.assertNotIn(secret, run("wallet", "show", str(path)).stdout)
        self.refused("wallet", "new", path, says="exists already")
        self.assertEqual(path.read_text().strip(), secret)
        self.refused("wallet", "show", self.world.dir / "none", says="none: No such file")
        self.refused("wallet", "show", self.world.write("bad", "zz" * 32), says="pinf wallet new")
        self.refused("wallet", "show", self.world.write("zero", "00" * 32), says="pinf wallet new")
        self.refused("wallet", "show", self.world.write("open", secret, 0o644), says="chmod 600")

    def test_keys(self):
        w = self.world
        env = {"PINF_KEYRING": str(w.dir / "k" / "keyring"), "PINF_PASSPHRASE_FILE": str(w.dir / "k" / "pass")}
        first = w.pinf("key", "new", env=env)
        self.assertEqual((first["version"], first["state"]), (1, "active"))
        for name in ("keyring", "pass"):
            self.assertEqual((w.dir / "k" / name).stat().st_mode & 0o777, 0o600, name)
        pending = w.pinf("key", "new", "--pending", env=env)
        self.assertEqual((pending["version"], pending["state"]), (2, "pending"))
        self.assertEqual(w.pinf("key", "rotate", env=env)["version"], 3)
        seed = hashlib.sha256(b"a seed to import").digest()
        imported = w.pinf("key", "import", w.write("seed", seed.hex()), env=env)
        want = hashlib.sha256(b"pinf/seed-fingerprint/1" + seed).hexdigest()[:16]
        self.assertEqual((imported["version"], imported["fingerprint"]), (4, want))
        self.refused("key", "import", w.write("seed", seed.hex()), env=env, says="is, or was, in the keyring")
        self.refused("key", "destroy", "1", env=env, says="--force")
        self.refused("key", "destroy", "4", "--force", env=env, says="another state")
        w.pinf("key", "destroy", "1", "--force", env=env)
        listed = w.pinf("key", "list", env=env)
        self.assertEqual([k["state"] for k in listed["keys"]], ["destroyed", "pending", "decrypt-only", "active"])
        self.assertEqual(listed["router_address"], first["router_address"])
        self.assertNotIn(seed.hex(), json.dumps(listed))
        # A copy under another passphrase opens with that one alone, and replaces nothing.
        copy, passphrase = w.dir / "copy", w.dir / "copy-pass"
        w.pinf("key", "export", copy, passphrase, env=env)
        self.assertEqual(copy.stat().st_mode & 0o777, 0o600)
        self.assertEqual(w.pinf("key", "list", "--keyring", copy, "--passphrase-file", passphrase), listed)
        self.refused("key", "export", copy, passphrase, env=env, says="exists already")
        self.refused("key", "list", "--keyring", copy, env=env, says="passphrase does not open")
        self.refused("key", "list", env={**env, "PINF_PASSPHRASE_FILE": ""}, says="--passphrase-file")
        self.refused("key", "list", env={**env, "PINF_KEYRING": str(w.dir / "none")}, says="pinf key new --keyring")
        os.chmod(copy, 0o640)
        self.refused("key", "list", "--keyring", copy, "--passphrase-file", passphrase, says="chmod 600")
        torn = w.write("torn", copy.read_bytes()[:-1])
        self.refused("key", "list", "--keyring", torn, "--passphrase-file", passphrase, says="torn: .*(keyring|passphrase)")

    def test_what_a_guess_costs(self):
        """KEY-22: a passphrase that somebody chose is stretched; one that was drawn needs none of it.  A file keeps its cost."""
        w = self.world
        keyring, drawn, copy = w.dir / "g" / "keyring", w.dir / "g" / "pass", w.dir / "chosen"
        env = {"PINF_KEYRING": str(keyring), "PINF_PASSPHRASE_FILE": str(drawn)}

        def cost(path):
            return struct.unpack(">II", path.read_bytes()[5:13])

        for _ in range(2):
            w.pinf("key", "new", "--pending", env=env)
            self.assertEqual(cost(keyring), (1, 8192))
        chosen = w.write("chosen-pass", "swordfish")
        w.pinf("key", "export", copy, chosen, env=env)
        self.assertEqual(cost(copy), (3, 65536))
        w.pinf("key", "new", "--pending", "--keyring", copy, "--passphrase-file", chosen)
        self.assertEqual(cost(copy), (3, 65536))

    def test_placeholder_seeds(self):
        for name, text in (("word", "changeme"), ("phrase", "correct horse battery staple correct horse battery"),
                           ("zeros", "0" * 64), ("count", bytes(range(32)).hex()), ("short", "ab12" * 7), ("empty", "")):
            with self.subTest(seed=name):
                self.refused("key", "import", self.world.write("weak", text), says="openssl rand -hex 32|not 32 or more")

    def test_sealed_files(self):
        w = self.world
        plain = w.write("plain", world.words(1, 300_000).encode())
        for suite in ("aes-256-gcm", "chacha20-poly1305"):
            for padded in ("--padded", "--no-padded"):
                with self.subTest(suite=suite, padded=padded):
                    sealed, out = w.dir / "sealed", w.dir / "out"
                    made = w.pinf("seal", plain, sealed, "--session", "7", "--task", "9", "--suite", suite, padded)
                    self.assertEqual(made["sha256"], hashlib.sha256(sealed.read_bytes()).hexdigest())
                    self.assertEqual(made["plain_bytes"], 300_000)
                    info = w.pinf("blob", "info", sealed)
                    self.assertEqual((info["suite"], info["session"], info["task"]), (suite, 7, 9))
                    w.pinf("open", sealed, out)
                    self.assertEqual(out.read_bytes(), plain.read_bytes())
                    blob = bytearray(sealed.read_bytes())
                    for at in (0, 4, 5, 6, 7, 8, 15, 30, 50, 75, 110, 140, 70_000, len(blob) - 1):
                        blob[at] ^= 1
                        bad, nothing = w.write("bad", bytes(blob)), w.dir / "nothing"
                        self.refused("open", bad, nothing, says="bad|key version")
                        self.assertFalse(nothing.exists())
                        blob[at] ^= 1
                    for length in (0, 4, 133, 134, 149, len(blob) - 1):
                        self.refused("open", w.write("bad", bytes(blob[:length])), w.dir / "nothing", says="bad")
        self.refused("open", plain, w.dir / "nothing", says="not a sealed blob")
        self.refused("blob", "info", plain, says="not a sealed blob")
        self.refused("seal", w.dir / "none", w.dir / "x", "--session", "7", says="none")
        self.refused("seal", plain, w.dir / "x", says="--session")
        self.refused("seal", plain, w.dir / "x", "--session", "7", "--instance", "zz", says="--instance")
        self.refused("seal", plain, "/nowhere/x", "--session", "7", says=".")
        sealed, pipe = w.dir / "sealed", w.dir / "pipe"
        os.mkfifo(pipe)
        for words in (("seal", plain, pipe, "--session", "7"), ("open", sealed, pipe), ("open", sealed, "-")):
            self.refused(*words, says="^(/.*pipe|-): is no regular file")
        self.assertTrue(pipe.is_fifo())

    def test_output_that_is_cut_short(self):
        """Whatever was right, an answer that the disk had no room for is none."""
        for program, *words in (("pinf", "urn", "parse", URN), ("pinf", "--help"), ("pinf-sim", "run", "--minutes", "1", "--json"), ("pinf-sim", "plan", "--help"),
                                ("pinf-bench", "urn", "--seconds", "0"), ("pinf-conform", "--help")):
            with self.subTest(program=program, words=words), open("/dev/full", "w") as full:
                got = subprocess.run([world.BUILD / program, *words], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
                self.assertEqual((got.returncode, got.stderr), (1, f"{program}: standard output could not be written whole\n"))

    def test_policy_explain_offline(self):
        given = ("policy", "explain", "--action", "claim", "--actor", "miner", "--route", "caller-sealed", "--facts",
                 "session_open,session_private,acl_fresh,acl_source_right")
        told = run(*given)
        self.assertEqual((told.returncode, told.stderr), (0, ""))
        self.assertIn("POL-24 acl-stale: no\n", told.stdout)
        self.assertTrue(told.stdout.endswith("POL-25 miner-not-allowed: applies\nverdict          deny, miner-not-allowed: "
                                             "the miner is not on the session's allowlist\n"), told.stdout)
        said = self.world.pinf(*given[:-1], given[-1] + ",miner_listed")
        self.assertEqual((said["verdict"], said["rule"], said["rows"][-1]),
                         ("allow", "allow", {"applies": True, "id": "POL-31", "rule": "allow"}))
        self.assertTrue(said["facts"]["miner_listed"])
        self.assertFalse(said["facts"]["attested"])
        for args, says in ((("--action", "take"), "--action"), (("--action", "read"), "--actor"),
                           (("--action", "read", "--actor", "me"), "--actor: 'me'"),
                           (("--action", "read", "--actor", "owner"), "--route"),
                           ((*given[2:-1], "session_open,listed"), "--facts: 'listed'"),
                           ((*given[2:], "--task", "7"), "go with --session")):
            with self.subTest(args=args):
                self.refused("policy", "explain", *args, says=says)

    def test_config(self):
        w = self.world
        args = ("router", "--check-config", "--data-dir", w.data)
        self.assertEqual(run(*map(str, args), env=w.env).returncode, 0)
        for text, says in (('{"data_dir":"d","frob":1}', "frob"), ('{"listen":5010}', "listen"), ("{", "config|JSON|well-formed"),
                           ('{"listen":"a","listen":"b"}', "twice|duplicate")):
            with self.subTest(config=text):
                got = run(*map(str, args), "--config", str(w.write("c.json", text)), env=w.env)
                self.assertEqual(got.returncode, 1)
                self.assertRegex(got.stderr, says)
                self.assertIn("c.json", got.stderr)
        got = run("router", "--check-config", "--config", str(w.dir / "none.json"), env=w.env)
        self.assertEqual(got.returncode, 1)
        self.assertIn("none.json", got.stderr)
        self.refused("complete", "hi", "--session", "0", says="out of range: give 1 to 9007199254740991")
        self.refused("complete", "hi", "--session", "1", "--timeout", "5 parsecs", says="a time like 250ms")
        self.refused("complete", "hi", "--session", "1", env={"PINF_ROUTER_ADDRESS": "0x12"}, says="PINF_ROUTER_ADDRESS")


class Running(unittest.TestCase):
    """A router that listens."""

    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(world.World())
        cls.world.start_router()
        cls.world.start_miner("miner")

    def test_sessions(self):
        w = self.world
        made = w.pinf("session", "create", "--api-key")
        self.assertRegex(made["api_key"], "^pinf[0-9a-f]{64}$")
        self.assertTrue(made["private"])
        session = made["session_id"]
        w.pinf("session", "allow", session, w.wallets["miner"])
        shown = w.pinf("session", "show", session)
        self.assertEqual(shown["allowed_miners"], [w.wallets["miner"].lower()])
        self.assertNotIn("api_key", shown)
        self.assertIn(session, [s["session_id"] for s in w.pinf("session", "list")["sessions"]])
        w.pinf("session", "deny", session, w.wallets["miner"])
        self.assertEqual(w.pinf("session", "show", session)["allowed_miners"], [])
        for args, says in ((("session", "show", "x"), "x: an id is zero or larger"),
                           (("session", "show", "99999"), "no such session"),
                           (("session", "allow", session, "0x12"), "not an address"),
                           (("session", "create", "--session", session), "already used this name")):
            with self.subTest(args=args):
                with self.assertRaises(world.Refused) as caught:
                    w.pinf(*args)
                self.assertRegex(caught.exception.said, says)

    def test_policies(self):
        w = self.world
        policy = w.write("policy.json", '{\n  "key_scope": "task",\n  "router_sealed": true\n}\n')
        made = w.pinf("session", "create", "--policy", policy)
        self.assertEqual((made["policy"]["key_scope"], made["router_sealed"]), ("task", True))
        session = made["session_id"]
        w.pinf("session", "allow", session, w.wallets["miner"])
        ask = ("policy", "explain", "--session", session, "--action", "claim", "--miner", w.wallets["miner"])
        self.assertEqual(w.pinf(*ask)["verdict"], "allow")
        w.write("policy.json", '{"acl_source": "contract"}')
        self.assertEqual(w.pinf("session", "policy", session, policy)["policy"]["acl_source"], "contract")
        self.assertEqual(w.pinf(*ask)["rule"], "acl-source")
        told = run(*map(str, ask), env=w.env)
        self.assertEqual((told.returncode, told.stderr), (0, ""))
        self.assertIn("                 miner_listed\n", told.stdout)
        self.assertIn("POL-40 acl-source: applies\n", told.stdout)
        w.write("policy.json", '{"key_scope": "none"}')
        for args in (("session", "create", "--policy", policy), ("session", "policy", session, policy)):
            with self.assertRaisesRegex(world.Refused, "policy.json: .*: key_scope"):
                w.pinf(*args)
        w.write("policy.json", '{"router_sealed": true}')
        with self.assertRaisesRegex(world.Refused, "field policy.router_sealed"):
            w.pinf("session", "create", "--policy", policy, "--no-router-sealed")
        with self.assertRaisesRegex(world.Refused, "only the session's owner"):
            w.pinf(*ask, env={"PINF_WALLET": str(w.dir / "miner.wallet")})

    def test_text_answer_is_the_answer_alone(self):
        w = self.world
        session, _ = w.session(miners=["miner"])
        got = run("complete", "--session", str(session), "hello", env=w.env)
        self.assertEqual((got.returncode, got.stdout, got.stderr), (0, world.engine("hello") + "\n", ""))

    def test_keyring_is_the_routers_while_it_runs(self):
        w = self.world
        with self.assertRaises(world.Refused) as caught:
            w.pinf("key", "rotate")
        self.assertIn("--router-url", caught.exception.said)
        before = w.pinf("key", "list", "--router-url", f"http://127.0.0.1:{w.miner_port}")["keys"]
        w.pinf("key", "rotate", "--router-url", f"http://127.0.0.1:{w.miner_port}")
        after = w.pinf("key", "list", "--router-url", f"http://127.0.0.1:{w.miner_port}")["keys"]
        self.assertEqual(len(after), len(before) + 1)

    def test_wrong_router(self):
        w = self.world
        with self.assertRaises(world.Refused) as caught:
            w.pinf("session", "list", env={"PINF_ROUTER_ADDRESS": w.wallets["miner"]})
        self.assertIn("signed for another router", caught.exception.said)
        with self.assertRaises(world.Refused) as caught:
            w.pinf("session", "list", env={"PINF_ROUTER_URL": f"http://127.0.0.1:{world.free_port()}"})
        self.assertRegex(caught.exception.said, "^http://127.0.0.1:[0-9]+: .*connect.*Is it running there[?]")

    def test_stops_on_sigterm(self):
        with world.World() as w:
            w.start_router()
            w.start_miner("miner")
            session, _ = w.session(miners=["miner"])
            self.assertEqual(w.complete(session, "before")["text"], world.engine("before"))
            started = time.monotonic()
            self.assertEqual(w.stop("miner"), 0)
            self.assertEqual(w.stop("router", signal.SIGTERM), 0)
            self.assertLess(time.monotonic() - started, 20)
            database = w.data / "router.db"
            report = w.pinf("audit", "verify", "--database", database)
            self.assertEqual(report["verdict"], "intact")
            self.assertEqual(report["checkpoint_seq"], report["records"], "a graceful stop signs the log's head")
            self.assertGreaterEqual(report["grant"], 4)
            shown = w.pinf("audit", "show", "--database", database)["records"]
            self.assertEqual(len(shown), report["records"])
            head = f"{shown[-1]['seq']}:{shown[-1]['head']}"
            w.pinf("audit", "verify", "--database", database, "--head", head)
            w.start_router()
            self.assertEqual(w.stop("router", signal.SIGINT), 0)
            self.tampering_shows(w, database, head)

    def tampering_shows(self, w, database, head):
        for change in ("UPDATE audit SET task = task + 1 WHERE seq = 3", "DELETE FROM audit WHERE seq = 2",
                       "UPDATE checkpoints SET head = zeroblob(32)"):
            with self.subTest(change=change):
                copy = world.copy_database(database, w.dir / "copy.db")
                with copy:
                    self.assertGreater(copy.execute(change).rowcount, 0)
                copy.close()
                with self.assertRaises(world.Refused) as caught:
                    w.pinf("audit", "verify", "--database", w.dir / "copy.db")
                self.assertIn("not what was written", caught.exception.said)
        copy = world.copy_database(database, w.dir / "copy.db")
        with copy:
            copy.execute("DELETE FROM audit WHERE seq >= (SELECT max(seq) FROM audit)")
            copy.execute("DELETE FROM checkpoints")
        copy.close()
        with self.assertRaises(world.Refused):
            w.pinf("audit", "verify", "--database", w.dir / "copy.db", "--head", head)


if __name__ == "__main__":
    world.main()
