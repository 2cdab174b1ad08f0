# SPDX-License-Identifier: Apache-2.0
"""results.py -- runs the benchmarks and writes RESULTS.md: the bars first, then every table as it was printed."""
import argparse
import datetime
import json
import math
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BENCH, PINF = str(ROOT / "build" / "pinf-bench"), str(ROOT / "build" / "pinf")
SIZES = "64,4KiB,64KiB,1MiB,16MiB,64MiB"
FILE_LEN = 1 << 30
FILE_ROUNDS = 5


def bench(*words):
    """pinf-bench WORDS: what it printed, its command, and its figures by group and case."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        print("pinf-bench", *words, file=sys.stderr)
        done = subprocess.run([BENCH, *words, "--json", out.name], stdout=subprocess.PIPE, text=True, check=True)
        figures = json.load(open(out.name))
    by_name = {(row["group"], row["case"]): row for row in figures["results"]}
    return {"text": done.stdout, "words": " ".join(words), "json": figures, "rows": by_name}


def whole(words, stdout=None):
    """Seconds and peak RSS in MiB of one process, which must succeed."""
    begin = time.monotonic()
    child = subprocess.Popen(words, stdout=stdout or subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"bench/run: {' '.join(map(str, words))}: exit {child.returncode}")
    return time.monotonic() - begin, used.ru_maxrss / 1024


def file_commands(directory):
    """Name, words and output of each, in an order in which each finds its input."""
    key = "00" * 32
    commands = [
        ("pinf seal, 2 threads", [PINF, "seal", "--session", "1", "--task", "1", "plain", "sealed"], "sealed"),
        ("pinf open, 2 threads", [PINF, "open", "sealed", "opened"], "opened"),
        ("openssl dgst -sha256", ["openssl", "dgst", "-sha256", "plain"], "-"),
        ("sha256sum", ["sha256sum", "plain"], "-"),
        ("cp", ["cp", "plain", "copy"], "copy"),
        ("openssl enc -aes-256-ctr (no hash, no tag)",
         ["openssl", "enc", "-aes-256-ctr", "-K", key, "-iv", key[:32], "-in", "plain", "-out", "enc"], "enc"),
    ]
    if shutil.which("age"):
        made = subprocess.run(["age-keygen", "-o", directory / "age.key"], stderr=subprocess.PIPE, text=True, check=True)
        recipient = made.stderr.split()[-1]
        commands += [("age, to a key", ["age", "-r", recipient, "-o", "plain.age", "plain"], "plain.age"),
                     ("age -d", ["age", "-d", "-i", "age.key", "-o", "age.out", "plain.age"], "age.out")]
    return commands


def files(seconds):
    """The same 1 GiB by whole processes, in turn."""
    size = FILE_LEN if seconds else FILE_LEN >> 8
    before = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="pinf-bench-") as name:
        directory = pathlib.Path(name)
        os.chdir(directory)
        try:
            with open("plain", "wb") as out:
                for _ in range(size >> 20):
                    out.write(os.urandom(1 << 20))
            os.environ.update(PINF_PASSPHRASE_FILE=str(directory / "pass"), PINF_KEYRING=str(directory / "keyring"))
            subprocess.run([PINF, "key", "new"], stdout=subprocess.DEVNULL, check=True)
            commands = file_commands(directory)
            runs = {command: [] for command, _, _ in commands}
            for _ in range(FILE_ROUNDS if seconds else 1):
                for command, words, output in commands:
                    # Twice: what the first one wrote and is removed leaves warm memory to the second, whoever ran before.
                    for run in (lambda _: None, runs[command].append):
                        pathlib.Path(output).unlink(missing_ok=True)
                        run(whole(words))
            pathlib.Path("chosen").write_text("swordfish")
            pathlib.Path("chosen").chmod(0o600)
            subprocess.run([PINF, "key", "export", "stretched", "chosen"], stdout=subprocess.DEVNULL, check=True)
            startup = [whole([PINF, "key", "list", *words]) for words in ([], ["--keyring", "stretched", "--passphrase-file", "chosen"])]
        finally:
            os.chdir(before)
    return size, {command: (min(s for s, _ in r), max(m for _, m in r)) for command, r in runs.items()}, startup


def plot(points):
    """An SVG: a task's cost over tasks stored, both axes labelled; the band is what is allowed."""
    width, height, left, right, bottom = 640, 320, 60, 44, 40
    xs = [math.log10(count) for count, _ in points]
    top = max(cost for _, cost in points) * 1.5

    def x(value):
        return left + (value - xs[0]) / (xs[-1] - xs[0]) * (width - left - right)

    def y(cost):
        return height - bottom - cost / top * (height - bottom - 20)

    first = points[0][1]
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="#fff"/>',
             f'<rect x="{left}" y="{y(first * 1.3):.1f}" width="{width - left - right}" '
             f'height="{y(0) - y(first * 1.3):.1f}" fill="#e8f2e8"/>',
             f'<text x="{width - right - 4}" y="{y(first * 1.3) + 14:.1f}" text-anchor="end" fill="#366">up to 1.3x of the first</text>',
             f'<polyline fill="none" stroke="#246" stroke-width="2" points="'
             + " ".join(f"{x(a):.1f},{y(cost):.1f}" for a, (_, cost) in zip(xs, points)) + '"/>']
    for a, (count, cost) in zip(xs, points):
        parts += [f'<circle cx="{x(a):.1f}" cy="{y(cost):.1f}" r="4" fill="#246"/>',
                  f'<text x="{x(a):.1f}" y="{y(cost) - 10:.1f}" text-anchor="middle">{cost:.2f}</text>',
                  f'<text x="{x(a):.1f}" y="{height - bottom + 16}" text-anchor="middle">{count:,}</text>']
    parts += [f'<path d="M{left} 20V{height - bottom}H{width - right}" fill="none" stroke="#888"/>',
              f'<text x="{(left + width - right) / 2}" y="{height - 6}" text-anchor="middle">tasks in the store</text>',
              f'<text x="14" y="{height / 2}" text-anchor="middle" transform="rotate(-90 14 {height / 2})">'
              "claim to commit, of its rows and checks bare</text>", "</svg>"]
    return "\n".join(parts) + "\n"


