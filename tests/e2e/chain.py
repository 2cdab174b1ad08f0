# SPDX-License-Identifier: Apache-2.0
"""chain.py -- a real Ethereum node on loopback with spec/contract's contracts, and a proxy that lies for it.

    with chain.Anvil() as node:
        sessions = node.deploy("SessionData")
        acl = node.deploy("PrivacySettingData", sessions.address)
        node.send(sessions, "register(uint256)", 101)
        node.send(acl, "addSessionAllowedMiner(uint256,address)", 101, miner)

tests/run installs node and compiler (tests/chain/package.json).  Without them: chain.missing().
"""
import contextlib
import functools
import gzip
import http.client
import http.server
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import world

HERE = world.ROOT / "tests" / "chain"
# The binary itself: the package's wrapper would not hand the leash on.
ANVIL = HERE / "node_modules" / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
OUT = world.BUILD / "chain"
MNEMONIC = "test test test test test test test test test test test junk"
CHAIN_ID = 31337
SKIP = 77  # tests/chain/CMakeLists.txt: SKIP_RETURN_CODE
# A thousand additions fit one block; one transaction may not use more (EIP-7825).
BLOCK_GAS, GAS = 1_000_000_000, 1_000_000
WAIT_S = 30


def missing():
    """What of node, compiler and anvil is not here, as words; empty where all are."""
    gone = [] if shutil.which("node") else ["the command node"]
    gone += [str(path.relative_to(world.ROOT)) for path in (ANVIL, HERE / "node_modules" / "solc") if not path.exists()]
    return ", ".join(gone)


