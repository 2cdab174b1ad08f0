#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input is a clear error and loses nothing: after every one of them a good request is answered."""
import concurrent.futures
import contextlib
import hashlib
import http.client
import http.server
import os
import resource
import secrets
import socket
import subprocess
import threading
import time
import unittest

import world

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
HPKE_PUBLIC = "09" + "00" * 31


def high_s(header):
    head, signature = header.split("signature=0x")
    r, s, v = signature[:64], int(signature[64:128], 16), int(signature[128:], 16)
    return f"{head}signature=0x{r}{ORDER - s:064x}{27 + 28 - v:02x}"


class Tamperer:
    """A proxy that damages blobs on their way to whoever fetches them."""

    def __init__(self, port):
        self.port, self.damage, self.times, self.blob = port, None, 10 ** 6, None
        tamperer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                link = http.client.HTTPConnection("127.0.0.1", tamperer.port, timeout=60)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                kept = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
                try:
                    link.request(self.command, self.path, body, kept)
                    answer = link.getresponse()
                    data = answer.read()
                finally:
                    link.close()
                if self.command == "GET" and "/blobs/" in self.path and answer.status == 200:
                    tamperer.blob = data
                    if tamperer.damage and tamperer.times > 0:
                        tamperer.times -= 1
                        data = tamperer.damage(data)
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers.get("Content-Type", "text/plain"))
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = forward

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.env = {"PINF_ROUTER_URL": self.url}

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()


class Service(unittest.TestCase):
    """A router, a miner, and a good request after every bad one."""

    @classmethod
    def setUpClass(cls):
        cls.world = w = cls.enterClassContext(world.World())
        w.start_router("--blob-max", "4MiB")
        w.start_miner("miner")
        for name in ("unlisted", "stranger"):
            w.wallet(name)
        cls.private, cls.key = w.session("--router-sealed", miners=["miner"])
        cls.public, cls.public_key = w.session("--no-private")
        cls.strict, cls.strict_key = w.session(miners=["miner"])
        cls.good = f"/api/v2/completions/{cls.private}"

    def tearDown(self):
        prompt = self.id()
        status, answer = self.world.bearer(self.good, {"prompt": prompt}, self.key)
        self.assertEqual((status, answer["choices"][0]["text"] if status == 200 else answer), (200, world.engine(prompt)))

    def refused(self, got, status, code, field="", rule=""):
        self.assertEqual((got[0], world.error_of(got[1]) if isinstance(got[1], dict) else got[1]), (status, (code, field, rule)))
        self.assertGreater(len(got[1]["error"]["message"]), 10)

    def tasks(self, session):
        return self.world.signed("owner", "GET", f"/api/v1/tasks/{session}?limit=1000")[1]["tasks"]


