#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_contract.py -- spec/contract's contracts on a real node, and the node's own helpers: tests/e2e/chain.py."""
import http.client
import json
import pathlib
import re
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import chain  # noqa: E402
import world  # noqa: E402

ADD = "addSessionAllowedMiner(uint256,address)"
REMOVE = "removeSessionAllowedMiner(uint256,address)"
ENABLE = "enableSessionEncryption(uint256)"
LISTED = "sessionAllowedMiners(uint256,address)"
PRIVATE = "sessionEncryptionEnabled(uint256)"
COUNT = "getAllowedMinersCount(uint256)"
PAGE = "getAllowedMiners(uint256,uint256,uint256)"
OWNER = "sessionOwner(uint256)"
REGISTER = "register(uint256)"
TRANSFER = "transferSession(uint256,address)"
MAX = 2**256 - 1
S = 101


def miner(n):
    return f"0x{0xa0 << 152 | n:040x}"


class Case(unittest.TestCase):
    """A fresh node a test; session S is account 0's."""

    def setUp(self):
        self.node = self.enterContext(chain.Anvil())
        self.sessions = self.node.deploy("SessionData")
        self.acl = self.node.deploy("PrivacySettingData", self.sessions.address)
        self.node.send(self.sessions, REGISTER, S)

    def add(self, *numbers, session=S):
        for n in numbers:
            self.node.send(self.acl, ADD, session, miner(n))

    def remove(self, n):
        return self.node.send(self.acl, REMOVE, S, miner(n))

    def view(self, signature, *args, **more):
        return self.node.call(self.acl, signature, *args, **more)

    def members(self, session=S):
        """The whole list; count and listed must say the same."""
        page = self.view(PAGE, session, 0, MAX)
        self.assertEqual(self.view(COUNT, session), len(page))
        self.assertTrue(all(self.view(LISTED, session, one) for one in page))
        return [int(one, 16) & 0xffff for one in page]

    def refuses(self, name, *arguments, contract=None, call=(), sender=0):
        with self.assertRaises(chain.Reverted) as caught:
            self.node.send(contract or self.acl, *call, sender=sender)
        self.assertEqual((caught.exception.name, caught.exception.arguments), (name, arguments))


class Privacy(Case):
    def test_unknown_session_is_public_and_empty(self):
        for session in (0, 7, MAX):
            self.assertIs(self.view(PRIVATE, session), False)
            self.assertIs(self.view(LISTED, session, miner(1)), False)
            self.assertEqual(self.members(session), [])

    def test_first_miner_makes_private_and_nothing_public(self):
        self.assertFalse(self.view(PRIVATE, S))
        self.add(1)
        self.assertTrue(self.view(PRIVATE, S))
        self.remove(1)
        self.assertTrue(self.view(PRIVATE, S))
        self.assertEqual(self.members(), [])
        self.add(2)
        self.node.send(self.sessions, TRANSFER, S, self.node.accounts[1])
        self.assertTrue(self.view(PRIVATE, S))
        self.assertEqual(self.members(), [2])

    def test_enable_makes_private_without_a_miner(self):
        receipt = self.node.send(self.acl, ENABLE, S)
        self.assertEqual(list(self.acl.events(receipt)), [("SessionEncrypted", S)])
        self.assertTrue(self.view(PRIVATE, S))
        self.assertEqual(self.members(), [])
        self.refuses("SessionAlreadyEncrypted", S, call=(ENABLE, S))
        receipt = self.node.send(self.acl, ADD, S, miner(1))
        self.assertEqual(list(self.acl.events(receipt)), [("MinerAllowed", S, miner(1))])

    def test_sessions_are_apart(self):
        self.node.send(self.sessions, REGISTER, MAX)
        self.add(1, session=MAX)
        self.assertFalse(self.view(PRIVATE, S))
        self.assertFalse(self.view(LISTED, S, miner(1)))
        self.add(1, 2)
        self.remove(1)
        self.assertEqual((self.members(), self.members(MAX)), ([2], [1]))

    def test_events(self):
        events = [list(self.acl.events(self.node.send(self.acl, *call))) for call in (
            (ADD, S, miner(1)), (ADD, S, miner(2)), (REMOVE, S, miner(1)), (ADD, S, miner(1)))]
        self.assertEqual(events, [[("SessionEncrypted", S), ("MinerAllowed", S, miner(1))], [("MinerAllowed", S, miner(2))],
                                  [("MinerRemoved", S, miner(1))], [("MinerAllowed", S, miner(1))]])


