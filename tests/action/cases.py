"""The cases of scripts/check-action: what is set up, where the action must end, and what must be so then."""

import datetime
import json
import os
import pathlib
from dataclasses import dataclass

import desk
import pages
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


@case("everything, the first run", stores=BOTH)
def everything(at, world):
    from_release(at, world)
    attesting(at)
    at.inputs |= {"baseline": "run:latest", "baseline-required": "false", "diff-fail-on": "any"}

    def then(done):
        receipt, bundle_id = done.document("receipt"), done.outputs["bundle-id"]
        done.expect(at.store.holds(bundle_id), "the bundle is in the store")
        done.expect(at.store.lock(receipt)["Mode"] == "GOVERNANCE", "boto3 reads the lock")
        done.expect(at.store.is_locked(receipt), "the store refuses to delete it")
        done.expect(receipt["run_ids"] == [str(at.run_id)], "the run is declared")
        done.expect(done.outputs["verified"] == "true" and done.outputs["diff"] == "", "the outputs tell")
        done.expect(int(done.outputs["findings"]) == len(done.document("sarif")["runs"][0]["results"]), "so many findings")
        attached = done.document("attestation")["attached"]["key"]
        done.expect(attached in at.store.keys(), "the attestation is beside the bundle")
        done.expect("stored" in done.summary and "nothing to compare with" in done.summary, "the summary tells")
        done.expect(str(pathlib.Path(done.outputs["strongroom"])).endswith("bin/strongroom"), "the release was installed")

    return then


@case("the next run differs, and is told", stores=BOTH)
def next_run(at, world):
    first = at.run()
    at.repository.write("added.txt", "new").remove("summary.json")
    at.inputs |= {"baseline": "run:latest", "diff-fail-on": "retention-weaker"}

    def then(done):
        found = done.document("diff")
        done.expect(found["base"]["bundle_id"] == first.outputs["bundle-id"], "the baseline is the run before")
        done.expect("summary.json" in done.summary and "added.txt" in done.summary, "the summary shows what differs")

    return then


@case("a run pushed again is already stored")
def again(at, world):
    at.inputs["run-id"] = "the-same"
    first = at.run()

    def then(done):
        done.expect(done.outputs["bundle-id"] == first.outputs["bundle-id"], "the same bundle")
        done.expect(done.document("receipt")["status"] == "already_stored", "already stored")

    return then


@case("a bundle instead of a directory")
def given_bundle(at, world):
    desk.run(desk.STRONGROOM, "evidence", "bundle", at.repository.results, "--output", at.repository.path / "-b.tar.gz")
    del at.inputs["directory"]
    at.inputs["bundle"] = "-b.tar.gz"
    return lambda done: done.expect(at.store.holds(done.outputs["bundle-id"]), "it is stored")


@case("a CAVRA directory", stores=BOTH)
def cavra(at, world):
    attesting(at)
    desk.cavra_directory(at.repository.path / "cavra")
    del at.inputs["directory"]
    at.inputs |= {"bundle": "cavra", "lint-fail-on": "never"}
    return lambda done: done.expect(len(done.document("receipt")["objects"]) == 2, "each file is stored")


@case("a bundle that a trusted owner signed")
def signed(at, world):
    given_bundle(at, world)
    desk.run(desk.STRONGROOM, "evidence", "sign", at.repository.path / "-b.tar.gz", "--signer", "ci", "--private-key", world.signing_key.private,
             "--output", at.repository.path / "b.sigstore.json")
    desk.run(desk.STRONGROOM, "trust-root", "create", "--public-key", world.signing_key.public, "--owner", "ci", "--output",
             at.repository.path / "trust.json")
    at.inputs |= {"signature": "b.sigstore.json", "trust-root": "trust.json", "require-signer": "ci"}

    def then(done):
        done.expect("signatures: `met`" in done.summary and "nobody need have signed" not in done.summary, "the summary says so")
        done.expect("signature.none-shown" not in done.summary, "the lint has seen it as well")

    return then


