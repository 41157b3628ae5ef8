"""The measurements behind scripts/bench, which installs what this needs and starts the stores.

Each case runs every tool once a round, ours first, then each peer, and compares medians: a ratio
above 1 means that ours took less time. Memory is the peak resident set that GNU time reports.
"""

import argparse
import datetime
import hashlib
import json
import os
import pathlib
import platform
import random
import shlex
import shutil
import statistics
import subprocess
import sys
import tarfile
import time

import boto3

from bench_data import MIB, mixed_directory, small_directory, text_directory

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "target" / "bench"
DATA = WORK / "data"
DOCUMENT = ROOT / "docs" / "BENCHMARKS.md"
STRONGROOM = ROOT / "target" / "release" / "strongroom"
EXAMPLES = ROOT / "target" / "debug" / "examples"

GIB = 1 << 30

# The largest case keeps a bundle of 5 GiB here, in the store, and as it comes back.
FREE_DISK_MIN = 18 * GIB
# Which line of `machine` tells what was measured.

FULL = {"mixed": GIB, "small_files": 10_000, "transfer": GIB, "large": 5 * GIB, "references": 100_000, "bundles": 100_000}
QUICK = {"mixed": 32 * MIB, "small_files": 500, "transfer": 32 * MIB, "large": 64 * MIB, "references": 2_000, "bundles": 2_000}

STORES = {"seaweedfs": "STRONGROOM_TEST_SEAWEEDFS", "ceph": "STRONGROOM_TEST_CEPH"}
RCLONE_PROVIDERS = {"seaweedfs": "SeaweedFS", "ceph": "Ceph"}


class Failed(Exception):
    """A command of a case failed; the case is reported as failed and the others go on."""


# --- data ---------------------------------------------------------------------------------------


def incompressible_bundle(total):
    """A bundle whose archive is about `total` bytes long."""
    directory, archive = DATA / f"random-{total}", DATA / f"random-{total}.tar.gz"
    if not archive.exists():
        print(f"making a bundle of {total >> 20} MiB", file=sys.stderr)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        rng, left, number = random.Random(total), total, 0
        while left:
            size = min(left, 64 * MIB)
            (directory / f"{number:04}.bin").write_bytes(rng.randbytes(size))
            left, number = left - size, number + 1
        run([STRONGROOM, "evidence", "bundle", directory, "--output", archive])
        shutil.rmtree(directory)
    return archive


def bundle_id(archive):
    """The identity by its definition, without asking the program that is measured."""
    with tarfile.open(archive, "r|gz") as members:
        return "sha256:" + hashlib.sha256(members.extractfile(members.next()).read()).hexdigest()


# --- running ------------------------------------------------------------------------------------


def run(command, **settings):
    """Runs a command and returns (seconds, peak memory in MiB, what it printed)."""
    if isinstance(command, str):
        command = ["bash", "-o", "pipefail", "-c", command]
    measured = WORK / "time"
    command = ["/usr/bin/time", "--format", "%M", "--output", str(measured), *map(str, command)]
    environment = {**os.environ, **settings.pop("env", {})}
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=1800, stdin=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise Failed(f"exit {done.returncode}: {done.stderr.strip()[-400:]}")
    return seconds, int(measured.read_text().split()[-1]) / 1024, done.stdout


def in_turn(rounds, tools):
    """Runs each tool once a round. `tools` maps a name to (prepare, command); `prepare` is not timed
    and gets the round; `command` gets it too and returns what `run` takes, and an environment."""
    taken = {name: {"seconds": [], "peak_mib": []} for name in tools}
    for number in range(rounds):
        for name, (prepare, command) in tools.items():
            prepare(number)
            line, environment = command(number)
            seconds, peak, _ = run(line, env=environment)
            taken[name]["seconds"].append(round(seconds, 3))
            taken[name]["peak_mib"].append(round(peak, 1))
            print(f"  {name}: {seconds:.2f} s, {peak:.0f} MiB", file=sys.stderr)
    return taken


def nothing(_round):
    pass


def removing(*paths):
    def prepare(_round):
        for path in paths:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    return prepare


def always(command, environment=None):
    return lambda _round: (command, environment or {})


