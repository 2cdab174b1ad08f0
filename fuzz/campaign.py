# SPDX-License-Identifier: Apache-2.0
"""campaign.py -- what fuzz/run does once everything is installed: builds, fuzzes, minimises, measures coverage."""
import argparse
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
FUZZ = ROOT / "fuzz"
MAX_LEN = 8192
BUILDS = {
    "libfuzzer": ("clang-14", "-fsanitize=fuzzer-no-link", "address,undefined"),
    "afl": ("afl-clang-fast", "", "undefined"),
    "coverage": ("clang-14", "-fprofile-instr-generate -fcoverage-mapping", ""),
    # What C allows and nobody means: numbers that wrap, lose bits or change their sign.
    "integer": ("clang-14", f"-fsanitize-ignorelist={FUZZ}/integer.ignore", "undefined,integer,implicit-conversion"),
}
# More than -O1 merges branches of the source: inputs that differ in them alone would be dropped from corpora.
OPTIMISED = {"libfuzzer": "-O1", "afl": "-O2", "coverage": "-O1", "integer": "-O1"}


def floors():
    return json.loads((FUZZ / "floors.json").read_text(encoding="utf-8"))


def all_targets():
    return sorted(path.name for path in (FUZZ / "corpus").iterdir())


def run(*command, **more):
    return subprocess.run([str(part) for part in command], cwd=ROOT, check=False, capture_output=True, text=True, errors="replace", **more)