class Members(Case):
    def test_swap_and_pop(self):
        self.add(1, 2, 3, 4, 5)
        for gone, left in ((2, [1, 5, 3, 4]), (4, [1, 5, 3]), (1, [3, 5]), (5, [3]), (3, [])):
            self.assertEqual(list(self.acl.events(self.remove(gone))), [("MinerRemoved", S, miner(gone))])
            self.assertEqual(self.members(), left)
            self.assertFalse(self.view(LISTED, S, miner(gone)))
            self.refuses("MinerNotAllowed", S, miner(gone), call=(REMOVE, S, miner(gone)))
        self.add(3, 1)
        self.assertEqual(self.members(), [3, 1])

    def test_any_history_is_a_list(self):
        """Against a model of a page: additions and removals in an order that only looks random."""
        model, x = [], 1
        for _ in range(60):
            x = x * 1103515245 + 12345 & 0x7fffffff
            n = x >> 8 & 7
            if n in model:
                self.remove(n)
                at, last = model.index(n), model.pop()
                if last != n:
                    model[at] = last
            else:
                self.add(n)
                model.append(n)
            self.assertEqual(self.members(), model)

    def test_listed_and_zero_are_refused(self):
        self.add(1)
        self.refuses("MinerAlreadyAllowed", S, miner(1), call=(ADD, S, miner(1)))
        self.refuses("ZeroMiner", call=(ADD, S, world.ZERO_ADDRESS))
        self.refuses("MinerNotAllowed", S, world.ZERO_ADDRESS, call=(REMOVE, S, world.ZERO_ADDRESS))
        self.assertEqual(self.members(), [1])

    def test_first_addition_refused_leaves_public(self):
        self.refuses("ZeroMiner", call=(ADD, S, world.ZERO_ADDRESS))
        self.assertFalse(self.view(PRIVATE, S))

    def test_thousand_miners_in_pages(self):
        head = self.node.head()
        receipts = self.node.send_many(self.acl, ADD, [(S, miner(n)) for n in range(1000)])
        self.assertEqual((self.node.head(), len({r["blockHash"] for r in receipts})), (head + 1, 1))
        for size in (1, 7, 100, 333, 1000, 1001):
            starts = range(990, 1010) if size == 1 else range(0, 1001, size)
            pages = [self.view(PAGE, S, start, size) for start in starts]
            self.assertEqual([one for page in pages for one in page], [miner(n) for n in range(starts[0], 1000)])
            self.assertTrue(all(len(page) == max(0, min(size, 1000 - at)) for at, page in zip(starts, pages)))
        for offset, limit in ((1000, 1), (1001, 1), (MAX, MAX), (MAX, 1), (0, 0), (999, 0)):
            self.assertEqual(self.view(PAGE, S, offset, limit), [], (offset, limit))
        self.assertEqual(self.view(PAGE, S, 999, MAX), [miner(999)])
        self.assertEqual(self.view(PAGE, S, 1, MAX), [miner(n) for n in range(1, 1000)])
        gas = [int(self.remove(n)["gasUsed"], 16) for n in (0, 500, 999)]
        self.assertLess(max(gas), 60_000, "a removal costs the same however long the list is")
        self.assertEqual(len(self.members()), 997)


