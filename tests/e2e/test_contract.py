#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A contract's list against all that may befall it: at each step of a task, reorganised, unreachable, lied about."""
import http.client
import http.server
import signal
import threading
import unittest

import chain
import world
from test_access import CONFIRMATIONS, DEPTH, POLL, Access, Later, soon

ADD = "addSessionAllowedMiner(uint256,address)"
REMOVE = "removeSessionAllowedMiner(uint256,address)"
PRIVATE = "sessionEncryptionEnabled(uint256)"
COUNT = "getAllowedMinersCount(uint256)"
PAGE = "getAllowedMiners(uint256,uint256,uint256)"


class Gate:
    """A proxy in front of a router that holds the nth request of its kind until it is opened, and keeps its answer."""

    def __init__(self, port, method, path, nth=1):
        self.port, self.kind, self.nth = port, (method, path), nth
        self.arrived, self.opened, self.answered = threading.Event(), threading.Event(), threading.Event()
        self.answer = None
        gate = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                gate.forward(self)

            do_GET = do_POST = do_PUT = forward

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda request, address: None  # whoever asked went away
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.opened.set()
        self.server.shutdown()
        self.server.server_close()

    def holds(self, handler):
        method, path = self.kind
        if self.arrived.is_set() or handler.command != method or path not in handler.path:
            return False
        self.nth -= 1
        return self.nth == 0

    def forward(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        held = self.holds(handler)
        if held:
            self.arrived.set()
            self.opened.wait()
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
        try:
            kept = {name: handler.headers[name] for name in ("Authorization", "Content-Type") if name in handler.headers}
            link.request(handler.command, handler.path, body or None, kept)
            answer = link.getresponse()
            data = answer.read()
        finally:
            link.close()
        if held:
            self.answer = answer.status, data
            self.answered.set()
        handler.send_response(answer.status)
        handler.send_header("Content-Type", answer.headers.get("Content-Type", "text/plain"))
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)


class Case(Access):
    def settled(self):
        """The router has read what its nodes say now: a look that began after this was followed by another."""
        for liar in self.liars:
            looks = liar.looks + 2
            soon(lambda: liar.looks >= looks, "the router looks at its node")

    def listed(self, session):
        return self.world.pinf("session", "show", session)["allowed_miners"]

    def audited(self, **fields):
        """Records of the audit log that have those fields."""
        w = self.world
        world.copy_database(w.data / "router.db", w.dir / "copy.db").close()
        records = w.pinf("audit", "show", "--database", w.dir / "copy.db", "--limit", "100000")["records"]
        return [record for record in records if all(record.get(name) == value for name, value in fields.items())]

    def restart(self, how=signal.SIGTERM):
        self.world.stop("router", how)
        self.world.start_again("router")
        self.world.wait_healthy()
        self.settled()

    def count_logged(self, event):
        return self.world.log("router").count(f'"event":"{event}"')


class Privacy(Case):
    def test_what_waits_in_the_clear_is_never_answered(self):
        w = self.world
        session, key = self.session("--no-private")
        ask = lambda prompt: w.bearer(f"/api/v1/completions/{session}", {"prompt": prompt, "timeout": 60}, key)
        self.settled()
        w.start_miner("m")
        status, answer = ask("while it is public")
        self.assertEqual((status, answer["choices"][0]["text"]), (200, world.engine("while it is public")))
        w.stop("m")
        self.restart()  # its last claim waits no more
        waiting = Later(lambda: ask("too late"))
        soon(lambda: w.metric('pinf_tasks{state="created"}') == 1, "the task waits")
        self.node.send(self.acl, "enableSessionEncryption(uint256)", session)
        self.change("add", session, "m", DEPTH)
        self.settled()
        self.assertEqual(self.claim("m", session), "allowed")  # it is on the list, and gets nothing
        status, answer = waiting.get()
        self.assertEqual((status, world.error_of(answer)[0]), (409, "wrong-state"))
        self.node.reorg(DEPTH + 2, more=2 * DEPTH)
        self.assertFalse(self.node.call(self.acl, PRIVATE, session))
        self.settled()
        self.restart(signal.SIGKILL)
        status, answer = ask("public on chain again")
        self.assertEqual((status, world.error_of(answer)), (403, ("denied", "", "plaintext-in-private-session")))
        self.assertEqual(self.claim("m", session), "miner-not-allowed")


STEPS = {  # what a miner sends in its course, as Gate has it
    "ack": ("POST", "/miner/ack", 1), "input key": ("POST", "/payload_enc_key/task", 1), "input": ("GET", "/blobs/", 1),
    "result key": ("POST", "/payload_enc_key/task", 2), "upload": ("PUT", "/blobs/", 1),
    "precommit": ("POST", "/miner/precommit", 1), "commit": ("POST", "/offchain/result", 1),
}