def bars(main, sizes, files_of):
    """What issue and spec ask for: path, bar, figure, whether it is met."""
    rows = main["rows"]

    def ratio(group, case):
        return next(r["ratio_milli"] for (g, c), r in rows.items() if g.startswith(group) and c == case) / 1000

    def ns(group, case):
        return rows[(group, case)]["ps_median"] / 1000

    out = []

    def at_most(path, bar, figure, text="{:.2f}x"):
        out.append((path, "at most " + text.format(bar), text.format(figure), figure <= bar))

    def at_least(path, bar, figure, text="{:.2f}x"):
        out.append((path, "at least " + text.format(bar), text.format(figure), figure >= bar))

    derive = "derive: key of a task's input"
    at_most("derive a task's key, of the bare midstate loop", 1.4, ratio(derive, "pinf_keyring_derive"))
    at_most("its allocations", 0, next(r["allocations_milli"] for (g, c), r in rows.items()
                                       if g.startswith(derive) and c == "pinf_keyring_derive") / 1000, "{:.0f}")
    for size in sizes:
        if 65536 <= size <= 1 << 26:
            at_least(f"seal {size:,} bytes, of raw AES-256-GCM's speed", 0.93,
                     1 / ratio(f"seal: {size} bytes", "pinf: derive, commit, seal"))
            at_least(f"open {size:,} bytes", 0.93, 1 / ratio(f"open: {size} bytes", "pinf: derive, check, open"))
    whole = "derive and seal the same blob: 4096 bytes"
    at_least("derive and seal 4 KiB, of EVP_PKEY and a fresh context", 4,
             ns(whole, "EVP_PKEY and a context a call") / ns(whole, "pinf: task's key, blob's key, seal"))
    at_least("seal 4 KiB, of one EVP_PKEY derivation and a fresh context, without salt or commitment", 4,
             ns("seal: 4096 bytes", "EVP_PKEY and a context a call") / ns("seal: 4096 bytes", "pinf: derive, commit, seal"))
    slow = max(files_of["openssl dgst -sha256"][0], files_of["cp"][0])
    for what, age in (("seal", "age, to a key"), ("open", "age -d")):
        mine = files_of[f"pinf {what}, 2 threads"]
        at_most(f"{what} a file, of the slower of openssl dgst and cp", 1.2, mine[0] / slow)
        at_most(f"{what} a file, memory", 32, mine[1], "{:.1f} MiB")
        if age in files_of:
            at_most(f"{what} a file, of age", 1, mine[0] / files_of[age][0])
    at_most("64 KiB out of 1 GiB, of a blob of 64 KiB", 2, ratio("range", "pinf_blobfile_range"))
    at_most("URN, of a strict split by hand", 1.2, ratio("urn", "pinf_urn_parse"))
    at_most("metadata of 400 bytes, of raw cJSON", 2, ratio("json", "pinf_payload_decode"))
    at_most("a miner among 1,000,000, of raw open addressing", 1.7, ratio("acl", "pinf_acl_sources"))
    at_most("a decision on ready facts, of the same", 1, ratio("acl", "pinf_policy_decide on ready facts"))
    pair, checks = ns("queue", "raw SQLite: claim, complete"), ns("queue", "raw: two signatures checked")
    at_least(f"queue, claim to commit, of raw SQLite's two rows (checking its two signatures alone is {pair / checks:.2f}x of that)", 0.5,
             1 / ratio("queue", "pinf: claim to commit"))
    at_least("the same, of two rows and two signatures checked, bare", 0.5, (pair + checks) / ns("queue", "pinf: claim to commit"))
    at_least("its steps that check no signature, claim and acknowledge, of two rows", 0.5,
             pair / (ns("queue", "pinf: claim") + ns("queue", "pinf: acknowledge")))
    at_least("router over HTTP, of its bare fsyncs and transactions", 0.5, 1 / ratio("router", "pinf router: a task"))
    at_least("the same, of these and its signatures and key agreements, bare", 0.5,
             ns("router", "bare with its cryptography") / ns("router", "pinf router: a task"))
    at_most("its p99, of its median", 8, ratio("router: latency", "pinf router: p99"))
    at_most("router's memory with 100,000 queued tasks", 64,
            rows[("router: memory", "pinf router: KiB")]["ps_median"] / 1000 / 1024, "{:.1f} MiB")
    growth = [r["ratio_milli"] / 1000 for (g, _), r in rows.items() if g == "queue: growth"]
    at_most("a task with 1,000,000 stored, of one with 1,000", 1.3, max(growth) / growth[0])
    at_least("simulator, perf, of its bare work", 0.6, 1 / ratio("sim: perf world", "pinf-sim: task"))
    if ("sim: default world", "pinf-sim: task") in rows:
        speed = 1e12 / rows[("sim: default world", "pinf-sim: simulated second")]["ps_median"]
        at_least("simulator, default world, simulated seconds a second of a core (by its cryptography and transactions alone "
                 f"{speed * ratio('sim: default world', 'pinf-sim: task'):.0f})", 1000, speed, "{:.0f}")
    return out


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def versions():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    tools = [subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout.split("\n")[0]
             for words in (["openssl", "version"], ["cp", "--version"]) ]
    if shutil.which("age"):
        tools.append("age " + subprocess.run(["age", "--version"], stdout=subprocess.PIPE, text=True, check=False).stdout.strip())
    return model, tools


