"""What the cases of scripts/check-action work with: a release, stores with buckets, a repository with results."""

import hashlib
import json
import os
import pathlib
import platform
import random
import shutil
import subprocess
import tarfile

import boto3
import botocore.exceptions

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TARGET = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target")
STRONGROOM = (TARGET / "debug" / "strongroom").resolve()
KEYS = {"AWS_ACCESS_KEY_ID": "testaccess", "AWS_SECRET_ACCESS_KEY": "testsecretkey"}
VERSION = "9.8.7"


def run(*command, **options):
    return subprocess.run(list(map(str, command)), check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)


def unique():
    return f"{random.SystemRandom().getrandbits(40):010x}"


def tamper(path):
    """One byte of a file is changed, whoever may write it."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


class Key:
    """A key pair in files, made by openssl."""

    def __init__(self, directory, name):
        self.private, self.public = directory / f"{name}.pem", directory / f"{name}.pub.pem"
        run("openssl", "genpkey", "-algorithm", "ed25519", "-out", self.private)
        run("openssl", "pkey", "-in", self.private, "-pubout", "-out", self.public)
        self.text = self.private.read_text()


class Release:
    """A release of the program at hand, laid out and signed as scripts/release does."""

    def __init__(self, scratch, key):
        self.directory, self.key, self.version = scratch / "release", key, VERSION
        self.directory.mkdir()
        name = f"strongroom-{VERSION}"
        self.archive = self.directory / f"{name}-{platform.machine()}-unknown-linux-gnu.tar.gz"
        with tarfile.open(self.archive, "w:gz", compresslevel=1) as archive:
            archive.add(STRONGROOM, f"{self.archive.name.removesuffix('.tar.gz')}/bin/strongroom")
        bundle = scratch / "release.tar.gz"
        run(STRONGROOM, "evidence", "bundle", self.archive, "--subject", "strongroom", "--run-id", f"release-{VERSION}", "--output", bundle)
        (self.directory / f"{name}.manifest.json").write_text(run("tar", "-xOf", bundle, "manifest.json").stdout)
        run(STRONGROOM, "evidence", "sign", bundle, "--signer", "releases", "--private-key", key.private,
            "--output", self.directory / f"{name}.sigstore.json")

    def tampered(self, scratch):
        """The same release, one byte of its archive changed."""
        directory = scratch / "tampered"
        shutil.copytree(self.directory, directory)
        archive = directory / self.archive.name
        content = bytearray(archive.read_bytes())
        content[len(content) // 2] ^= 1
        archive.write_bytes(content)
        return directory


class Store:
    """A bucket of a real store, with Object Lock unless told otherwise."""

    def __init__(self, name, locks=True):
        self.name, self.endpoint = name, os.environ[f"STRONGROOM_TEST_{name.upper()}"]
        self.bucket = f"action-{unique()}"
        self.client = boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1",
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"], aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )
        self.client.create_bucket(Bucket=self.bucket, **({"ObjectLockEnabledForBucket": True} if locks else {}))
        self.url = f"s3://{self.bucket}/ci"

    def keys(self):
        listed = self.client.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return [each["Key"] for each in listed]

    def holds(self, bundle_id):
        return f"ci/bundles/{bundle_id}.tar.gz" in self.keys()

    def lock(self, receipt):
        version = {"Bucket": self.bucket, "Key": receipt["key"], "VersionId": receipt["version_id"]}
        return self.client.get_object_retention(**version)["Retention"]

    def is_locked(self, receipt):
        version = {"Bucket": self.bucket, "Key": receipt["key"], "VersionId": receipt["version_id"]}
        try:
            self.client.delete_object(**version)
        except botocore.exceptions.ClientError as refused:
            return refused.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        return False

    def let(self, user, policy, without=()):
        """Gives a user of Ceph what a policy of the page gives a role, and no right that is taken out."""
        statements = json.loads(json.dumps(policy["Statement"]).replace("my-evidence", self.bucket))
        for statement in statements:
            statement["Principal"] = {"AWS": [f"arn:aws:iam:::user/{user}"]}
            statement["Action"] = [action for action in statement["Action"] if action not in without]
        self.client.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({**policy, "Statement": statements}))


class Repository:
    """A checked-out repository whose `make test` leaves results."""

    def __init__(self, scratch):
        self.path = scratch / f"repository-{unique()}" / "work"
        self.path.mkdir(parents=True)
        self.results = self.path / "results"
        (self.path / "Makefile").write_text("test:\n\tmkdir -p results\n\tcp -r from/. results\n")
        shutil.copytree(ROOT / "examples/ci-run", self.path / "from")
        shutil.copytree(ROOT / "examples/ci-run", self.results)
        (self.path / "review.json").write_text('{"reviewed": true}')

    def write(self, path, text):
        for directory in ("results", "from"):
            (self.path / directory / path).parent.mkdir(parents=True, exist_ok=True)
            (self.path / directory / path).write_text(text)
        return self

    def remove(self, path):
        for directory in ("results", "from"):
            (self.path / directory / path).unlink()
        return self


def cavra_directory(root):
    """A CAVRA directory with one document, whose manifest has a digest and no signature."""
    content = b'{"session_id": "session-1", "events": []}\n'
    manifest = {
        "schema_version": "cavra.evidence.bundle.v1", "product": "CAVRA", "created_at": "2026-03-01T10:00:00+00:00",
        "signer": "ci@example.org", "files": [{"path": "evidence.json", "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}],
    }
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    root.mkdir()
    (root / "evidence.json").write_bytes(content)
    (root / "manifest.json").write_text(json.dumps({**manifest, "signature": {"algorithm": "SHA256", "value": digest}}))
