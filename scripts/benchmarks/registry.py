"""The registry, beside what keeps bytes more plainly: files in and out, memory, and how soon it answers."""

import contextlib
import json
import statistics
import sys
import time

from .blobs import Blob, ByS5cmd, InBucket, in_directory, in_docker_registry, in_strongroom, large_blobs
from .bucket import Bucket
from .data import small_directory
from .place import DATA, GIB, STRONGROOM, WORK
from .report import verdict
from .running import comparison, removing, run
from .servers import REGISTRY, deleting_later, emptied, strongroom

# A file is large, and as fast as the disk or the processor is; of small ones many are under way.
SMALL_AT_ONCE = 32
SMALL_FILES_A_SECOND_MIN = 2_000

IDLE_MIB_MAX = 40
GROWTH_MIB_MAX = 48
START_MS_MAX = 200


# --- large files --------------------------------------------------------------------------------


@contextlib.contextmanager
def emptied_after(bucket, tool):
    """A tool that keeps its blobs in a bucket, which is empty again when it is done."""
    try:
        with tool as keeper:
            yield keeper
    finally:
        bucket.empty()


def tools_in(bucket):
    """Each tool with a fresh place: a directory, or the bucket."""
    if bucket is None:
        return [in_strongroom, in_directory, in_docker_registry]
    return [
        lambda: emptied_after(bucket, in_strongroom(f"s3://{bucket.name}/registry", bucket.environment)),
        lambda: emptied_after(bucket, contextlib.nullcontext(InBucket(bucket))),
        lambda: emptied_after(bucket, contextlib.nullcontext(ByS5cmd(bucket))),
        lambda: emptied_after(bucket, in_docker_registry(bucket)),
    ]


def large(store=None):
    """Uploads and downloads, each tool with a fresh place each time; the peers' aims as ratios."""

    def case(sizes, rounds):
        blobs = large_blobs(sizes["files"], sizes["file"])
        bucket = store and Bucket(store, locked=False)
        aims_up = {"plain copy": 0.9, "raw PUT and GET": 0.9, "s5cmd": 0.9, "docker-registry": 1.0}
        # A plain read crosses no socket.
        aims_down = {**aims_up, "plain copy": None}
        parts = []
        for how, connections in (("one after another", 1), ("four at once", 4)):
            taken = {"upload": {}, "download": {}}
            for _ in range(rounds):
                for tool in tools_in(bucket):
                    with tool() as keeper:
                        note(taken["upload"], keeper, lambda: keeper.upload(blobs, connections))
                        note(taken["download"], keeper, lambda: keeper.download(connections))
            parts.append(comparison(f"upload, {how}", taken["upload"], aims_up))
            parts.append(comparison(f"download, {how}", taken["download"], aims_down))
        parts[-1]["notes"] = f"{len(blobs)} files of {sizes['file'] >> 20} MiB; memory is the server's. " + (
            "Links to the bucket are signed beforehand, and their bodies are not. " if bucket
            else "A plain read crosses no socket: what it shows is the page cache. "
        ) + processor_time(taken, len(blobs) * sizes["file"])
        return parts

    return case


def note(taken, keeper, act):
    """Runs one direction of one tool, and keeps what it took."""
    each = taken.setdefault(keeper.name, {"seconds": [], "peak_mib": [], "cpu": []})
    if keeper.server:
        keeper.server.forget_peak()
        before = keeper.server.cpu_seconds()
    seconds = act().seconds
    each["seconds"].append(round(seconds, 3))
    told = f"  {keeper.name}: {seconds:.2f} s"
    if keeper.server:
        each["peak_mib"].append(round(keeper.server.memory_mib("VmHWM"), 1))
        each["cpu"].append(keeper.server.cpu_seconds() - before)
        told += f", {each['peak_mib'][-1]:.0f} MiB, {each['cpu'][-1]:.2f} s of its CPU"
    print(told, file=sys.stderr)


def processor_time(taken, size_bytes):
    """What the servers themselves compute, which does not depend on how fast the store is."""
    def of(name):
        up, down = (statistics.median(taken[direction][name]["cpu"]) * GIB / size_bytes for direction in ("upload", "download"))
        return f"{name} {up:.1f} s and {down:.1f} s"

    servers = [name for name, each in taken["upload"].items() if each["cpu"]]
    return "CPU time of the server itself for 1 GiB up, and down, four at once: " + "; ".join(map(of, servers))


# --- small files --------------------------------------------------------------------------------


