"""Pages of packages among a million of them, by each filter, as a client waits for them."""

import hashlib
import json
import os
import pathlib
import random
import shutil
import statistics
import sys
import time
import urllib.parse

from .load import request, run
from .place import DATA, ROOT, STRONGROOM
from .registry_rows import START, YEARS_MICROS, fill_postgres, fill_sqlite, packages
from .report import verdict
from .running import run as run_command
from .servers import REGISTRY, emptied, strongroom

ROWS = pathlib.Path(__file__).with_name("registry_rows.py")

PAGE_MS_MAX = 20
DAY_MICROS = 86_400 * 1_000_000
# Packages whose values are asked for. What many packages have is asked for as often more.
ASKED_OF = 2_000


def moment(micros):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(micros // 1_000_000))


def filters(rng, some):
    """What is asked for, by the name of the filter; each time of another package."""
    pick = lambda: rng.choice(some)
    day = lambda: START + rng.randrange(YEARS_MICROS - DAY_MICROS)

    def time_range():
        begin = day()
        return {"created_from": moment(begin), "created_before": moment(begin + DAY_MICROS)}

    return {
        "no filter": lambda: {},
        "producer": lambda: {"producer": pick().producer},
        "subject": lambda: {"subject": pick().subject},
        "run": lambda: {"run_id": pick().run_id},
        "class": lambda: {"class": pick().retention_class},
        "status `finalized`": lambda: {"status": "finalized"},
        "status `deleted`": lambda: {"status": "deleted"},
        "status `open`, whose files are counted": lambda: {"status": "open"},
        "a day": time_range,
        "metadata that few have": lambda: {"metadata": f"commit={pick().metadata['commit']}"},
        "metadata that some have": lambda: {"metadata": f"repository={pick().metadata['repository']}"},
        "metadata that most have": lambda: {"metadata": "branch=main"},
        "a rare word": lambda: {"text": pick().metadata["commit"]},
        "a common word": lambda: {"text": pick().name.split()[0]},
        "two common words": lambda: {"text": " ".join(pick().name.split()[:2])},
        "a word that most have": lambda: {"text": "main"},
        "producer and status `deleted`": lambda: {"producer": pick().producer, "status": "deleted"},
        "class and metadata that some have": lambda: {"class": pick().retention_class, "metadata": f"repository={pick().metadata['repository']}"},
        "producer and a common word": lambda: {"producer": pick().producer, "text": pick().name.split()[0]},
        "what none has: producer, class and status": lambda: {"producer": pick().producer, "class": "permanent-record", "status": "abandoned"},
    }


class Pages:
    def __init__(self, server, count):
        self.server, self.count = server, count
        self.headers = {"Authorization": f"Bearer {server.token}"}

    def request(self, query):
        return request("GET", self.server.host, f"/api/v1/packages?{urllib.parse.urlencode(query)}", self.headers)

    def fetch(self, queries):
        def exchange(asked):
            return json.loads((yield asked).expect(200).body)

        return run(self.server.host, [exchange(self.request(query)) for query in queries])

    def deep_cursor(self, query, begin):
        """Where a client is that has turned nearly all pages of a search: behind one that begins there."""
        page = self.fetch([{**query, "created_before": moment(begin), "limit": 1}]).results[0]
        return page.get("next")

    def measured(self, what, queries):
        # The first ones fill what is kept in memory.
        self.fetch(queries[: len(queries) // 10 + 1])
        taken = self.fetch(queries)
        latencies = sorted(each * 1000 for each in taken.latencies)
        p99 = latencies[min(len(latencies) - 1, int(len(latencies) * 0.99))]
        rows = statistics.mean(len(page["packages"]) for page in taken.results)
        print(f"  {what}: p50 {statistics.median(latencies):.1f} ms, p99 {p99:.1f} ms, {rows:.0f} rows", file=sys.stderr)
        return {
            "what": what, "rows": f"{rows:.0f}", "p50 ms": f"{statistics.median(latencies):.1f}", "p99 ms": f"{p99:.1f}",
            "slowest ms": f"{latencies[-1]:.1f}", "aim": f"< {PAGE_MS_MAX}", "": verdict(p99 < PAGE_MS_MAX),
        }


def measure(server, count, requests):
    rng = random.Random(1)
    some = rng.sample(list(packages(count)), min(ASKED_OF, count))
    pages, rows = Pages(server, count), []
    named = filters(rng, some)
    for what, query in named.items():
        rows.append(pages.measured(what, [query() for _ in range(requests)]))
    for what in ("no filter", "producer", "class", "metadata that most have", "a word that most have"):
        queries = []
        for number in range(requests):
            query = named[what]()
            # Places from the newest package to the oldest.
            cursor = pages.deep_cursor(query, START + YEARS_MICROS // 10 + YEARS_MICROS * number // requests // 100)
            queries.append({**query, **({"cursor": cursor} if cursor else {})})
        rows.append(pages.measured(f"{what}, nine tenths down", queries))
    return rows


def result(rows, requests, notes):
    columns = ["what", "rows", "p50 ms", "p99 ms", "slowest ms", "aim", ""]
    notes = (
        f"Pages of up to 50 packages, {requests} of each kind, one after another on one connection, from the first byte sent to "
        f"the last received. The aim is for the 99th percentile. {notes}"
    )
    return [{"columns": columns, "rows": rows, "notes": notes}]


def filled_directory(count):
    """A data directory with that many packages, made once for each text of the migrations."""
    text = b"".join(path.read_bytes() for path in sorted((ROOT / "migrations" / "sqlite").glob("*.sql")))
    directory = DATA / f"registry-{count}-{hashlib.sha256(text + ROWS.read_bytes()).hexdigest()[:12]}"
    complete = directory.with_suffix(".complete")
    if not complete.exists():
        with strongroom(api_only=True, keep_in=emptied(directory)):
            pass
        timed(lambda: fill_sqlite(directory / "registry.db", count))
        complete.touch()
    return directory


def timed(fill):
    begun = time.perf_counter()
    fill()
    print(f"  filled in {time.perf_counter() - begun:.0f} s", file=sys.stderr)


def on_sqlite(sizes, _rounds):
    shutil.copytree(filled_directory(sizes["packages"]), emptied(REGISTRY))
    try:
        with strongroom(api_only=True, keep_in=REGISTRY) as server:
            rows = measure(server, sizes["packages"], sizes["pages"])
            notes = f"The server had {server.memory_mib('VmHWM'):.0f} MiB at most"
    finally:
        emptied(REGISTRY)
    return result(rows, sizes["pages"], notes)


def on_postgres(sizes, _rounds):
    environment = {"STRONGROOM_DATABASE_URL": os.environ["STRONGROOM_TEST_POSTGRES"]}
    run_command([STRONGROOM, "migrate", "--data-dir", emptied(REGISTRY)], env=environment)
    try:
        with strongroom(environment=environment, api_only=True, keep_in=REGISTRY):
            pass
        timed(lambda: fill_postgres(environment["STRONGROOM_DATABASE_URL"], sizes["packages"]))
        with strongroom(environment=environment, api_only=True, keep_in=REGISTRY) as server:
            rows = measure(server, sizes["packages"], sizes["pages"])
            notes = f"The server had {server.memory_mib('VmHWM'):.0f} MiB at most, without PostgreSQL's own"
    finally:
        emptied(REGISTRY)
    return result(rows, sizes["pages"], notes)
