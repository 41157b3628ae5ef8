"""Files like those that runs leave behind, made from fixed seeds: the same bytes on every machine."""

import datetime
import json
import random
import shutil
import sys
import zlib

MIB = 1 << 20

WORDS = """accept archive assert attempt bucket build cache check client commit compile config content
create credential daemon default delete digest directory elapsed enforce error evidence expect expire
fetch field finish fixture format handler header identity index input integrity issue job key latency
layer length limit link list load lock manifest merge message metadata method missing module name node
object offset option order output package parse pass path pending policy prefix probe process profile
prove pull push queue range read receipt record refuse region release remote request resolve response
result retain retry return review run sample scan schema scope secret seed send server session sign
size skip source stage start state status step storage store stream subject submit sync table target
task test thread timeout token trace transfer tree update upload user validate value verify version
wait warning worker write""".split()


def log_text(rng, size):
    """Lines as a service writes them: times that grow, levels, ids, durations."""
    lines, length, moment = [], 0, 1_763_700_000_000 + rng.randrange(10**9)
    while length < size:
        moment += rng.randrange(1, 900)
        at = datetime.datetime.fromtimestamp(moment / 1000, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
        line = (
            f"{at[:-3]}Z {rng.choice(('INFO', 'INFO', 'INFO', 'DEBUG', 'WARN'))} {rng.choice(WORDS)}::"
            f"{rng.choice(WORDS)} request_id={rng.getrandbits(64):016x} elapsed_ms={rng.randrange(4000)} "
            f"{' '.join(rng.choices(WORDS, k=rng.randrange(3, 12)))}\n"
        )
        lines.append(line)
        length += len(line)
    return "".join(lines).encode()


def json_text(rng, size):
    """Test results: nested, with digests and numbers."""
    parts, length = [], 0
    while length < size:
        case = {
            "name": "::".join(rng.choices(WORDS, k=4)),
            "outcome": rng.choice(("passed", "passed", "passed", "failed", "skipped")),
            "duration_seconds": round(rng.expovariate(2), 6),
            "digest": f"sha256:{rng.getrandbits(256):064x}",
            "labels": {rng.choice(WORDS): rng.choice(WORDS) for _ in range(3)},
            "output": " ".join(rng.choices(WORDS, k=rng.randrange(30))),
        }
        part = json.dumps(case, indent=2)
        parts.append(part)
        length += len(part)
    return ("[" + ",\n".join(parts) + "]").encode()


def source_text(rng, size):
    """Functions with indentation, names and few distinct words."""
    parts, length = [], 0
    while length < size:
        name, first, second = (rng.choice(WORDS) for _ in range(3))
        body = "\n".join(
            f"    let {rng.choice(WORDS)}_{rng.choice(WORDS)} = {rng.choice(WORDS)}.{rng.choice(WORDS)}"
            f"({rng.choice((first, second))}, {rng.randrange(256)})?;"
            for _ in range(rng.randrange(2, 20))
        )
        part = (
            f"/// {' '.join(rng.choices(WORDS, k=9)).capitalize()}.\n"
            f"pub fn {name}_{first}({first}: &{first.capitalize()}, {second}: usize) -> Result<(), Error> {{\n"
            f"{body}\n    Ok(())\n}}\n\n"
        )
        parts.append(part)
        length += len(part)
    return "".join(parts).encode()


def compressed(rng, size):
    """What archives, images and packages look like to a compressor."""
    out = b""
    while len(out) < size:
        out += zlib.compress(json_text(rng, min(size, MIB)), 6)
    return out[:size]


def random_bytes(rng, size):
    return rng.randbytes(size)


KINDS = ((log_text, "log", 35), (json_text, "json", 20), (source_text, "rs", 15), (compressed, "z", 15), (random_bytes, "bin", 15))


def mixed_directory(parent, total):
    """`total` bytes of files of 1 KiB to 16 MiB, a third of the bytes in logs; the same every time."""
    return directory_of(parent / f"mixed-{total}", total, KINDS)


def text_directory(parent, total):
    """The same with text alone: logs, JSON and sources."""
    return directory_of(parent / f"text-{total}", total, KINDS[:3])


def directory_of(directory, total, kinds):
    complete = directory.with_suffix(".complete")
    if not complete.exists():
        print(f"making {total >> 20} MiB of files", file=sys.stderr)
        shutil.rmtree(directory, ignore_errors=True)
        rng, written, number = random.Random(2), 0, 0
        while written < total:
            make, suffix, _ = rng.choices(kinds, weights=[kind[2] for kind in kinds])[0]
            size = min(int(1024 * 2 ** rng.uniform(0, 14)), total - written)
            content = make(rng, size)[:size]
            path = directory / rng.choice(WORDS) / f"{rng.choice(WORDS)}-{number:05}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            written, number = written + len(content), number + 1
        complete.touch()
    return directory


def small_directory(parent, count):
    """`count` files of 4 KiB of JSON and logs."""
    directory = parent / f"small-{count}"
    complete = directory.with_suffix(".complete")
    if not complete.exists():
        shutil.rmtree(directory, ignore_errors=True)
        rng = random.Random(3)
        for number in range(count):
            path = directory / f"{number % 100:02}" / f"{number:05}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(rng.choice((json_text, log_text))(rng, 4096)[:4096])
        complete.touch()
    return directory