@case("everything that can be declared, and a lint as a team decided")
def declared(at, world):
    (at.repository.path / "lint.yaml").write_text("rules:\n  content.undeclared-media-type: off\n")
    desk.run(desk.STRONGROOM, "evidence", "bundle", at.repository.results, "--output", at.repository.path / "known.tar.gz")
    desk.run(desk.STRONGROOM, "evidence", "lint", at.repository.path / "known.tar.gz", "--write-baseline", at.repository.path / "known.json")
    at.inputs |= {
        "producer": "pipeline@1.2", "metadata": "owner=platform\nticket=42", "result-status": "passed", "retention-class": "release-evidence",
        "retention-days": "1", "retain-until": "", "lint-config": "lint.yaml", "lint-baseline": "known.json",
    }

    def then(done):
        manifest = json.loads(desk.run("tar", "-xzOf", done.outputs["bundle"], "manifest.json").stdout)
        done.expect(manifest["producer"] == {"name": "pipeline", "version": "1.2"}, "the producer is declared")
        done.expect(manifest["metadata"] == {"owner": "platform", "ticket": "42", "result_status": "passed"}, "so is the metadata")
        done.expect(manifest["retention"]["class"] == "release-evidence" and at.store.is_locked(done.document("receipt")), "and the retention, which locks")
        done.expect("undeclared-media-type" not in done.summary, "what is off is not told")
        done.expect("known or allowed: " in done.summary, "what is known is counted")

    return then


@case("kept for less than a regime asks", "lint", 12)
def regime(at, world):
    at.inputs |= {"lint-regime": "sec-17a-4", "retention-days": "1"}


@case("a compliance lock that was accepted, and a key with a passphrase", stores=BOTH)
def accepted(at, world):
    attesting(at)
    path = world.scratch / f"locked-{desk.unique()}.pem"
    desk.run("openssl", "pkcs8", "-topk8", "-in", world.signing_key.private, "-v2", "aes256", "-passout", "pass:canary-phrase", "-out", path)
    tomorrow = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=2)).strftime("%Y-%m-%d")
    at.environment |= {"SIGNING_KEY": path.read_text(), "PHRASE": "canary-phrase"}
    at.secrets.add("canary-phrase")
    at.inputs |= {"lock": "compliance", "yes-lock-until": tomorrow, "passphrase-env": "PHRASE"}
    return lambda done: done.expect(at.store.lock(done.document("receipt"))["Mode"] == "COMPLIANCE", "boto3 reads the lock")


@case("what is turned off is said")
def turned_off(at, world):
    attesting(at)
    at.inputs |= {"lint": "false", "push": "false", "store": ""}

    def then(done):
        done.expect(not at.store.keys(), "nothing is stored")
        done.expect(done.summary.startswith("## ⚠️ Evidence verified, not stored"), "the verdict says so")
        for word in ("`lint: false`", "`push: false`", "no `baseline`", "no `trust-root`"):
            done.expect(word in done.summary, f"the summary says {word}")
        done.expect(done.document("attestation")["schema"] == "strongroom.signed/v1", "what was said is signed, in a file")

    return then


@case("no attestation, no baseline: said")
def nothing_else(at, world):
    return lambda done: done.expect("no `attest-predicate`" in done.summary and "no `baseline`" in done.summary, "the summary says so")


@case("attested with a key in OpenBao")
def with_openbao(at, world):
    attesting(at)
    del at.inputs["private-key-env"]
    at.environment["BAO_TOKEN"] = os.environ["STRONGROOM_TEST_OPENBAO_TOKEN"]
    at.secrets.add(at.environment["BAO_TOKEN"])
    at.inputs |= {
        "openbao-key": "openbao:transit/ed25519", "openbao-url": os.environ["STRONGROOM_TEST_OPENBAO"], "openbao-token-ref": "env:BAO_TOKEN",
    }


