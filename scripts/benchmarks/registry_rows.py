"""A million packages, made from a fixed seed: the same rows for both engines, written straight into the tables.

They are spread as those of a team may be: a few producers make most packages, a few subjects have most of them, nine of
ten are finalized, and one in fifty is open and has files. Times go over three years.
"""

import json
import os
import random
import re
import sqlite3
import subprocess
import uuid

START = 1_700_000_000_000_000
YEARS_MICROS = 3 * 365 * 86_400 * 1_000_000
# Far enough that no worker ever finds one past its date.
KEPT_MICROS = 30 * 365 * 86_400 * 1_000_000
CLASSES = {"raw-evidence": 60, "summary-evidence": 20, "release-evidence": 8, "transient": 10, "permanent-record": 2}
STATUSES = {"finalized": 88, "deleted": 8, "open": 2, "deletion_requested": 1, "abandoned": 1}
WORDS = """alpha beacon cedar delta ember falcon granite harbor indigo jasper kestrel lumen maple nickel onyx
pepper quartz raven saffron timber umber violet walnut yarrow zephyr anchor breeze canyon dune estuary""".split()
OPEN_FILES = 10


def zipf(rng, count):
    """A number below `count`; small ones come far more often."""
    return min(int(count ** rng.random()) - 1, count - 1)


def id_at(rng, micros):
    """A UUID v7."""
    milliseconds = micros // 1000
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | rng.getrandbits(12) << 64 | 2 << 62 | rng.getrandbits(62))


class Package:
    """A row of `artifact_packages`, and what belongs to it."""

    __slots__ = ("id", "at", "producer", "subject", "run_id", "retention_class", "status", "metadata", "name", "files", "is_held")

    def __init__(self, rng, number, count):
        self.at = START + YEARS_MICROS * number // count + rng.randrange(1000)
        self.id = id_at(rng, self.at)
        self.producer = f"producer-{zipf(rng, 300)}"
        self.subject = f"{WORDS[zipf(rng, len(WORDS))]}/service-{zipf(rng, 20_000)}"
        self.run_id = f"run-{number // 3}"
        self.retention_class = rng.choices(list(CLASSES), list(CLASSES.values()))[0]
        self.status = rng.choices(list(STATUSES), list(STATUSES.values()))[0]
        self.name = f"{rng.choice(WORDS)} {rng.choice(WORDS)} {number}"
        self.metadata = {
            "repository": f"repository-{zipf(rng, 3_000)}",
            "branch": "main" if rng.random() < 0.6 else f"topic-{rng.randrange(50_000)}",
            "commit": f"{rng.getrandbits(160):040x}",
            "passed": rng.random() < 0.9,
        }
        self.files = OPEN_FILES if self.status == "open" else 0
        self.is_held = rng.random() < 0.005

    def pairs(self):
        return [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in self.metadata.items()]

    def words(self):
        """As the registry makes them: letters and digits in lower case, each once, and one for the tenant."""
        texts = [self.name, self.producer, self.subject, self.run_id, *self.metadata]
        texts += [value for value in self.metadata.values() if isinstance(value, str)]
        return sorted(set(re.findall("[a-z0-9]+", " ".join(texts).lower()))) + ["tenant0default0"]

    def row(self, rules, creator):
        is_bundle = self.status not in ("open", "abandoned")
        digest = self.id.bytes * 2
        return {
            "id": self.id, "tenant_id": "default", "name": self.name, "producer": self.producer, "producer_version": "1.4.2",
            "subject": self.subject, "run_id": self.run_id, "retention_class": self.retention_class,
            "rule_id": rules[self.retention_class], "retention_days": None, "legal_hold_asked": False, "retention_declared": True,
            "status": self.status, "lock_state": "held" if is_bundle else "none", "created_at": self.at, "created_by": creator,
            "declared_created_at": None, "finalized_at": self.at + 5_000_000 if is_bundle else None,
            "expires_at": None if self.retention_class == "permanent-record" else self.at + KEPT_MICROS,
            "metadata": json.dumps(self.metadata), "bundle_id": digest if is_bundle else None,
            "manifest_sha256": digest if is_bundle else None, "files_count": 12 if is_bundle else 0,
            "size_bytes": 1_200_000 if is_bundle else 0, "backend_id": "default", "storage_prefix": "",
            "deletion_requested_at": None, "deletion_requested_by": None, "deletion_reason": None, "deletion_early": False,
            "grace_ticks_left": None, "version": 3,
        }

    def rows(self, creator):
        """Rows of other tables."""
        for key, value in self.pairs():
            yield "package_metadata", {
                "tenant_id": "default", "key": key, "value_text": value, "created_at": self.at, "package_id": self.id,
            }
        for number in range(self.files):
            yield "artifact_files", {
                "id": uuid.UUID(int=self.id.int + number + 1), "tenant_id": "default", "package_id": self.id,
                "relative_path": f"out/{number}.log", "path_nfc": f"out/{number}.log", "media_type": None, "content_type": None,
                "size_bytes": 4096, "sha256": self.id.bytes * 2, "status": "stored",
                "object_key": f"packages/{self.id}/files/{number}", "created_by": creator, "created_at": self.at, "stored_at": self.at,
            }
        if self.is_held:
            yield "legal_holds", {
                "id": uuid.UUID(int=self.id.int + 1), "tenant_id": "default", "package_id": self.id, "reason": "asked",
                "placed_by": creator, "placed_at": self.at, "released_by": None, "released_at": None, "release_reason": None,
                "reach": "held",
            }