@deleting_later()
def small(sizes, rounds):
    directory = small_directory(DATA, sizes["small_files"])
    blobs = [Blob.of(path) for path in sorted(directory.rglob("*.txt"))]
    rates = {}

    def counted(what, client, seconds, aim=None, peak_mib=None):
        each = rates.setdefault((what, client), {"rates": [], "aim": aim, "peak": []})
        each["rates"].append(len(blobs) / seconds)
        each["peak"] += [peak_mib] if peak_mib else []
        print(f"  {what}, {client}: {len(blobs) / seconds:.0f} files a second", file=sys.stderr)

    for _ in range(rounds):
        for tool in (in_strongroom, in_docker_registry, in_directory):
            with tool() as keeper:
                aim = SMALL_FILES_A_SECOND_MIN if tool is in_strongroom else None
                taken = keeper.upload(blobs, SMALL_AT_ONCE)
                peak = keeper.server and keeper.server.memory_mib("VmHWM")
                if keeper.server:
                    print(f"  client's CPU {taken.client_cpu_seconds:.2f} s, server's {keeper.server.cpu_seconds():.2f} s", file=sys.stderr)
                counted("upload", keeper.name, taken.seconds, aim, peak)
                counted("download", keeper.name, keeper.download(SMALL_AT_ONCE).seconds)
        with in_strongroom() as keeper:
            push_and_pull(keeper, directory, counted)
    rows = []
    for (what, client), each in rates.items():
        median = statistics.median(each["rates"])
        rows.append({
            "what": what, "client": client, "files/s": f"{median:,.0f}",
            "from, to": f"{min(each['rates']):,.0f} to {max(each['rates']):,.0f}",
            "peak MiB": f"{max(each['peak']):.0f}" if each["peak"] else "",
            "aim": f"≥ {each['aim']:,}" if each["aim"] else "", "": verdict(median >= each["aim"]) if each["aim"] else "",
        })
    notes = (
        f"{SMALL_AT_ONCE} files at once, by HTTP where no command is named. A plain copy syncs each file and its folder; "
        "`package push` collects and hashes the directory first"
    )
    return [{"columns": ["what", "client", "files/s", "from, to", "peak MiB", "aim", ""], "rows": rows, "notes": notes}]


def push_and_pull(keeper, directory, counted):
    """What people run: the directory into the registry, the same with `--finalize`, and back as a bundle."""
    environment = {"STRONGROOM_URL": f"http://{keeper.server.host}", "STRONGROOM_TOKEN": keeper.server.token}
    push = [STRONGROOM, "package", "push", directory, "--uploads", str(SMALL_AT_ONCE), "--format", "json"]
    seconds, _, _ = run(push, env=environment)
    counted("upload", "strongroom package push", seconds, SMALL_FILES_A_SECOND_MIN, keeper.server.memory_mib("VmHWM"))
    seconds, _, printed = run([*push, "--subject", "again", "--finalize"], env=environment)
    counted("upload and finalize", "strongroom package push --finalize", seconds, None, keeper.server.memory_mib("VmHWM"))
    out = emptied(WORK / "pulled")
    seconds, _, _ = run([STRONGROOM, "package", "pull", json.loads(printed)["package_id"], "--out", out], env=environment)
    emptied(out)
    counted("download", "strongroom package pull", seconds)


# --- memory and start ---------------------------------------------------------------------------


def memory(store=None):
    """How much one large upload, and its download, add to what the server has before."""

    def case(sizes, _rounds):
        path = WORK / "large.bin"
        with open(path, "wb") as file:
            # A hole: nothing here looks for what bytes are.
            file.truncate(sizes["large"])
        blob = Blob.of(path)
        bucket = store and Bucket(store, locked=False)
        rows = []
        with tools_in(bucket)[0]() as keeper:
            for what, act in (("upload", lambda: keeper.upload([blob], 1)), ("download", lambda: keeper.download(1))):
                time.sleep(sizes["idle_seconds"])
                before = keeper.server.memory_mib("VmRSS")
                keeper.server.forget_peak()
                seconds = act().seconds
                grown = keeper.server.memory_mib("VmHWM") - before
                rows.append({
                    "what": what, "s": f"{seconds:.1f}", "MiB before": f"{before:.0f}", "MiB more at most": f"{grown:.0f}",
                    "aim": f"< {GROWTH_MIB_MAX}", "": verdict(grown < GROWTH_MIB_MAX),
                })
        removing(path)(0)
        return [{"columns": ["what", "s", "MiB before", "MiB more at most", "aim", ""], "rows": rows}]

    return case


def start(sizes, _rounds):
    """From the start of the process to the first `/readyz` that answers 200, and what it has when nothing was asked."""
    first, again, idle = [], [], []
    for _ in range(sizes["starts"]):
        with strongroom() as server:
            first.append(server.start_seconds * 1000)
    emptied(REGISTRY)
    with strongroom(keep_in=REGISTRY):
        pass
    for number in range(sizes["starts"]):
        with strongroom(keep_in=REGISTRY) as server:
            again.append(server.start_seconds * 1000)
            if number < 3:
                time.sleep(sizes["idle_seconds"])
                idle.append(server.memory_mib("VmRSS"))
    emptied(REGISTRY)
    columns = ["what", "median", "from, to", "aim", ""]

    def row(what, values, unit, limit):
        median = statistics.median(values)
        return {
            "what": what, "median": f"{median:.0f} {unit}", "from, to": f"{min(values):.0f} to {max(values):.0f}",
            "aim": f"< {limit}", "": verdict(median < limit),
        }

    return [{"columns": columns, "rows": [
        row("first start, which makes the database", first, "ms", START_MS_MAX),
        row("any other start", again, "ms", START_MS_MAX),
        row(f"resident {sizes['idle_seconds']} s after the start", idle, "MiB", IDLE_MIB_MAX),
    ], "notes": "SQLite and a directory; until the first `/readyz` that answers 200"}]
