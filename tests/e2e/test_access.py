#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may work: a contract on a real node, the environment, a pool; real routers and miners over HTTP."""
import contextlib
import signal
import threading
import time
import unittest

import chain
import world

CONFIRMATIONS = 3
POLL = ("--chain-poll", "100ms", "--chain-timeout", "1s", "--chain-max-age", "2s")
DEPTH = CONFIRMATIONS + 1  # blocks that confirm what the first of them holds
WAIT_S = 20
HPKE_PUBLIC = "09" + "00" * 31


def soon(check, what):
    """Waits until check() is true."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        if got := check():
            return got
        time.sleep(0.05)
    raise AssertionError(f"not in time: {what}")


class Later(threading.Thread):
    """What work() gives, or raises, some time later."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.work, self.result, self.error = work, None, None
        self.start()

    def run(self):
        try:
            self.result = self.work()
        except Exception as error:
            self.error = error

    def get(self, timeout_s=WAIT_S):
        self.join(timeout_s)
        if self.error:
            raise self.error
        return self.result


class Access(unittest.TestCase):
    """A node with the contracts, and a router that follows it by as many endpoints as the test wants."""

    endpoints = 1
    router_options = ("--chain-stall", "1d")

    def setUp(self):
        self.node = self.enterContext(chain.Anvil(chain_id=1))
        self.owners = self.node.deploy("SessionData")
        self.acl = self.node.deploy("PrivacySettingData", self.owners.address)
        self.liars = [self.enterContext(chain.Liar(self.node)) for _ in range(self.endpoints)]
        self.world = self.enterContext(world.World(contract=self.acl.address))
        self.next = 100
        self.world.start_router("--chain-rpc", ",".join(liar.url for liar in self.liars), "--chain-confirmations",
                                CONFIRMATIONS, *POLL, *self.router_options)

    def session(self, *options, register=True):
        self.next += 1
        made = self.world.pinf("session", "create", "--session", self.next, "--api-key", *options)
        if register:
            self.node.send(self.owners, "register(uint256)", self.next)
        return made["session_id"], made["api_key"]

    def change(self, verb, session, name, blocks=0):
        """addSessionAllowedMiner or removeSessionAllowedMiner, and blocks on top."""
        w = self.world
        address = w.wallets.get(name) or w.wallet(name)
        self.node.send(self.acl, f"{verb}SessionAllowedMiner(uint256,address)", session, address)
        if blocks:
            self.node.mine(blocks)

    def miner_asks(self, name, verb, session, task=0, **more):
        fields = {"session": session, **({"task": task} if task else {})}
        body = {"session_id": session, **({"task_id": task} if task else {}), **more}
        path = f"/api/v1/{verb}" if "/" in verb else f"/api/v1/miner/{verb}"
        return self.world.signed(name, "POST", path, body, miner=True, **fields)

    def claim(self, name, session):
        """204 and 200 say "allowed"; else the rule that denies."""
        status, answer = self.miner_asks(name, "claim", session, wait_ms=0)
        return answer if status == 200 else "allowed" if status == 204 else world.error_of(answer)[2]

    def claims(self, name, session, want):
        soon(lambda: self.claim(name, session) == want, f"{name} in {session}: {want}")

    def log_tells(self, event):
        soon(lambda: f'"event":"{event}"' in self.world.log("router"), f"{event} in the log")


