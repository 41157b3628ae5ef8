"""Where the measurements work, how large they are, and what a failed one is."""

import pathlib

from .data import MIB

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "bench"
DATA = WORK / "data"
DOCUMENT = ROOT / "docs" / "BENCHMARKS.md"
STRONGROOM = ROOT / "target" / "release" / "strongroom"
EXAMPLES = ROOT / "target" / "debug" / "examples"

GIB = 1 << 30

# The largest case keeps a bundle of 5 GiB here, in the store, and as it comes back.
FREE_DISK_MIN = 18 * GIB

FULL = {
    "mixed": GIB, "small_files": 10_000, "transfer": GIB, "large": 5 * GIB, "references": 100_000, "bundles": 100_000,
    "file": 64 * MIB, "files": 8, "packages": 1_000_000, "pages": 300, "starts": 10, "idle_seconds": 10,
}
QUICK = {
    "mixed": 32 * MIB, "small_files": 500, "transfer": 32 * MIB, "large": 64 * MIB, "references": 2_000, "bundles": 2_000,
    "file": 8 * MIB, "files": 4, "packages": 5_000, "pages": 30, "starts": 3, "idle_seconds": 1,
}


class Failed(Exception):
    """A command of a case failed; the case is reported as failed and the others go on."""
