#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nodes that are wrong, or lie; the environment's list; pools: what a router makes of sources that are not as they should be."""
import re
import signal
import time
import unittest

import chain
import world
from test_access import CONFIRMATIONS, DEPTH, POLL, Later, soon
from test_contract import ADD, COUNT, PAGE, PRIVATE, Case, Gate

LISTED = ("A", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"), ("B", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"), \
    ("C", "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB")


class Wrong(Case):
    router_options = ("--chain-stall", "1d")

    def follow(self, url, *options):
        """The router again, with another node."""
        w = self.world
        w.stop("router")
        w.start_router("--chain-rpc", url, "--chain-confirmations", CONFIRMATIONS, *POLL, *self.router_options, *options)

    def logged_once(self, event, node=0):
        """The event comes, and not again with every look: once each time that the node was well before."""
        soon(lambda: self.count_logged(event) > 0, event)
        time.sleep(0.5)
        self.assertEqual(self.count_logged(event), 1 + self.count_logged("chain-node-well"))
        shown = self.world.request("GET", "/api/v1/deployment")[1]["contract"]["nodes"][node]
        self.assertEqual((shown["error"], shown["counts"]), (event, False))

    def test_another_chain(self):
        """The same contract at the same address with the same list, but on the wrong chain."""
        session, _ = self.session()
        with chain.Anvil(chain_id=5) as other:
            owners = other.deploy("SessionData")
            self.assertEqual(other.deploy("PrivacySettingData", owners.address).address, self.acl.address)
            other.send(owners, "register(uint256)", session)
            other.send(self.acl, ADD, session, self.world.wallet("m"))
            other.mine(DEPTH)
            self.follow(other.url)
            self.logged_once("chain-id-wrong")
            self.assertEqual(self.claim("m", session), "acl-stale")
            self.assertEqual(self.world.request("GET", "/healthz", miner=True)[0], 200)

    def test_an_address_without_code(self):
        with world.World(contract="0x" + "11" * 20) as w:
            w.wallet("m")
            w.start_router("--chain-rpc", self.node.url, *POLL, *self.router_options)
            self.world = w
            session = w.pinf("session", "create")["session_id"]
            self.logged_once("chain-no-contract")
            self.assertEqual(self.claim("m", session), "acl-stale")
            self.assertEqual(w.request("GET", "/healthz", miner=True)[0], 200)

    def test_nobody_there(self):
        session, _ = self.session()
        self.world.wallet("m")
        self.follow(f"http://127.0.0.1:{world.free_port()}")
        self.logged_once("io")
        self.assertEqual(self.claim("m", session), "acl-stale")
        self.assertEqual(self.world.request("GET", "/healthz", miner=True)[0], 200)

    def test_stalled(self):
        """A node whose chain stands still is one that counts until --chain-stall."""
        session, _ = self.session()
        self.change("add", session, "m", DEPTH)
        self.claims("m", session, "allowed")
        self.follow(self.liars[0].url, "--chain-stall", "4s")
        self.node.mine()
        self.claims("m", session, "allowed")
        self.claims("m", session, "acl-stale")
        self.logged_once("chain-stalled")
        self.node.mine()
        self.claims("m", session, "allowed")

    def test_what_is_no_answer(self):
        """Each has its name; the router gets over all of them, and believes none."""
        w, liar = self.world, self.liars[0]
        session, _ = self.session()
        self.change("add", session, "m", DEPTH)
        self.claims("m", session, "allowed")
        answer = lambda call, **members: {"jsonrpc": "2.0", "id": call.get("id"), **members}
        block = lambda **members: chain.changed("eth_getBlockByNumber", lambda params, result: {**result, **members})
        lies = [
            ("syntax", chain.body(b"")), ("syntax", chain.body(b"<html>502 Bad Gateway</html>")),
            ("syntax", chain.body(b"\xff\xfe\x00garbage")), ("syntax", chain.body(b'[{"jsonrpc":"2.0","id":0,"resu')),
            ("depth", chain.body(b"[" * 100_000)), ("too-large", chain.body(b" " * (17 << 20))),
            ("wrong-type", chain.body(b"{}")), ("missing-field", chain.body(b"[]")),
            ("io", chain.refused(-32005, "limit exceeded")), ("missing-field", lambda call, ask: answer(call)),
            ("unknown-field", lambda call, ask: answer(call, result="0x1", error={"code": 1})),
            ("out-of-range", lambda call, ask: {**ask(call), "id": 7}),
            ("duplicate-field", lambda call, ask: {**ask(call), "id": 0}),
            ("not-found", chain.changed("eth_getBlockByNumber", lambda params, result: None)),
            ("out-of-range", block(number="0xffffffffffffffff")),
            ("not-canonical", block(number="0x01")),
            ("wrong-length", block(hash="0x00")), ("syntax", block(timestamp="now")),
            ("out-of-range", chain.chain_id(2**64)), ("chain-id-wrong", chain.chain_id(2)),
            ("chain-no-contract", chain.changed("eth_getCode", lambda params, result: "0x")),
        ]
        for event, lie in lies:
            with self.subTest(event=event):
                before = self.count_logged(event), self.count_logged("chain-node-well")
                liar.lie = lie
                soon(lambda: self.count_logged(event) == before[0] + 1, event)
                self.assertEqual(w.request("GET", "/healthz", miner=True)[0], 200)
                liar.lie = chain.honest
                soon(lambda: self.count_logged("chain-node-well") == before[1] + 1, "well again")
        for status in (500, 404, 302, 204):
            with self.subTest(status=status):
                before = self.count_logged("io"), self.count_logged("chain-node-well")
                liar.status = status
                soon(lambda: self.count_logged("io") == before[0] + 1, "io")
                liar.status = 200
                soon(lambda: self.count_logged("chain-node-well") == before[1] + 1, "well again")
        liar.delay_s = 1.5  # more than --chain-timeout
        self.claims("m", session, "acl-stale")
        self.assertEqual(self.count_logged("timeout"), 1)
        liar.delay_s = 0
        self.claims("m", session, "allowed")
        self.assertEqual(self.listed(session), [w.wallets["m"]])


