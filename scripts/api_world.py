"""A registry for scripts/check-api to ask, with packages in every state that there is, and what its metrics tell."""

import base64
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid

SCRIPTS = pathlib.Path(__file__).resolve().parent
TARGET = SCRIPTS.parent / (os.environ.get("CARGO_TARGET_DIR") or "target")
STRONGROOM = TARGET / "debug" / "strongroom"
API = "/api/v1"
ROLES = ("producer", "operator", "records-manager", "auditor", "admin")
STARTED_WITHIN_S = 60
REACHED_WITHIN_S = 60
# Packages that are tried until one is caught while it is being deleted, and the files that keep it there for a while.
CAUGHT_WITHIN_PACKAGES = 10
FILES_OF_THE_CAUGHT = 60
# Files of one package whose ids are given to whoever asks.
FILES_ASKED_FOR = 2

# A look of the sweeper each second, and no more grace than that. A worker that dies holds its jobs for as long as it may,
# and works on one object after another.
SWEEPING = {
    "STRONGROOM_REGISTRY_DELETION_SWEEP_EVERY_S": "1",
    "STRONGROOM_REGISTRY_DELETION_GRACE_TICKS": "1",
    "STRONGROOM_REGISTRY_JOBS_LEASE_S": "3600",
    "STRONGROOM_REGISTRY_JOBS_OBJECTS_AT_ONCE": "1",
}
# A key that cannot be used: what is to be signed waits.
UNUSABLE_KEY = {
    "STRONGROOM_REGISTRY_SIGNING_KEY": "command:/bin/false",
    "STRONGROOM_REGISTRY_SIGNING_PUBLIC_KEY": "key.pub.pem",
    "STRONGROOM_REGISTRY_JOBS_BACK_OFF_MS": "600000",
}


def until(what, reached):
    """Asks again and again, and answers the first answer that is one."""
    limit = time.monotonic() + REACHED_WITHIN_S
    while not (answer := reached()):
        if time.monotonic() > limit:
            sys.exit(f"it did not come to this: {what}")
        time.sleep(0.02)
    return answer


class Place:
    """A folder with all that a registry keeps, which outlives its processes, and what each of them is told."""

    def __init__(self, scratch, settings):
        self.scratch = scratch
        files = scratch / "files" / "run-42"
        files.mkdir(parents=True)
        (files / "report.txt").write_text("all is well")
        self.settings = {
            "HOME": str(scratch),
            "STRONGROOM_REGISTRY_LOCAL_INGESTION_ROOTS": f"nightly={scratch / 'files'}",
            "STRONGROOM_REGISTRY_SIGNING_KEY": "file:key.pem",
            **settings,
        }
        self.run("keys", "generate", "-o", "key.pem", "--public-key", "key.pub.pem")

    def run(self, *arguments):
        """Runs the program to its end."""
        subprocess.run(
            [STRONGROOM, *arguments], env=self.settings, cwd=self.scratch, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True,
        )

    def start(self, **more):
        return Registry(self, more)


