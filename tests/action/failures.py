"""What fails, where, and with which exit code."""

import json

import desk
import pages
from cases import BOTH, PLANTED, attesting, case, from_release
from successes import given_bundle, with_openbao


@case("kept for less than a regime asks", "lint", 12)
def regime(at, world):
    at.inputs |= {"lint-regime": "sec-17a-4", "retention-days": "1"}


@case("without the right to store", "push", 8, stores=("ceph",))
def one_right_less(at, world):
    at.store.let("limited", pages.policy(), without=("s3:PutObject",))
    at.environment |= {"AWS_ACCESS_KEY_ID": "limited", "AWS_SECRET_ACCESS_KEY": "limitedsecret"}


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
    at.inputs["directory"] = "no|where `*here*`"
    return lambda done: done.expect("`\"no|where '*here*'\" could" in done.summary, "the name is text in the summary")


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


@case("a comparison that failed is no baseline: the next run is held against the last good one again", "diff", 12, stores=BOTH)
def refused_once(at, world):
    first = at.run()
    at.repository.remove("summary.json")
    at.inputs |= {"baseline": "run:latest", "diff-fail-on": "removed"}
    second = at.run()

    def then(done):
        for refused in (second, done):
            found = refused.document("diff")
            done.expect(found["base"]["bundle_id"] == first.outputs["bundle-id"], "it is held against the last run that was accepted")
            done.expect("removed" in found["failed"], "and fails for the same difference")
            manifest = json.loads(desk.run("tar", "-xzOf", refused.outputs["bundle"], "manifest.json").stdout)
            done.expect(manifest["metadata"]["result_status"] == "failure", "what is stored says that the run failed")
            done.expect(at.store.holds(refused.outputs["bundle-id"]), "it is stored")
            done.expect(refused.outputs["bundle-id"] == refused.document("receipt")["bundle_id"], "the output names what is stored")
        done.expect("is still the last good run" in done.summary and "run once without" in done.summary, "the summary says what to do")

    return then


@case("a bundle that was given is stored as it is, and may be the next baseline: said", "diff", 12)
def refused_as_given(at, world):
    for text in ("one", "two"):
        at.repository.write("result.txt", text)
        desk.run(desk.STRONGROOM, "evidence", "bundle", at.repository.results, "--subject", "given", "--output", at.repository.path / f"{text}.tar.gz")
    del at.inputs["directory"]
    at.inputs["bundle"] = "one.tar.gz"
    first = at.run()
    at.inputs |= {"bundle": "two.tar.gz", "baseline": "run:latest", "diff-fail-on": "changed"}

    def then(done):
        done.expect(at.store.holds(done.outputs["bundle-id"]), "it is stored")
        told = f"**is** what `run:latest` finds from now on (the older one by its id: `baseline: {first.outputs['bundle-id']}`)"
        done.expect(told in done.summary, "the summary says what the next run is compared with")

    return then


@case("a baseline that was tampered with is no first run", "diff", 3)
def tampered_baseline(at, world):
    folder = world.scratch / f"store-{desk.unique()}"
    at.inputs |= {"store": f"file://{folder}", "store-endpoint": "", "store-region": ""}
    first = at.run()
    desk.tamper(folder / f"bundles/{first.outputs['bundle-id']}.tar.gz")
    at.repository.write("added.txt", "new")
    at.inputs |= {"baseline": "run:latest", "baseline-required": "false", "diff-fail-on": "removed"}

    def then(done):
        done.expect(first.outputs["bundle-id"] in done.summary, "the summary names the bundle that does not verify")
        done.expect("nothing to compare with" not in done.summary, "and nobody calls it a first run")

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