class Served(Service):
    """What a running router and its callers and miners refuse."""

    def test_bodies(self):
        for body, status, code, field in (
                (b"", 400, "syntax", "body"), (b"\0\1\2\xff", 400, "syntax", "body"), (b'{"prompt":"\xff"}', 400, "utf8", "body"),
                (b'{"prompt":"cut of', 400, "syntax", "body"), (b'{"prompt":"a"} x', 400, "syntax", "body"),
                (b"[" * 100, 400, "depth", "body"), (b'{"prompt":"a","prompt":"b"}', 400, "duplicate-field", "body"),
                (b"{}", 400, "missing-field", "prompt"), (b'{"prompt":1}', 400, "wrong-type", "prompt"),
                (b'{"prompt":""}', 400, "wrong-length", "prompt"), (b'{"prompt":"a","frob":1}', 400, "unknown-field", "frob"),
                (b'{"prompt":"a","timeout":86401}', 400, "out-of-range", "timeout"),
                (b'{"prompt":"a","session_id":9007199254740992}', 400, "id-range", "session_id"),
                (b'{"prompt":"a","session_id":1234}', 400, "scope-invalid", "session_id"),
                (b'{"prompt":"a","client_reference":"%s"}' % (b"r" * 129), 400, "wrong-length", "client_reference")):
            with self.subTest(body=body[:40]):
                self.refused(self.world.bearer(self.good, body, self.key), status, code, field)

    def test_sizes(self):
        w = self.world
        self.refused(w.request("POST", "/api/v1/sessions", b"{" + b" " * 65536, {"Content-Type": "application/json"}),
                     413, "too-large")
        for head, answer in (("Content-Length: 402784257", b" 413 "), ("Content-Length: 99999999999999999999", b" 4"),
                             ("Transfer-Encoding: chunked", b" 400 "), ("Content-Length: -1", b" 4")):
            with self.subTest(head=head), socket.create_connection(("127.0.0.1", w.port), timeout=30) as link:
                link.sendall(f"POST {self.good} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{head}\r\n\r\n".encode())
                self.assertIn(answer, link.recv(4096).split(b"\r\n")[0])
        # A body that never comes whole: the connection ends, nothing is kept.
        before = self.tasks(self.private)
        with socket.create_connection(("127.0.0.1", w.port)) as link:
            link.sendall(f"POST {self.good} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer "
                         f"{self.key}\r\nContent-Length: 5000\r\n\r\n".encode() + b'{"prompt":"half')
        for garbage in (b"\0" * 100, b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"POST / HTTP/9.9\r\n\r\n",
                        b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n"):
            # The connection may end before it is all said.
            with socket.create_connection(("127.0.0.1", w.port), timeout=30) as link, contextlib.suppress(OSError):
                link.sendall(garbage)
                link.shutdown(socket.SHUT_WR)
                link.recv(4096)
        self.assertEqual(self.tasks(self.private), before)

    def test_request_lines(self):
        w = self.world
        for method, path, status, code, field in (
                ("PUT", self.good, 405, "method-not-allowed", ""), ("DELETE", "/api/v1/sessions", 405, "method-not-allowed", ""),
                ("GET", "/nowhere", 404, "no-such-route", ""), ("POST", "/api/v2/completions/01", 404, "no-such-route", ""),
                ("POST", "/api/v2/completions/0", 400, "id-range", ""),
                ("POST", "/api/v1/keys/rotate", 404, "no-such-route", ""), ("POST", "/api/v1/miner/claim", 404, "no-such-route", ""),
                ("GET", "/metrics", 404, "no-such-route", ""), ("GET", "/api/v3/blobs/xyz", 400, "hash-invalid", ""),
                ("GET", "/api/v1/info?x=1", 400, "unknown-field", "query"),
                ("GET", "/api/v1/sessions?limit=0", 400, "out-of-range", "query"),
                ("GET", "/api/v1/sessions?" + "a" * 1100, 413, "too-large", "")):
            with self.subTest(method=method, path=path[:50]):
                self.refused(w.request(method, path, b"{}" if method != "GET" else None), status, code, field)
        self.refused(w.request("POST", self.good, b"{}", {"Content-Type": "text/plain"}), 415, "content-type", "content-type")

    def test_who_asks(self):
        w = self.world
        prompt = {"prompt": "secret"}
        self.refused(w.request("POST", self.good, prompt), 401, "auth-missing", "authorization")
        self.refused(w.request("POST", self.good, prompt, {"Authorization": "Basic eDp5"}), 401, "auth-syntax", "authorization")
        self.refused(w.bearer(self.good, prompt, "pinf" + "0" * 64), 401, "auth-api-key")
        self.refused(w.bearer(self.good, prompt, self.key[:-1] + "0123456789abcdef"[self.key[-1] == "0"]), 401, "auth-api-key")
        self.refused(w.bearer(f"/api/v2/completions/{2 ** 40}", prompt, self.key), 404, "no-such-session")

    def test_policy(self):
        w, deny = self.world, lambda got, rule: self.refused(got, 403, "denied", rule=rule)
        private, strict = self.private, self.strict
        prompt = {"prompt": "secret"}
        deny(w.bearer(self.good, {**prompt, "stream": True}, self.key), "stream-sealed")
        deny(w.signed("owner", "POST", self.good, {**prompt, "stream": True}), "stream-sealed")
        deny(w.bearer(f"/api/v1/completions/{private}", prompt, self.key), "plaintext-in-private-session")
        deny(w.bearer(f"/api/v2/completions/{strict}", prompt, self.strict_key), "router-sealed-forbidden")
        deny(w.signed("stranger", "POST", self.good, prompt), "not-owner")
        deny(w.bearer(f"/api/v1/sessions/{private}/allow", {"miner": w.wallets["unlisted"]}, self.key), "wallet-required")
        deny(w.signed("stranger", "POST", f"/api/v1/sessions/{private}/allow", {"miner": w.wallets["unlisted"]}), "not-owner")
        deny(w.signed("stranger", "POST", "/api/v1/keys/rotate", {}, miner=True), "not-owner")
        deny(w.signed("stranger", "GET", f"/api/v1/tasks/{private}"), "not-owner")
        # The unlisted miner: no work, no key, no blob.
        task = w.complete(private, "for listed miners only")["task_id"]
        blob = w.signed("owner", "GET", f"/api/v1/tasks/{private}/{task}")[1]["input"]["sha256"]
        ask = {"hpke_public": HPKE_PUBLIC, "session_id": private, "task_id": task}
        key_path = "/api/v1/auth/payload_enc_key/"
        deny(w.signed("unlisted", "POST", "/api/v1/miner/claim", {"session_id": private, "wait_ms": 0}, miner=True), "miner-not-allowed")
        deny(w.signed("unlisted", "POST", key_path + "task", {**ask, "purpose": "input"}, miner=True), "miner-not-allowed")
        deny(w.signed("unlisted", "POST", key_path + "task", {**ask, "purpose": "result", "attempt": 1}, miner=True), "miner-not-allowed")
        deny(w.signed("unlisted", "POST", key_path + "session", {**ask, "purpose": "input"}, miner=True), "miner-not-allowed")
        deny(w.signed("unlisted", "GET", f"/api/v3/blobs/{blob}", miner=True, session=private, task=task), "miner-not-allowed")
        deny(w.signed("miner", "POST", key_path + "task", {**ask, "purpose": "input"}, miner=True), "lease-not-held")
        deny(w.bearer(key_path + "task", {**ask, "purpose": "input"}, self.key), "wallet-required")
        shown = w.pinf("audit", "show", "--database", self.copy(), "--limit", "100000")["records"]
        wanted = [r for r in shown if r["kind"] == "refusal" and r["actor"] == w.wallets["unlisted"].lower()]
        self.assertEqual({r["rule"] for r in wanted}, {"miner-not-allowed"})
        self.assertGreaterEqual(len(wanted), 4)

    def copy(self):
        world.copy_database(self.world.data / "router.db", self.world.dir / "copy.db").close()
        return self.world.dir / "copy.db"

    def test_signatures(self):
        w, path = self.world, f"/api/v1/sessions/{self.private}"
        now = int(time.time() * 1000)
        for scheme in ("eip712", "eip191"):
            with self.subTest(scheme=scheme):
                status, shown = w.signed("owner", "GET", path, scheme=scheme)
                self.assertEqual((status, "allowed_miners" in shown), (200, True))
                for code, fields in (
                        ("auth-expired", dict(expires=now - 1)), ("auth-too-far", dict(expires=now + 330_000)),
                        ("auth-router", dict(router=w.wallets["stranger"])), ("auth-signature", dict(chain=2)),
                        ("auth-signature", dict(contract=w.wallets["stranger"])), ("auth-signature", dict(verb="POST")),
                        ("auth-signature", dict(target=path + "0")), ("auth-signature", dict(sha256="00" * 32))):
                    self.refused(w.signed("owner", "GET", path, scheme=scheme, **fields), 401, code,
                                 "authorization" if code in ("auth-router", "auth-signature") else "")
        header = w.sign("owner", "GET", path)
        self.refused(w.request("GET", path, headers={"Authorization": high_s(header)}), 401, "auth-high-s", "authorization")
        flipped = header[:-1] + ("b" if header[-1] == "c" else "c")
        self.refused(w.request("GET", path, headers={"Authorization": flipped}), 401, "auth-signature", "authorization")
        self.refused(w.request("GET", path, headers={"Authorization": header.replace("nonce", "Nonce")}), 401, "auth-syntax", "authorization")
        self.refused(w.signed("owner", "GET", path, session=self.private + 1), 400, "scope-invalid", "authorization.session")

    def test_nonces_are_used_once(self):
        w, path, nonce = self.world, f"/api/v1/sessions/{self.private}/allow", secrets.token_hex(16)
        body = {"miner": w.wallets["miner"]}
        self.assertEqual(w.signed("owner", "POST", path, body, nonce=nonce)[0], 200)
        self.refused(w.signed("owner", "POST", path, body, nonce=nonce), 401, "auth-replay")
        w.stop("router", world.signal.SIGKILL)
        w.start_router("--blob-max", "4MiB")
        self.refused(w.signed("owner", "POST", path, body, nonce=nonce), 401, "auth-replay")

    def test_uploads(self):
        w, session = self.world, self.private
        status, task = w.signed("owner", "POST", f"/api/v3/reservations/{session}", {})
        self.assertEqual(status, 201, task)
        blob = b"PINF not a blob"
        path = "/api/v3/blobs/" + hashlib.sha256(blob).hexdigest()

        def put(data, **fields):
            ids = {"session": session, "task": task["task_id"], "sha256": path.rsplit("/", 1)[1], **fields}
            return w.request("PUT", path, data, {"Authorization": w.sign("owner", "PUT", path, **ids)})

        self.refused(put(blob + b"!"), 422, "hash-mismatch")
        self.refused(put(b""), 400, "missing-field", "content-length")
        self.refused(put(blob, task=task["task_id"] + 1000), 404, "no-such-task")
        self.assertEqual(put(blob)[0], 201)
        payload = {"encryption": {"key_version": task["key_version"], "suite": "aes-256-gcm", "scope": {
            "instance": task["instance"], "kind": "task", "purpose": "input", "session": session, "task": task["task_id"]}},
            "sha256": path.rsplit("/", 1)[1], "size": len(blob), "urn": "urn:blob:1:fs:local:pinf:" + path.rsplit("/", 1)[1]}
        submit = {"payload": payload, "task_id": task["task_id"], "timeout": 5}
        got = w.signed("owner", "POST", f"/api/v3/completions/{session}", submit)
        self.assertEqual((got[0], got[1]["error"]["code"]), (422, "blob-truncated"), "what was uploaded is no sealed blob")
        for change, status, code in (({"urn": payload["urn"].replace(":fs:", ":s3:")}, 422, "urn-storage"),
                                     ({"size": len(blob) + 1}, 422, "size-mismatch"), ({"sha256": "ab" * 32}, 422, "urn-storage")):
            with self.subTest(change=change):
                got = w.signed("owner", "POST", f"/api/v3/completions/{session}", {**submit, "payload": {**payload, **change}})
                self.assertIn(got[0], (status, 400, 409), got)

    def test_blobs_damaged_on_disk(self):
        """The router serves no rotten blob; told, and mended when the blob is back."""
        w = self.world
        task = w.complete(self.private, "disk")["task_id"]
        for which in ("input", "result"):
            sha256 = w.signed("owner", "GET", f"/api/v1/tasks/{self.private}/{task}")[1][which]["sha256"]
            path = next(p for p in w.data.rglob("*") if p.name == sha256)
            whole = path.read_bytes()
            get = lambda: w.signed("owner", "GET", f"/api/v3/blobs/{sha256}", session=self.private, task=task)
            self.assertEqual(get(), (200, whole))
            path.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
            self.assertRaises(ConnectionError, get)
            path.write_bytes(whole[:-1])
            self.refused(get(), 422, "size-mismatch")
            path.unlink()
            self.refused(get(), 404, "no-such-blob")
            path.write_bytes(whole)
            self.assertEqual(get(), (200, whole))


class Crowded(unittest.TestCase):
    def test_idle_connections_take_no_files(self):
        """A shell's limit is raised to what the router's threads may need: who only connects shuts nobody out."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with world.World() as w, contextlib.ExitStack() as idle:
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
            try:
                w.start_router(wait=False)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            w.wait_healthy()
            w.wallet("miner")
            session, _ = w.session(miners=("miner",))
            for _ in range(150):
                idle.enter_context(socket.create_connection(("127.0.0.1", w.port)))
            w.start_miner("miner")
            self.assertEqual(w.complete(session, "through the crowd", timeout="10s")["text"], world.engine("through the crowd"))
            self.assertEqual(w.request("GET", "/healthz", miner=True, timeout=5)[0], 200)


class Tampered(Service):
    """Blobs that somebody between router and caller or miner damages."""

    def not_completed(self, damage):
        """What a caller says that fetched its result in vain for so long; longer, where the task had not ended by then."""
        with Tamperer(self.world.port) as proxy:
            proxy.damage = damage
            for timeout in ("2s", "8s", "60s"):
                with self.assertRaisesRegex(world.Refused, "not completed: ") as caught:
                    self.world.complete(self.private, "result", timeout=timeout, env=proxy.env)
                if "no answer in time" not in caught.exception.said:
                    break
        return caught.exception.said

    def test_blobs_damaged_on_the_way(self):
        """Whoever fetches a blob refuses a flipped bit anywhere, another blob in its place, none at all."""
        w = self.world
        other = []
        damages = {f"bit {8 * at + bit}": lambda b, at=at, bit=bit: b[:at] + bytes([b[at] ^ 1 << bit]) + b[at + 1:]
                   for at, bit in ((0, 0), (5, 1), (6, 1), (9, 7), (20, 3), (50, 0), (80, 5), (120, 2), (134, 6), (300, 7), (-1, 4))}
        damages |= {"swapped": lambda b: other[0], "cut": lambda b: b[:-1], "longer": lambda b: b + b"\0", "gone": lambda b: b""}
        with Tamperer(w.port) as proxy:
            w.complete(self.private, "another", env=proxy.env)
            other.append(proxy.blob)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for name, said in zip(damages, pool.map(self.not_completed, damages.values())):
                with self.subTest(caller=name):
                    self.assertRegex(said, "(hash|size|no such blob|connection|file or the network)")
        w.stop("miner")
        with Tamperer(w.miner_port) as proxy:
            w.start_miner("miner", "--router-url", proxy.url)
            for name, damage in damages.items():
                with self.subTest(miner=name):
                    proxy.damage, proxy.times = damage, 1
                    self.assertEqual(w.complete(self.private, f"input {name}")["text"], world.engine(f"input {name}"))
                    self.assertEqual(proxy.times, 0, "the miner fetched it twice")
            w.stop("miner")
        w.start_miner("miner")


class Started(unittest.TestCase):
    """What a router refuses to start with."""

    def setUp(self):
        self.world = self.enterContext(world.World())

    def fails(self, *options, says, env=None):
        self.assertRegex(self.world.router_fails(*options, env=env), says)

    def works(self):
        self.world.start_router()
        self.assertEqual(self.world.stop("router"), 0)

    def test_keyring(self):
        w = self.world
        keyring = w.data / "keyring"
        keyring.chmod(0o644)
        self.fails(says=f"others can read this secret file.*chmod 600 {keyring}")
        keyring.chmod(0o600)
        whole = keyring.read_bytes()
        keyring.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        self.fails(says="keyring: .*passphrase")
        keyring.unlink()
        self.fails(says=f"there is no keyring; make one with: pinf key new --keyring {keyring}")
        keyring.write_bytes(whole)
        keyring.chmod(0o600)
        self.fails(says="passphrase", env={"PINF_PASSPHRASE_FILE": str(w.write("wrong", "wrong"))})
        self.fails(says="--passphrase-file", env={"PINF_PASSPHRASE_FILE": ""})
        self.works()

    def test_seed(self):
        w = self.world
        (w.data / "keyring").unlink()
        for seed in ("changeme", "0" * 64, "your-32-byte-seed-goes-here-your", bytes(range(32)).hex()):
            with self.subTest(seed=seed):
                self.fails(says="ENCRYPTION_SEED: not 32 or more.* pinf key new", env={"ENCRYPTION_SEED": seed})
                self.assertFalse((w.data / "keyring").exists())
        w.env["ENCRYPTION_SEED"] = hashlib.sha256(b"good").hexdigest()
        self.works()
        self.works()  # imported once
        del w.env["ENCRYPTION_SEED"]
        self.assertEqual(len(w.pinf("key", "list")["keys"]), 1)

    def test_config(self):
        w = self.world
        self.fails("--config", w.write("c.json", '{"frob":1}'), says='c.json.*frob')
        self.fails("--frob", says='--frob: no such option; see "pinf router --help"')
        self.fails("--listen", "nonsense", says="nonsense")
        self.works()

    def test_port_in_use(self):
        w = self.world
        for port in (w.port, w.miner_port):
            with socket.socket() as other:
                other.bind(("127.0.0.1", port))
                other.listen()
                self.fails(says=f"cannot listen on 127.0.0.1:{port}: .*is another router running there")
        self.works()
        w.start_router()
        w.running["first"] = w.running.pop("router")
        self.fails(says="in use by another process")  # two routers on one keyring

    def test_damaged_database(self):
        w = self.world
        self.works()
        database = w.data / "router.db"
        whole = database.read_bytes()
        database.write_bytes(whole[:4096] + secrets.token_bytes(len(whole) - 4096))
        self.fails(says="(?i)database is damaged|store-corrupt|router.db")
        database.write_bytes(whole)
        self.works()


class Full(unittest.TestCase):
    """A disk that fills up: 507, and all is well once there is room."""

    def test_full_disk(self):
        w = self.enterContext(world.World())
        keys = {path.name: path.read_bytes() for path in w.data.iterdir()}
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m,mode=700", "tmpfs", w.data],
                                               capture_output=True).returncode != 0:
            print("\n*** SKIPPED: a small file system takes root and mount(8) ***")
            self.skipTest("cannot mount a tmpfs")
        self.addCleanup(subprocess.run, ["umount", "-l", w.data], check=True)
        for name, data in keys.items():
            (w.data / name).write_bytes(data)
            (w.data / name).chmod(0o600)
        w.start_router()
        w.start_miner("miner")
        session, key = w.session("--router-sealed", miners=["miner"])
        path = f"/api/v2/completions/{session}"
        good = lambda prompt: w.bearer(path, {"prompt": prompt}, key)
        self.assertEqual(good("before")[0], 200)
        status, answer = good(world.words("big", 8_000_000))
        self.assertIn((status, world.error_of(answer)[:2]), ((507, ("disk-full", "")), (502, ("task-failed", "disk-full"))))
        with self.assertRaises(world.Refused) as caught:
            w.complete(session, world.words("big", 8_000_000), timeout="3s")
        self.assertRegex(caught.exception.said, "disk.full|disk is full|no answer in time")
        status, answer = good("room for this")
        self.assertEqual(answer["choices"][0]["text"], world.engine("room for this"))
        filler = w.data / "filler"
        with open(filler, "wb", buffering=0) as out:
            try:
                while out.write(bytes(4096)):
                    pass
            except OSError:
                pass
        statuses = {good(f"no room at all {i}")[0] for i in range(5)}
        self.assertTrue(statuses <= {507, 503, 502}, statuses)
        self.assertEqual(w.request("GET", "/healthz", miner=True)[0] in (200, 503), True)
        filler.unlink()
        status, answer = good("after")
        self.assertEqual((status, answer["choices"][0]["text"]), (200, world.engine("after")))
        w.stop("miner")
        self.assertEqual(w.stop("router"), 0)
        self.assertEqual(w.pinf("audit", "verify", "--database", w.data / "router.db")["verdict"], "intact")


if __name__ == "__main__":
    world.main()