class Three(Case):
    endpoints = 3

    def setUp(self):
        super().setUp()
        self.liar = self.liars[1]
        self.told = {}

    def says(self, **told):
        """The liar's eth_call: what it says by function, else the truth."""
        functions = {"private": PRIVATE, "count": COUNT, "page": PAGE}
        answers = {"0x" + self.acl.made["methodIdentifiers"][functions[name]]: "0x" + data for name, data in told.items()}
        return chain.changed("eth_call", lambda params, result: answers.get(params[0]["data"][:10], result))

    def test_one_makes_private_for_good(self):
        w = self.world
        session, key = self.session("--no-private")
        ask = lambda: w.bearer(f"/api/v1/completions/{session}", {"prompt": "x", "timeout": 1}, key)
        soon(lambda: ask()[0] == 504, "public")
        self.liar.lie = self.says(private=chain.encode(1))
        self.node.mine()
        soon(lambda: ask()[0] == 403, "private")
        self.liar.lie = chain.honest
        self.node.mine()
        self.settled()
        self.assertEqual(world.error_of(ask()[1])[2], "plaintext-in-private-session")

    def test_one_inventing_blocks_bars_nobody_for_good(self):
        session, _ = self.session()
        self.change("add", session, "m", DEPTH)
        self.claims("m", session, "allowed")
        nobody = self.says(count=chain.encode(0), page=chain.encode(32, 0))

        def invents(call, ask):
            answer = nobody(call, ask)
            if call["method"] == "eth_getBlockByNumber":
                answer["result"]["number"] = hex(int(answer["result"]["number"], 16) + 10**6)
                answer["result"]["hash"] = "0x" + "ee" * 32
            elif call["method"] == "eth_call" and "error" in answer:
                answer = {"jsonrpc": "2.0", "id": call["id"], "result": nobody({**call, "params": [call["params"][0], "latest"]}, ask)["result"]}
            return answer

        self.liar.lie = invents
        self.claims("m", session, "miner-not-allowed")
        self.liar.lie = chain.honest
        self.settled()
        self.assertEqual(self.claim("m", session), "miner-not-allowed")
        self.node.mine(2 * DEPTH)
        self.claims("m", session, "allowed")

    def test_one_that_fell_behind_is_not_asked(self):
        session, _ = self.session()
        self.liar.lie = chain.stalled(self.node.head())  # before the addition
        self.change("add", session, "m", DEPTH)
        self.claims("m", session, "allowed")
        nodes = self.world.request("GET", "/api/v1/deployment")[1]["contract"]["nodes"]
        self.assertEqual([node["counts"] for node in nodes], [True, False, True])

    def test_two_silent_stop_the_work_and_one_back_resumes_it(self):
        session, _ = self.session()
        self.change("add", session, "m", DEPTH)
        self.claims("m", session, "allowed")
        self.liars[0].status = self.liars[2].status = 500
        self.claims("m", session, "acl-stale")
        self.liars[2].status = 200
        self.claims("m", session, "allowed")