class Steps(Case):
    router_options = ("--chain-stall", "1d", "--ack-timeout", "2s", "--precommit-timeout", "2s", "--commit-timeout", "2s")

    def test_a_removal_counts_at_every_step(self):
        """Real miners, each stopped at another step, are refused it, and another miner answers all their tasks."""
        w = self.world
        w.wallet("stays")
        gates, sessions, answers = {}, {}, {}
        for step, kind in STEPS.items():
            gates[step] = self.enterContext(Gate(w.miner_port, *kind))
            sessions[step] = self.session()[0]
            self.change("add", sessions[step], step)
            self.change("add", sessions[step], "stays")
        self.node.mine(DEPTH)
        for step, session in sessions.items():
            self.claims("stays", session, "allowed")
            answers[step] = Later(lambda session=session: w.complete(session, f"in {session}", timeout="90s"))
            w.start_miner(step, "--session", session, "--router-url", gates[step].url)
        for step, gate in gates.items():
            self.assertTrue(gate.arrived.wait(60), step)
        for step, session in sessions.items():
            self.change("remove", session, step)
        self.settled()
        for step, gate in gates.items():
            with self.subTest(step=step):
                gate.opened.set()
                self.assertTrue(gate.answered.wait(30))
                self.assertEqual(gate.answer[0], 403, gate.answer)
                self.assertIn(b'"rule":"miner-not-allowed"', gate.answer[1])
        w.start_miner("stays")
        for step, session in sessions.items():
            with self.subTest(step=step):
                self.assertEqual(answers[step].get(60)["text"], world.engine(f"in {session}"))
                shown = w.signed("owner", "GET", f"/api/v1/tasks/{session}/1")[1]
                self.assertEqual((shown["miner"], shown["attempt"] > 1), (w.wallets["stays"], True))
                rules = {r["rule"] for r in self.audited(kind="refusal", session=session, actor=w.wallets[step].lower())}
                self.assertEqual(rules, {"miner-not-allowed"})
                self.assertEqual(len(self.audited(kind="result", session=session)), 1)
        for name in ("stays", "router"):
            self.assertEqual(w.stop(name), 0)
        self.assertEqual(w.pinf("audit", "verify", "--database", w.data / "router.db")["verdict"], "intact")


class Confirmations(Case):
    def test_not_one_block_too_early(self):
        session, _ = self.session()
        w = self.world
        self.change("add", session, "m")
        for block in range(CONFIRMATIONS):
            self.settled()
            self.assertEqual((self.claim("m", session), self.listed(session)), ("miner-not-allowed", []), block)
            self.node.mine()
        self.settled()
        self.assertEqual((self.claim("m", session), self.listed(session)), ("allowed", [w.wallets["m"]]))
        self.change("remove", session, "m")
        self.settled()
        self.assertEqual((self.claim("m", session), self.listed(session)), ("miner-not-allowed", []))
        self.assertEqual([len(self.audited(kind=kind, session=session)) for kind in ("allow", "deny")], [1, 1])


class Pages(Case):
    def test_a_page_that_falls_short(self):
        """One session that a node cannot tell wholly is stale; the others are not."""
        w, liar = self.world, self.liars[0]
        long, short = self.session()[0], self.session()[0]
        miners = [f"0x{i:040x}" for i in range(1, 1000)]
        self.node.send_many(self.acl, ADD, [(long, m) for m in miners])
        self.change("add", long, "m")
        self.change("add", short, "m", DEPTH)
        self.claims("m", long, "allowed")
        self.assertEqual(len(self.listed(long)), 1000)
        second = self.acl.data(PAGE, long, 500, 500)
        lies = {
            "shorter": lambda data: chain.encode(32, 499) + data[2 + 128:-64],
            "repeated": lambda data: data[2:-64] + data[-128:-64],
            "longer": lambda data: chain.encode(32, 501) + data[2 + 128:] + chain.encode(7),
            "nothing": lambda data: "",
        }
        for name, lie in lies.items():
            with self.subTest(page=name):
                liar.lie = chain.changed("eth_call", lambda params, result, lie=lie: "0x" + lie(result)
                                         if params[0]["data"] == second else result)
                self.node.mine()
                self.claims("m", long, "acl-stale")
                self.assertEqual(self.claim("m", short), "allowed")
                liar.lie = chain.honest
                self.claims("m", long, "allowed")
                self.assertEqual(len(self.listed(long)), 1000)
        for last in (miners[700], miners[-1]):  # swap and pop across the pages
            self.node.send(self.acl, REMOVE, long, last)
        self.settled()
        self.assertEqual(set(self.listed(long)), {*miners, w.wallets["m"]} - {miners[700], miners[-1]})