# --- stores -------------------------------------------------------------------------------------


class Bucket:
    """A bucket on one of the stores, and how each tool is told of it."""

    def __init__(self, store, locked):
        self.endpoint = os.environ[STORES[store]]
        self.name = f"bench-{'locked' if locked else 'plain'}-{random.SystemRandom().getrandbits(32):08x}"
        self.client = boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1",
            aws_access_key_id="testaccess", aws_secret_access_key="testsecretkey",
        )
        self.client.create_bucket(Bucket=self.name, **({"ObjectLockEnabledForBucket": True} if locked else {}))
        keys = {"AWS_ACCESS_KEY_ID": "testaccess", "AWS_SECRET_ACCESS_KEY": "testsecretkey", "AWS_REGION": "us-east-1"}
        self.environment = {
            **keys,
            "STRONGROOM_STORE_ENDPOINT": self.endpoint,
            "STRONGROOM_STORE_ALLOW_HTTP": "true",
            "STRONGROOM_STORE_REGION": "us-east-1",
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_CONFIG_STORE_TYPE": "s3",
            "RCLONE_CONFIG_STORE_PROVIDER": RCLONE_PROVIDERS[store],
            "RCLONE_CONFIG_STORE_ENDPOINT": self.endpoint,
            "RCLONE_CONFIG_STORE_ACCESS_KEY_ID": "testaccess",
            "RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY": "testsecretkey",
            "RCLONE_S3_NO_CHECK_BUCKET": "true",
        }

    def empty(self):
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.name):
            for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
                self.client.delete_object(
                    Bucket=self.name, Key=version["Key"], VersionId=version["VersionId"], BypassGovernanceRetention=True
                )


LOCK = ["--lock", "governance", "--retain-until", "1d"]


def transfers(store, archive, rounds):
    """Pushes and pulls of one archive: ours locks, and reads the lock back; the peers only copy."""
    locked, plain = Bucket(store, locked=True), Bucket(store, locked=False)
    out, identity = WORK / "pulled", bundle_id(archive)
    url = lambda number: f"s3://{locked.name}/round-{number}"
    try:
        pushed = in_turn(rounds, {
            "strongroom": (nothing, lambda n: ([STRONGROOM, "evidence", "push", archive, "--store", url(n), *LOCK], locked.environment)),
            "rclone": (nothing, lambda n: (["rclone", "copyto", archive, f"store:{plain.name}/rclone-{n}"], plain.environment)),
            "s5cmd": (nothing, lambda n: (["s5cmd", "--endpoint-url", plain.endpoint, "cp", archive, f"s3://{plain.name}/s5cmd-{n}"], plain.environment)),
        })
        pulled = in_turn(rounds, {
            "strongroom": (removing(out), lambda n: ([STRONGROOM, "evidence", "pull", "--bundle-id", identity, "--out", out, "--store", url(n)], locked.environment)),
            "rclone": (removing(out), lambda n: (["rclone", "copyto", f"store:{plain.name}/rclone-{n}", out], plain.environment)),
            "s5cmd": (removing(out), lambda n: (["s5cmd", "--endpoint-url", plain.endpoint, "cp", f"s3://{plain.name}/s5cmd-{n}", out], plain.environment)),
        })
    finally:
        removing(out)(0)
        locked.empty()
        plain.empty()
    return pushed, pulled


# --- cases --------------------------------------------------------------------------------------


