"""The measurements behind scripts/bench, which installs what this needs and starts the stores.

Each case runs every tool once a round, ours first, then each peer, and compares medians: a ratio
above 1 means that ours took less time. Memory is the peak resident set that GNU time reports; of the
registry's cases it is the server's.
"""

import argparse
import shutil
import subprocess
import sys

from benchmarks import evidence, registry, registry_pages
from benchmarks.place import DOCUMENT, FREE_DISK_MIN, FULL, GIB, QUICK, ROOT, WORK, Failed
from benchmarks.report import document, section

CASES = {
    "bundle-mixed": (evidence.bundle_mixed, "Bundle 1 GiB of mixed files"),
    "bundle-small": (evidence.bundle_small, "Bundle 10,000 files of 4 KiB"),
    "verify": (evidence.verify, "Verify the bundle of 1 GiB of mixed files"),
    "lint": (evidence.lint, "Lint, beside verify"),
    "diff-mixed": (evidence.diff_mixed, "Diff of two bundles of 1 GiB of mixed files, a tenth changed"),
    "diff-small": (evidence.diff_small, "Diff of two bundles of 10,000 files of 4 KiB, all changed"),
    "diff-large": (evidence.diff_large, "Diff of two bundles of 5 GiB"),
    "transfer-file": (evidence.transfer_file, "1 GiB to and from `file://`"),
    "transfer-seaweedfs": (evidence.transfer("seaweedfs"), "1 GiB to and from SeaweedFS"),
    "transfer-ceph": (evidence.transfer("ceph"), "1 GiB to and from Ceph RGW"),
    "memory-seaweedfs": (evidence.memory("seaweedfs"), "5 GiB to and from SeaweedFS, once"),
    "memory-ceph": (evidence.memory("ceph"), "5 GiB to and from Ceph RGW, once"),
    "list": (evidence.list_cost, "List among 100,000 references"),
    "audit": (evidence.audit_cost, "Audit 100,000 bundles, each with a record and a lock"),
    "registry-start": (registry.start, "Registry: start and idle memory"),
    "registry-large": (registry.large(), "Registry: files of 64 MiB on `file://`"),
    "registry-large-seaweedfs": (registry.large("seaweedfs"), "Registry: files of 64 MiB on SeaweedFS"),
    "registry-large-ceph": (registry.large("ceph"), "Registry: files of 64 MiB on Ceph RGW"),
    "registry-small": (registry.small, "Registry: 10,000 files of 4 KiB on SQLite and `file://`"),
    "registry-pages-sqlite": (registry_pages.on_sqlite, "Registry: pages among 1,000,000 packages on SQLite"),
    "registry-pages-postgres": (registry_pages.on_postgres, "Registry: pages among 1,000,000 packages on PostgreSQL"),
    "registry-memory": (registry.memory(), "Registry: memory while 5 GiB go to and from `file://`, once"),
    "registry-memory-seaweedfs": (registry.memory("seaweedfs"), "Registry: memory while 5 GiB go to and from SeaweedFS, once"),
    "registry-memory-ceph": (registry.memory("ceph"), "Registry: memory while 5 GiB go to and from Ceph RGW, once"),
}


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

    case, title = CASES[options.case]
    WORK.mkdir(parents=True, exist_ok=True)
    if not options.quick and shutil.disk_usage(WORK).free < FREE_DISK_MIN:
        sys.exit(f"error: the largest case needs {FREE_DISK_MIN // GIB} GiB of free disk")
    print(f"{options.case}: {title}{' (in small)' if options.quick else ''}", file=sys.stderr)
    try:
        result = {"parts": case(QUICK if options.quick else FULL, options.rounds)}
    except (Failed, subprocess.TimeoutExpired, OSError) as failure:
        result = {"failed": str(failure)}
    lines = section(title, result)
    print("\n".join(lines), flush=True)
    if not options.quick and "failed" not in result:
        DOCUMENT.write_text(document(title, lines, [title for _, title in CASES.values()]))
        print(f"wrote {DOCUMENT.relative_to(ROOT)}", file=sys.stderr)
    return 1 if "failed" in result else 0


sys.exit(main())