class Contract(Access):
    router_options = ("--chain-stall", "1d", "--precommit-timeout", "2s")

    def test_privacy_turns_on_chain_and_never_back(self):
        session, key = self.session("--no-private")
        w, path = self.world, f"/api/v1/completions/{session}"
        w.wallet("m")
        ask = lambda: w.bearer(path, {"prompt": "x", "timeout": 1}, key)
        soon(lambda: ask()[0] == 504, "v1 is taken in while the session is public")
        self.change("add", session, "m")
        refused = lambda: ask()[0] == 403 and world.error_of(ask()[1])[2] == "plaintext-in-private-session"
        soon(refused, "the router follows")
        self.node.reorg(1, more=DEPTH)
        self.assertFalse(self.node.call(self.acl, "sessionEncryptionEnabled(uint256)", session))
        time.sleep(0.5)
        self.assertTrue(refused())
        self.assertTrue(w.pinf("session", "show", session)["private"])

    def test_added_removed_in_mid_task_and_answered_by_another(self):
        session, _ = self.session()
        w = self.world
        self.change("add", session, "gone")
        w.wallet("stays")
        time.sleep(0.5)
        self.assertEqual(self.claim("gone", session), "miner-not-allowed")  # not confirmed yet
        self.change("add", session, "stays", DEPTH)
        self.claims("gone", session, "allowed")
        answer = Later(lambda: w.complete(session, "who answers?", timeout="60s"))
        lease = soon(lambda: (got := self.claim("gone", session)) != "allowed" and got, "a task")
        task, attempt = lease["task_id"], lease["attempt"]
        self.assertEqual(self.miner_asks("gone", "ack", session, task, attempt=attempt)[0], 200)
        key = lambda: self.miner_asks("gone", "auth/payload_enc_key/task", session, task, hpke_public=HPKE_PUBLIC,
                                      purpose="input")
        self.assertEqual(key()[0], 200)
        self.change("remove", session, "gone")
        soon(lambda: key()[0] == 403, "no key any more")
        self.assertEqual(world.error_of(key()[1])[2], "miner-not-allowed")
        late = self.miner_asks("gone", "precommit", session, task, attempt=attempt, result_sha256="ab" * 32,
                               signature="0x" + "00" * 64 + "1b")
        self.assertEqual((late[0], world.error_of(late[1])[2]), (403, "miner-not-allowed"))
        w.start_miner("stays")
        self.assertEqual(answer.get()["text"], world.engine("who answers?"))
        self.assertEqual(w.signed("owner", "GET", f"/api/v1/tasks/{session}/{task}")[1]["miner"], w.wallets["stays"])

    def test_a_thousand_miners(self):
        session, _ = self.session()
        w, miners = self.world, [f"0x{i:040x}" for i in range(1, 1000)]
        self.node.send_many(self.acl, "addSessionAllowedMiner(uint256,address)", [(session, m) for m in miners])
        self.change("add", session, "last", DEPTH)
        self.claims("last", session, "allowed")
        listed = w.pinf("session", "show", session)["allowed_miners"]
        self.assertEqual(sorted(listed), sorted([*miners, w.wallets["last"]]))

    def test_reorganisations_both_ways_and_a_restart(self):
        session, _ = self.session()
        w = self.world
        self.change("add", session, "m", DEPTH)
        self.claims("m", session, "allowed")
        self.change("remove", session, "m")
        self.claims("m", session, "miner-not-allowed")
        self.node.reorg(1)  # the removal never was
        self.assertTrue(self.node.call(self.acl, "sessionAllowedMiners(uint256,address)", session, w.wallets["m"]))
        w.stop("router", signal.SIGKILL)
        w.start_again("router")
        w.wait_healthy()
        self.claims("m", session, "miner-not-allowed")
        time.sleep(0.5)
        self.assertEqual(self.claim("m", session), "miner-not-allowed")
        self.node.mine(DEPTH)
        self.claims("m", session, "allowed")
        self.node.reorg(2 * DEPTH + 2)  # nor was the addition
        self.claims("m", session, "miner-not-allowed")

    def test_the_node_dies_and_comes_back(self):
        session, _ = self.session()
        public, key = self.session("--no-private")
        free = self.world.pinf("session", "create", "--type", "ephemeral")["session_id"]
        w = self.world
        self.change("add", session, "m", DEPTH)
        self.claims("m", session, "allowed")
        w.pinf("session", "allow", free, w.wallets["m"])
        self.node.kill()
        self.claims("m", session, "acl-stale")
        status, answer = w.bearer(f"/api/v1/completions/{public}", {"prompt": "x"}, key)
        self.assertEqual((status, world.error_of(answer)[2]), (403, "acl-stale"))
        self.assertEqual(self.claim("m", free), "allowed")
        self.assertEqual(w.request("GET", "/healthz", miner=True)[0], 200)
        self.assertEqual(w.metric('pinf_chain_node_up{node="0"}'), 0)
        self.node.start_again()
        self.node.mine(1)
        self.claims("m", session, "allowed")
        self.assertEqual(w.metric('pinf_chain_node_up{node="0"}'), 1)

    def test_sealed_completion_by_a_real_miner(self):
        session, _ = self.session()
        w = self.world
        self.change("add", session, "m", DEPTH)
        w.start_miner("m")
        self.assertEqual(w.complete(session, "by contract")["text"], world.engine("by contract"))
        self.assertEqual(w.stop("m"), 0)
        self.assertEqual(w.stop("router"), 0)
        report = w.pinf("audit", "verify", "--database", w.data / "router.db")
        self.assertEqual((report["verdict"], report["allow"]), ("intact", 1))


