#!/usr/bin/env -S python3 -I
"""Checks this folder of evidence with nothing but sha256sum, openssl and Python 3.8 or newer.

usage: ./check

Exits 0 where every file is as it was gathered, every bundle proves its id, and every signature that
counts is good; 1 where anything is not; 2 where a tool is missing. Strongroom is not needed: what is
checked, and how, is all in this file. Compare the digest that is printed at the end with the one that
you were given by another way: this file itself is not covered by it.
"""

import sys

if not sys.flags.isolated:
    del sys.path[0]  # nothing that lies in this folder is imported

try:
    import base64
    import datetime
    import hashlib
    import json
    import os
    import re
    import shutil
    import subprocess
    import tarfile
    import tempfile
except ImportError as missing:
    # Debian's python3-minimal has a part of the library only.
    print(f"{missing.name} is missing: this needs the whole standard library of Python", file=sys.stderr)
    sys.exit(2)

SUMS_SHA256 = "@SUMS_SHA256@"

HERE = os.path.dirname(os.path.realpath(__file__))
NAME = os.path.basename(os.path.realpath(__file__))
DIGEST = re.compile(r"[0-9a-f]{64}")
EVIDENCE = "urn:strongroom:attestation:evidence:v1"
CAVRA = "cavra/v1"
MEDIA_TYPES = ("application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.dev.sigstore.bundle+json;version=0.3")
INTEGER_MAX = 2 ** 53 - 1
NAME_BYTES_MAX, STATEMENT_SUBJECTS_MAX, TIMESTAMPS_MAX = 256, 1000, 16
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
    """RFC 3339, as narrowly as Strongroom reads it; Python 3.8 knows at most six digits of a second."""
    day, time, fraction, zone = re.fullmatch(
        r"([0-9]{4}-[0-9]{2}-[0-9]{2})T((?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])(\.[0-9]{1,9})?"
        r"(Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])", text).groups()
    if not "0002" <= day[:4] <= "9998":
        raise ValueError("a year that not every reader has")
    micros = (fraction or ".0")[1:7].ljust(6, "0")
    zone = "+00:00" if zone == "Z" else zone
    return datetime.datetime.fromisoformat("%sT%s.%s%s" % (day, time, micros, zone))


def decoded(text):
    """Base64 in either alphabet, as protobuf's JSON has it."""
    if set("+/") & set(text) and set("-_") & set(text):
        raise ValueError("base64 in two alphabets")
    return exact_base64(text.replace("-", "+").replace("_", "/"))


def exact_base64(text):
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("base64 with loose ends")
    return data


# --- every file is as it was gathered --------------------------------------------------------------


