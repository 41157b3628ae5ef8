"""Azure's deploy.sh against a stand-in for `az` (deploy/azure-blob-immutability/tests/az). Nothing here is run against Azure. The upload runs against Azurite, where that is in the environment."""

import base64
import email.utils
import hmac
import json
import os
import pathlib
import random
import tempfile
import urllib.request

from deploy_bench import DEPLOY, INHERITED, STRONGROOM, controls, run, table_of

HERE = DEPLOY / "azure-blob-immutability"
SETTINGS = {
    "RESOURCE_GROUP": "evidence", "LOCATION": "westeurope", "ACCOUNT": "evidence001", "CONTAINER": "evidence",
    "RETENTION_DAYS": "30", "READ_BACK_PAUSE_SECONDS": "0",
}
# The account that every Azurite has, with its well-known key.
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
CHANGES = (" create ", " update ", " lock ", " set ")


class Stub:
    """A subscription of its own, and deploy.sh against it."""

    def __init__(self, scratch, **settings):
        self.place = pathlib.Path(tempfile.mkdtemp(dir=scratch))
        self.state, self.calls, self.json = (self.place / name for name in ("state", "calls", "controls.json"))
        self.environment = {
            **SETTINGS, "PATH": f"{HERE / 'tests'}:{INHERITED['PATH']}", "AZ_STUB_STATE": str(self.state),
            "AZ_STUB_CALLS": str(self.calls), **settings,
        }

    def deploy(self, *arguments, accept=(0,), **settings):
        self.calls.write_text("")
        return run(HERE / "deploy.sh", *arguments, environment={**self.environment, **settings}, accept=accept)

    def type(self, line, *arguments, accept):
        """Runs deploy.sh at a terminal, and types a line."""
        ours, theirs = os.openpty()
        os.write(ours, line.encode() + b"\n")
        try:
            return run(HERE / "deploy.sh", *arguments, environment=self.environment, accept=accept, stdin=theirs)
        finally:
            os.close(ours)
            os.close(theirs)

    def changes(self):
        return [call for call in self.calls.read_text().splitlines() if any(word in f" {call} " for word in CHANGES)]

    def set_policy(self, **changes):
        """What somebody else did to it."""
        tree = json.loads(self.state.read_text())
        tree["container"]["policy"].update(changes)
        self.state.write_text(json.dumps(tree))

    def policy(self):
        return json.loads(self.state.read_text())["container"]["policy"]


def review_of(stub, **changes):
    """A review as two people would write it of the policy that is there."""
    review = {
        "account": SETTINGS["ACCOUNT"], "container": SETTINGS["CONTAINER"], "retention_days": 30,
        "policy_etag": stub.policy()["etag"], "append_writes": False, "decision": "lock", "reviewed_at": "2026-11-22",
        "reviewers": [{"name": "A", "role": "records"}, {"name": "B", "role": "legal"}], **changes,
    }
    path = stub.place / "review.json"
    path.write_text(json.dumps(review))
    return path


def check(say, scratch, validator):
    stub = Stub(scratch)
    stub.deploy("--plan")
    say.expect(not stub.changes() and not stub.state.exists(), "--plan changes nothing")
    first = stub.deploy("--json", stub.json)
    say(table_of(first.stdout))
    states = controls(stub.json, validator)
    say.expect(states["immutability-policy"] == "set" and stub.policy()["state"] == "Unlocked", "the policy is made unlocked")
    kept = stub.state.read_text()
    second = stub.deploy("--json", stub.json)
    say.expect(set(controls(stub.json, validator).values()) == {"kept", "skipped"} and not stub.changes()
               and stub.state.read_text() == kept, "a second run changes nothing")
    say.expect("LOCK" not in second.stderr and stub.policy()["state"] == "Unlocked", "and does not lock the policy")
    check_lock(say, stub)
    check_refusals(say, scratch, validator)
    check_append_writes(say, scratch, validator)