@case("the rights on the page are enough", stores=("ceph",))
def rights(at, world):
    at.store.let("limited", pages.policy())
    at.environment |= {"AWS_ACCESS_KEY_ID": "limited", "AWS_SECRET_ACCESS_KEY": "limitedsecret"}
    everything(at, world)
    at.run()
    at.repository.write("added.txt", "new")
    at.inputs["diff-fail-on"] = "removed"
    return lambda done: done.expect(not done.document("diff")["is_same"], "it compares, too")


@case("without the right to store", "push", 8, stores=("ceph",))
def one_right_less(at, world):
    at.store.let("limited", pages.policy(), without=("s3:PutObject",))
    at.environment |= {"AWS_ACCESS_KEY_ID": "limited", "AWS_SECRET_ACCESS_KEY": "limitedsecret"}


@case("an input that would be a command is text")
def injection(at, world):
    hostile = "x'; touch pwned; \"$(touch pwned)\" `touch pwned` ${{ github.token }} | ::error::x"
    at.inputs |= {"subject": hostile, "producer": "-rf", "metadata": "a=$(touch pwned)\nb=::set-output name=x::y"}
    at.repository.write("::error::a file", "text").write("a|`b`<img src=x>.txt", "text")

    def then(done):
        pwned = [path for path in at.repository.path.parent.rglob("pwned")]
        done.expect(not pwned, "nothing was run")
        manifest = desk.run("tar", "-xzOf", done.outputs["bundle"], "manifest.json").stdout
        done.expect("touch pwned; " in manifest and '"producer":{"name":"-rf"}' in manifest, "it is declared as it is")
        done.expect(not [step.annotations for step in done.steps.values() if step.annotations], "no file's name is a command")
        done.expect("\n::" not in done.summary and "touch pwned" not in done.summary, "the summary is not touched by it")

    return then


@case("what the program says is no command to the workflow")
def commands(at, world):
    spy = at.repository.path / "spy"
    spy.write_text(f"#!/bin/sh\necho '::set-env name=x::y' >&2\nexec {desk.STRONGROOM} \"$@\"\n")
    spy.chmod(0o755)
    at.inputs["strongroom"] = "spy"
    return lambda done: done.expect("::set-env name=x::y" in done.log, "and it is shown")


@case("no input is an argument, save a path")
def arguments(at, world):
    attesting(at)
    spy, seen = at.repository.path / "spy", at.repository.path / "arguments"
    spy.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >>{seen}\nexec {desk.STRONGROOM} \"$@\"\n")
    spy.chmod(0o755)
    at.inputs |= {
        "strongroom": "./spy", "subject": "canary-1", "producer": "canary-2", "metadata": "canary=3", "run-id": "canary-4",
        "baseline": "run:latest", "baseline-required": "false", "attest-type": "https://canary.example.org",
    }

    def then(done):
        told = seen.read_text()
        done.expect("attest" in told and "canary" not in told and at.store.bucket not in told and at.store.endpoint not in told,
                    "no argument has an input's value")
        done.expect("unchecked" in done.summary, "a program that was there is called unchecked")

    return then


@case("a variable of the job counts where an input is empty")
def variables(at, world):
    at.inputs |= {"subject": "", "store": "", "retain-until": "2d"}
    at.environment |= {
        "STRONGROOM_BUNDLE_SUBJECT": "by a variable", "STRONGROOM_STORE_URL": at.store.url, "STRONGROOM_PUSH_RETAIN_UNTIL": "1h",
    }

    def then(done):
        manifest = desk.run("tar", "-xzOf", done.outputs["bundle"], "manifest.json").stdout
        done.expect('"subject":"by a variable"' in manifest, "it is declared")
        left = at.store.lock(done.document("receipt"))["RetainUntilDate"] - datetime.datetime.now(datetime.UTC)
        done.expect(left > datetime.timedelta(days=1), "and the input beats it where there is one")

    return then


