"""Bytes into and out of a registry, and what keeps bytes as plainly as can be: the exchanges of each kind of server."""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import threading
import time
import urllib.parse

from botocore.config import Config
import boto3

from .load import Request, fetched, request, run
from .place import DATA, WORK, Failed
from .running import removing
from .running import run as run_command
from .servers import docker_registry, emptied, strongroom

MIB = 1 << 20


@dataclasses.dataclass(frozen=True)
class Blob:
    """A file that is sent, and what it is known by."""

    path: pathlib.Path
    size_bytes: int
    sha256: str

    @staticmethod
    def of(path):
        with open(path, "rb") as file:
            return Blob(path, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def large_blobs(count, size_bytes):
    """Files of random bytes, made once."""
    directory = DATA / f"blobs-{count}-{size_bytes}"
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / f"{number:04}.bin" for number in range(count)]
    for path in paths:
        if not path.exists() or path.stat().st_size != size_bytes:
            path.write_bytes(os.urandom(size_bytes))
    return [Blob.of(path) for path in paths]


def sent(method, host, target, headers, blob):
    """A small body goes in one piece with its head, a large one by `sendfile`."""
    if blob.size_bytes <= 64 << 10:
        return request(method, host, target, headers, body=blob.path.read_bytes())
    return request(method, host, target, headers, path=blob.path)


# --- what keeps blobs ---------------------------------------------------------------------------
#
# Each has `upload(blobs, connections)` and then `download(connections)`, which answer what the load took, and a
# `server` where one of its own runs.


class InStrongroom:
    name = "strongroom"

    def __init__(self, server):
        self.server = server
        self.headers = {"Authorization": f"Bearer {server.token}"}

    def package(self):
        body = json.dumps({"subject": "bench"}).encode()
        headers = {**self.headers, "Content-Type": "application/json"}

        def create():
            answer = yield request("POST", self.server.host, "/api/v1/packages", headers, body)
            return json.loads(answer.expect(201).body)["package_id"]

        return run(self.server.host, [create()]).results[0]

    def put(self, package, blob):
        asked = sent(
            "PUT", self.server.host, f"/api/v1/packages/{package}/files/{blob.path.parent.name}/{blob.path.name}",
            {**self.headers, "x-content-sha256": blob.sha256}, blob,
        )

        def exchange():
            answer = (yield asked).expect(201)
            return answer.body, blob.size_bytes

        return exchange()

    def upload(self, blobs, connections):
        package = self.package()
        taken = run(self.server.host, [self.put(package, blob) for blob in blobs], connections)
        self.files = [(json.loads(body)["file_id"], size) for body, size in taken.results]
        return taken

    def download(self, connections):
        host = self.server.host
        asked = [(request("GET", host, f"/api/v1/files/{id}/download", self.headers), size) for id, size in self.files]
        return run(host, [fetched(*one) for one in asked], connections)


class InDockerRegistry:
    name = "docker-registry"

    def __init__(self, server):
        self.server = server

    def put(self, blob):
        """What a client of images does: an upload is begun, and its one piece ends it."""
        host = self.server.host
        begin = request("POST", host, "/v2/bench/blobs/uploads/")
        ahead = sent("PUT", host, "{place}", {"Content-Type": "application/octet-stream"}, blob)

        def exchange():
            answer = (yield begin).expect(202)
            place = urllib.parse.urlsplit(answer.headers["location"])
            target = f"{place.path}?{place.query}&digest=sha256:{blob.sha256}"
            (yield Request(ahead.head.replace(b"{place}", target.encode(), 1), ahead.path)).expect(201)
            return blob

        return exchange()

    def upload(self, blobs, connections):
        taken = run(self.server.host, [self.put(blob) for blob in blobs], connections)
        self.blobs = taken.results
        return taken

    def download(self, connections):
        host = self.server.host
        asked = [(request("GET", host, f"/v2/bench/blobs/sha256:{blob.sha256}"), blob.size_bytes) for blob in self.blobs]
        return run(host, [fetched(*one) for one in asked], connections)


