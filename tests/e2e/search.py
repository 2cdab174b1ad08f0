# SPDX-License-Identifier: Apache-2.0
"""search.py -- finds any 32 bytes of a secret in a heap of files and captured traffic.

A heap is searched as it is and with every run of hex, base64 and JSON escapes in it decoded, at
every phase: so one needle finds all of its spellings.
"""
import base64
import json
import pathlib
import re
import signal
import struct
import subprocess
import tempfile
import threading
import time

import world

WINDOW = 32
BLOCK = 16
# Any 31 bytes of a needle hold a whole block that begins at 0 modulo 16 in it, and one that begins at 1: one of
# the two begins at an even place of the data.
NEEDLE_PHASES, DATA_PHASES = (0, 1), range(0, BLOCK, 2)
HEX = re.compile(rb"[0-9a-fA-F]{%d,}" % (2 * WINDOW - 1))
BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{40,}")
ESCAPES = re.compile(rb'(?:\\u[0-9a-fA-F]{4})+|\\["\\/bfnrt]')


def escaped(data):
    """The parts of the data in which any window has an escape."""
    end = start = 0
    for run in ESCAPES.finditer(data):
        if run.start() - 6 * WINDOW > end:
            yield data[start:end]
            start = max(0, run.start() - 6 * WINDOW)
        end = run.end() + 6 * WINDOW
    yield data[start:end]


def unescaped(data, encoding, errors):
    return ESCAPES.sub(lambda run: json.loads(b'"' + run[0] + b'"').encode(encoding, errors), data)


def spellings(data):
    """The data, and what is written in it."""
    yield "raw", data
    for part in escaped(data):
        yield "JSON", unescaped(part, "utf-8", "surrogatepass")
        yield "JSON", unescaped(part, "latin-1", "ignore")
    for run in HEX.findall(data):
        for phase in (0, 1):
            text = run[phase:]
            yield "hex", bytes.fromhex(text[:len(text) & ~1].decode())
    for run in BASE64.findall(data):
        run = run.translate(bytes.maketrans(b"-_", b"+/"))
        for phase in range(4):
            text = run[phase:]
            yield "base64", base64.b64decode(text + b"A" * (-len(text) % 4))


