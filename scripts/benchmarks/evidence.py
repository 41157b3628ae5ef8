"""The commands of `strongroom evidence`, beside what does the same work or less of it."""

import hashlib
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
import tarfile

from .bucket import Bucket
from .data import MIB, mixed_directory, small_directory, text_directory
from .place import DATA, EXAMPLES, STRONGROOM, WORK
from .running import always, comparison, in_turn, nothing, removing, run


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
    return [{"columns": ["what", "answers", "requests", "ms", "peak_mib"], "rows": json.loads(printed)}]


def audit_cost(sizes, _rounds):
    """Requests, time and memory to audit many bundles, each with a record that promises a lock."""
    _, _, printed = run([EXAMPLES / "audit_cost", STRONGROOM, str(sizes["bundles"])])
    return [{"columns": ["what", "answers", "requests", "ms", "peak_mib"], "rows": json.loads(printed)}]