@case("a pull request's strongroom.yaml chooses no store")
def working_directory(at, world):
    other = desk.Store("seaweedfs")
    (at.repository.path / "strongroom.yaml").write_text(f"store:\n  url: {other.url}\n  endpoint: {other.endpoint}\npush:\n  auto_push: true\n")

    def then(done):
        done.expect(at.store.holds(done.outputs["bundle-id"]), "the bundle is where the input says")
        done.expect(not other.keys(), "and nowhere else")

    return then


@case("and none where none is named", "inputs", 2)
def no_store(at, world):
    (at.repository.path / "strongroom.yaml").write_text(f"store:\n  url: {at.store.url}\n")
    at.inputs["store"] = ""


@case("no program", "inputs", 2)
def no_program(at, world):
    del at.inputs["strongroom"]


@case("a release without a key to check it", "inputs", 2)
def no_release_key(at, world):
    from_release(at, world)
    del at.inputs["release-public-key"]


@case("no evidence", "inputs", 2)
def no_evidence(at, world):
    del at.inputs["directory"]


@case("a word that is neither true nor false", "inputs", 2)
def neither(at, world):
    at.inputs["lint"] = "no"


@case("attest without a key", "inputs", 2)
def no_key(at, world):
    attesting(at)
    del at.inputs["private-key-env"]


@case("attest with a secret that this run does not see", "inputs", 2)
def empty_key(at, world):
    attesting(at)
    at.environment["SIGNING_KEY"] = ""


@case("a key as an input", "inputs", 2)
def key_as_input(at, world):
    attesting(at)
    at.inputs["private-key-env"] = world.signing_key.text


@case("a release that was tampered with", "install", 3)
def tampered(at, world):
    from_release(at, world)
    at.inputs["release"] = str(world.tampered)
    return lambda done: done.expect(not list(done.temporary.rglob("bin/strongroom")), "nothing is installed")


@case("a release signed by another key", "install", 4)
def wrong_release_key(at, world):
    from_release(at, world)
    at.inputs["release-public-key"] = str(world.other_key.public)
    return lambda done: done.expect(not list(done.temporary.rglob("bin/strongroom")), "nothing is installed")


@case("a release that is not there", "install", 1)
def no_release(at, world):
    from_release(at, world)
    at.inputs["release-version"] = "9.9.9"


@case("no such directory", "bundle", 1)
def no_directory(at, world):
    at.inputs["directory"] = "nowhere"


@case("a message of two lines is one annotation", "bundle", 1)
def two_lines(at, world):
    spy = at.repository.path / "spy"
    told = '{"schema":"strongroom.error/v1","exit_code":1,"kind":"failed","message":"100% of it\\\\n::set-env name=x::y"}'
    spy.write_text(f"#!/bin/sh\n[ \"$1\" = --version ] && exit\nprintf '{told.replace('%', '%%')}\\n' >&2\nprintf unended >&2\nexit 1\n")
    spy.chmod(0o755)
    at.inputs["strongroom"] = "spy"
    return lambda done: done.expect("100% of it\n::set-env name=x::y" in done.failed.annotations[0][2], "with all that was said")


@case("a bundle with one byte changed", "verify", 3, stores=BOTH)
def bad_bundle(at, world):
    given_bundle(at, world)
    path = at.repository.path / "-b.tar.gz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    def then(done):
        done.expect(done.outputs["verified"] == "false", "the output says so")
        done.expect(not at.store.keys(), "nothing is stored")

    return then


@case("no valid signature by the trust root", "verify", 4)
def no_signature(at, world):
    root = world.scratch / f"trust-{desk.unique()}.json"
    desk.run(desk.STRONGROOM, "trust-root", "create", "--public-key", world.other_key.public, "--owner", "ci", "--output", root)
    at.inputs["trust-root"] = str(root)


