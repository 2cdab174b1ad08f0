#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_conform.py PINF-CONFORM PINF-DRIVER -- the kit: our driver passes, wrong ones do not, broken ones are told and end."""
import fnmatch
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time
import unittest

import jsonschema
import junitparser

import mutants

CONFORM, DRIVER = (str(pathlib.Path(sys.argv.pop(1)).resolve()) for _ in range(2))
HERE = pathlib.Path(__file__).resolve().parent
SPEC = HERE.parents[1] / "spec"

# A driver as somebody begins it: the URN operation alone, after CONFORMANCE.md.
URNS = r'''
import json, re, sys
FIELD = r"(?:[A-Za-z0-9._~!$&'()*+,;=@/-]|%[0-9A-Fa-f]{2})"
def parse(text):
    text = text.decode("ascii")
    if len(text) > 512 or not re.fullmatch(rf"(?i:urn:blob:)(?:{FIELD}|:)*", text): raise ValueError("urn-syntax")
    fields = text[9:].split(":")
    if not re.fullmatch("[a-z0-9]+", fields[0]): raise ValueError("urn-syntax")
    if fields[0] != "1": raise ValueError("urn-version")
    if len(fields) != 5: raise ValueError("urn-fields")
    out = []
    for field in fields:
        plain = bytearray()
        def canonical(match):
            code = int(match[1], 16)
            return chr(code) if re.match("[A-Za-z0-9._~-]", chr(code)) and code < 128 else f"%{code:02X}"
        for part in re.findall("%..|.", field): plain.append(int(part[1:], 16) if len(part) == 3 else ord(part))
        if not field or len(field) > 255 or 0 in plain: raise ValueError("urn-length")
        plain.decode("utf-8")
        out.append(re.sub("%(..)", canonical, field))
    return dict(zip(("version", "storage_type", "provider", "bucket", "file_name"), out), canonical=":".join(["urn:blob", *out]))
for line in sys.stdin:
    ask = json.loads(line)
    if ask["verb"] == "start": say = {"ok": {"implementation": "urns", "version": "1", "operations": ["urn.parse"]}}
    elif ask["verb"] != "run": say = {"ok": {}}
    elif ask["operation"] != "urn.parse": say = {"id": ask["id"], "skip": "URNs alone"}
    else:
        try: say = {"id": ask["id"], "ok": parse(bytes.fromhex(ask["input"]["text"]))}
        except ValueError as wrong: say = {"id": ask["id"], "reject": {"stage": "urn", "code": str(wrong)}}
    print(json.dumps(say), flush=True)
    if ask["verb"] == "stop": break
'''

# Drivers that break: what they are, and what doctor says of them.
BROKEN = {
    "garbage": ("while read line; do echo '<html>'; done", "is no JSON"),
    "exits at once": ("exit 0", "it ends, or closes its output"),
    "exits later": ("read line; echo '{\"ok\":{\"implementation\":\"x\",\"version\":\"1\",\"operations\":[\"urn.parse\"]}}'; exit 0", "it ends, or closes"),
    "half a line": ("read line; printf '{\"ok\":'; sleep 60", "it does not answer in time"),
    "never reads": ("sleep 60", "it does not answer in time"),
    "a line of 100 MB": ("head -c 100000000 /dev/zero | tr '\\0' a; sleep 60", "a line without an end"),
    "no such program": ("/nonexistent/driver", "it ends, or closes its output"),
    "another shape": ("while read line; do echo '{\"result\":{}}'; done", "missing"),
    "a name twice": ("while read line; do echo '{\"ok\":{},\"ok\":{}}'; done", "is no JSON"),
}


