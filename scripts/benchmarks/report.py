"""What came of a case, in its section of docs/BENCHMARKS.md."""

import datetime
import os
import pathlib
import platform
import subprocess
import time

from .data import MIB
from .place import DOCUMENT, ROOT, WORK


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().splitlines()[0]


def package_version(name):
    return first_line("dpkg-query", "--show", "--showformat=${Version}", name)


def postgres_version():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return first_line(found[-1], "--version") if found else "no PostgreSQL"


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
        f"{postgres_version()} on the same machine; docker-registry {package_version('docker-registry')}",
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
        peak = "" if tool["peak_mib"] is None else f"{tool['peak_mib']:.0f}"
        spread = f"{min(tool['seconds']):.2f} to {max(tool['seconds']):.2f}"
        name = tool["tool"].replace("|", "\\|")
        yield f"| {part['what']} | {name} | {tool['median_s']:.2f} | {spread} | {peak} | {ratio} | {aim} | {state} |"


def table_of(part):
    """Rows that are no comparison: texts on the left, numbers on the right. A verdict comes last, where there is an aim."""
    columns = part["columns"]
    texts = ("what", "client", "aim", "")
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "|".join("---" if column in texts else "---:" for column in columns) + "|"
    for row in part["rows"]:
        yield "| " + " | ".join(str(row.get(column, "")) for column in columns) + " |"


def section(title, result):
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
        if "columns" in part:
            lines += table_of(part)
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

The registry is measured as its clients see it, over HTTP on the loopback interface of the same machine. Where a table of
the registry speaks of memory, it is the server's. It writes a row before the first byte, hashes what comes, reads it back
from a store that vouches for nothing, and commits a location and an audit event before it answers; `docker-registry`
hashes and keeps, and a raw PUT or copy only keeps. One program asks all of them: one thread, requests prepared beforehand.

Where the registry misses an aim: it hashes every byte that it hands out, in a profile about a third of the samples, and
`docker-registry` hands out what its disk or bucket gives (from a directory by `sendfile`); a raw PUT or GET and `s5cmd` have no server
between them and the store, on the same two cores; a plain copy crosses no socket. Of small files about a third of the
samples are of threads that wake each other: each statement crosses to the thread of its SQLite connection and back.

The machine:
"""


def document(title, lines, titles):
    """The page with one section new; the others stay as they were measured, in the order of `titles`."""
    sections = {}
    if DOCUMENT.exists():
        for text in DOCUMENT.read_text().split("\n## ")[1:]:
            sections[text.split("\n", 1)[0]] = "## " + text.rstrip()
    sections[title] = "\n".join(lines).rstrip()
    bullets = "\n".join(f"* {line}" for line in machine())
    known = [sections[title] for title in titles if title in sections]
    return "\n\n".join([HEAD + "\n" + bullets, *known]) + "\n"