@case("a finding at or above lint-fail-on", "lint", 12, stores=BOTH)
def finding(at, world):
    at.inputs["lint-fail-on"] = "note"

    def then(done):
        done.expect(done.document("sarif")["version"] == "2.1.0", "the SARIF file is there all the same")
        done.expect(int(done.outputs["findings"]) > 0 and "signature" in done.summary, "the findings are told")
        done.expect(not at.store.keys(), "nothing is stored")

    return then


@case("a secret in a file", "lint", 12, stores=BOTH)
def secret(at, world):
    at.repository.write("logs/deploy.log", f"export AWS_SECRET_ACCESS_KEY={PLANTED[:40]}\n")
    at.secrets.add(PLANTED[:40])

    def then(done):
        rules = {result["ruleId"] for result in done.document("sarif")["runs"][0]["results"]}
        done.expect(any(rule.startswith("secret") for rule in rules), "a rule of secrets found it")
        done.expect("logs/deploy.log" in done.summary, "where it is, is told")
        done.expect(not at.store.keys(), "nothing is stored")

    return then


@case("a severity that is none", "lint", 2)
def no_severity(at, world):
    at.inputs["lint-fail-on"] = "high"


@case("a lint that only lists its rules", "lint", 1)
def rules_only(at, world):
    at.environment["STRONGROOM_LINT_RULES"] = "true"


@case("wrong keys", "push", 8, stores=BOTH)
def wrong_keys(at, world):
    at.environment["AWS_SECRET_ACCESS_KEY"] = "wrongsecretkey"


@case("a store that nobody reaches", "push", 11, stores=BOTH)
def unreachable(at, world):
    at.inputs["store-endpoint"] = "http://127.0.0.1:9"


@case("no such bucket", "push", 7, stores=BOTH)
def no_bucket(at, world):
    at.inputs["store"] = f"s3://missing-{desk.unique()}/ci"


@case("a bucket that cannot lock", "push", 5, stores=BOTH)
def no_locks(at, world):
    at.store = desk.Store(at.store.name, locks=False)
    at.inputs["store"] = at.store.url


@case("a compliance lock that nobody accepted", "push", 2)
def not_accepted(at, world):
    at.inputs["lock"] = "compliance"


@case("a push that is only a plan", "push", 1)
def dry_run(at, world):
    at.environment["STRONGROOM_PUSH_DRY_RUN"] = "true"
    return lambda done: done.expect(not at.store.keys(), "nothing is stored, and the job does not say so")


@case("a difference that diff-fail-on names", "diff", 12, stores=BOTH)
def difference(at, world):
    at.run()
    at.repository.remove("summary.json")
    at.inputs |= {"baseline": "run:latest", "diff-fail-on": "added,removed"}

    def then(done):
        done.expect("removed" in done.document("diff")["failed"], "the output says what failed")
        done.expect("summary.json" in done.summary and "**is** stored" in done.summary, "so does the summary, and that it is kept")
        done.expect(at.store.holds(done.outputs["bundle-id"]), "it is")

    return then


@case("a run that failed is no baseline", "diff", 7)
def failed_run(at, world):
    at.inputs |= {"result-status": "failure"}
    at.run()
    at.repository.write("added.txt", "new")
    at.inputs |= {"baseline": "run:latest"}


@case("a baseline that is not there", "diff", 7)
def no_baseline(at, world):
    at.inputs |= {"baseline": "sha256:" + "0" * 64, "baseline-required": "false"}


@case("attest with what is no key", "attest", 3)
def garbage_key(at, world):
    attesting(at)
    at.environment["SIGNING_KEY"] = "not-a-key"
    return lambda done: done.expect("**is** stored" in done.summary, "the summary says that the bundle is kept")


@case("attest with a token that OpenBao does not know", "attest", 8)
def wrong_token(at, world):
    with_openbao(at, world)
    at.environment["BAO_TOKEN"] = "s.wrong"