def compare_bundling(directory, rounds):
    ours, theirs, repository = WORK / "ours.tar.gz", WORK / "theirs.tar.gz", WORK / "restic"
    run([STRONGROOM, "evidence", "bundle", directory, "--output", ours, "--force"])
    quoted, target = shlex.quote(str(directory)), shlex.quote(str(theirs))

    def packed(level):
        return f"tar -C {quoted} -cf - . | pigz -p2 -{level} >{target}"

    # At equal size: the level whose archive comes closest to ours.
    sizes, level = {}, 2
    while level < 9 and min(sizes.values(), default=1 << 62) > ours.stat().st_size:
        level += 1
        run(packed(level))
        sizes[level] = theirs.stat().st_size
    level = min(sizes, key=lambda each: abs(sizes[each] - ours.stat().st_size))
    restic = {"RESTIC_PASSWORD": "bench", "RESTIC_REPOSITORY": str(repository), "RESTIC_CACHE_DIR": str(WORK / "restic-cache")}

    def fresh_repository(_round):
        removing(repository, WORK / "restic-cache")(0)
        run(["restic", "init"], env=restic)

    taken = in_turn(rounds, {
        "strongroom": (removing(ours), always([STRONGROOM, "evidence", "bundle", directory, "--output", ours])),
        "tar | pigz -p2": (removing(theirs), always(packed(level))),
        "restic backup": (fresh_repository, always(["restic", "backup", "--quiet", str(directory)], restic)),
    })
    stored = sum(each.stat().st_size for each in repository.rglob("*") if each.is_file())
    notes = f"Archive {ours.stat().st_size / MIB:.1f} MiB; pigz -{level} {sizes[level] / MIB:.1f} MiB; restic repository {stored / MIB:.1f} MiB"
    removing(ours, theirs, repository, WORK / "restic-cache")(0)
    return [comparison("bundle", taken, {"tar | pigz -p2": 1.0, "restic backup": 2.0}, notes)]


def bundle_mixed(sizes, rounds):
    return compare_bundling(mixed_directory(DATA, sizes["mixed"]), rounds)


def bundle_small(sizes, rounds):
    return compare_bundling(small_directory(DATA, sizes["small_files"]), rounds)


def verify(sizes, rounds):
    archive = WORK / "verify.tar.gz"
    run([STRONGROOM, "evidence", "bundle", mixed_directory(DATA, sizes["mixed"]), "--output", archive, "--force"])
    quoted = shlex.quote(str(archive))
    taken = in_turn(rounds, {
        "strongroom": (nothing, always([STRONGROOM, "evidence", "verify", archive])),
        "gzip -dc | sha256sum": (nothing, always(f"gzip -dc {quoted} | sha256sum")),
        "pigz -dc | openssl sha256": (nothing, always(f"pigz -dc {quoted} | openssl dgst -sha256")),
    })
    removing(archive)(0)
    return [comparison("verify", taken, {"gzip -dc | sha256sum": 3.0, "pigz -dc | openssl sha256": 1.0})]


def lint(sizes, rounds):
    """Looking a bundle over beside only verifying it, which it does too."""
    parts = []
    for what, archive in (
        ("1 GiB of random bytes", incompressible_bundle(sizes["transfer"])),
        ("1 GiB of mixed files", bundled(mixed_directory(DATA, sizes["mixed"]))),
        ("1 GiB of text", bundled(text_directory(DATA, sizes["mixed"]))),
        ("5 GiB of random bytes", incompressible_bundle(sizes["large"])),
    ):
        taken = in_turn(rounds, {
            "evidence lint": (nothing, always([STRONGROOM, "evidence", "lint", archive, "--fail-on", "never"])),
            "evidence verify": (nothing, always([STRONGROOM, "evidence", "verify", archive])),
        })
        aim = {"evidence verify": 0.91} if "random" in what else {}
        parts.append(comparison(what, taken, aim))
        if what != "1 GiB of random bytes":
            removing(archive)(0)
    parts[-1]["notes"] = "0.91 is a lint that takes 1.1 times as long as a verification; what text costs is reported, not aimed at"
    return parts


def bundled(directory):
    archive = WORK / f"{directory.name}.tar.gz"
    run([STRONGROOM, "evidence", "bundle", directory, "--output", archive, "--force"])
    return archive


def transfer_file(sizes, rounds):
    archive, out = incompressible_bundle(sizes["transfer"]), WORK / "pulled"
    store, copies, identity = WORK / "file-store", WORK / "copies", bundle_id(archive)
    removing(store, copies)(0)
    copies.mkdir()
    quiet = {"RCLONE_CONFIG": "/dev/null"}
    url = lambda number: f"file://{store}/round-{number}"
    pushed = in_turn(rounds, {
        "strongroom": (nothing, lambda n: ([STRONGROOM, "evidence", "push", archive, "--store", url(n), *LOCK], {})),
        "rclone": (nothing, lambda n: (["rclone", "copyto", archive, copies / f"{n}"], quiet)),
    })
    pulled = in_turn(rounds, {
        "strongroom": (removing(out), lambda n: ([STRONGROOM, "evidence", "pull", "--bundle-id", identity, "--out", out, "--store", url(n)], {})),
        "rclone": (removing(out), lambda n: (["rclone", "copyto", copies / f"{n}", out], quiet)),
    })
    subprocess.run(["chmod", "-R", "u+w", store], check=False)
    removing(store, copies, out)(0)
    return [comparison("push", pushed, {"rclone": 1.0}), comparison("pull", pulled, {})]