def check_append_writes(say, scratch, validator):
    """Somebody allowed appending to what is protected, in either of the two ways that Azure has."""
    for which in ("appends", "appends_all"):
        stub = Stub(scratch)
        stub.deploy()
        made = {**stub.policy(), "appends": False, "appends_all": None}
        stub.set_policy(**{which: True})
        stub.deploy("--lock-policy", review_of(stub), "--accept", "LOCK 30 days on evidence001/evidence", accept=(5,))
        say.expect(not stub.changes(), f"{which}: a policy with append writes is not locked, whatever the review says")
        stub.deploy("--json", stub.json, RETENTION_DAYS="10")
        say.expect(controls(stub.json, validator)["immutability-policy"] == "set" and stub.policy() == {**made, "etag": stub.policy()["etag"]},
                   f"{which}: append writes are taken out of a policy that is unlocked, and its 30 days stay")
        stub.set_policy(**{which: True})
        stub.deploy("--json", stub.json, accept=(9,), AZ_STUB_FAULT="storage container immutability-policy create=ignored")
        say.expect(controls(stub.json, validator)["immutability-policy"] == "FAILED", f"{which}: answered and still there is FAILED, exit 9")
        stub.set_policy(state="Locked")
        stub.deploy("--json", stub.json, accept=(9,))
        say.expect(not stub.changes() and controls(stub.json, validator)["immutability-policy"] == "FAILED",
                   f"{which}: locked with append writes is FAILED, and not called kept")


def check_lock(say, stub):
    phrase = "LOCK 30 days on evidence001/evidence"
    for wrong, what in (
        ({"reviewers": [{"name": "A", "role": "records"}, {"name": "A", "role": "legal"}]}, "one person who says it twice"),
        ({"retention_days": 31}, "other days"),
        ({"policy_etag": '"0"'}, "the policy as it was before a change"),
        ({"decision": "wait"}, "another decision"),
        ({"container": "other"}, "another container"),
        ({"append_writes": True}, "a policy with append writes"),
    ):
        stub.deploy("--lock-policy", review_of(stub, **wrong), "--accept", phrase, accept=(5,))
        say.expect(not stub.changes(), f"a review of {what} locks nothing")
    review = review_of(stub)
    stub.deploy("--lock-policy", review, accept=(5,))
    stub.deploy("--lock-policy", review, "--accept", "LOCK 3 days on evidence001/evidence", accept=(5,))
    say.expect(stub.policy()["state"] == "Unlocked", "what is not accepted word for word is not locked")
    stub.type("yes", "--lock-policy", review, accept=(5,))
    say.expect(stub.policy()["state"] == "Unlocked", "nor by a yes that is typed")
    stub.type(phrase, "--lock-policy", review, accept=(0,))
    say.expect(stub.policy()["state"] == "Locked", "a review of this policy by two, and the phrase typed, lock it")
    stub.deploy(accept=(0,))
    say.expect(not stub.changes(), "a run after that changes nothing")
    stub.deploy("--json", stub.json, accept=(9,), RETENTION_DAYS="60")
    say.expect(not stub.changes(), "a locked policy is not lengthened in passing: one of five")
    stub.deploy(accept=(0,), RETENTION_DAYS="10")
    say.expect(stub.policy() == {**stub.policy(), "days": 30, "state": "Locked"}, "and never shortened")