class WrongAnswers(Access):
    router_options = ("--chain-stall", "5s")

    def test_each_is_named_and_nobody_gets_in(self):
        session, _ = self.session()
        w, liar = self.world, self.liars[0]
        self.change("add", session, "m", DEPTH)
        self.claims("m", session, "allowed")
        lies = {
            "chain-id-wrong": chain.chain_id(5),
            "chain-no-contract": chain.changed("eth_getCode", lambda params, result: "0x"),
            "syntax": chain.body(b"<html>Bad gateway</html>"),
            "wrong-type": chain.body(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"slow down"}}'),
            "chain-stalled": chain.stalled(self.node.head()),
        }
        for event, lie in lies.items():
            with self.subTest(lie=event):
                liar.lie = lie
                self.log_tells(event)
                self.claims("m", session, "acl-stale")
                self.assertEqual(w.request("GET", "/healthz", miner=True)[0], 200)
                nodes = w.request("GET", "/api/v1/deployment")[1]["contract"]["nodes"]
                self.assertEqual(nodes[0]["error"], event)
                liar.lie = chain.honest
                self.node.mine(1)
                self.claims("m", session, "allowed")
        liar.status = 500
        self.log_tells("io")
        self.claims("m", session, "acl-stale")
        liar.status = 200
        self.node.mine(1)
        self.claims("m", session, "allowed")
        liar.lie = chain.body(b"")
        self.claims("m", session, "acl-stale")


class Liars(Access):
    endpoints = 3

    def test_one_of_three(self):
        session, _ = self.session()
        w, liar = self.world, self.liars[1]
        w.wallet("m")
        listing = "0x" + chain.encode(32, 1, w.wallets["m"])

        def says(count, miners):
            """A list of that many, whatever the contract has."""
            answers = {"getAllowedMinersCount(uint256)": count, "getAllowedMiners(uint256,uint256,uint256)": miners}
            by_selector = {"0x" + self.acl.made["methodIdentifiers"][name]: told for name, told in answers.items()}
            return chain.changed("eth_call", lambda params, result: by_selector.get(params[0]["data"][:10], result))

        liar.lie = says("0x" + chain.encode(1), listing)
        self.node.mine(DEPTH)
        self.claims("m", session, "miner-not-allowed")
        time.sleep(1)
        self.assertEqual(self.claim("m", session), "miner-not-allowed")
        self.change("add", session, "m", DEPTH)
        self.claims("m", session, "allowed")
        liar.lie = says("0x" + chain.encode(0), "0x" + chain.encode(32, 0))
        self.node.mine(1)
        self.claims("m", session, "miner-not-allowed")
        liar.lie = chain.honest
        self.node.mine(2 * DEPTH)
        self.claims("m", session, "allowed")
        liar.lie = chain.body(b"gone")
        self.node.mine(1)
        time.sleep(2.5)
        self.assertEqual(self.claim("m", session), "allowed")  # Two are a quorum.


class Owners(Access):
    def test_the_session_contract_names_the_owner(self):
        w = self.world
        w.stop("router")
        w.start_router("--chain-rpc", self.liars[0].url, "--chain-confirmations", CONFIRMATIONS, *POLL, *self.router_options,
                       "--session-data", self.owners.address)
        session, _ = self.session()
        self.node.mine(DEPTH)
        reserve = lambda: w.signed("owner", "POST", f"/api/v3/reservations/{session}", {}, session=session)
        refused = lambda: reserve()[0] == 403 and world.error_of(reserve()[1])[2] == "not-owner"
        soon(refused, "anvil's account registered it, not the wallet")
        self.node.send(self.owners, "transferSession(uint256,address)", session, w.wallets["owner"])
        self.assertTrue(refused())
        self.node.mine(DEPTH)
        soon(lambda: reserve()[0] == 201, "transferred, and confirmed")


