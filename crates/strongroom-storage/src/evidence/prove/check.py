#!/usr/bin/env python3
"""Checks this folder of evidence with nothing but sha256sum, openssl and Python 3.8 or newer.

usage: ./check

Exits 0 where every file is as it was gathered, every bundle proves its id, and every signature that
counts is good; 1 where anything is not; 2 where a tool is missing. Strongroom is not needed: what is
checked, and how, is all in this file. Compare the digest that is printed at the end with the one that
you were given by another way: this file itself is not covered by it.
"""

import base64
import datetime
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

SUMS_SHA256 = "@SUMS_SHA256@"

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = os.path.basename(os.path.abspath(__file__))
DIGEST = re.compile(r"[0-9a-f]{64}")
problems = []


def say(text):
    # Names in evidence may hold anything: nothing of them reaches the terminal unescaped.
    print(text.encode("unicode_escape").decode("ascii") if not text.isprintable() else text)


def bad(text):
    problems.append(text)
    say("BAD   " + text)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def read(path):
    with open(os.path.join(HERE, path), "rb") as file:
        return file.read()


def run(*command, data=None):
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=HERE)
    return done.returncode == 0, done.stdout.decode("utf-8", "replace")


def parsed_time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


# --- every file is as it was gathered --------------------------------------------------------------


def check_files():
    """Every file that is listed is there with its digest, and no other file is."""
    sums = read("SHA256SUMS")
    if sha256(sums) != SUMS_SHA256:
        bad("SHA256SUMS is not the list that was gathered")
        return False
    done, output = run("sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
    if not done:
        bad("files are not what they were: " + " ".join(output.split("\n")[:5]))
    listed = {line.split("  ", 1)[1] for line in sums.decode("utf-8").splitlines()}
    for folder, _, names in os.walk(HERE):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), HERE)
            if path not in listed and path not in ("SHA256SUMS", NAME):
                bad("a file that was not gathered: " + path)
    if not problems:
        say("ok    %d files are as they were gathered" % len(listed))
    return not problems


# --- every bundle proves its id ----------------------------------------------------------------------