def transfer(store):
    def case(sizes, rounds):
        pushed, pulled = transfers(store, incompressible_bundle(sizes["transfer"]), rounds)
        return [
            comparison("push", pushed, {"rclone": 1.0, "s5cmd": 0.9}),
            comparison("pull", pulled, {"s5cmd": 0.9}),
        ]

    return case


def memory(store):
    def case(sizes, _rounds):
        archive, out = incompressible_bundle(sizes["large"]), WORK / "pulled"
        bucket, identity = Bucket(store, locked=True), bundle_id(archive)
        location = ["--store", f"s3://{bucket.name}"]
        pushed = in_turn(1, {"strongroom": (nothing, always([STRONGROOM, "evidence", "push", archive, *location, *LOCK], bucket.environment))})
        pulled = in_turn(1, {"strongroom": (nothing, always([STRONGROOM, "evidence", "pull", "--bundle-id", identity, "--out", out, *location], bucket.environment))})
        removing(out, archive)(0)
        bucket.empty()
        return [comparison("push", pushed, {}, peak_mib_max=48), comparison("pull", pulled, {}, peak_mib_max=48)]

    return case


def changed_bundles(directory, name, is_changed):
    """A bundle of the directory, and one of it with other lines in the files that are picked."""
    base, candidate, copy = (WORK / f"{name}-base.tar.gz", WORK / f"{name}-candidate.tar.gz", WORK / f"{name}-candidate")
    removing(base, candidate, copy)(0)
    run([STRONGROOM, "evidence", "bundle", directory, "--output", base])
    shutil.copytree(directory, copy, copy_function=os.link)
    for number, path in enumerate(sorted(each for each in copy.rglob("*") if each.is_file())):
        if is_changed(number):
            content = path.read_bytes()
            path.unlink()
            middle = len(content) // 2
            path.write_bytes(content[:middle] + b"\nchanged\n" + content[middle + 1 :])
    run([STRONGROOM, "evidence", "bundle", copy, "--output", candidate])
    removing(copy)(0)
    return base, candidate


def compare_both(base, candidate, rounds, peak_mib_max=None):
    """A diff beside one verification after the other: it may take a tenth more than both."""
    one, other = shlex.quote(str(base)), shlex.quote(str(candidate))
    quoted = shlex.quote(str(STRONGROOM))
    taken = in_turn(rounds, {
        "strongroom": (nothing, always(f"{quoted} evidence diff {one} {other} --format json >/dev/null")),
        "verify of both": (nothing, always(f"{quoted} evidence verify {one} && {quoted} evidence verify {other}")),
    })
    removing(base, candidate)(0)
    return [comparison("diff", taken, {"verify of both": 0.91}, peak_mib_max=peak_mib_max)]


def diff_mixed(sizes, rounds):
    bundles = changed_bundles(mixed_directory(DATA, sizes["mixed"]), "mixed", lambda number: number % 10 == 0)
    return compare_both(*bundles, rounds)


def diff_small(sizes, rounds):
    bundles = changed_bundles(small_directory(DATA, sizes["small_files"]), "small", lambda number: True)
    return compare_both(*bundles, rounds)