def check_refusals(say, scratch, validator):
    fresh = Stub(scratch)
    fresh.deploy(accept=(2,), DELETE_RETENTION_DAYS="2555")
    say.expect(not fresh.calls.read_text(), "a delete retention of 2,555 days is refused before anything is asked: 365 is Azure's limit")
    old = Stub(scratch, IMMUTABILITY_SCOPE="container", LEGAL_HOLD_TAGS="case1 case2")
    old.deploy("--json", old.json)
    say.expect(controls(old.json, validator)["legal-hold-tags"] == "set", "with immutability by container, legal-hold tags are set")
    old.deploy(accept=(5,), IMMUTABILITY_SCOPE="version")
    say.expect(not old.changes(), "a container made without version-level immutability is refused, and left as it is")
    tree = json.loads(old.state.read_text())
    tree["account"]["isHnsEnabled"] = True
    old.state.write_text(json.dumps(tree))
    old.deploy(accept=(5,), IMMUTABILITY_SCOPE="version", CONTAINER="other")
    say.expect(not old.changes(), "an account with a hierarchical namespace is refused, and left as it is")
    for command, control in (
        ("storage account blob-service-properties update", "blob-soft-delete"),
        ("storage container immutability-policy create", "immutability-policy"),
    ):
        stub = Stub(scratch, IMMUTABILITY_SCOPE="container")
        stub.deploy("--json", stub.json, accept=(9,), AZ_STUB_FAULT=f"{command}=ignored")
        say.expect(controls(stub.json, validator)[control] == "FAILED", f"{control}: answered and not done is FAILED, exit 9")
    stub = Stub(scratch, IMMUTABILITY_SCOPE="container")
    stub.deploy("--json", stub.json, accept=(9,), REQUIRE_CONTROLS="policy-locked")
    say.expect(controls(stub.json, validator)["policy-locked"] == "FAILED", "a skip of what REQUIRE_CONTROLS names is FAILED")
    done = stub.deploy("--json", stub.json, accept=(9,), RETENTION_DAYS="31",
                       AZ_STUB_FAULT="storage container immutability-policy create=refused")
    say.expect("AuthorizationFailed" in done.stderr and controls(stub.json, validator)["immutability-policy"] == "FAILED",
               "what Azure refuses is FAILED, and its words are shown")
    lock_that_is_lost(say, scratch)


def lock_that_is_lost(say, scratch):
    stub = Stub(scratch)
    stub.deploy()
    stub.deploy("--lock-policy", review_of(stub), "--accept", "LOCK 30 days on evidence001/evidence", accept=(9,),
                AZ_STUB_FAULT="storage container immutability-policy lock=ignored")
    say.expect(stub.policy()["state"] == "Unlocked", "a lock that was answered and is not there is FAILED, exit 9")


def check_upload(say, scratch, endpoint, bundles):
    """upload-evidence.sh against Azurite, which has no locks: the data path, and that a lock that is not there is told."""
    container = f"deploy-{random.SystemRandom().getrandbits(40):010x}"
    make_container(endpoint, container)
    folder = scratch / "records"
    environment = {
        **bundles.approval, "ACCOUNT": AZURITE_ACCOUNT, "AZURE_STORAGE_KEY": AZURITE_KEY, "CONTAINER": container,
        "ENDPOINT_URL": endpoint, "ALLOW_HTTP": "yes", "RECORDS_DIR": str(folder), "STRONGROOM_BIN": STRONGROOM,
    }
    script = HERE / "upload-evidence.sh"
    run(script, bundles.damaged, environment=environment, accept=(3,))
    run(script, bundles.signed, environment={**environment, "SESSION": "locked"}, accept=(5,))
    say.expect(not list(folder.glob("*/summary.json")), "on Azurite, which locks nothing, a blob without a lock is exit 5")
    run(script, bundles.signed, environment={**environment, "SESSION": "unlocked", "ALLOW_UNLOCKED": "yes"})
    (summary,) = folder.glob("*/summary.json")
    say.expect(json.loads(summary.read_text())["objects"], "with ALLOW_UNLOCKED=yes the bundle is stored, and comes back the same")


def make_container(endpoint, container):
    """One signed request (Shared Key), so that no SDK is needed for it."""
    date = email.utils.formatdate(usegmt=True)
    resource = f"/{AZURITE_ACCOUNT}/{AZURITE_ACCOUNT}/{container}\nrestype:container"
    text = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:2021-08-06\n{resource}"
    signature = base64.b64encode(hmac.digest(base64.b64decode(AZURITE_KEY), text.encode(), "sha256")).decode()
    request = urllib.request.Request(f"{endpoint}/{AZURITE_ACCOUNT}/{container}?restype=container", method="PUT", headers={
        "x-ms-date": date, "x-ms-version": "2021-08-06", "Authorization": f"SharedKey {AZURITE_ACCOUNT}:{signature}"})
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()