class InBucket:
    name = "raw PUT and GET"
    server = None

    def __init__(self, bucket):
        self.bucket = bucket
        self.host = urllib.parse.urlsplit(bucket.endpoint).netloc
        self.client = boto3.client(
            "s3", endpoint_url=bucket.endpoint, region_name="us-east-1", aws_access_key_id="testaccess",
            aws_secret_access_key="testsecretkey",
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )

    def target(self, operation, key):
        """A signed link, so that the client that is measured signs nothing."""
        link = self.client.generate_presigned_url(operation, {"Bucket": self.bucket.name, "Key": key}, 3600)
        return link.split(self.host, 1)[1]

    def put(self, blob):
        asked = sent("PUT", self.host, self.target("put_object", f"raw/{blob.path.name}"), {}, blob)

        def exchange():
            (yield asked).expect(200)
            return blob

        return exchange()

    def upload(self, blobs, connections):
        taken = run(self.host, [self.put(blob) for blob in blobs], connections)
        self.blobs = taken.results
        return taken

    def download(self, connections):
        asked = [
            (request("GET", self.host, self.target("get_object", f"raw/{blob.path.name}")), blob.size_bytes)
            for blob in self.blobs
        ]
        return run(self.host, [fetched(*one) for one in asked], connections)


@dataclasses.dataclass
class Copied:
    seconds: float


class ByS5cmd:
    """A client that only copies, between files and a bucket."""

    name = "s5cmd"
    server = None

    def __init__(self, bucket):
        self.bucket = bucket

    def copy(self, source, target, files_at_once):
        command = ["s5cmd", "--endpoint-url", self.bucket.endpoint, "--numworkers", files_at_once, "cp", source, target]
        return Copied(run_command(command, env=self.bucket.environment)[0])

    def upload(self, blobs, connections):
        return self.copy(f"{blobs[0].path.parent}/*", f"s3://{self.bucket.name}/s5cmd/", connections)

    def download(self, connections):
        removing(WORK / "s5cmd")(0)
        taken = self.copy(f"s3://{self.bucket.name}/s5cmd/*", f"{WORK}/s5cmd/", connections)
        removing(WORK / "s5cmd")(0)
        return taken


class InDirectory:
    """A plain copy, synced with its folder; and a plain read, which crosses no socket."""

    name = "plain copy"
    server = None

    def __init__(self, directory):
        self.directory = directory

    def each(self, act, items, threads):
        waiting, failures = iter(items), []
        taking = threading.Lock()

        def work():
            try:
                while True:
                    with taking:
                        item = next(waiting, None)
                    if item is None:
                        return
                    act(item)
            except OSError as failure:
                failures.append(failure)

        started = time.perf_counter()
        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if failures:
            raise Failed(str(failures[0]))
        return Copied(time.perf_counter() - started)

    def upload(self, blobs, connections):
        folder = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        self.blobs = blobs

        def copy(blob):
            source = os.open(blob.path, os.O_RDONLY)
            target = os.open(self.directory / blob.path.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            done = 0
            while done < blob.size_bytes:
                done += os.sendfile(target, source, done, 4 << 20)
            os.fsync(target)
            os.fsync(folder)
            os.close(source)
            os.close(target)

        taken = self.each(copy, blobs, connections)
        os.close(folder)
        return taken

    def download(self, connections):
        def read(blob):
            with open(self.directory / blob.path.name, "rb", buffering=0) as file:
                scratch = bytearray(MIB)
                while file.readinto(scratch):
                    pass

        return self.each(read, self.blobs, connections)


# --- each with a place of its own ----------------------------------------------------------------


@contextlib.contextmanager
def in_strongroom(store=None, environment=None):
    with strongroom(store, environment) as server:
        yield InStrongroom(server)


@contextlib.contextmanager
def in_docker_registry(bucket=None):
    with docker_registry(bucket) as server:
        yield InDockerRegistry(server)


@contextlib.contextmanager
def in_directory():
    directory = emptied(WORK / "plain")
    directory.mkdir()
    try:
        yield InDirectory(directory)
    finally:
        emptied(directory)