class Registry:
    """A registry's process, and the tokens of each role."""

    def __init__(self, place, more):
        self.log = place.scratch / f"log-{uuid.uuid4().hex[:8]}"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [STRONGROOM, "serve", "--listen", "127.0.0.1:0", "--data-dir", "registry"],
                env={**place.settings, **more}, cwd=place.scratch, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
            )
        self.url = self.address()
        self.tokens = {"admin": (place.scratch / "registry" / "admin-token").read_text().strip()}
        for role in ROLES:
            if role not in self.tokens:
                self.tokens[role] = self.ask("POST", "/tokens", {"name": role, "role": role})["secret"]

    def told(self):
        return self.log.read_text()

    def address(self):
        limit = time.monotonic() + STARTED_WITHIN_S
        while time.monotonic() < limit and self.process.poll() is None:
            _, found, rest = self.told().partition("answers at ")
            if found and "\n" in rest:
                return rest.split("\n", 1)[0].strip()
            time.sleep(0.05)
        self.kill()
        sys.exit(f"the registry did not start:\n{self.told()}")

    def ask(self, method, path, document=None, body=None, role="admin"):
        """One request; its answer as a document."""
        headers = {"Authorization": f"Bearer {self.tokens[role]}"}
        if document is not None:
            body, headers["Content-Type"] = json.dumps(document).encode(), "application/json"
        request = urllib.request.Request(self.url + API + path, data=body, headers=headers, method=method)
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def begin_upload(self, package, path, length):
        """Begins an upload in several requests; answers its id."""
        said = base64.b64encode(path.encode()).decode()
        headers = {"Authorization": f"Bearer {self.tokens['admin']}", "Tus-Resumable": "1.0.0",
                   "Upload-Length": str(length), "Upload-Metadata": f"path {said}"}
        url = f"{self.url}{API}/packages/{package}/uploads"
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers, method="POST")) as answer:
            return answer.headers["Location"].rpartition("/")[2]

    def document(self):
        """The OpenAPI document."""
        with urllib.request.urlopen(f"{self.url}/api/openapi.json") as answer:
            return json.load(answer)

    def answered(self):
        """Method, route and status of everything that was answered, by its own count."""
        with urllib.request.urlopen(f"{self.url}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        counted = [line for line in lines if line.startswith("strongroom_http_requests_total{")]
        labels = [dict(re.findall(r'(\w+)="([^"]*)"', line)) for line in counted]
        return {(label["method"], label["route"], label["status"]) for label in labels}

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """Ends it, and answers what was wrong with it."""
        self.process.terminate()
        code = self.process.wait(60)
        faults = [] if code == 0 else [f"the registry ended with {code}"]
        lines = self.told().splitlines()
        return faults + [line for line in lines if '"level":"ERROR"' in line or "panicked" in line]


class World:
    """Packages in each state, and the ids of everything that they have."""

    def __init__(self, registry):
        self.registry = registry
        self.ids = {name: [] for name in ("package_id", "file_id", "hold_id", "job_id", "token_id", "upload_id")}

    def package(self, role="admin", retention="transient", files=("run.json", "reports/a%20b.txt")):
        ask = {"subject": "shop/cart", "producer": {"name": "ci"}, "retention": {"class": retention},
               "metadata": {"attempt": 1}}
        package = self.registry.ask("POST", "/packages", ask, role=role)["package_id"]
        self.ids["package_id"].append(package)
        for number, path in enumerate(files):
            stored = self.registry.ask("PUT", f"/packages/{package}/files/{path}", body=path.encode() * 100, role=role)
            # Of no package so many that the files of all others are hardly asked for.
            if number < FILES_ASKED_FOR:
                self.ids["file_id"].append(stored["file_id"])
        return package

    def uploads_to(self, package):
        """Begins uploads of a path that is stored: nothing is missing, should somebody say that the package is complete."""
        for _ in range(4):
            self.ids["upload_id"].append(self.registry.begin_upload(package, "run.json", 1 << 20))

    def status(self, package):
        return self.registry.ask("GET", f"/packages/{package}")["status"]

    def reach(self, package, status):
        until(f"a package that is {status}", lambda: self.status(package) == status)
        return package

    def finalize(self, package):
        job = self.registry.ask("POST", f"/packages/{package}/finalize")["job_id"]
        self.ids["job_id"].append(job)
        return job

    def finalized(self, **more):
        package = self.package(**more)
        self.finalize(package)
        return self.reach(package, "finalized")

    def held(self):
        package = self.finalized()
        hold = self.registry.ask("POST", f"/packages/{package}/retention/holds", {"reason": "matter"})["hold_id"]
        self.ids["hold_id"].append(hold)
        # A hold is found below its own package only.
        self.ids.setdefault("held", []).append([package, hold])
        self.registry.ask("POST", f"/packages/{package}/retention/extensions", {"days": 400, "reason": "needed"})

    def deletion_requested(self, **more):
        package = self.finalized(**more)
        self.registry.ask("POST", f"/packages/{package}/deletion", {"reason": "a mistake", "early": True})
        return package

    def abandoned(self):
        package = self.package()
        self.registry.ask("POST", f"/packages/{package}/abandon")

    def stuck_while_finalizing(self):
        package = self.package()
        job = self.finalize(package)
        until("a key that cannot be used", lambda: self.registry.ask("GET", f"/jobs/{job}").get("error"))

    def caught_while_deleting(self):
        """Kills the registry in the middle of a deletion: until its lease is over, the job is a dead worker's."""
        for _ in range(CAUGHT_WITHIN_PACKAGES):
            package = self.deletion_requested(files=[f"{number}.txt" for number in range(FILES_OF_THE_CAUGHT)])
            until("a deletion that has begun", lambda: self.status(package) in ("deleting", "deleted"))
            until("a deletion that is worked on", lambda: self.jobs("running") or self.status(package) == "deleted")
            if self.status(package) == "deleting":
                self.registry.kill()
                return
        sys.exit("no package was caught while it was being deleted")

    def jobs(self, state):
        return self.registry.ask("GET", f"/jobs?kind=delete-package&state={state}")["jobs"]

    def usual(self):
        """What a registry has that nothing was deleted in."""
        for _ in range(3):
            self.uploads_to(self.package(role="producer"))
            self.deletion_requested()
            self.held()
            self.abandoned()
        for _ in range(4):
            self.finalized()
        schema = {"type": "object", "properties": {"attempt": {"type": "integer"}}}
        self.registry.ask("PUT", "/metadata-schemas/ci", schema)
        for _ in range(3):
            made = self.registry.ask("POST", "/tokens", {"name": "to be revoked", "role": "auditor", "days": 1})
            self.ids["token_id"].append(made["token_id"])

    def states(self):
        packages = self.registry.ask("GET", "/packages?limit=200")["packages"]
        return {package["status"] for package in packages}


def everything(place):
    """A registry with packages in every state: deleted, of which a lock keeps something, in the middle of it, and stuck."""
    world = World(place.start(**SWEEPING))
    world.reach(world.deletion_requested(), "deleted")
    world.reach(world.deletion_requested(retention="raw-evidence"), "deletion_blocked")
    world.caught_while_deleting()
    world.registry = place.start(**UNUSABLE_KEY)
    world.stuck_while_finalizing()
    faults = world.registry.end()
    if faults:
        sys.exit("\n".join(faults))
    world.registry = place.start()
    world.usual()
    return world
