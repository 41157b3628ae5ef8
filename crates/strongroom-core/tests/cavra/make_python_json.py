#!/usr/bin/env python3
"""Writes python_json.txt: JSON texts, each followed by what Python's own json module makes of it.

usage: python3 crates/strongroom-core/tests/cavra/make_python_json.py
"""

import json
import pathlib
import random
import struct

CHOSEN = [
    "0", "-0", "-0.0", "0.0", "1e0", "1E+2", "1e15", "1e16", "1e-4", "1e-5", "123456789012345680.0",
    "9007199254740993", "123456789012345678901234567890", "-" + "7" * 400, "1.7976931348623157e308",
    "5e-324", "2.2250738585072014e-308", "1e-400", "0.1", "100.0", "1e22", "1e23", "9.5", "-1.25e-7",
    '"\\ud83d\\ude00"', '"\U0001f600"', '"\\ud83d"', '"\\ude00\\ud83d"', '"\\ud83d\\ud83d\\ude00"',
    '"\\ud83dx"', '"\\ud83d\\n"', '"\\u0000\\u001f\\u007f\\u0080\\u2028"', '"\\/\\b\\f\\n\\r\\t\\"\\\\"',
    '"\x7f\xe9\u20ac\uffff"', "[]", "{}", "[ ]", "{ }", "[null, true, false]", ' [1 ,\t2 , {"a" : 3 } ] ',
    '{"b": 1, "a": {"d": [], "c": {}}, "\\u00e9": 2, "Z": 3, "\\uff61": 4, "\\ud83d\\ude00": 5, "\\ud800": 6}',
]


def number(rng):
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randrange(-(10 ** rng.randrange(1, 60)), 10 ** rng.randrange(1, 60))
    if kind == 1:
        return rng.randrange(-1000, 1000) / 10 ** rng.randrange(1, 20)
    if kind == 2:
        return float(rng.randrange(10**18)) * 10 ** rng.randrange(-10, 10)
    while True:
        (double,) = struct.unpack("<d", rng.randbytes(8))
        if abs(double) < float("inf"):
            return double


def text(rng):
    ranges = [(0, 0x20), (0x20, 0x7F), (0x7F, 0x800), (0x800, 0x10000), (0xD800, 0xE000), (0x10000, 0x110000)]
    return "".join(chr(rng.randrange(*rng.choice(ranges))) for _ in range(rng.randrange(8)))


def value(rng, depth):
    kind = rng.randrange(6 if depth < 4 else 4)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind <= 2:
        return number(rng)
    if kind == 3:
        return text(rng)
    if kind == 4:
        return [value(rng, depth + 1) for _ in range(rng.randrange(5))]
    return {text(rng): value(rng, depth + 1) for _ in range(rng.randrange(5))}


def spelled(rng, one):
    """One of the ways to write a value; lone surrogates can only be escaped."""
    spelling = json.dumps(one, separators=rng.choice([(", ", ": "), (",", ":"), (" ,\t", " : ")]), ensure_ascii=False)
    try:
        spelling.encode()
    except UnicodeEncodeError:
        return json.dumps(one)
    return spelling if rng.randrange(2) else json.dumps(one)


def main():
    rng = random.Random(20261122)
    texts = CHOSEN + [spelled(rng, value(rng, 0)) for _ in range(600)]
    lines = []
    for one in texts:
        lines += [one, json.dumps(json.loads(one), sort_keys=True)]
    path = pathlib.Path(__file__).with_name("python_json.txt")
    path.write_bytes(("\n".join(lines) + "\n").encode())


main()