class Emergency(Case):
    def test_beside_a_living_contract(self):
        """It adds its miners to the contract's, is told at every start, and changes nothing else."""
        w = self.world
        session, _ = self.session()
        other, _ = self.session()
        for name in ("env", "task", "nobody"):
            w.wallet(name)
        self.change("add", session, "m")
        self.change("add", other, "m", DEPTH)
        w.stop("router")
        w.start("router", *w.arguments["router"], "--allowlist-emergency", env={
            "ENCRYPTION_ALLOWED_LIST": f"{session}:{w.wallets['env']};{session}-1:{w.wallets['task']}"})
        w.wait_healthy()
        self.claims("m", session, "allowed")
        self.assertEqual([self.claim(name, session) for name in ("env", "nobody")], ["allowed", "miner-not-allowed"])
        self.assertEqual(self.claim("env", other), "miner-not-allowed")
        self.assertEqual(self.count_logged("allowlist-emergency"), 1)
        with self.assertRaises(world.Refused) as caught:
            w.pinf("session", "allow", session, w.wallets["nobody"])
        self.assertIn("list", caught.exception.said)
        w.start_miner("env")  # not of the first task's own list
        answers = [Later(lambda: w.complete(session, "one", timeout="60s"))]
        soon(lambda: w.metric('pinf_tasks{state="created"}') == 1, "the task waits")
        self.assertEqual(w.complete(session, "two")["text"], world.engine("two"))
        self.assertTrue(answers[0].is_alive())
        w.start_miner("task")
        self.assertEqual(answers[0].get()["text"], world.engine("one"))
        by = [w.signed("owner", "GET", f"/api/v1/tasks/{session}/{task}")[1]["miner"] for task in (1, 2)]
        self.assertEqual(by, [w.wallets["task"], w.wallets["env"]])
        for name in ("env", "task"):
            w.stop(name)
        w.stop("router")
        w.start("router", *[option for option in w.arguments["router"] if option != "--allowlist-emergency"])
        w.wait_healthy()
        self.claims("m", session, "allowed")
        self.assertEqual(self.claim("env", session), "miner-not-allowed")