def check_bundle(bundle):
    """The id is the digest of the manifest, and the manifest names every file with its digest."""
    path, wanted = bundle["path"], bundle["bundle_id"].split(":", 1)[1]
    digest = hashlib.sha256()
    with open(os.path.join(HERE, path), "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    if digest.hexdigest() != bundle["archive_sha256"].split(":", 1)[1]:
        bad("%s: another archive than the receipts tell of" % path)
        return
    if bundle["format"] != "strongroom.bundle/v1":
        say("ok    %s is the archive that was stored; its id is by the rules of %s, which are not checked here" % (path, bundle["format"]))
        return
    with tarfile.open(os.path.join(HERE, path), "r|gz") as archive:
        members = iter(archive)
        first = next(members, None)
        manifest = archive.extractfile(first).read() if first is not None and first.isfile() else b""
        if first is None or first.name != "manifest.json" or sha256(manifest) != wanted:
            bad("%s: the manifest is not the one whose digest is the id" % path)
            return
        expected = {"files/" + file["path"]: file for file in json.loads(manifest)["files"]}
        for member in members:
            file = expected.pop(member.name, None)
            if file is None or not member.isfile():
                bad("%s: a member that the manifest does not name" % path)
                return
            digest, size, stream = hashlib.sha256(), 0, archive.extractfile(member)
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
                size += len(block)
            if "sha256:" + digest.hexdigest() != file["sha256"] or size != file["size_bytes"]:
                bad("%s: a file that is not what the manifest says" % path)
                return
        if expected:
            bad("%s: files of the manifest are missing" % path)
            return
    say("ok    %s proves its id, byte for byte" % path)


# --- signatures --------------------------------------------------------------------------------------


def pae(kind, payload):
    """DSSE v1.0.2, pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def key_of(root):
    """The key of a trust root, whose id must be the digest of its SubjectPublicKeyInfo."""
    pem = root["public_key"]
    der = base64.b64decode("".join(line for line in pem.splitlines() if "-----" not in line))
    if "sha256:" + sha256(der) != root["key_id"]:
        bad("a trust root whose key id is not that of its key")
        return None
    return pem


def verifies(root, message, signature, scratch):
    pem = key_of(root)
    if pem is None:
        return False
    files = {"key": pem.encode(), "message": message, "signature": signature}
    for name, data in files.items():
        with open(os.path.join(scratch, name), "wb") as file:
            file.write(data)
    at = lambda name: os.path.join(scratch, name)
    if root["algorithm"] == "Ed25519":
        done, _ = run("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", at("key"), "-rawin",
                      "-in", at("message"), "-sigfile", at("signature"))
    else:
        done, _ = run("openssl", "dgst", "-sha256", "-verify", at("key"), "-signature", at("signature"), at("message"))
    return done


def stamped(token, signature, scratch):
    """The latest time that an RFC 3161 time stamp over the signature may mean, by trust/tsa.pem."""
    if not os.path.exists(os.path.join(HERE, "trust", "tsa.pem")):
        return None
    at = lambda name: os.path.join(scratch, name)
    for name, data in {"token": token, "stamped": signature}.items():
        with open(at(name), "wb") as file:
            file.write(data)
    # The authority's whole answer, or the token alone.
    for form in ([], ["-token_in"]):
        done, text = run("openssl", "ts", "-reply", "-in", at("token"), *form, "-text")
        found = re.search(r"Time stamp: (.+)", text)
        if done and found:
            break
    else:
        return None
    shown = found.group(1).strip()
    layout = "%b %d %H:%M:%S.%f %Y GMT" if "." in shown else "%b %d %H:%M:%S %Y GMT"
    time = datetime.datetime.strptime(shown, layout).replace(tzinfo=datetime.timezone.utc)
    # The authority's certificate had to be good then, and may have ended since.
    done, _ = run("openssl", "ts", "-verify", "-data", at("stamped"), "-in", at("token"), *form,
                  "-CAfile", "trust/tsa.pem", "-attime", str(int(time.timestamp())))
    return time + accuracy(text) if done else None


def accuracy(text):
    """How far off the stated time may be."""
    line = re.search(r"Accuracy: (.+)", text)
    number = lambda unit: re.search(r"(0x[0-9A-Fa-f]+|\d+) %s" % unit, line.group(1) if line else "")
    value = lambda unit: int(number(unit).group(1), 0) if number(unit) else 0
    return datetime.timedelta(seconds=value("seconds"), milliseconds=value("millis"), microseconds=value("micros"))


def judge(root, claimed, times):
    """What a signature by this key is worth: the table of docs/SIGNING.md."""
    first = parsed_time(root["valid_from"]) if "valid_from" in root else None
    last = parsed_time(root["valid_until"]) if "valid_until" in root else None
    inside = lambda time: (first is None or first <= time) and (last is None or time <= last)
    now, earliest = datetime.datetime.now(datetime.timezone.utc), min(times, default=None)
    if root["status"] == "revoked":
        since = parsed_time(root["revoked_at"]) if "revoked_at" in root else None
        if earliest is None or since is None or earliest >= since:
            return "revoked"
    if earliest is not None:
        return "valid" if inside(earliest) else "out of window"
    if (first is not None and first > now) or (claimed is not None and (not inside(claimed) or claimed > now)):
        return "out of window"
    return "valid" if root["status"] == "active" and inside(now) else "no trusted time"


def check_signature(path, bundle, roots, scratch):
    """What a signature is worth; None where it is not about this bundle or is none."""
    document = json.loads(read(path))
    envelope = document["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    [entry] = envelope["signatures"]
    signature = base64.b64decode(entry["sig"])
    root = roots.get(document["verificationMaterial"]["publicKey"]["hint"])
    if root is None:
        return "untrusted", None
    if not verifies(root, pae(envelope["payloadType"].encode(), payload), signature, scratch):
        return "invalid", None
    statement = json.loads(payload)
    digests = {subject["digest"].get("sha256") for subject in statement["subject"]}
    id_covers = bundle["format"] == "strongroom.bundle/v1" and bundle["bundle_id"].split(":", 1)[1] in digests
    if not id_covers and bundle["archive_sha256"].split(":", 1)[1] not in digests:
        return "about another bundle", None
    claimed = statement.get("predicate", {}).get("signed_at")
    material = document["verificationMaterial"].get("timestampVerificationData", {})
    tokens = [base64.b64decode(token["signedTimestamp"]) for token in material.get("rfc3161Timestamps", [])]
    times = [time for time in (stamped(token, signature, scratch) for token in tokens) if time is not None]
    return judge(root, parsed_time(claimed) if claimed else None, times), root["owner"]


def check_signatures(bundle, roots):
    paths = bundle["signatures"]
    if not paths:
        say("note  %s has no signatures" % bundle["path"])
        return
    if roots is None:
        say("note  %s: %d signatures, UNCHECKED: this folder was gathered without a trust root" % (bundle["path"], len(paths)))
        return
    valid = 0
    for path in paths:
        with tempfile.TemporaryDirectory() as scratch:
            try:
                state, owner = check_signature(path, bundle, roots, scratch)
            except (KeyError, ValueError, TypeError):
                state, owner = "not readable", None
        by = " by %s" % owner if owner else ""
        say("%s %s: %s%s" % ("ok   " if state == "valid" else "note ", path, state, by))
        valid += state == "valid"
    if not valid:
        bad("%s: none of its signatures is valid" % bundle["path"])


def main():
    for tool in ("sha256sum", "openssl"):
        if shutil.which(tool) is None:
            print("%s is missing" % tool, file=sys.stderr)
            return 2
    if check_files():
        proof = json.loads(read("proof.json"))
        roots = None
        if proof["trust_roots"] is not None:
            documents = json.loads(read(proof["trust_roots"]))["trust_roots"]
            roots = {root["key_id"]: root for root in documents}
        for bundle in proof["bundles"]:
            check_bundle(bundle)
            check_signatures(bundle, roots)
        if not proof["is_whole"]:
            say("note  this folder is not all that there was: see README.md")
    if problems:
        say("FAILED: %d of the checks did not hold" % len(problems))
        return 1
    say("passed; the digest of SHA256SUMS is sha256:%s" % SUMS_SHA256)
    return 0


if __name__ == "__main__":
    sys.exit(main())
