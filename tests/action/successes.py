"""What the action does where nothing is wrong, and where somebody tries to make it do something else."""

import datetime
import json
import os
import pathlib

import desk
import pages
from cases import BOTH, attesting, case, from_release


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


@case("a difference that was accepted once is the baseline from then on")
def accepted_once(at, world):
    at.run()
    at.repository.remove("summary.json")
    at.inputs |= {"baseline": "run:latest", "diff-fail-on": "removed"}
    refused = at.run()
    at.inputs["diff-fail-on"] = ""
    accepting = at.run()
    at.inputs["diff-fail-on"] = "removed"

    def then(done):
        done.expect(not refused.succeeded and accepting.succeeded, "it is refused, and then accepted")
        done.expect(done.document("diff")["base"]["bundle_id"] == accepting.outputs["bundle-id"], "the next run is held against what was accepted")

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
    at.inputs |= {"lint": "false", "push": "false", "store": "", "attest-type": "urn:example:a|b"}

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