class Started(unittest.TestCase):
    """What a router does not start with, and what it says."""

    def setUp(self):
        self.world = self.enterContext(world.World(contract="0x" + "11" * 20))

    def fails(self, *options, says, env=None):
        said = self.world.router_fails(*options, env=env)
        self.assertRegex(said, says)
        self.assertEqual(said.count("\n"), 1, "one line, please")

    def test_every_example_of_the_page(self):
        page = (world.ROOT / "spec" / "allowlist.md").read_text()
        rows = re.findall(r"^\| `([^`]+)` \| `([a-z-]+)` at (\d+) \|$", page, re.M)  # an empty variable is no list at all
        self.assertGreater(len(rows), 30)
        for text, code, column in rows:
            for name, address in LISTED:
                text = re.sub(rf"\b{name}\b", address, text)
            with self.subTest(text=text[:60], code=code):
                self.fails(says=f"ENCRYPTION_ALLOWED_LIST: column {column}: ",
                           env={"ENCRYPTION_ALLOWED_LIST": text, "ENCRYPTION_ALLOWLIST_USE_CONTRACT": "0"})

    def test_nodes(self):
        good = "http://127.0.0.1:1"
        for url in (",", f"{good},,{good}/x", f"{good}, {good}/x", "127.0.0.1:8545", "ftp://127.0.0.1", "http://", "http://h:99999",
                    "http://u:p@h", "http://h?x=1", "http://h#f", "http://h/x#f", "http://h/a b", "http://h/\xe4", "nonsense"):
            with self.subTest(url=url):
                self.fails("--chain-rpc", url, says=r"^--chain-rpc: number [12] is not a node's URL: write http://HOST:PORT")
        self.fails("--chain-rpc", ",".join(f"{good}/{i}" for i in range(9)), says="^--chain-rpc: more than 8 nodes")
        self.fails("--chain-rpc", f"{good},{good}/x,{good}/x", says="^--chain-rpc: .* twice: a node counts once")
        self.fails("--chain-rpc", good, "--contract", world.ZERO_ADDRESS, says="^--chain-rpc: say which contract .*--contract 0x")

    def test_numbers(self):
        rpc = ("--chain-rpc", "http://127.0.0.1:1,http://127.0.0.1:2")
        for option, value, says in (
                ("--chain-quorum", "3", "3 of 2 nodes can never agree"), ("--chain-quorum", "9", "out of range"),
                ("--chain-confirmations", "10001", "out of range"), ("--chain-confirmations", "-1", "--chain-confirmations"),
                ("--chain-poll", "0s", "out of range"), ("--chain-poll", "often", "--chain-poll"),
                ("--chain-max-age", "2s", "more than --chain-poll"), ("--session-data", "0xaa", "--session-data")):
            with self.subTest(option=option, value=value):
                self.fails(*rpc, option, value, says=f"^{option}: .*{says}" if says[0] != "-" else says)
        self.fails("--session-data", "0x" + "22" * 20, says="^--session-data: .*--chain-rpc")
        self.fails("--chain-quorum", "2", says="^--chain-quorum: .*--chain-rpc")

    def test_emergency(self):
        env = {"ENCRYPTION_ALLOWED_LIST": f"1:{LISTED[0][1]}"}
        off = {**env, "ENCRYPTION_ALLOWLIST_USE_CONTRACT": "0"}
        rpc = ("--chain-rpc", "http://127.0.0.1:1")
        for options, given in (((), env), ((), off), (rpc, off), (rpc, {})):
            with self.subTest(options=options, env=given):
                self.fails(*options, "--allowlist-emergency", env=given, says="^--allowlist-emergency: ")
        self.fails(*rpc, env=env, says="^ENCRYPTION_ALLOWED_LIST is not used while .* --allowlist-emergency")
        self.fails(env=env, says="^ENCRYPTION_ALLOWED_LIST is not used while ENCRYPTION_ALLOWLIST_USE_CONTRACT is 1")
        self.fails(env={"ENCRYPTION_ALLOWLIST_USE_CONTRACT": "maybe"}, says="ENCRYPTION_ALLOWLIST_USE_CONTRACT|--allowlist-use-contract")