class Owners(Case):
    def test_only_the_present_owner_changes(self):
        one, two = self.node.accounts[:2]
        self.add(1)
        for call in ((ADD, S, miner(2)), (REMOVE, S, miner(1)), (ENABLE, S), (ADD, S, world.ZERO_ADDRESS)):
            self.refuses("NotSessionOwner", S, two, call=call, sender=1)
        self.refuses("NotSessionOwner", 7, one, call=(ADD, 7, miner(1)))
        self.refuses("NotSessionOwner", 7, one, call=(ENABLE, 7))
        self.node.send(self.sessions, TRANSFER, S, two)
        self.refuses("NotSessionOwner", S, one, call=(ADD, S, miner(2)))
        self.node.send(self.acl, ADD, S, miner(2), sender=1)
        self.assertEqual(self.members(), [1, 2])

    def test_session_data(self):
        one, two = self.node.accounts[:2]
        owner = lambda session: self.node.call(self.sessions, OWNER, session)  # noqa: E731
        self.assertEqual((owner(S), owner(7)), (one, world.ZERO_ADDRESS))
        data = dict(contract=self.sessions)
        self.refuses("SessionAlreadyRegistered", S, call=(REGISTER, S), **data)
        self.refuses("SessionAlreadyRegistered", S, call=(REGISTER, S), sender=1, **data)
        self.refuses("NotSessionOwner", S, two, call=(TRANSFER, S, two), sender=1, **data)
        self.refuses("NotSessionOwner", 7, one, call=(TRANSFER, 7, one), **data)
        self.refuses("ZeroOwner", call=(TRANSFER, S, world.ZERO_ADDRESS), **data)
        events = [list(self.sessions.events(self.node.send(self.sessions, *call)))
                  for call in ((REGISTER, 7), (TRANSFER, 7, two))]
        self.assertEqual(events, [[("SessionOwnerChanged", 7, world.ZERO_ADDRESS, one)], [("SessionOwnerChanged", 7, one, two)]])
        self.assertEqual(owner(7), two)

    def test_session_data_needs_code(self):
        with self.assertRaises(chain.Reverted) as caught:
            self.node.deploy("PrivacySettingData", self.node.accounts[3])
        self.assertEqual((caught.exception.name, caught.exception.arguments), ("NoSessionData", (self.node.accounts[3],)))


class Node(Case):
    """What other tests rely on."""

    def test_reorg_undoes_an_addition_and_its_privacy(self):
        self.add(1)
        before = self.node.block()
        self.node.reorg(1)
        after = self.node.block()
        self.assertEqual(after["number"], before["number"])
        self.assertNotEqual(after["hash"], before["hash"])
        self.assertEqual((self.members(), self.view(PRIVATE, S)), ([], False))
        with self.assertRaises(chain.RpcError):
            self.view(PRIVATE, S, block={"blockHash": before["hash"]})

    def test_reorg_undoes_a_removal(self):
        self.add(1, 2)
        self.node.mine(3)
        head = self.node.head()
        self.remove(1)
        self.node.mine(2)
        self.assertEqual(self.members(), [2])
        self.node.reorg(3, more=1)
        self.assertEqual((self.members(), self.node.head()), ([1, 2], head + 4))
        self.remove(1)
        self.assertEqual(self.members(), [2])

    def test_restart_keeps_the_chain(self):
        self.add(1, 2)
        for end in (self.node.kill, self.node.stop):
            self.node.mine(2)
            blocks = [self.node.block(n)["hash"] for n in range(self.node.head() + 1)]
            end()
            with self.assertRaises(OSError):
                self.node.head()
            time.sleep(1.1)  # what comes from the second of the start differs
            self.node.start_again()
            self.assertEqual([self.node.block(n)["hash"] for n in range(self.node.head() + 1)], blocks)
            self.assertEqual((self.members(), self.view(PRIVATE, S)), ([1, 2], True))
        self.assertEqual(self.view(COUNT, S, block=self.node.head() - 5), 1)
        now = int(time.time())
        self.node.mine()
        self.assertGreaterEqual(int(self.node.block()["timestamp"], 16), now - 1, "its clock is ours")
        self.remove(1)
        self.node.reorg(1)
        self.assertEqual(self.members(), [1, 2])

    def test_a_view_is_of_the_block_that_it_names(self):
        self.add(1)
        first = self.node.block()
        self.add(2)
        for block in (int(first["number"], 16), {"blockHash": first["hash"]}):
            self.assertEqual(self.view(COUNT, S, block=block), 1)
        self.assertEqual(self.view(COUNT, S), 2)

    def test_an_address_without_code_answers_nothing(self):
        nobody = {"to": miner(9), "data": self.acl.data(PRIVATE, S)}
        self.assertEqual(self.node.rpc("eth_call", nobody, "latest"), "0x")

    def test_block_time_and_chain_id(self):
        with chain.Anvil(chain_id=9, block_time_s=1) as other:
            self.assertEqual(other.rpc("eth_chainId"), "0x9")
            sessions = other.deploy("SessionData")
            other.send_many(sessions, REGISTER, [(n,) for n in range(5)])
            self.assertEqual(other.call(sessions, OWNER, 4), other.accounts[0])
            head, until = other.head(), time.monotonic() + 10
            while other.head() == head and time.monotonic() < until:
                time.sleep(0.05)
            self.assertGreater(other.head(), head)