def must(*command, **more):
    done = run(*command, **more)
    if done.returncode != 0:
        sys.exit(f"fuzz/run: {' '.join(map(str, command))}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def build(kind, targets, replay=False):
    compiler, flags, sanitizers = BUILDS[kind]
    place = ROOT / f"build-fuzz-{kind}"
    prefixes = ["replay"] if kind in ("coverage", "integer") else ["fuzz", "replay"] if replay else ["fuzz"]
    must("cmake", "-S", ".", "-B", place, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", f"-DCMAKE_C_FLAGS_RELWITHDEBINFO=-g {OPTIMISED[kind]}", f"-DCMAKE_C_COMPILER={compiler}", f"-DCMAKE_C_FLAGS={flags}",
         f"-DPINF_SANITIZE={sanitizers}", f"-DPINF_FUZZ={'ON' if 'fuzz' in prefixes else 'OFF'}", "-DPINF_TESTS=OFF", env={**os.environ, "AFL_QUIET": "1"})
    must("ninja", "-C", place, *(f"{prefix}_{target}" for prefix in prefixes for target in targets), env={**os.environ, "AFL_QUIET": "1"})
    return place


def number(pattern, text):
    found = re.findall(pattern, text)
    return int(float(found[-1])) if found else 0


def dictionary(target, option):
    path = FUZZ / "dict" / f"{target}.dict"
    return [f"-dict={path}" if option == "libfuzzer" else "-x", *([] if option == "libfuzzer" else [path])] if path.exists() else []


def fuzz_libfuzzer(place, target, seconds, seeds):
    found, work = place / "found" / target, place / "work" / target
    found.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    corpora = [path for path in (FUZZ / "corpus" / target, seeds / target) if path.is_dir()]
    done = run(place / "fuzz" / f"fuzz_{target}", f"-max_total_time={seconds}", f"-max_len={MAX_LEN}", "-print_final_stats=1", "-timeout=25", "-rss_limit_mb=4096",
               f"-artifact_prefix={found}/", *dictionary(target, "libfuzzer"), work, *corpora)
    said = done.stderr
    (place / f"{target}.log").write_text(said, encoding="utf-8")
    return {"execs": number(r"number_of_executed_units: (\d+)", said), "rate": number(r"average_exec_per_sec: +(\d+)", said), "edges": number(r" cov: (\d+)", said),
            "features": number(r" ft: (\d+)", said), "new": number(r"new_units_added: +(\d+)", said)}


def fuzz_afl(place, target, seconds, seeds):
    work, start, found = place / "work" / target, place / "start" / target, place / "found" / target
    shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(start, ignore_errors=True)
    start.mkdir(parents=True)
    work.parent.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    for corpus in (FUZZ / "corpus" / target, seeds / target):
        for path in corpus.glob("*") if corpus.is_dir() else ():
            shutil.copy(path, start)
    env = {**os.environ, "AFL_NO_UI": "1", "AFL_SKIP_CPUFREQ": "1", "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1", "AFL_NO_AFFINITY": "1", "AFL_FAST_CAL": "1"}
    with (place / f"{target}.log").open("w", encoding="utf-8") as log:
        command = ["afl-fuzz", "-V", seconds, "-G", MAX_LEN, *dictionary(target, "afl"), "-i", start, "-o", work, "--", place / "fuzz" / f"fuzz_{target}"]
        with contextlib.suppress(subprocess.TimeoutExpired):  # It has hung: fuzzer_stats, or their lack, will tell.
            subprocess.run([str(part) for part in command], cwd=ROOT, check=False, stdout=log, stderr=log, env=env, timeout=seconds + 120)
    stats = work / "default" / "fuzzer_stats"
    said = stats.read_text(encoding="utf-8") if stats.exists() else ""
    for crash in (work / "default" / "crashes").glob("id:*"):
        shutil.copy(crash, found / crash.name.replace(":", "-"))
    return {"execs": number(r"execs_done +: (\d+)", said), "rate": number(r"execs_per_sec +: ([\d.]+)", said), "edges": number(r"edges_found +: (\d+)", said), "features": 0,
            "new": number(r"corpus_found +: (\d+)", said)}


def minimise_crashes(place, target):
    """The smallest input with which each one still fails."""
    program = place / "fuzz" / f"fuzz_{target}"
    for path in (place / "found" / target).glob("*"):
        if path.suffix != ".min" and not path.with_suffix(".min").exists():
            run(program, "-minimize_crash=1", "-max_total_time=20", f"-exact_artifact_path={path.with_suffix('.min')}", path)
    return [path for path in (place / "found" / target).glob("*") if path.suffix != ".min"]


def forget_mended(place, target):
    """What earlier campaigns found and fails no more."""
    program, found = place / "fuzz" / f"fuzz_{target}", place / "found" / target
    for path in [path for path in found.glob("*") if path.suffix != ".min"] if found.is_dir() else ():
        if run(program, path).returncode == 0:
            path.unlink()
            path.with_suffix(".min").unlink(missing_ok=True)


def campaign(options, targets):
    place = build(options.engine, targets)
    for target in targets:
        forget_mended(place, target)
    seeds = ROOT / "build-fuzz-seeds"
    shutil.rmtree(seeds, ignore_errors=True)
    must(sys.executable, FUZZ / "seeds.py", seeds)
    fuzz = {"libfuzzer": fuzz_libfuzzer, "afl": fuzz_afl}[options.engine]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = dict(zip(targets, pool.map(lambda target: fuzz(place, target, options.seconds, seeds), targets)))
    print(f"| target ({options.engine}, {options.seconds} s) | executions | a second | edges | features | new inputs | crashes |\n|---|---|---|---|---|---|---|")
    bad = []
    for target, r in results.items():
        crashes = minimise_crashes(place, target) if options.engine == "libfuzzer" else list((place / "found" / target).glob("*"))
        print(f"| {target} | {r['execs']:,} | {r['rate']:,} | {r['edges']:,} | {r['features'] or '-'} | {r['new']:,} | {len(crashes)} |")
        bad += crashes
        if options.engine == "libfuzzer" and r["rate"] < floors()["rates"].get(target, 0):
            bad.append(f"{target} is slower than fuzz/floors.json demands")
        if r["execs"] == 0:
            bad.append(f"{target} did not run: {place / (target + '.log')}")
    for path in bad:
        print(f"found: {path}")
    return 1 if bad else 0


def inputs_of(target):
    return [path for path in (FUZZ / "corpus" / target, FUZZ / "regress" / target) if path.is_dir()]


def profile_of(place, target, inputs, name):
    """What these inputs run through."""
    raw, profile = place / f"{name}.profraw", place / f"{name}.profdata"
    must(place / "fuzz" / f"replay_{target}", *inputs, env={**os.environ, "LLVM_PROFILE_FILE": str(raw)})
    must("llvm-profdata-14", "merge", "-sparse", raw, "-o", profile)
    return profile


def branches_more(place, target, corpus, sources):
    """Inputs that take branches of the sources which the corpus takes not: the compiler had merged them with others for the fuzzer."""
    files = [name for name, floor in floors()["coverage"].items() if target in floor["by"]]
    program = place / "fuzz" / f"replay_{target}"

    def count(*profiles):
        must("llvm-profdata-14", "merge", "-sparse", *profiles, "-o", place / "sum.profdata")
        data = must("llvm-cov-14", "export", "-summary-only", program, f"-instr-profile={place / 'sum.profdata'}", *files)
        return sum(json.loads(data)["data"][0]["totals"][what]["covered"] for what in ("branches", "lines"))

    base = profile_of(place, target, [corpus], "corpus")
    best, kept = count(base), []
    if not files or count(base, profile_of(place, target, sources, "sources")) == best:
        return []
    for path in sorted((path for source in sources for path in source.iterdir() if path.is_file()), key=lambda path: path.stat().st_size):
        got = count(base, profile_of(place, target, [path], "one"))
        if got > best:
            shutil.copy(place / "sum.profdata", base)
            best, kept = got, [*kept, path]
    return kept


def minimise_corpora(targets):
    """corpus/T becomes the fewest inputs that reach what it, the seeds and all campaigns reached."""
    place, covered = build("libfuzzer", targets), build("coverage", targets)
    seeds = ROOT / "build-fuzz-seeds"
    must(sys.executable, FUZZ / "seeds.py", seeds)
    for target in targets:
        fresh = place / "minimised" / target
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        sources = [FUZZ / "corpus" / target, seeds / target, place / "work" / target, ROOT / "build-fuzz-afl" / "work" / target / "default" / "queue"]
        sources = [path for path in sources if path.is_dir()]
        must(place / "fuzz" / f"fuzz_{target}", "-merge=1", f"-max_len={MAX_LEN}", fresh, *sources)
        more = branches_more(covered, target, fresh, sources)
        for path in more:
            shutil.copy(path, fresh)
        shutil.rmtree(FUZZ / "corpus" / target, ignore_errors=True)
        shutil.copytree(fresh, FUZZ / "corpus" / target)
        files = list((FUZZ / "corpus" / target).glob("*"))
        print(f"{target:12} {len(files):5} inputs {sum(path.stat().st_size for path in files):8} bytes")
    return 0


def together(place, targets, name):
    """The profiles of some targets as one, and how llvm-cov is told of their programs."""
    merged = place / f"{name}.profdata"
    must("llvm-profdata-14", "merge", "-sparse", *(place / f"{target}.profdata" for target in targets), "-o", merged)
    programs = [place / "fuzz" / f"replay_{target}" for target in targets]
    return [programs[0], *(f"-object={program}" for program in programs[1:]), f"-instr-profile={merged}"]


def check(targets):
    """Each source file that targets answer for: lines and branches, in per cent, from their corpora alone; and what integers do in them."""
    place, bad = build("coverage", targets), []
    for target in targets:
        profile_of(place, target, inputs_of(target), target)
    print("| file | targets | lines | branches |\n|---|---|---|---|")
    for name, floor in floors()["coverage"].items():
        if not set(floor["by"]) <= set(targets):
            continue
        measured = json.loads(must("llvm-cov-14", "export", "-summary-only", *together(place, floor["by"], "some"), name))["data"][0]["totals"]
        got = {what: measured[what]["percent"] for what in ("lines", "branches")}
        print(f"| {name} | {', '.join(floor['by'])} | {got['lines']:.1f} % of {floor['lines']} | {got['branches']:.1f} % of {floor['branches']} |")
        bad += [f"{name}: fewer {what} are covered than fuzz/floors.json demands" for what in got if got[what] < floor[what]]
    integer = build("integer", targets)
    for target in targets:
        done = run(integer / "fuzz" / f"replay_{target}", *inputs_of(target))
        bad += [f"{target}, integers: {done.stderr[-600:]}"] if done.returncode != 0 else []
    must("llvm-cov-14", "show", "-format=html", f"-output-dir={place / 'html'}", *together(place, targets, "all"))
    print(f"{place / 'html' / 'index.html'}")
    for line in bad:
        print(line)
    return 1 if bad else 0


def fails_on(program, path, bug):
    return run(program, path, env={**os.environ, "PINF_FUZZ_BUG": bug}).returncode != 0


def start_without(place, target, bug, start):
    """The corpus without what finds the bug already: (kept, left out)."""
    replay, left_out = place / "fuzz" / f"replay_{target}", 0
    shutil.rmtree(start, ignore_errors=True)
    start.mkdir(parents=True)
    for directory in inputs_of(target):
        suspicious = fails_on(replay, directory, bug)
        for path in directory.iterdir():
            if suspicious and fails_on(replay, path, bug):
                left_out += 1
            else:
                shutil.copy(path, start)
    return len(list(start.iterdir())), left_out


def hunt(place, target, bug, start, seed, seconds):
    """Seconds until an input is found that fails with the bug, and without it does not; None: none was."""
    found, work = place / "hunt" / f"{bug}-{seed}", place / "hunt" / f"{bug}-{seed}-work"
    for directory in (found, work):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
    program, began = place / "fuzz" / f"fuzz_{target}", time.monotonic()
    run(program, f"-seed={seed}", f"-max_total_time={seconds}", f"-max_len={MAX_LEN}", "-timeout=25", f"-artifact_prefix={found}/", *dictionary(target, "libfuzzer"), work, start,
        env={**os.environ, "PINF_FUZZ_BUG": bug})
    took = time.monotonic() - began
    return took if any(fails_on(program, path, bug) and not fails_on(program, path, "") for path in found.iterdir()) else None


def score(options, targets):
    """The planted bugs: which target finds each, and how soon."""
    planted = {name: bug for name, bug in floors()["bugs"].items() if bug["target"] in targets and (options.bug is None or name in options.bug)}
    place, missed = build("libfuzzer", sorted({bug["target"] for bug in planted.values()}), replay=True), []
    print(f"| planted bug | what is wrong then | target | start: inputs kept, left out | found after (s; {options.rounds} runs, median first) |\n|---|---|---|---|---|", flush=True)

    def one(name):
        target, start = planted[name]["target"], place / "hunt" / f"{name}-start"
        kept, left_out = start_without(place, target, name, start)
        took = [hunt(place, target, name, start, seed, options.seconds) for seed in range(1, options.rounds + 1)]
        return kept, left_out, took

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for name, (kept, left_out, took) in zip(planted, pool.map(one, planted)):
            ordered = sorted(took, key=lambda seconds: float("inf") if seconds is None else seconds)
            median = ordered[len(ordered) // 2]
            said = ", ".join("never" if seconds is None else f"{seconds:.0f}" for seconds in [median, *(s for s in ordered if s is not median)])
            print(f"| `{name}` | {planted[name]['what']} | {planted[name]['target']} | {kept}, {left_out} | {said} |", flush=True)
            missed += [name] if median is None else []
    for name in missed:
        print(f"{name}: not found in {options.seconds} s")
    return 1 if missed else 0


def main():
    targets = all_targets()
    parser = argparse.ArgumentParser(prog="fuzz/run")
    parser.add_argument("--engine", choices=("libfuzzer", "afl"), default="libfuzzer")
    parser.add_argument("--target", action="append", choices=targets, help="may be repeated; all of them without it")
    parser.add_argument("--seconds", type=int, help="for each target (10); with --score for each hunt (300)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="targets at once")
    parser.add_argument("--check", action="store_true", help="coverage of the corpora against floors.json, and its HTML report")
    parser.add_argument("--minimise", action="store_true", help="corpora from all that campaigns found")
    parser.add_argument("--score", action="store_true", help="which planted bugs are found, and how soon")
    parser.add_argument("--bug", action="append", choices=sorted(floors()["bugs"]), help="with --score: may be repeated; all of them without it")
    parser.add_argument("--rounds", type=int, default=3, help="with --score: hunts for each bug")
    options = parser.parse_args()
    options.seconds = options.seconds or (300 if options.score else 10)
    chosen = options.target or targets
    if options.check:
        return check(chosen)
    if options.score:
        return score(options, chosen)
    return minimise_corpora(chosen) if options.minimise else campaign(options, chosen)


if __name__ == "__main__":
    sys.exit(main())