def conform(*args, status=0):
    ran = subprocess.run([CONFORM, *args], capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == status, (args, ran.returncode, ran.stdout[-2000:], ran.stderr[-2000:])
    return ran.stdout + ran.stderr


class Kit(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def failing(self, command):
        path = self.dir / "results.jsonl"
        ran = subprocess.run([CONFORM, "run", "--cmd", command, "--jsonl", path], capture_output=True, text=True, check=False, timeout=120)
        self.assertIn(ran.returncode, (0, 10), ran.stderr)
        results = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return {result["id"] for result in results if result["result"] == "fail"}, {result["id"] for result in results}

    def test_it_needs_neither_server_nor_database(self):
        needed = subprocess.run(["readelf", "-d", CONFORM], capture_output=True, text=True, check=True).stdout
        self.assertIn("libcurl", needed)
        self.assertNotRegex(needed, "sqlite|civetweb")

    def test_ours_passes(self):
        said = conform("run", "--cmd", DRIVER, "--level", "may", "--junit", str(self.dir / "junit.xml"))
        self.assertRegex(said, r"\n(\d{3,}) cases: \1 passed, 0 failed, 0 skipped\n")
        suite = next(iter(junitparser.JUnitXml.fromfile(str(self.dir / "junit.xml"))))
        self.assertEqual((suite.failures, suite.errors, len(list(suite))), (0, 0, suite.tests))
        self.assertIn("0 findings", conform("doctor", "--cmd", DRIVER))

    def test_our_miner_passes(self):
        said = conform("run", "--miner", "--cmd", DRIVER)
        self.assertRegex(said, r"\n(\d{2,}) cases: \1 passed, 0 failed, 0 skipped\n")
        self.assertIn("skipped", conform("run", "--miner", "--cmd", shlex.join([sys.executable, "-c", URNS]), status=2))

    def test_each_mutant_fails_what_it_must_and_nothing_else(self):
        self.assertGreaterEqual(len(mutants.MUTANTS), 30)
        for name, mutant in mutants.MUTANTS.items():
            failed, every = self.failing(shlex.join([sys.executable, str(HERE / "mutant.py"), name, DRIVER]))
            expected = set()
            for pattern in mutant.fails:
                matched = set(fnmatch.filter(every, pattern.removeprefix("!")))
                self.assertTrue(matched, f"{name}: {pattern} is no id")
                expected = expected - matched if pattern.startswith("!") else expected | matched
            self.assertEqual(sorted(failed ^ expected), [], name)
            print(f"{name:<40} {len(failed):4} of {len(every)}", file=sys.stderr)

    def test_a_driver_for_one_operation(self):
        (self.dir / "urns.py").write_text(URNS, encoding="utf-8")
        command = shlex.join([sys.executable, str(self.dir / "urns.py")])
        self.assertLessEqual(len(URNS.splitlines()), 60)
        self.assertIn("0 findings", conform("doctor", "--cmd", command))
        said = conform("run", "--cmd", command)
        self.assertRegex(said, r"urn.parse +\d+ passed +0 failed +0 skipped")
        self.assertRegex(said, r"blob.open +0 passed +0 failed +\d+ skipped")

    def test_broken_drivers_are_told_and_end(self):
        for name, (command, says) in BROKEN.items():
            began = time.monotonic()
            said = conform("doctor", "--cmd", command, "--timeout", "1s", status=10)
            self.assertIn(says, said, name)
            conform("run", "--cmd", command, "--timeout", "1s", "--select", "urn.parse/fields/", status=10 if name == "exits later" else 2)
            self.assertLess(time.monotonic() - began, 30, name)

    def test_jobs_give_what_one_gives(self):
        command = shlex.join([sys.executable, str(HERE / "mutant.py"), "urn-with-any-fields", DRIVER])
        said, page = {}, {}
        for jobs in ("1", "3"):
            conform("run", "--cmd", command, "--jobs", jobs, "--jsonl", str(self.dir / jobs), "--html", str(self.dir / "page.html"), "--junit", str(self.dir / "junit.xml"), status=10)
            said[jobs], page[jobs] = (self.dir / jobs).read_text(encoding="utf-8"), (self.dir / "page.html").read_text(encoding="utf-8")
        self.assertEqual(said["1"], said["3"])
        self.assertEqual(page["1"], page["3"])
        self.assertIn('"id":"urn.parse/fields/001"', page["1"])
        suite = next(iter(junitparser.JUnitXml.fromfile(str(self.dir / "junit.xml"))))
        self.assertEqual(suite.failures, sum(isinstance(result, junitparser.Failure) for case in suite for result in case.result))
        self.assertGreater(suite.failures, 0)
        conform("run", "--cmd", "read line; exit 0", "--jobs", "2", "--timeout", "1s", "--select", "urn.parse/fields/", status=2)

    def test_known_failures_are_strict(self):
        known = self.dir / "known.txt"
        mutant = shlex.join([sys.executable, str(HERE / "mutant.py"), "any-router", DRIVER])
        known.write_text("# ours to mend\nauth.verify/router/001\n", encoding="utf-8")
        self.assertIn("0 failed", conform("run", "--cmd", mutant, "--known-failing", str(known)))
        self.assertIn("take it off", conform("run", "--cmd", DRIVER, "--known-failing", str(known), status=10))
        known.write_text("auth.verify/router/999\n", encoding="utf-8")
        self.assertIn("no vector that was run", conform("run", "--cmd", DRIVER, "--known-failing", str(known), status=1))

    def test_ids_are_addressable(self):
        listed = conform("run", "--cmd", "-", "--dry-run", "--select", "blob.open/padding/").split()
        self.assertTrue(listed and all(name.startswith("blob.open/padding/") for name in listed))
        self.assertIn("must be refused at stage payload", conform("explain", listed[0]))
        conform("explain", "no/such/id", status=1)
        conform("run", "--cmd", DRIVER, "--select", "nothing/", status=2)

    def test_wrong_vectors_are_told(self):
        good = json.loads((SPEC / "vectors/v1/scope.encode.json").read_text(encoding="utf-8"))
        for change, says in (({"levle": "must"}, "levle"), ({"level": "maybe"}, "level"), ({"stage": "nowhere", "result": "invalid"}, "stage"),
                             ({"id": "other/x/001"}, "id"), ({"result": "fine"}, "result"), ({"id": good["vectors"][1]["id"]}, "two vectors")):
            wrong = json.loads(json.dumps(good))
            wrong["vectors"][0].update(change)
            (self.dir / "wrong.json").write_text(json.dumps(wrong), encoding="utf-8")
            self.assertIn(says, conform("lint", "--vectors", str(self.dir), status=1))


class Vectors(unittest.TestCase):
    def all(self):
        for path in sorted((SPEC / "vectors/v1").glob("*.*.json")):
            yield from json.loads(path.read_text(encoding="utf-8"))["vectors"]

    def test_their_schema(self):
        schema = jsonschema.Draft7Validator(json.loads((SPEC / "vectors/v1/schema.json").read_text(encoding="utf-8")))
        for path in (SPEC / "vectors/v1").glob("*.*.json"):
            file = json.loads(path.read_text(encoding="utf-8"))
            self.assertEqual([error.message for error in schema.iter_errors(file)], [], path.name)
            for change in ({"level": "maybe"}, {"result": "fine"}, {"flags": "none"}, {"extra": 1}, {"id": "x"}):
                wrong = {**file, "vectors": [{**file["vectors"][0], **change}]}
                self.assertFalse(schema.is_valid(wrong), change)

    def test_there_are_enough_and_most_are_negative(self):
        vectors = list(self.all())
        self.assertGreaterEqual(len(vectors), 600)
        self.assertGreater(sum(vector["result"] == "invalid" for vector in vectors), len(vectors) / 2)

    def test_no_flag_is_worn_out(self):
        counts = {}
        for vector in self.all():
            for flag in vector["flags"]:
                of = vector["id"].split("/")[0], flag
                counts[of] = counts.get(of, 0) + 1
        self.assertEqual({of: count for of, count in counts.items() if count > 15}, {})

    def test_the_rules_exist(self):
        rules = set(re.findall(r"\*\*([A-Z]+-\d+)\*\*|^\| (POL-\d+) \|", "".join(p.read_text(encoding="utf-8") for p in SPEC.glob("*.md")), re.M))
        rules = {a or b for a, b in rules}
        self.assertEqual({vector["spec"] for vector in self.all()} - rules, set())

    def test_every_rule_of_the_codec_is_cited_or_said_why_not(self):
        cited = {vector["spec"] for vector in self.all()}
        reasons = dict(line.split(None, 1) for line in (HERE / "uncited.txt").read_text(encoding="utf-8").splitlines() if line[:1] not in ("", "#"))
        rules = set()
        for page in ("urn", "json", "scope", "keys", "blob", "payload", "documents", "auth", "grants", "allowlist", "policy", "chain"):
            text = (SPEC / f"{page}.md").read_text(encoding="utf-8")
            rules |= {a or b for a, b in re.findall(r"\*\*([A-Z]+-\d+)\*\*|^\| (POL-\d+) \|", text, re.M)}
        self.assertEqual(sorted(rules - cited - set(reasons)), [], "neither cited by a vector nor in uncited.txt")
        self.assertEqual(sorted(set(reasons) & cited), [], "cited, and in uncited.txt all the same")
        self.assertEqual(sorted(set(reasons) - rules), [], "no such rule")

    def test_every_rule_of_router_and_tasks_is_cited_or_said_why_not(self):
        cited = set()
        for name in conform("run", "--router", "-", "--wallet", "-", "--dry-run").split() + conform("run", "--miner", "--cmd", "-", "--dry-run").split():
            cited.add(re.search(r"rule +([A-Z]+-\d+)", conform("explain", name))[1])
        reasons = dict(line.split(None, 1) for line in (HERE / "uncited_router.txt").read_text(encoding="utf-8").splitlines() if line[:1] not in ("", "#"))
        rules = set()
        for page in ("api", "states"):
            rules |= set(re.findall(r"\*\*([A-Z]+-\d+)\*\*", (SPEC / f"{page}.md").read_text(encoding="utf-8")))
        self.assertEqual(sorted(rules - cited - set(reasons)), [], "no case is named after it, nor is it in uncited_router.txt")
        self.assertEqual(sorted(set(reasons) & cited), [], "cited, and in uncited_router.txt all the same")
        self.assertEqual(sorted(set(reasons) - rules), [], "no such rule")

    def test_they_are_what_the_second_code_makes(self):
        ran = subprocess.run([sys.executable, HERE / "make_vectors.py", "--check"], capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)


if __name__ == "__main__":
    unittest.main()
