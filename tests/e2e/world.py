# SPDX-License-Identifier: Apache-2.0
"""world.py -- a router, miners and wallets as real processes on loopback, for one test program.

Everything is below one temporary directory; every process dies with the test, whatever happens.
PINF_BUILD names the build directory (default: build).  PINF_KEEP=1 keeps the files.
"""
import hashlib
import http.client
import json
import os
import pathlib
import random
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PINF_BUILD", ROOT / "build"))
PINF = str(BUILD / "pinf")
SIGN = str(BUILD / "tests" / "pinf-sign")
# A process that outlives its test would hold ports and confuse the next one.
LEASH = ["setpriv", "--pdeathsig", "KILL", "--"]
START_S = 30
ZERO_ADDRESS = "0x" + "0" * 40


def free_port(taken=set()):
    """Below the range of outgoing connections: a client must never meet itself on a dead port."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in taken:
            taken.add(port)
            return port


def words(seed, size):
    """Text of exactly size bytes, made of random words."""
    rng = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocabulary = ["".join(rng.choices(letters, k=rng.randint(3, 11))) for _ in range(50000)]
    return " ".join(rng.choices(vocabulary, k=size // 4))[:size]


def emoji(seed, size):
    """Exactly size bytes of UTF-8 of every length, with what JSON must escape."""
    rng = random.Random(seed)
    text = "".join(rng.choices('aZ "\\\n\téßжあ漢🔒🦊🧪', k=size))
    head = text.encode()[:size].decode(errors="ignore")
    return head + "!" * (size - len(head.encode()))


def engine(prompt, max_tokens=0):
    """What the built-in engine answers: src/host/inference.h."""
    h = hashlib.sha256(prompt.encode()).digest()
    rest = range(1, max_tokens or 16)
    return " ".join([h.hex()] + [hashlib.sha256(h + i.to_bytes(4, "big")).hexdigest()[:8] for i in rest])


class Refused(Exception):
    """A pinf command that failed: its exit status and what it said."""

    def __init__(self, args, status, said):
        super().__init__(f"pinf {' '.join(args)}: exit {status}: {said}")
        self.status, self.said = status, said


class Place:
    """A router that runs on these ports, its files below directory."""

    def __init__(self, directory, port, miner_port):
        self.dir, self.data = pathlib.Path(directory), pathlib.Path(directory) / "router"
        self.port, self.miner_port = port, miner_port

    def request(self, method, path, body=None, headers=None, miner=False, timeout=60):
        """One HTTP request; the status and the answer, decoded where it is JSON."""
        link = http.client.HTTPConnection("127.0.0.1", self.miner_port if miner else self.port, timeout=timeout)
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
            if isinstance(body, str):
                body = body.encode()
            link.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
            answer = link.getresponse()
            text = answer.read()
            plain = answer.headers.get("Content-Type", "") != "application/json"
            return answer.status, text if plain else json.loads(text)
        except http.client.HTTPException as error:
            raise ConnectionError(repr(error)) from error
        finally:
            link.close()

    def bearer(self, path, body, key, **more):
        return self.request("POST", path, body, {"Authorization": f"Bearer {key}"}, **more)


class World(Place):
    """contract: of the deployment, which keys and signatures are bound to."""

    def __init__(self, seed=None, contract=ZERO_ADDRESS):
        super().__init__(tempfile.mkdtemp(prefix="pinf-e2e-"), free_port(), free_port())
        self.running, self.wallets, self.arguments = {}, {}, {}
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("PINF_")}
        self.env.update(
            PINF_KEYRING=str(self.data / "keyring"),
            PINF_PASSPHRASE_FILE=str(self.dir / "passphrase"),
            PINF_ROUTER_URL=f"http://127.0.0.1:{self.port}",
            PINF_CONTRACT=contract,
        )
        try:
            key = ["key", "new"]
            if seed:
                key = ["key", "import", str(self.write("seed", seed.hex()))]
            self.router = self.pinf(*key)["router_address"]
            self.env["PINF_ROUTER_ADDRESS"] = self.router
            self.wallet("owner")
            self.env["PINF_WALLET"] = str(self.dir / "owner.wallet")
        except BaseException:
            self.close(failed=True)
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close(failed=kind is not None)

    def close(self, failed=False):
        for process in self.running.values():
            if process.poll() is None:
                process.kill()
                process.wait()
        if failed:
            for log in sorted(self.dir.glob("*.log")):
                tail = log.read_text(errors="replace").splitlines()[-25:]
                print(f"--- {log.name}", *tail, sep="\n", file=sys.stderr)
        if not os.environ.get("PINF_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    def write(self, name, text, mode=0o600):
        path = self.dir / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    def pinf(self, *args, stdin=None, env=None, timeout=120, watch=None):
        """Runs a command (watch gets its process); its JSON answer, or Refused."""
        with subprocess.Popen([PINF, *map(str, args), "--json"], env={**self.env, **(env or {})}, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            if watch:
                watch(run)
            try:
                said, error = run.communicate(stdin.encode() if isinstance(stdin, str) else stdin or b"", timeout)
            except BaseException:
                run.kill()
                raise
        if run.returncode != 0:
            raise Refused([str(a)[:40] for a in args], run.returncode, error.decode(errors="replace"))
        return json.loads(said) if said.strip() else {}

    def wallet(self, name):
        self.wallets[name] = self.pinf("wallet", "new", self.dir / f"{name}.wallet")["address"]
        return self.wallets[name]

    # Processes.

    def start(self, name, *args, env=None):
        with self.open_log(name) as log:
            self.running[name] = subprocess.Popen([*LEASH, PINF, *map(str, args)], env={**self.env, **(env or {})},
                                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.arguments[name] = args

    def start_again(self, name):
        self.start(name, *self.arguments[name])

    def open_log(self, name):
        return open(self.dir / f"{name}.log", "ab")

    def start_router(self, *options, wait=True):
        self.start("router", "router", "--data-dir", self.data, "--listen", f"127.0.0.1:{self.port}",
                   "--miner-listen", f"127.0.0.1:{self.miner_port}", "--admin", self.wallets["owner"],
                   "--log-level", "debug", *options)
        if wait:
            self.wait_healthy()

    def router_fails(self, *options, env=None):
        """A router that does not start: what it says of that."""
        self.start("router", "router", "--data-dir", self.data, "--listen", f"127.0.0.1:{self.port}",
                   "--miner-listen", f"127.0.0.1:{self.miner_port}", *options, env=env)
        status, said = self.running["router"].wait(30), self.log("router")
        (self.dir / "router.log").unlink()
        assert status == 1, f"{status}: {said}"
        return said

    def start_miner(self, name, *options):
        if name not in self.wallets:
            self.wallet(name)
        if "--router-url" not in options:
            options += ("--router-url", f"http://127.0.0.1:{self.miner_port}")
        self.start(name, "miner", "--wallet", self.dir / f"{name}.wallet", *options)

    def wait_healthy(self):
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if self.running["router"].poll() is not None:
                raise AssertionError(f"the router ended with {self.running['router'].returncode}:\n{self.log('router')[-2000:]}")
            try:
                if self.request("GET", "/healthz", miner=True)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError("the router does not answer /healthz")

    def stop(self, name, how=signal.SIGTERM, timeout=30):
        process = self.running.pop(name)
        process.send_signal(how)
        return process.wait(timeout)

    def log(self, name):
        return (self.dir / f"{name}.log").read_text(errors="replace")

    # Requests.

    def sign(self, wallet, method, path, body=b"", **fields):
        order = dict(router=self.router, chain=1, contract=self.env["PINF_CONTRACT"], method=fields.pop("verb", method), path=fields.pop("target", path),
                     nonce=secrets.token_hex(16), expires=int(time.time() * 1000) + 60000,
                     body=fields.pop("sha256", hashlib.sha256(body).hexdigest()))
        order.update(fields)
        command = [SIGN, str(self.dir / f"{wallet}.wallet"), *(f"{k}={v}" for k, v in order.items())]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def signed(self, wallet, method, path, body=None, miner=False, **fields):
        """A request signed by that wallet; fields (verb, target, sha256 of the body...) override what is signed."""
        text = b"" if body is None else json.dumps(body).encode() if isinstance(body, dict) else body
        headers = {"Authorization": self.sign(wallet, method, path, text, **fields)}
        return self.request(method, path, text if method != "GET" else None, headers, miner)

    # What most tests begin with.

    def session(self, *options, miners=(), api_key=True):
        """A session of the owner's: its id and API key."""
        made = self.pinf("session", "create", *options, *(["--api-key"] if api_key else []))
        for name in miners:
            self.pinf("session", "allow", made["session_id"], self.wallets[name])
        key = made.get("api_key", "")
        return made["session_id"], key

    def complete(self, session, prompt, route="v3", key=None, env=None, watch=None, **options):
        args = ["complete", "--session", session, "--route", route]
        if key:
            args += ["--api-key-file", self.write(f"key-{session}", key)]
        for name, value in options.items():
            args += ["--" + name.replace("_", "-"), value]
        return self.pinf(*args, stdin=prompt, timeout=300, env=env, watch=watch)

    def metric(self, name):
        text = self.request("GET", "/metrics", miner=True)[1].decode()
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


def copy_database(path, to):
    """A connection to a copy of a router's database, whatever the router is doing."""
    for suffix in ("", "-wal"):
        target = pathlib.Path(str(to) + suffix)
        target.unlink(missing_ok=True)
        pathlib.Path(str(to) + "-shm").unlink(missing_ok=True)
        if os.path.exists(str(path) + suffix):
            shutil.copyfile(str(path) + suffix, target)
    return sqlite3.connect(to)


def error_of(answer):
    """code, field and rule of a refusal."""
    error = answer["error"]
    return error["code"], error.get("field", ""), error.get("rule", "")


def main():
    unittest.main(verbosity=2, failfast=False)