def packages(count):
    rng = random.Random(count)
    for number in range(count):
        yield Package(rng, number, count)


# How many packages are handed to an engine at once.
BATCH = 20_000


def in_batches(count):
    batch = []
    for package in packages(count):
        batch.append(package)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def tables_of(batch, package_rows, creator):
    """The rows of some packages, by table."""
    tables = {}
    for package in batch:
        for table, row in package_rows(package):
            tables.setdefault(table, []).append(row)
        for table, row in package.rows(creator):
            tables.setdefault(table, []).append(row)
    return tables


TABLES = ("artifact_packages", "package_metadata", "artifact_files", "legal_holds")


def fill_sqlite(path, count):
    """Indexes are made at the end, and the statistics, which go with an index, put back as the migration wrote them."""
    database = sqlite3.connect(path)
    # Whoever is cut off here begins anew.
    for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000", "temp_store = FILE"):
        database.execute(f"PRAGMA {setting}").fetchall()
    rules = dict(database.execute("SELECT retention_class, id FROM retention_rules WHERE retired_at IS NULL"))
    creator = database.execute("SELECT id FROM principals").fetchone()[0]
    statistics = database.execute("SELECT tbl, idx, stat FROM sqlite_stat1").fetchall()
    indexes = database.execute(
        f"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({', '.join('?' * len(TABLES))})",
        TABLES,
    ).fetchall()
    for name, _ in indexes:
        database.execute(f"DROP INDEX {name}")
    # Its key is its order: it is filled from one end to the other.
    database.execute("CREATE TEMP TABLE unsorted AS SELECT * FROM package_metadata")
    sequence = 0

    def package_rows(package):
        nonlocal sequence
        sequence += 1
        yield "artifact_packages", {"seq": sequence, **package.row(rules, creator)}
        yield "package_text", {"rowid": sequence, "words": " ".join(package.words())}

    def bound(value):
        return value.bytes if isinstance(value, uuid.UUID) else value

    for batch in in_batches(count):
        for table, rows in tables_of(batch, package_rows, creator).items():
            target = "unsorted" if table == "package_metadata" else table
            statement = f"INSERT INTO {target} ({', '.join(rows[0])}) VALUES ({', '.join('?' * len(rows[0]))})"
            database.executemany(statement, ([bound(value) for value in row.values()] for row in rows))
        database.commit()
    database.execute("INSERT INTO package_metadata SELECT * FROM unsorted ORDER BY tenant_id, key, value_text, created_at, package_id")
    for _, made_by in indexes:
        database.execute(made_by)
    database.execute("DELETE FROM sqlite_stat1")
    database.executemany("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", statistics)
    database.commit()
    database.execute("PRAGMA journal_mode = WAL").fetchall()
    database.close()


def psql(url, statement, **settings):
    command = ["psql", url, "--quiet", "--no-psqlrc", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "--command", statement]
    return subprocess.run(command, check=True, capture_output=True, text=True, **settings).stdout


def fill_postgres(url, count):
    """Indexes are made at the end, and references are not looked after."""
    rules = dict(line.split("|") for line in psql(url, "SELECT retention_class, id FROM retention_rules WHERE retired_at IS NULL").split())
    creator = psql(url, "SELECT id FROM principals LIMIT 1").strip()
    names = ", ".join(f"'{table}'" for table in TABLES)
    unowned = f"tablename IN ({names}) AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = indexname)"
    indexes = psql(url, f"SELECT indexname || '|' || indexdef FROM pg_indexes WHERE {unowned}").splitlines()
    for index in indexes:
        psql(url, f"DROP INDEX {index.split('|', 1)[0]}")

    def package_rows(package):
        words = " ".join(f"'{word}'" for word in package.words())
        yield "artifact_packages", {**package.row(rules, creator), "words": words}

    def text(value):
        if value is None:
            return "\\N"
        if isinstance(value, bytes):
            return "\\\\x" + value.hex()
        return str(value)

    unchecked = {**os.environ, "PGOPTIONS": "-c session_replication_role=replica"}
    for batch in in_batches(count):
        for table, rows in tables_of(batch, package_rows, creator).items():
            lines = "".join("\t".join(map(text, row.values())) + "\n" for row in rows)
            psql(url, f"COPY {table} ({', '.join(rows[0])}) FROM STDIN", input=lines, env=unchecked)
    for index in indexes:
        psql(url, f"SET maintenance_work_mem = '256MB'; {index.split('|', 1)[1]}")
    for table in TABLES:
        psql(url, f"VACUUM ANALYZE {table}")
