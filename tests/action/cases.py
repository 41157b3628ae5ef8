"""A case of scripts/check-action: what is set up, where the action must end, and what must be so then.

`successes.py` and `failures.py` have them.
"""

from dataclasses import dataclass

import desk
from attempt import Attempt

BOTH = ("seaweedfs", "ceph")
ONE = ("seaweedfs",)
# Has the form of an AWS key, and is none.
PLANTED = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYplanted0000"
CASES = []


class World:
    """What all cases share: a release and keys."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.release_key, self.other_key = desk.Key(scratch, "release"), desk.Key(scratch, "other")
        self.signing_key = desk.Key(scratch, "signing")
        self.release = desk.Release(scratch, self.release_key)
        self.tampered = self.release.tampered(scratch)
        self.given = set()

    def attempt(self, store_name):
        store, repository = desk.Store(store_name), desk.Repository(self.scratch)
        inputs = {
            "strongroom": str(desk.STRONGROOM), "directory": "results", "store": store.url, "store-endpoint": store.endpoint, "store-region": "us-east-1",
            "lock": "governance", "retain-until": "1d",
        }
        environment = {**desk.KEYS, "STRONGROOM_STORE_ALLOW_HTTP": "true", "SIGNING_KEY": self.signing_key.text}
        secrets = {desk.KEYS["AWS_SECRET_ACCESS_KEY"], self.signing_key.text.splitlines()[1], PLANTED}
        return Attempt(repository, store, inputs, environment, secrets)


@dataclass
class Case:
    name: str
    store: str
    ends_at: str
    code: int
    body: object
    world: World

    def run(self):
        at = self.world.attempt(self.store)
        then = self.body(at, self.world)
        done = at.run()
        self.world.given |= {name for name, value in at.inputs.items() if value}
        done.expect_end(self.ends_at, self.code)
        if then and not done.faults:
            then(done)
        return self.ends_at or "-", self.code, done.faults


def case(name, ends_at="", code=0, stores=ONE):
    def keep(body):
        CASES.append((name, stores, ends_at, code, body))
        return body
    return keep


def every(world):
    for name, stores, ends_at, code, body in CASES:
        for store in stores:
            yield Case(name if store == stores[0] else f"{name} ({store})", store, ends_at, code, body, world)


def from_release(at, world):
    del at.inputs["strongroom"]
    at.inputs |= {
        "release": str(world.release.directory), "release-version": desk.VERSION, "release-public-key": str(world.release_key.public),
    }


def attesting(at):
    at.inputs |= {"attest-predicate": "review.json", "attest-type": "https://example.org/review/v1", "private-key-env": "SIGNING_KEY"}
