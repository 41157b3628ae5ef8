"""Running what is measured, each tool in turn, and setting the medians side by side."""

import os
import shutil
import statistics
import subprocess
import sys
import time

from .place import WORK, Failed


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


def comparison(what, taken, aims, notes="", peak_mib_max=None):
    tools = [
        {"tool": name, "seconds": each["seconds"], "median_s": round(statistics.median(each["seconds"]), 3), "peak_mib": max(each["peak_mib"], default=None)}
        for name, each in taken.items()
    ]
    for tool in tools[1:]:
        tool["ratio"] = round(tool["median_s"] / tools[0]["median_s"], 2)
        tool["aim"] = aims.get(tool["tool"])
    return {"what": what, "tools": tools, "notes": notes, "peak_mib_max": peak_mib_max}
