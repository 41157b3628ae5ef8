"""The servers that are measured: each alone, on a free port of the loopback interface, with a fresh directory."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time

from .place import STRONGROOM, WORK, Failed

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 60


def free_host():
    """A port of the loopback interface that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


class Server:
    """A process that answers HTTP."""

    def __init__(self, host, command, ready, environment=None):
        """Starts it, and waits until `ready` (a target) answers 200."""
        self.host = host
        self.log = open(WORK / "server.log", "wb")
        started = time.perf_counter()
        self.process = subprocess.Popen(
            [str(part) for part in command],
            env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
        )
        while not self.answers(ready):
            if self.process.poll() is not None or time.perf_counter() - started > START_SECONDS_MAX:
                self.stop()
                raise Failed(f"{command[0]} did not start: {(WORK / 'server.log').read_text()[-400:]}")
            time.sleep(0.001)
        self.start_seconds = time.perf_counter() - started

    def answers(self, target):
        name, port = self.host.rsplit(":", 1)
        try:
            with socket.create_connection((name, int(port)), timeout=5) as asking:
                asking.sendall(f"GET {target} HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n\r\n".encode())
                return asking.recv(64).split(b" ")[1:2] == [b"200"]
        except OSError:
            return False

    def memory_mib(self, field):
        """`VmRSS` is what it has now, `VmHWM` the most it had."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(field + ":")) / 1024

    def forget_peak(self):
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as peak:
            peak.write("5")

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            user, system = stat.read().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


REGISTRY = WORK / "registry"


ASIDE = WORK / "aside"


def emptied(directory):
    """The directory's place with nothing there."""
    if ASIDE.is_dir() and directory.exists():
        directory.rename(ASIDE / f"{len(os.listdir(ASIDE))}")
    shutil.rmtree(directory, ignore_errors=True)
    return directory


@contextlib.contextmanager
def deleting_later():
    """Until its end what is emptied is put aside. For some minutes after thousands of files were deleted, ext4 looks long
    for the inode of each new one: a tool would pay for the one before it."""
    shutil.rmtree(ASIDE, ignore_errors=True)
    ASIDE.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(ASIDE)


@contextlib.contextmanager
def strongroom(store=None, environment=None, keep_in=None, api_only=False):
    """The registry on a fresh directory, or on one that stays; its store is there too, unless one is named. Without
    workers, where only requests are to be measured."""
    directory = keep_in or emptied(REGISTRY)
    host = free_host()
    command = [STRONGROOM, "serve", "--listen", host, "--data-dir", directory, *(["--store", store] if store else [])]
    command += ["--api-only"] if api_only else []
    server = Server(host, command, "/readyz", environment)
    server.token = (directory / "admin-token").read_text().strip()
    try:
        yield server
    finally:
        server.stop()
        if keep_in is None:
            emptied(directory)


@contextlib.contextmanager
def docker_registry(bucket=None):
    """Debian's package of the reference registry of container images, with its store in a directory or in a bucket, whose
    bytes it hands out itself, and with no log of requests."""
    directory = emptied(WORK / "docker-registry")
    directory.mkdir(parents=True)
    if bucket is None:
        storage = {"filesystem": {"rootdirectory": str(directory / "data")}}
    else:
        storage = {
            "s3": {
                "region": "us-east-1", "regionendpoint": bucket.endpoint, "bucket": bucket.name, "rootdirectory": "/docker",
                "accesskey": "testaccess", "secretkey": "testsecretkey", "secure": False, "v4auth": True,
            },
            "redirect": {"disable": True},
        }
    host = free_host()
    configuration = directory / "config.yml"
    # JSON is YAML.
    configuration.write_text(json.dumps({
        "version": 0.1, "log": {"level": "error", "accesslog": {"disabled": True}}, "http": {"addr": host},
        "storage": {**storage, "maintenance": {"uploadpurging": {"enabled": False}}},
    }))
    server = Server(host, ["docker-registry", "serve", configuration], "/v2/")
    try:
        yield server
    finally:
        server.stop()
        emptied(directory)