def check_files():
    """Every file that is listed is there with its digest, and no other file is."""
    try:
        sums = read("SHA256SUMS")
    except OSError:
        bad("SHA256SUMS, the list of what was gathered, cannot be read")
        return False
    if sha256(sums) != SUMS_SHA256:
        bad("SHA256SUMS is not the list that was gathered")
        return False
    done, output = run("sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
    if not done:
        bad("files are not what they were: " + " ".join(output.split("\n")[:5]))
    # Bytes, whatever the machine takes names for; and no line ends but line feeds.
    listed = {line.split(b"  ", 1)[1] for line in sums.split(b"\n")[:-1]}
    here = os.fsencode(HERE)
    for folder, folders, names in os.walk(here):
        for name in folders + names:
            path = os.path.relpath(os.path.join(folder, name), here)
            if os.path.islink(os.path.join(folder, name)):
                bad("a link, which nobody gathered: " + os.fsdecode(path))
            elif name in names and path not in listed and path not in (b"SHA256SUMS", os.fsencode(NAME)):
                bad("a file that was not gathered: " + os.fsdecode(path))
    if not problems:
        say("ok    %d files are as they were gathered" % len(listed))
    return not problems


# --- every bundle proves its id ----------------------------------------------------------------------


def sha256_of(path):
    """The digest of a file, and its length."""
    digest, size = hashlib.sha256(), 0
    with open(os.path.join(os.fsencode(HERE), path), "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def once(pairs):
    """An object of JSON that has no name twice."""
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name twice")
    return names


def no_number(text):
    raise ValueError("no JSON: " + text)


def integer(text):
    if abs(int(text)) > INTEGER_MAX:
        raise ValueError("an integer that not every reader has")
    return int(text)


def double(text):
    if float(text) in (float("inf"), float("-inf")):
        raise ValueError("a number that is none")
    return float(text)


def strict_json(data):
    """I-JSON (RFC 7493), for what is signed and for what holds it."""
    value = json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_constant=no_number,
                       parse_int=integer, parse_float=double)
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # refuses half a surrogate pair
    return value


def cavra_manifest(path):
    """The manifest of a CAVRA directory. What Python reads and JSON does not have is refused."""
    text = read(os.path.join(path, "manifest.json")).decode("utf-8")
    return json.loads(text, object_pairs_hook=once, parse_constant=no_number)


def check_directory(path, wanted):
    """The id is the digest of the manifest, which lists every other file, and nothing else is there."""
    if sha256(read(os.path.join(path, "manifest.json"))) != wanted:
        bad("%s: the manifest is not the one whose digest is the id" % path)
        return
    root = os.path.join(os.fsencode(HERE), path.encode())
    found = {os.path.relpath(os.path.join(folder, name), root) for folder, _, names in os.walk(root) for name in names}
    files = {file["path"].encode("utf-8"): file for file in cavra_manifest(path)["files"]}
    if found != set(files) | {b"manifest.json"} or b"manifest.json" in files:
        bad("%s: not the files that the manifest lists" % path)
        return
    for name, file in files.items():
        if sha256_of(os.path.join(path.encode(), name)) != (file["sha256"], file["bytes"]):
            bad("%s: a file that is not what the manifest says" % path)
            return
    say("ok    %s proves its id, byte for byte" % path)


def check_bundle(bundle):
    """The id is the digest of the manifest, and the manifest names every file with its digest."""
    path, wanted = bundle["path"], bundle["bundle_id"].split(":", 1)[1]
    if bundle["format"] == CAVRA:
        check_directory(path, wanted)
        return
    if sha256_of(path.encode())[0] != bundle["archive_sha256"].split(":", 1)[1]:
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


def stamped(answer, signature, scratch):
    """The latest time that an RFC 3161 time stamp over the signature may mean, by trust/tsa.pem."""
    if not os.path.exists(os.path.join(HERE, "trust", "tsa.pem")):
        return None
    at = lambda name: os.path.join(scratch, name)
    for name, data in {"answer": answer, "token": answer, "stamped": signature}.items():
        with open(at(name), "wb") as file:
            file.write(data)
    # Of the authority's answer only the token is signed: anybody can write the rest of it.
    done, _ = run("openssl", "ts", "-reply", "-in", at("answer"), "-token_out", "-out", at("extracted"))
    if done:
        os.replace(at("extracted"), at("token"))
    done, text = run("openssl", "ts", "-reply", "-in", at("token"), "-token_in", "-text")
    times = re.findall(r"^Time stamp: (.+)$", text, re.M)
    digests = re.findall(r"^Hash Algorithm: (.+)$", text, re.M)
    if not done or len(times) != 1 or digests not in (["sha256"], ["sha384"], ["sha512"]):
        return None
    shown = times[0].strip()
    layout = "%b %d %H:%M:%S.%f %Y GMT" if "." in shown else "%b %d %H:%M:%S %Y GMT"
    time = datetime.datetime.strptime(shown, layout).replace(tzinfo=datetime.timezone.utc)
    # The authority's certificate had to be good then, and may have ended since.
    done, _ = run("openssl", "ts", "-verify", "-data", at("stamped"), "-in", at("token"), "-token_in",
                  "-CAfile", "trust/tsa.pem", "-partial_chain", "-attime", str(int(time.timestamp())))
    return time + accuracy(text) if done else None


def accuracy(text):
    """How far off the stated time may be."""
    line = re.search(r"^Accuracy: (.+)$", text, re.M)
    number = lambda unit: re.search(r"(0x[0-9A-Fa-f]+|\d+) %s" % unit, line.group(1) if line else "")
    value = lambda unit: int(number(unit).group(1), 0) if number(unit) else 0
    return datetime.timedelta(seconds=value("seconds"), milliseconds=value("millis"), microseconds=value("micros"))


def judge(root, claimed, times, policy):
    """What a signature by this key is worth: the table of docs/SIGNING.md."""
    first = parsed_time(root["valid_from"]) if "valid_from" in root else None
    last = parsed_time(root["valid_until"]) if "valid_until" in root else None
    inside = lambda time: (first is None or first <= time) and (last is None or time <= last)
    now, earliest = parsed_time(policy["decided_as_of"]), min(times, default=None)
    if root["status"] == "revoked":
        since = parsed_time(root["revoked_at"]) if "revoked_at" in root else None
        if earliest is None or since is None or earliest >= since:
            return "revoked"
    if earliest is not None:
        return "valid" if inside(earliest) else "out of window"
    if (first is not None and first > now) or (claimed is not None and (not inside(claimed) or claimed > now)):
        return "out of window"
    if root["status"] == "active" and inside(now):
        return "valid"
    return "valid" if claimed is not None and policy["accept_claimed_time"] else "no trusted time"


def known_root(hint, roots):
    """A key is named by its digest: as Strongroom writes it, in hexadecimal digits, or in base64."""
    if DIGEST.fullmatch(hint):
        return roots.get("sha256:" + hint)
    if hint in roots:
        return roots[hint]
    try:
        return roots.get("sha256:" + exact_base64(hint).hex())
    except ValueError:
        return None


def check_signature(entry, bundle, roots, policy, scratch):
    """What a signature is worth, by whom it is if it counts, and what to say of it."""
    document = strict_json(read(entry["path"]))
    envelope, material = document["dsseEnvelope"], document["verificationMaterial"]
    if document["mediaType"] not in MEDIA_TYPES or any(
            material.get(other) is not None for other in ("certificate", "x509CertificateChain")):
        return "invalid", None, ""
    payload, kind = decoded(envelope["payload"]), envelope["payloadType"]
    [single] = envelope["signatures"]
    signature = decoded(single["sig"])
    stamps = material.get("timestampVerificationData")
    stamps = {} if stamps is None else stamps
    answers = [decoded(answer["signedTimestamp"]) for answer in stamps.get("rfc3161Timestamps", [])]
    if len(answers) > TIMESTAMPS_MAX:
        return "invalid", None, ""
    root = known_root(material["publicKey"]["hint"], roots)
    if root is None:
        return "untrusted", None, ""
    if kind != "application/vnd.in-toto+json" or not verifies(root, pae(kind.encode(), payload), signature, scratch):
        return "invalid", None, ""
    statement = strict_json(payload)
    predicate_type, subjects = statement["predicateType"], statement["subject"]
    digests = {subject.get("digest", {}).get("sha256") for subject in subjects}
    if statement["_type"] != "https://in-toto.io/Statement/v1" or not 1 <= len(subjects) <= STATEMENT_SUBJECTS_MAX or not all(
            DIGEST.fullmatch(digest) for digest in digests if digest is not None):
        return "invalid", None, ""
    claimed = None
    if predicate_type == EVIDENCE:
        predicate = statement["predicate"]
        claimed = parsed_time(predicate["signed_at"])
        if not 1 <= len(predicate["signer"].encode("utf-8")) <= NAME_BYTES_MAX:
            return "invalid", None, ""
    id_covers_bytes = bundle["format"] in ("strongroom.bundle/v1", CAVRA)
    about_id = id_covers_bytes and bundle["bundle_id"].split(":", 1)[1] in digests
    if not about_id and bundle.get("archive_sha256", ":").split(":", 1)[1] not in digests:
        return "about another bundle", None, ""
    if policy["key_ids"] and root["key_id"] not in policy["key_ids"]:
        return "untrusted", None, ""
    times = [stamped(answer, signature, scratch) for answer in answers]
    times = [time for time in times if time is not None]
    state, remark = judge(root, claimed, times, policy), ""
    locked = [parsed_time(time) for time in entry["lock_times"]]
    if state != "valid" and locked:
        state = judge(root, claimed, times + locked, policy)
        if state == "valid":
            remark = ", by a COMPLIANCE lock that the store told of, which cannot be checked here"
    remark = " by %s%s" % (root["owner"], remark)
    if predicate_type not in policy["predicate_types"]:
        return state, None, remark + ": an attestation, which is not counted"
    return state, root if state == "valid" else None, remark


def own_signature(bundle):
    """The signature that a CAVRA manifest carries: made by somebody who knew a secret, or none."""
    if bundle["format"] != CAVRA:
        return None
    signature = cavra_manifest(bundle["path"]).get("signature")
    return signature if signature and signature["algorithm"] in ("Ed25519", "HS256") else None


def cavra_root(signature, roots, cavra_keys):
    """The trust root of the key that a CAVRA signature names, by both of its names."""
    for root in roots.values():
        names = cavra_keys.get(root["key_id"])
        texts = {sha256(root["public_key"].encode())} | set(names["public_key_sha256"] if names else ())
        key_id = signature.get("key_id") or signature["public_key_sha256"][:16]
        if signature["public_key_sha256"] in texts and (names is None or key_id in names["key_ids"]):
            return root
    return None


def check_own_signature(bundle, roots, cavra_keys, policy, scratch):
    """What the signature in a CAVRA manifest is worth: over the rest of it, as json.dumps has it."""
    manifest = cavra_manifest(bundle["path"])
    signature = manifest.pop("signature")
    # The key decides what is checked: whoever can check an HMAC can make it.
    root = cavra_root(signature, roots, cavra_keys) if signature["algorithm"] == "Ed25519" else None
    if root is None or root["algorithm"] != "Ed25519":
        return "untrusted", None, ""
    message = json.dumps(manifest, sort_keys=True).encode()
    if not verifies(root, message, exact_base64(signature["value"]), scratch):
        return "invalid", None, ""
    if policy["key_ids"] and root["key_id"] not in policy["key_ids"]:
        return "untrusted", None, ""
    state = judge(root, parsed_time(manifest["created_at"]), [], policy)
    return state, root if state == "valid" else None, " by %s, in the manifest itself" % root["owner"]


def check_signatures(bundle, roots, cavra_keys, policy):
    entries, own = bundle["signatures"], own_signature(bundle)
    looking = [(entry["path"], lambda scratch, entry=entry: check_signature(entry, bundle, roots, policy, scratch))
               for entry in entries]
    if own is not None:
        check_own = lambda scratch: check_own_signature(bundle, roots, cavra_keys, policy, scratch)
        looking.insert(0, (bundle["path"] + "/manifest.json", check_own))
    if roots is None:
        if looking:
            say("note  %s: %d signatures, UNCHECKED: this folder was gathered without a trust root" % (bundle["path"], len(looking)))
        return
    keys, owners = set(), set()
    for path, look in looking:
        with tempfile.TemporaryDirectory() as scratch:
            try:
                state, root, remark = look(scratch)
            except Exception:  # whoever may write to a store can put anything beside good signatures
                state, root, remark = "not readable", None, ""
        say("%s %s: %s%s" % ("ok   " if root else "note ", path, state, remark))
        if root:
            keys.add(root["key_id"])
            owners.add(root["owner"])
    if len(keys) < policy["signatures_needed"]:
        bad("%s: %d valid signatures by different keys, where %d are asked for" % (bundle["path"], len(keys), policy["signatures_needed"]))
    for owner in policy["signers"]:
        if owner not in owners:
            bad("%s: %s had to sign, and did not" % (bundle["path"], owner))


def main():
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    for tool in ("sha256sum", "openssl"):
        if shutil.which(tool) is None:
            print("%s is missing" % tool, file=sys.stderr)
            return 2
    if re.match(r"OpenSSL [01]\.|LibreSSL", run("openssl", "version")[1]):
        print("openssl 3.0 or newer is needed", file=sys.stderr)
        return 2
    if check_files():
        proof = json.loads(read("proof.json"))
        roots = None
        if proof["trust_roots"] is not None:
            documents = json.loads(read(proof["trust_roots"]))["trust_roots"]
            roots = {root["key_id"]: root for root in documents}
        cavra_keys = {key["key_id"]: key for key in proof.get("cavra_keys", ())}
        for bundle in proof["bundles"]:
            try:
                check_bundle(bundle)
            except Exception as error:  # a list that was made anew, for a folder of something else
                bad("%s: %s while it was read" % (bundle.get("path"), type(error).__name__))
            check_signatures(bundle, roots, cavra_keys, proof["policy"])
        if not proof["is_whole"]:
            say("note  this folder is not all that there was: see README.md")
    if problems:
        say("FAILED: %d of the checks did not hold" % len(problems))
        return 1
    say("passed; the digest of SHA256SUMS is sha256:%s" % SUMS_SHA256)
    return 0


if __name__ == "__main__":
    sys.exit(main())