def diff_large(sizes, rounds):
    directory, total = DATA / "large", sizes["large"]
    removing(directory)(0)
    directory.mkdir(parents=True)
    rng = random.Random(total)
    for number in range(max(1, total // (64 * MIB))):
        (directory / f"{number:04}.bin").write_bytes(rng.randbytes(64 * MIB))
    (directory / "report.json").write_text(json.dumps({"passed": list(range(10_000))}, indent=1))
    bundles = changed_bundles(directory, "large", lambda number: number % 40 == 0)
    removing(directory)(0)
    return compare_both(*bundles, rounds, peak_mib_max=48)


def list_cost(sizes, _rounds):
    """Requests and time to list a run and a day, and to pull by id, among many references."""
    _, _, printed = run([EXAMPLES / "list_cost", STRONGROOM, str(sizes["references"])])
    return [{"what": "requests", "requests": json.loads(printed)}]


def audit_cost(sizes, _rounds):
    """Requests, time and memory to audit many bundles, each with a record that promises a lock."""
    _, _, printed = run([EXAMPLES / "audit_cost", STRONGROOM, str(sizes["bundles"])])
    return [{"what": "requests", "requests": json.loads(printed)}]


CASES = {
    "bundle-mixed": (bundle_mixed, "Bundle 1 GiB of mixed files"),
    "bundle-small": (bundle_small, "Bundle 10,000 files of 4 KiB"),
    "verify": (verify, "Verify the bundle of 1 GiB of mixed files"),
    "lint": (lint, "Lint, beside verify"),
    "diff-mixed": (diff_mixed, "Diff of two bundles of 1 GiB of mixed files, a tenth changed"),
    "diff-small": (diff_small, "Diff of two bundles of 10,000 files of 4 KiB, all changed"),
    "diff-large": (diff_large, "Diff of two bundles of 5 GiB"),
    "transfer-file": (transfer_file, "1 GiB to and from `file://`"),
    "transfer-seaweedfs": (transfer("seaweedfs"), "1 GiB to and from SeaweedFS"),
    "transfer-ceph": (transfer("ceph"), "1 GiB to and from Ceph RGW"),
    "memory-seaweedfs": (memory("seaweedfs"), "5 GiB to and from SeaweedFS, once"),
    "memory-ceph": (memory("ceph"), "5 GiB to and from Ceph RGW, once"),
    "list": (list_cost, "List among 100,000 references"),
    "audit": (audit_cost, "Audit 100,000 bundles, each with a record and a lock"),
}


def comparison(what, taken, aims, notes="", peak_mib_max=None):
    tools = [
        {"tool": name, "seconds": each["seconds"], "median_s": round(statistics.median(each["seconds"]), 3), "peak_mib": max(each["peak_mib"])}
        for name, each in taken.items()
    ]
    for tool in tools[1:]:
        tool["ratio"] = round(tool["median_s"] / tools[0]["median_s"], 2)
        tool["aim"] = aims.get(tool["tool"])
    return {"what": what, "tools": tools, "notes": notes, "peak_mib_max": peak_mib_max}


# --- report -------------------------------------------------------------------------------------


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().splitlines()[0]


def fsyncs_a_second():
    path, count = WORK / "fsync", 500
    with open(path, "wb", buffering=0) as file:
        started = time.perf_counter()
        for _ in range(count):
            file.write(b"x" * 512)
            os.fsync(file.fileno())
        seconds = time.perf_counter() - started
    path.unlink()
    return int(count / seconds)


def machine():
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    kib = int(next(line.split()[1] for line in open("/proc/meminfo") if line.startswith("MemTotal")))
    return [
        f"{os.cpu_count()} cores of {cpu}, {kib / MIB:.0f} GiB of memory, Linux {platform.release()}",
        f"{fsyncs_a_second()} sequential fsyncs a second",
        f"{first_line('rustc', '--version')}; {first_line('restic', 'version')}; {first_line('pigz', '--version')}; {first_line('gzip', '--version')}; "
        f"{first_line('openssl', 'version')}; {first_line('rclone', 'version')}; s5cmd {first_line('s5cmd', 'version')}",
        f"{first_line('radosgw', '--version').split(' (')[0]} on bluestore; SeaweedFS 4.48; both on the same machine as the clients",
    ]


def verdict(reached):
    return "reached" if reached else "**missed**"


def rows(part):
    for tool in part["tools"]:
        ratio, aim, state = "", "", ""
        if "ratio" in tool:
            ratio = f"{tool['ratio']:.2f}"
            if tool["aim"]:
                aim, state = f"≥ {tool['aim']:g}", verdict(tool["ratio"] >= tool["aim"])
        elif part["peak_mib_max"]:
            aim, state = f"< {part['peak_mib_max']} MiB", verdict(tool["peak_mib"] < part["peak_mib_max"])
        spread = f"{min(tool['seconds']):.2f} to {max(tool['seconds']):.2f}"
        name = tool["tool"].replace("|", "\\|")
        yield f"| {part['what']} | {name} | {tool['median_s']:.2f} | {spread} | {tool['peak_mib']:.0f} | {ratio} | {aim} | {state} |"


def section(name, result):
    title = CASES[name][1]
    date = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M")
    commit = first_line("git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD")
    lines = [f"## {title}", "", f"Strongroom at commit {commit}, {date} (UTC).", ""]
    if "failed" in result:
        return lines + [f"Failed: {result['failed']}", ""]
    table = [part for part in result["parts"] if "tools" in part]
    if table:
        lines += ["| what | tool | median s | from, to | peak MiB | ratio | aim | |", "|---|---|---:|---|---:|---:|---|---|"]
        lines += [row for part in table for row in rows(part)]
    for part in result["parts"]:
        if "requests" in part:
            lines += ["| what | answers | requests | ms | peak MiB |", "|---|---:|---:|---:|---:|"]
            columns = ["what", "answers", "requests", "ms", "peak_mib"]
            lines += ["| " + " | ".join(str(each[column]) for column in columns) + " |" for each in part["requests"]]
        if part.get("notes"):
            lines += ["", part["notes"] + "."]
    return lines + [""]


HEAD = """# Benchmarks

Written by `scripts/bench`, which replaces the sections of the cases that it measures; do not edit. Each round runs
every tool in turn; ratios compare medians and are above 1 where Strongroom took less time. A push hashes and verifies
the archive, locks it, reads the lock back and leaves a receipt, a pull verifies before the file appears;
the peers copy. Memory is the peak resident set of the client; the peers' with 5 GiB is what it is with 1 GiB.

Where an aim is missed: a pull hashes every byte twice (archive and content) and syncs; a push hashes it three times
(archive, content, each part), and to `file://` a fourth time, since the bytes are read back: all on the same two cores
as the store. A client that only copies takes half the CPU time of one verification. For bundles see
[ADR 8](adr/0008-deflate-level-3.md).

The machine:
"""


def document(name, lines):
    """The page with one section new; the others stay as they were measured."""
    sections = {}
    if DOCUMENT.exists():
        for text in DOCUMENT.read_text().split("\n## ")[1:]:
            sections[text.split("\n", 1)[0]] = "## " + text.rstrip()
    sections[CASES[name][1]] = "\n".join(lines).rstrip()
    bullets = "\n".join(f"* {line}" for line in machine())
    known = [sections[title] for _, title in CASES.values() if title in sections]
    return "\n\n".join([HEAD + "\n" + bullets, *known]) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works; writes no document")
    parser.add_argument("--case", choices=CASES, help="what to measure; its store is in the environment")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--list", action="store_true", help="name the cases")
    options = parser.parse_args()
    if options.list or not options.case:
        print(*(f"{name}: {title}" for name, (_, title) in CASES.items()), sep="\n")
        return 0

    WORK.mkdir(parents=True, exist_ok=True)
    if not options.quick and shutil.disk_usage(WORK).free < FREE_DISK_MIN:
        sys.exit(f"error: the largest case needs {FREE_DISK_MIN // GIB} GiB of free disk")
    print(f"{options.case}: {CASES[options.case][1]}{' (in small)' if options.quick else ''}", file=sys.stderr)
    try:
        result = {"parts": CASES[options.case][0](QUICK if options.quick else FULL, options.rounds)}
    except (Failed, subprocess.TimeoutExpired, OSError) as failure:
        result = {"failed": str(failure)}
    lines = section(options.case, result)
    print("\n".join(lines), flush=True)
    if not options.quick and "failed" not in result:
        DOCUMENT.write_text(document(options.case, lines))
        print(f"wrote {DOCUMENT.relative_to(ROOT)}", file=sys.stderr)
    return 1 if "failed" in result else 0


sys.exit(main())