class Environment(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(world.World())
        for name in ("m", "n", "t"):
            self.world.wallet(name)

    def starts(self, options, allowed, toggle="0"):
        """What the router says where it does not start."""
        w = self.world
        env = {"ENCRYPTION_ALLOWED_LIST": allowed, "ENCRYPTION_ALLOWLIST_USE_CONTRACT": toggle}
        w.start("router", "router", "--data-dir", w.data, "--listen", f"127.0.0.1:{w.port}", "--miner-listen",
                f"127.0.0.1:{w.miner_port}", "--admin", w.wallets["owner"], *options, env=env)
        with contextlib.suppress(AssertionError):
            w.wait_healthy()
            return None
        return w.log("router").splitlines()[-1]

    def claim(self, name, session):
        status, answer = self.world.signed(name, "POST", "/api/v1/miner/claim", {"session_id": session, "wait_ms": 0},
                                           miner=True, session=session)
        return "allowed" if status in (200, 204) else world.error_of(answer)[2]

    def test_it_governs_what_its_owner_never_touched(self):
        w = self.world
        named = f"101:{w.wallets['m']};101-1:{w.wallets['t']};102:{w.wallets['m']}"
        self.assertIsNone(self.starts((), named))
        for session in (101, 102):
            made = w.pinf("session", "create", "--session", session, "--no-private")
            self.assertEqual((made["acl"], made["private"]), ("env", True))
        self.assertEqual([self.claim(name, 101) for name in "mnt"], ["allowed", "miner-not-allowed", "allowed"])
        w.start_miner("t")
        w.start_miner("m")
        self.assertEqual(w.complete(101, "a task of its own")["text"], world.engine("a task of its own"))
        self.assertEqual(w.complete(101, "any other")["text"], world.engine("any other"))
        by = [w.signed("owner", "GET", f"/api/v1/tasks/101/{task}")[1]["miner"] for task in (1, 2)]
        self.assertEqual(by, [w.wallets["t"], w.wallets["m"]])
        w.pinf("session", "allow", 102, w.wallets["n"])  # From here on the owner's list speaks.
        self.assertEqual([self.claim(name, 102) for name in "mn"], ["miner-not-allowed", "allowed"])
        self.assertEqual(w.pinf("session", "show", 102)["acl"], "router")

    def test_it_is_never_passed_over_in_silence(self):
        m = self.world.wallets["m"]
        rpc = ("--chain-rpc", "http://127.0.0.1:1")
        contract = ("--contract", "0x" + "11" * 20)
        for options, allowed, toggle, words in [
            ((), f"1:{m}", "1", "ENCRYPTION_ALLOWLIST_USE_CONTRACT is 1"),
            ((), f"1:{m};1:{m}", "0", "ENCRYPTION_ALLOWED_LIST: column 46"),
            ((), f"1:{m[:-1]}", "0", "ENCRYPTION_ALLOWED_LIST: column 3"),
            (("--allowlist-emergency",), f"1:{m}", "1", "--allowlist-emergency"),
            (rpc, "", "1", "--contract 0xADDRESS"),
            (("--chain-rpc", "ftp://x", *contract), "", "1", "--chain-rpc"),
            ((*rpc, *contract, "--chain-quorum", "2"), "", "1", "--chain-quorum"),
        ]:
            with self.subTest(words=words):
                said = self.starts(options, allowed, toggle)
                self.assertIsNotNone(said, "the router started")
                self.assertIn(words, said)
                self.assertEqual(self.world.running.pop("router").wait(), 1)


class Emergency(Access):
    def test_the_environment_beside_a_dead_contract(self):
        session, _ = self.session()
        w = self.world
        w.wallet("m")
        self.node.kill()
        self.claims("m", session, "acl-stale")
        w.stop("router")
        w.start("router", *w.arguments["router"], "--allowlist-emergency",
                env={"ENCRYPTION_ALLOWED_LIST": f"{session}:{w.wallets['m']}"})
        w.wait_healthy()
        self.claims("m", session, "allowed")
        self.log_tells("allowlist-emergency")
        self.assertTrue(w.request("GET", "/api/v1/deployment")[1]["contract"]["emergency"])


class Pools(unittest.TestCase):
    def setUp(self):
        self.world = w = self.enterContext(world.World())
        w.start_router("--seat-timeout", "1s", "--ack-timeout", "1s", "--precommit-timeout", "1s")
        for name in ("a", "b"):
            w.wallet(name)

    def test_seats_change_hands(self):
        w = self.world
        session = w.pinf("session", "create", "--type", "pooled", "--seats", "1")["session_id"]
        for name in ("a", "b"):
            w.pinf("pool", "allow", w.wallets[name])
        w.start_miner("a")
        self.assertEqual(w.complete(session, "one")["text"], world.engine("one"))
        w.stop("a", signal.SIGKILL)
        w.start_miner("b")
        self.assertEqual(w.complete(session, "two")["text"], world.engine("two"))
        self.assertEqual(w.pinf("session", "show", session)["allowed_miners"], [w.wallets["b"]])
        w.pinf("pool", "deny", w.wallets["b"])
        self.assertEqual(w.pinf("session", "show", session)["allowed_miners"], [])
        with self.assertRaises(world.Refused):
            w.complete(session, "three", timeout="2s")
        w.start_again("a")
        self.assertEqual(w.complete(session, "four")["text"], world.engine("four"))

    def test_an_ephemeral_session_drains_and_resumes(self):
        w = self.world
        session = w.pinf("session", "create", "--type", "ephemeral")["session_id"]
        w.start_miner("a")
        w.pinf("session", "allow", session, w.wallets["a"])
        self.assertEqual(w.complete(session, "one")["text"], world.engine("one"))
        w.pinf("session", "deny", session, w.wallets["a"])
        w.start_miner("b")
        answer = Later(lambda: w.complete(session, "two", timeout="60s"))
        soon(lambda: w.metric('pinf_tasks{state="created"}') == 1, "the task waits")
        time.sleep(0.5)
        self.assertTrue(answer.is_alive())
        w.pinf("session", "allow", session, w.wallets["b"])
        self.assertEqual(answer.get()["text"], world.engine("two"))


if __name__ == "__main__":
    chain.need()
    world.main()