def blocks_of(data, phase):
    """Of data, from that phase on."""
    return struct.iter_unpack(f"{BLOCK}s", memoryview(data)[phase:phase + max(0, len(data) - phase) // BLOCK * BLOCK])


class Needle:
    """Every 32-byte window of a long text, or a short secret whole."""

    def __init__(self, name, text):
        self.name, self.text = name, text
        self.long = len(text) >= WINDOW + BLOCK
        # Not by (block: offset) at first: a set of 10 MB of blocks is quick to make, and nothing is found as a rule.
        self.blocks = set().union(*(blocks_of(text, phase) for phase in NEEDLE_PHASES)) if self.long else set()

    def within(self, data):
        if not self.long:
            return self.text in data
        return any(self.extends(data, phase + i * BLOCK) for phase in DATA_PHASES
                   for i, block in enumerate(blocks_of(data, phase)) if block in self.blocks)

    def extends(self, data, at):
        """Whether the block found at data[at] is part of WINDOW equal bytes."""
        block, found = data[at:at + BLOCK], -1
        while (found := self.text.find(block, found + 1)) >= 0:
            before = after = 0
            while before < WINDOW and before < min(at, found) and data[at - before - 1] == self.text[found - before - 1]:
                before += 1
            end = min(len(data) - at, len(self.text) - found)
            while BLOCK + after < min(end, 2 * WINDOW) and data[at + BLOCK + after] == self.text[found + BLOCK + after]:
                after += 1
            if before + BLOCK + after >= WINDOW:
                return True
        return False


def search(heap, needles):
    """{(place, needle's name, spelling)} of what is found in heap, a {place: bytes}."""
    found = set()
    blocks = set().union(*(n.blocks for n in needles))  # of all of them: one pass, where nothing is found
    for place, data in heap.items():
        for spelling, text in spellings(data):
            likely = not all(blocks.isdisjoint(blocks_of(text, phase)) for phase in DATA_PHASES)
            found |= {(place, n.name, spelling) for n in needles if (likely or not n.long) and n.within(text)}
    return found


class Watcher(threading.Thread):
    """Collects every state of every file below a directory, temporary files included, while it runs."""

    def __init__(self, directory):
        super().__init__(daemon=True)
        self.directory, self.heap, self.seen, self.done = pathlib.Path(directory), {}, set(), threading.Event()

    def look(self):
        for path in self.directory.rglob("*"):
            try:
                status = path.stat()
                mark = (path, status.st_mtime_ns, status.st_size)
                if path.is_file() and mark not in self.seen:
                    self.seen.add(mark)
                    data = path.read_bytes()
                    self.heap.setdefault(f"{path}#{hash(data) & 0xffffffff:08x}", data)
            except OSError:
                pass  # renamed or removed meanwhile

    def run(self):
        while not self.done.wait(0.02):
            self.look()

    def finish(self):
        self.done.set()
        self.join()
        self.look()
        # Of a file that grew, the whole is enough.
        whole = sorted(self.heap.items(), key=lambda item: item[1])
        return dict([a for a, b in zip(whole, whole[1:]) if not b[1].startswith(a[1])] + whole[-1:])


class Capture:
    """tcpdump on loopback; the payload of every TCP stream, put together.  No ports: of all of them."""

    def __init__(self, ports=()):
        self.file = tempfile.NamedTemporaryFile(suffix=".pcap")
        wanted = " or ".join(f"tcp port {port}" for port in ports) or "ip and tcp"
        command = [*world.LEASH, "tcpdump", "-i", "lo", "--immediate-mode", "-U", "-s", "0", "-B", "65536", "-Z", "root"]
        self.process = subprocess.Popen([*command, "-w", self.file.name, wanted], stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        while "listening on" not in line:
            if not line:
                raise OSError(f"tcpdump ended with {self.process.wait()}")
            line = self.process.stderr.readline()
        # Before its filter stood, the kernel may have dropped what others sent: that is nothing of ours.
        self.process.send_signal(signal.SIGUSR1)
        self.dropped = self.dropped_by_now(self.process.stderr.readline())

    @staticmethod
    def dropped_by_now(said):
        return int(re.search(r"(\d+) packets? dropped by kernel", said)[1])

    def finish(self):
        time.sleep(0.5)  # what the kernel still holds
        self.process.terminate()
        said = self.process.communicate()[1]
        if self.dropped_by_now(said) != self.dropped:
            raise AssertionError(f"tcpdump lost packets, {self.dropped} of them before it began: {said}")
        return self.streams(pathlib.Path(self.file.name).read_bytes())

    @staticmethod
    def streams(pcap):
        flows, at = {}, 24
        while at < len(pcap):
            length = struct.unpack_from("<I", pcap, at + 8)[0]
            frame = pcap[at + 16:at + 16 + length]
            at += 16 + length
            ip = frame[14:]
            tcp = ip[(ip[0] & 15) * 4:struct.unpack_from(">H", ip, 2)[0] or len(ip)]
            source, target, sequence = struct.unpack_from(">HHI", tcp)
            payload = tcp[(tcp[12] >> 4) * 4:]
            if tcp[13] & 2:  # SYN: a new connection between these ports
                flows.setdefault((source, target), []).append((sequence + 1, {}))
            elif payload:
                start, parts = flows.setdefault((source, target), [(sequence, {})])[-1]
                offset = (sequence - start) & 0xffffffff
                if len(parts.get(offset, b"")) < len(payload):
                    parts[offset] = payload
        heap = {}
        for (source, target), connections in flows.items():
            for number, (_, parts) in enumerate(connections):
                stream = bytearray()
                for offset in sorted(parts):
                    stream[offset:offset + len(parts[offset])] = parts[offset]
                heap[f"tcp {source} -> {target} #{number}"] = bytes(stream)
        return heap