def need():
    """Ends the program where the tools are missing: skipped, aloud, but a failure under CI=true."""
    if missing():
        print(f"SKIPPED: no {missing()}.  ./tests/run installs them: nodejs, npm, and npm ci in tests/chain.", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") == "true" else SKIP)


def compiler(*options):
    return subprocess.run(["node", str(HERE / "compile.mjs"), str(OUT), *options], capture_output=True, text=True)


@functools.cache
def artifact(name):
    """ABI, bytecode and selectors of a contract, compiled where the sources are newer."""
    path = OUT / f"{name}.json"
    sources = [HERE / "compile.mjs", *(world.ROOT / "spec" / "contract").glob("*.sol")]
    if not path.exists() or path.stat().st_mtime < max(source.stat().st_mtime for source in sources):
        run = compiler()
        if run.returncode != 0:
            raise AssertionError(run.stdout + run.stderr)
    return json.loads(path.read_text())


class RpcError(Exception):
    """An error of the node's: code, message, and data where it has some."""

    def __init__(self, error):
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.error, self.code, self.data = error, error.get("code"), error.get("data")


class Reverted(RpcError):
    """A call or transaction that a contract refused: the name of its error, and the words after it."""

    def __init__(self, error, name, arguments):
        super().__init__(error)
        self.name, self.arguments = name, arguments


def encode(*values):
    """uint256 and address only: a word each."""
    return "".join(f"{int(v, 16) if isinstance(v, str) else v:064x}" for v in values)


def decode(kinds, data):
    """bool, uint256, address and address[], as a tuple."""
    words = [data[i:i + 64] for i in range(0, len(data), 64)]
    one = {"bool": lambda w: bool(int(w, 16)), "uint256": lambda w: int(w, 16), "address": lambda w: "0x" + w[24:]}

    def value(kind, word):
        if not kind.endswith("[]"):
            return one[kind](word)
        start = int(word, 16) // 32
        return [one[kind[:-2]](w) for w in words[start + 1:start + 1 + int(words[start], 16)]]

    return tuple(value(kind, word) for kind, word in zip(kinds, words))


@contextlib.contextmanager
def refusals(made):
    """Turns a revert into Reverted, by the selectors of the contract."""
    try:
        yield
    except RpcError as error:
        if not isinstance(error.data, str):
            raise
        names = {"0x" + selector: signature for signature, selector in made["errors"].items()}
        name, _, kinds = names.get(error.data[:10], error.data[:10]).partition("(")
        words = decode(kinds.rstrip(")").split(","), error.data[10:])
        raise Reverted(error.error, name, words) from error


class Contract:
    def __init__(self, name, address):
        self.name, self.address, self.made = name, address, artifact(name)

    def data(self, signature, *args):
        return "0x" + self.made["methodIdentifiers"][signature] + encode(*args)

    def outputs(self, signature):
        kinds = {f"{f['name']}({','.join(i['type'] for i in f['inputs'])})": [o["type"] for o in f["outputs"]]
                 for f in self.made["abi"] if f["type"] == "function"}
        return kinds[signature]

    def events(self, receipt):
        """(name, arguments...) of this contract's events in a receipt: all of ours are indexed."""
        names = {"0x" + topic: signature for signature, topic in self.made["events"].items()}
        for log in receipt["logs"]:
            if log["address"] == self.address:
                name, _, kinds = names[log["topics"][0]].partition("(")
                yield (name, *decode(kinds.rstrip(")").split(","), "".join(t[2:] for t in log["topics"][1:])))


def post(port, payload):
    """One request of JSON-RPC: what was decoded of the answer."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        link.request("POST", "/", json.dumps(payload), {"Content-Type": "application/json"})
        return json.loads(link.getresponse().read())
    finally:
        link.close()


class Anvil:
    """A node of its own chain, which it keeps when it is stopped or killed and started again."""

    def __init__(self, chain_id=CHAIN_ID, block_time_s=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="pinf-chain-"))
        self.port, self.process = world.free_port(), None
        self.url = f"http://127.0.0.1:{self.port}"
        # anvil makes a genesis block at each start and keeps it beside that of the state: they must be the same one.
        self.command = [*world.LEASH, str(ANVIL), "--port", str(self.port), "--chain-id", str(chain_id),
                        "--mnemonic", MNEMONIC, "--timestamp", str(int(time.time())), "--gas-limit", str(BLOCK_GAS),
                        "--state", str(self.dir / "state.json"), "--preserve-historical-states",
                        *(["--block-time", str(block_time_s)] if block_time_s else [])]
        self.automine = not block_time_s
        self.start_again()
        self.accounts = self.rpc("eth_accounts")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if kind is not None:
            print("--- anvil", *(self.dir / "log").read_text(errors="replace").splitlines()[-25:], sep="\n", file=sys.stderr)
        if not os.environ.get("PINF_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    # Life.

    def start_again(self):
        with open(self.dir / "log", "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + WAIT_S
        while True:
            try:
                # Its clock would begin again at the genesis.
                return self.rpc("evm_setTime", int(time.time()))
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    self.__exit__(AssertionError, None, None)
                    raise AssertionError("anvil does not start")
            time.sleep(0.005)

    def stop(self):
        """In order: anvil writes its chain when it ends."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S)

    def kill(self):
        """At once.  Other nodes have their chain on disk at any time, so this one gets to write it first."""
        state = gzip.decompress(bytes.fromhex(self.rpc("anvil_dumpState", True)[2:]))
        (self.dir / "state.json").write_bytes(state)
        self.process.kill()
        return self.process.wait(WAIT_S)

    # Requests.

    def rpc(self, method, *params):
        return self.batch([(method, *params)])[0]

    def batch(self, calls):
        """Many (method, parameter...) as one request; their results in the same order, or the first error."""
        payload = [{"jsonrpc": "2.0", "id": i, "method": m, "params": p} for i, (m, *p) in enumerate(calls)]
        answers = post(self.port, payload)
        for answer in answers:
            if "error" in answer:
                raise RpcError(answer["error"])
        return [answer["result"] for answer in sorted(answers, key=lambda a: a["id"])]

    def head(self):
        return int(self.rpc("eth_blockNumber"), 16)

    def block(self, number="latest"):
        return self.rpc("eth_getBlockByNumber", hex(number) if isinstance(number, int) else number, False)

    def adopt(self, address):
        """Lets an account that is not the node's send transactions; its number."""
        self.rpc("anvil_impersonateAccount", address)
        self.rpc("anvil_setBalance", address, hex(10**20))
        self.accounts.append(address)
        return len(self.accounts) - 1

    # Contracts.

    def deploy(self, name, *args, sender=0):
        """With bytecode and arguments in one transaction; the Contract."""
        made = artifact(name)
        with refusals(made):
            receipt = self.transact(sender, data="0x" + made["bytecode"] + encode(*args))
        return Contract(name, receipt["contractAddress"])

    def call(self, contract, signature, *args, block="latest"):
        """A view's result.  block: a number, a tag, or {"blockHash": ...}."""
        with refusals(contract.made):
            answer = self.rpc("eth_call", {"to": contract.address, "data": contract.data(signature, *args)},
                              hex(block) if isinstance(block, int) else block)
        return decode(contract.outputs(signature), answer[2:])[0]

    def send(self, contract, signature, *args, sender=0):
        """A transaction by an account, mined; its receipt."""
        with refusals(contract.made):
            return self.transact(sender, to=contract.address, data=contract.data(signature, *args))

    def send_many(self, contract, signature, rows, sender=0):
        """One transaction for each row of arguments, in this order and, but for --block-time, in one block."""
        nonce = int(self.rpc("eth_getTransactionCount", self.accounts[sender], "latest"), 16)
        self.rpc("evm_setAutomine", False)
        hashes = self.batch([("eth_sendTransaction",
                              {"from": self.accounts[sender], "to": contract.address, "gas": hex(GAS), "nonce": hex(nonce + i),
                               "data": contract.data(signature, *row)}) for i, row in enumerate(rows)])
        if self.automine:
            self.mine()
            self.rpc("evm_setAutomine", True)
        receipts = [self.receipt(transaction) for transaction in hashes]
        if any(receipt["status"] != "0x1" for receipt in receipts):
            raise AssertionError(f"{signature}: not every transaction succeeded")
        return receipts

    def transact(self, sender, **fields):
        """What a contract refuses is an error of the estimate, with its data, and no block is made of it."""
        fields["from"] = self.accounts[sender]
        fields["gas"] = self.rpc("eth_estimateGas", fields)
        return self.receipt(self.rpc("eth_sendTransaction", fields))

    def receipt(self, transaction):
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            receipt = self.rpc("eth_getTransactionReceipt", transaction)
            if receipt:
                return receipt
            time.sleep(0.002)
        raise AssertionError(f"{transaction} is not mined")

    # Time and history.

    def mine(self, blocks=1):
        self.rpc("anvil_mine", hex(blocks))

    def reorg(self, depth, more=0):
        """Replaces the last depth blocks by as many empty ones, and adds more: their transactions never were."""
        self.rpc("anvil_reorg", depth, [])
        if more:
            self.mine(more)


# Lies: what a Liar answers to one call.  ask(call) is the honest node's answer; bytes are the whole body.

def honest(call, ask):
    return ask(call)


def changed(method, change):
    """The result of that method is change(params, honest result)."""
    def lie(call, ask):
        answer = ask(call)
        if call.get("method") == method and "result" in answer:
            answer["result"] = change(call.get("params", []), answer["result"])
        return answer
    return lie


def chain_id(number):
    return changed("eth_chainId", lambda params, result: hex(number))


def body(whole):
    """No JSON-RPC at all: an empty body, HTML of a proxy's, garbage."""
    return lambda call, ask: whole


def refused(code, message):
    return lambda call, ask: {"jsonrpc": "2.0", "id": call.get("id"), "error": {"code": code, "message": message}}


def stalled(head):
    """A node that follows the chain no more: its head is, and stays, this number."""
    def lie(call, ask):
        if call.get("method") == "eth_blockNumber":
            return {"jsonrpc": "2.0", "id": call.get("id"), "result": hex(head)}
        tags = ("latest", "pending", "safe", "finalized")
        return ask({**call, "params": [hex(head) if p in tags else p for p in call.get("params", [])]})
    return lie


class Liar:
    """An HTTP server that answers as an Anvil does, but for its lie, which may be set at any time."""

    def __init__(self, node, lie=honest):
        self.node, self.lie, self.status, self.delay_s, self.requests = node, lie, 200, 0, 0
        self.looks = 0  # requests with which a router looks for a newer block
        self.port = world.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        liar = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                liar.answer(self)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda request, address: None  # whoever asked went away
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.server.shutdown()
        self.server.server_close()

    def ask(self, call):
        """A node that is down is an error of the proxy's, as a public endpoint gives."""
        try:
            return post(self.node.port, call)
        except OSError:
            return {"jsonrpc": "2.0", "id": call.get("id"), "error": {"code": -32603, "message": "upstream"}}

    def answer(self, handler):
        self.requests += 1
        asked = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        time.sleep(self.delay_s)
        calls = asked if isinstance(asked, list) else [asked]
        self.looks += any(call.get("method") == "eth_chainId" for call in calls)
        answers = [self.lie(call, self.ask) for call in calls]
        whole = next((answer for answer in answers if isinstance(answer, bytes)), None)
        if whole is None:
            whole = json.dumps(answers if isinstance(asked, list) else answers[0]).encode()
        handler.send_response(self.status)
        handler.send_header("Content-Type", "application/json" if whole[:1] in (b"{", b"[") else "text/html")
        handler.send_header("Content-Length", str(len(whole)))
        handler.end_headers()
        handler.wfile.write(whole)