class Reorganised(Case):
    def test_an_addition_that_never_was(self):
        """Undone while it confirms, after it was, and while no router runs."""
        session, _ = self.session()
        w = self.world
        self.node.mine(DEPTH)
        self.change("add", session, "m", CONFIRMATIONS - 1)
        self.settled()
        self.node.reorg(CONFIRMATIONS, more=2 * DEPTH)
        self.settled()
        self.assertEqual(self.claim("m", session), "miner-not-allowed")
        self.change("add", session, "m", DEPTH)
        self.claims("m", session, "allowed")
        w.stop("router")
        self.node.reorg(DEPTH + 1, more=1)
        w.start_again("router")
        w.wait_healthy()
        seen = set()
        soon(lambda: seen.add(self.claim("m", session)) or "miner-not-allowed" in seen, "off the list that was kept")
        self.assertLessEqual(seen, {"acl-stale", "miner-not-allowed"})
        self.change("add", session, "m", DEPTH)
        self.claims("m", session, "allowed")

    def test_a_storm(self):
        """Reorganisations as fast as they come let nobody in and shut nobody out."""
        session, _ = self.session()
        w = self.world
        w.wallet("never")
        self.change("add", session, "m", 2 * DEPTH)
        self.claims("m", session, "allowed")
        for _ in range(40):
            self.change("add", session, "never")
            self.assertEqual(self.claim("m", session), "allowed")
            self.node.reorg(1)
            self.assertEqual(self.claim("never", session), "miner-not-allowed")
        self.node.mine(DEPTH)
        self.settled()
        self.assertEqual(self.listed(session), [w.wallets["m"]])
        self.assertEqual(len(self.audited(kind="allow", session=session)), 1)


class Outage(Case):
    def test_work_waits_for_the_node_and_goes_on(self):
        w = self.world
        session, _ = self.session()
        free = w.pinf("session", "create", "--type", "ephemeral")["session_id"]
        self.change("add", session, "m", DEPTH)
        self.claims("m", session, "allowed")
        w.wallet("free")
        w.pinf("session", "allow", free, w.wallets["free"])
        w.start_miner("m")
        w.start_miner("free", "--session", free)
        self.assertEqual(w.complete(session, "before")["text"], world.engine("before"))
        router = w.running["router"].pid
        self.node.kill()
        self.claims("m", session, "acl-stale")
        waiting = Later(lambda: w.complete(session, "meanwhile", timeout="90s"))
        soon(lambda: w.metric('pinf_tasks{state="created"}') == 1, "the task waits")
        self.assertEqual(w.complete(free, "of no contract")["text"], world.engine("of no contract"))
        self.assertTrue(waiting.is_alive())
        self.node.start_again()
        self.assertEqual(waiting.get(60)["text"], world.engine("meanwhile"))
        self.assertEqual((w.running["router"].poll(), w.running["router"].pid), (None, router))
        self.assertEqual([self.count_logged(event) for event in ("io", "chain-node-well")], [1, 1])


class Owned(Case):
    """With --session-data: who owns a session is on the chain."""

    def setUp(self):
        super().setUp()
        w = self.world
        w.stop("router")
        w.start_router("--chain-rpc", self.liars[0].url, "--chain-confirmations", CONFIRMATIONS, *POLL, *self.router_options,
                       "--session-data", self.owners.address)

    def test_the_whole_way(self):
        """A wallet registers its session, names a miner, and gets an answer; the new owner after it gets the next."""
        w = self.world
        owner = self.node.adopt(w.wallets["owner"])
        session, _ = self.session(register=False)
        w.start_miner("m")
        self.node.send(self.owners, "register(uint256)", session, sender=owner)
        with self.assertRaises(chain.Reverted) as caught:
            self.node.send(self.acl, ADD, session, w.wallets["m"])
        self.assertEqual(caught.exception.name, "NotSessionOwner")
        self.node.send(self.acl, ADD, session, w.wallets["m"], sender=owner)
        self.node.mine(DEPTH)
        self.claims("m", session, "allowed")
        self.assertEqual(w.complete(session, "my own")["text"], world.engine("my own"))
        self.node.send(self.owners, "transferSession(uint256,address)", session, self.node.accounts[3], sender=owner)
        self.settled()
        with self.assertRaises(world.Refused) as caught:
            w.complete(session, "not mine any more")
        self.assertIn("only the session's owner may do this", caught.exception.said)
        status, answer = w.signed("owner", "GET", f"/api/v1/tasks/{session}/1")
        self.assertEqual((status, world.error_of(answer)[2]), (403, "not-owner"))
        for name in ("m", "router"):
            self.assertEqual(w.stop(name), 0)
        report = w.pinf("audit", "verify", "--database", w.data / "router.db")
        self.assertEqual((report["verdict"], report["result"], report["checkpoint_seq"]), ("intact", 1, report["records"]))


if __name__ == "__main__":
    chain.need()
    world.main()