class Lies(Case):
    def through(self, liar, method, *params):
        return chain.post(liar.port, {"jsonrpc": "2.0", "id": 5, "method": method, "params": params})

    def test_honest_until_told(self):
        self.add(1)
        asked = {"to": self.acl.address, "data": self.acl.data(LISTED, S, miner(2))}
        with chain.Liar(self.node) as liar:
            self.assertEqual(self.through(liar, "eth_call", asked, "latest")["result"], "0x" + "0" * 64)
            liar.lie = chain.changed("eth_call", lambda params, result: "0x" + "0" * 63 + "1")
            self.assertEqual(self.through(liar, "eth_call", asked, "latest")["result"], "0x" + "0" * 63 + "1")
            self.assertEqual(self.through(liar, "eth_chainId")["result"], hex(chain.CHAIN_ID))
            liar.lie = chain.chain_id(1)
            self.assertEqual(self.through(liar, "eth_chainId")["result"], "0x1")
            liar.lie = chain.refused(-32005, "limit exceeded")
            self.assertEqual(self.through(liar, "eth_chainId")["error"]["code"], -32005)
            for whole in (b"", b"<html>502 Bad Gateway</html>", b"\xff\x00{"):
                liar.lie = chain.body(whole)
                with self.assertRaises(ValueError):
                    self.through(liar, "eth_chainId")
            self.assertEqual(liar.requests, 8)

    def test_status_and_delay(self):
        with chain.Liar(self.node) as liar:
            liar.status, liar.delay_s, began = 503, 0.2, time.monotonic()
            link = http.client.HTTPConnection("127.0.0.1", liar.port, timeout=10)
            link.request("POST", "/", b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}')
            answer = link.getresponse()
            self.assertEqual((answer.status, json.loads(answer.read())["result"]), (503, hex(chain.CHAIN_ID)))
            self.assertGreaterEqual(time.monotonic() - began, 0.2)
            link.close()

    def test_batches_keep_their_order(self):
        calls = [{"jsonrpc": "2.0", "id": i, "method": m, "params": []} for i, m in ((3, "eth_chainId"), (1, "eth_blockNumber"))]
        with chain.Liar(self.node, chain.chain_id(7)) as liar:
            answers = chain.post(liar.port, calls)
        self.assertEqual([(a["id"], a["result"]) for a in answers], [(3, "0x7"), (1, hex(self.node.head()))])

    def test_stalled_head(self):
        head = self.node.head()
        self.add(1)
        with chain.Liar(self.node, chain.stalled(head)) as liar:
            self.assertEqual(self.through(liar, "eth_blockNumber")["result"], hex(head))
            self.assertEqual(self.through(liar, "eth_getBlockByNumber", "latest", False)["result"]["number"], hex(head))
            asked = {"to": self.acl.address, "data": self.acl.data(PRIVATE, S)}
            self.assertEqual(self.through(liar, "eth_call", asked, "latest")["result"], "0x" + "0" * 64)

    def test_node_that_is_down(self):
        with chain.Liar(self.node) as liar:
            self.node.stop()
            self.assertEqual(self.through(liar, "eth_chainId")["error"]["message"], "upstream")


class Spec(unittest.TestCase):
    def test_committed_abis_are_the_compilers(self):
        run = chain.compiler("--check")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_page_names_every_selector(self):
        page = (world.ROOT / "spec" / "contract.md").read_text()
        parts = dict(zip(("PrivacySettingData", "SessionData"), re.split(r"^## ", page, flags=re.M)[1:3]))
        for name, part in parts.items():
            self.assertTrue(part.startswith(name))
            made = chain.artifact(name)
            said = dict(re.findall(r"^\| `(\w+\([a-z0-9,]*\))` \| `([0-9a-f]+)` \|", part, flags=re.M))
            self.assertEqual(said, {**made["methodIdentifiers"], **made["errors"], **made["events"]})


if __name__ == "__main__":
    chain.need()
    world.main()