def write(out, arguments, main, more, of_files):
    size, commands, startup = of_files
    machine, tools = versions()
    sizes = [row["bytes"] for (group, _), row in main["rows"].items() if group.startswith("open: ")]
    figures = main["json"]
    met = bars(main, sorted(set(sizes)), commands)
    load = os.getloadavg()[2]
    slow = max(commands["openssl dgst -sha256"][0], commands["cp"][0])
    points = [(int(case.split()[1]), row["ratio_milli"] / 1000) for (group, case), row in main["rows"].items() if group == "queue: growth"]
    text = [
        "# Benchmarks: the last run", "",
        f"Written by `{arguments}` on {datetime.date.today()}, at commit {figures['commit']}. {machine}, {os.cpu_count()} cores, "
        f"Linux {figures['system']}, load {load:.1f}; {figures['libcrypto']}, libsodium {figures['libsodium']}, SQLite "
        f"{figures['sqlite']}; {'; '.join(tools)}.", "",
        "Ratios are of medians in one run; absolute figures are this machine's, on that day. `pinf-bench --help` says how to repeat a part.", "",
        table(["path", "bar", "measured", "met"], [(*row[:3], "yes" if row[3] else "**no**") for row in met]), "",
        "![cost of a task by the number of tasks stored](growth.svg)", "",
        f"## Whole processes, a file of {size >> 20} MiB", "",
        f"The fastest of {FILE_ROUNDS}, in turn. A `pinf` process opens its keyring first, under the passphrase that `pinf key new` drew: "
        f"{startup[0][0]:.2f} s and {startup[0][1]:.0f} MiB in all. One that a person chose is stretched: {startup[1][0]:.2f} s and "
        f"{startup[1][1]:.0f} MiB, whatever the file.", "",
        table(["command", "seconds", "of the slower of openssl dgst and cp", "peak MiB"],
              [(f"`{name}`", f"{s:.2f}", f"{s / slow:.2f}x", f"{m:.1f}") for name, (s, m) in commands.items()]), ""]
    for run in [main, *more]:
        text += [f"## `pinf-bench {run['words']}`", "", "```text", run["text"].rstrip(), "```", ""]
    (out / "RESULTS.md").write_text("\n".join(text))
    (out / "growth.svg").write_text(plot(points))
    print(table(["path", "bar", "measured", "met"], [(*row[:3], "yes" if row[3] else "**no**") for row in met]))


def main():
    parser = argparse.ArgumentParser(prog="bench/run", description="Every benchmark, into RESULTS.md and growth.svg.")
    parser.add_argument("--seconds", type=int, default=5, help="for each group; 0: one quick round of everything")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench", help="directory of the two files")
    options = parser.parse_args()
    seconds = ["--seconds", str(options.seconds)]
    everything = bench("all", *seconds, "--size", SIZES)
    more = [bench("seal", *seconds, "--size", "64KiB", "--threads", "2"),
            bench("seal", *seconds, "--size", "4KiB,64KiB", "--no-instructions"),
            bench("hash", *seconds, "--size", "64KiB", "--no-instructions"),
            bench("derive", *seconds, "--no-instructions"),
            bench("range", *seconds)]
    arguments = " ".join(["bench/run", *sys.argv[1:]])
    write(options.out, arguments, everything, more, files(options.seconds))


if __name__ == "__main__":
    main()