class Pools(unittest.TestCase):
    """Miners that go in the middle of a task; each is held at a request of its own."""

    def setUp(self):
        self.world = w = self.enterContext(world.World())
        w.start_router("--seat-timeout", "1s", "--ack-timeout", "1s", "--precommit-timeout", "1s", "--commit-timeout", "1s")
        self.session = w.pinf("session", "create", "--type", "pooled", "--seats", "1")["session_id"]
        for name in ("a", "b"):
            w.wallet(name)
            w.pinf("pool", "allow", w.wallets[name])

    def seated(self):
        return self.world.pinf("session", "show", self.session)["allowed_miners"]

    def held(self, *kind, prompt="x"):
        """A miner in the only seat, held at a request of that kind; what the caller will get."""
        w = self.world
        gate = self.enterContext(Gate(w.miner_port, *kind))
        w.start_miner("a", "--router-url", gate.url)
        answer = Later(lambda: w.complete(self.session, prompt, timeout="60s"))
        self.assertTrue(gate.arrived.wait(30))
        return gate, answer

    def answered_by(self, name, task=1):
        self.assertEqual(self.world.signed("owner", "GET", f"/api/v1/tasks/{self.session}/{task}")[1]["miner"],
                         self.world.wallets[name])

    def test_killed_in_mid_task(self):
        w = self.world
        _, answer = self.held("PUT", "/blobs/")
        w.start_miner("b")
        w.stop("a", signal.SIGKILL)
        self.assertEqual(answer.get(60)["text"], world.engine("x"))
        self.answered_by("b")
        self.assertEqual(self.seated(), [w.wallets["b"]])

    def test_denied_in_mid_task(self):
        w = self.world
        for kind in (("POST", "/payload_enc_key/task", 2), ("POST", "/offchain/result")):
            with self.subTest(kind=kind):
                gate, answer = self.held(*kind)
                w.pinf("pool", "deny", w.wallets["a"])
                self.assertEqual(self.seated(), [])
                gate.opened.set()
                self.assertTrue(gate.answered.wait(30))
                self.assertEqual(gate.answer[0], 403)
                self.assertIn(b'"rule":"miner-not-allowed"', gate.answer[1])
                w.start_miner("b")
                self.assertEqual(answer.get(60)["text"], world.engine("x"))
                for name in ("a", "b"):
                    w.stop(name)
                w.pinf("pool", "allow", w.wallets["a"])
                w.stop("router")
                w.start_again("router")  # no claim waits any more
                w.wait_healthy()
        for task in (1, 2):
            self.answered_by("b", task)

    def test_the_last_one_drains_and_the_next_resumes(self):
        w = self.world
        w.pinf("pool", "deny", w.wallets["b"])
        gate, answer = self.held("POST", "/offchain/result")
        w.pinf("pool", "deny", w.wallets["a"])
        self.assertEqual(w.pinf("pool", "list")["miners"], [])
        gate.opened.set()
        w.start_miner("b")
        soon(lambda: w.metric('pinf_tasks{state="created"}') == 1, "it waits")
        later = Later(lambda: w.complete(self.session, "y", timeout="60s"))
        soon(lambda: w.metric('pinf_tasks{state="created"}') == 2, "taken in, and waits")
        self.assertTrue(answer.is_alive() and later.is_alive())
        w.pinf("pool", "allow", w.wallets["b"])
        self.assertEqual([a.get(60)["text"] for a in (answer, later)], [world.engine("x"), world.engine("y")])

    def test_two_miners_one_seat(self):
        """Never two at once in it, and the one that is served keeps it while work comes."""
        w = self.world
        for name in ("a", "b"):
            w.start_miner(name)
        answers = [Later(lambda i=i: w.complete(self.session, f"p{i}", timeout="60s")) for i in range(6)]
        while any(answer.is_alive() for answer in answers):
            self.assertLessEqual(len(self.seated()), 1)
        self.assertEqual([answer.get()["text"] for answer in answers], [world.engine(f"p{i}") for i in range(6)])


if __name__ == "__main__":
    chain.need()
    world.main()
