"""The recipes of the pages, run as they stand there: workflows, GitLab's script, the plain script.

What a recipe cannot have here is replaced, and each replacement must be found: the release's address, the store,
its endpoint. Actions of others are stood in for by what they leave behind.
"""

import json
import os
import pathlib
import shutil
import subprocess
from dataclasses import dataclass

import boto3
import yaml

import desk
import pages
from attempt import GITHUB
from runner import Machine

RELEASE, STORE, ENDPOINT = "https://releases.example.org/strongroom/0.1.0", "s3://my-evidence/ci", "https://s3.example.org"


@dataclass
class Recipe:
    name: str
    store: str
    world: object
    body: object

    def run(self):
        try:
            self.body(self.world, desk.Store(self.store), desk.Repository(self.world.scratch))
        except Fault as fault:
            return "-", 0, [str(fault)]
        return "-", 0, []


class Fault(Exception):
    """Something that is not as the recipe promises."""


def expect(truth, claim):
    if not truth:
        raise Fault(f"not so: {claim}")


def replaced(text, replacements):
    for old, new in replacements.items():
        if old not in text:
            raise SystemExit(f"the recipe has no {old} any more")
        text = text.replace(old, new)
    return text


def workflow(name, replacements):
    text = pages.OURS.sub("./", replaced(pages.example(pages.PAGE, name), replacements))
    ((_, job),) = yaml.safe_load(text)["jobs"].items()
    return job["steps"]


def of_release(world, repository):
    """The release's key where the recipe has it, and what to put for the release's address and version."""
    key = repository.path / ".github/strongroom.pub.pem"
    key.parent.mkdir()
    shutil.copy(world.release_key.public, key)
    return {RELEASE: str(world.release.directory), "release-version: 0.1.0": f"release-version: {desk.VERSION}"}


def machine(repository, store, secrets, more=None):
    """The endpoint is http here, and would be another provider's in production."""
    uploaded = []

    def upload(_, given):
        uploaded.append(json.loads(pathlib.Path(given["sarif_file"]).read_text()))

    actions = {
        "./": desk.ROOT, "actions/checkout@v6": lambda *_: {}, "github/codeql-action/upload-sarif@v4": upload, **(more or {}),
    }
    contexts = {"github": GITHUB, "secrets": secrets, "vars": {}}
    environment = {"STRONGROOM_STORE_ALLOW_HTTP": "true", "STRONGROOM_STORE_ENDPOINT": store.endpoint}
    return Machine(repository.path, environment, contexts, actions), uploaded


def log_of(done):
    return "".join(step.log for top in done for step in top.each() if step.outcome == "failure")


def with_a_role(world, store, repository):
    def assume(on, given):
        """As aws-actions/configure-aws-credentials leaves them, with what a token service gave."""
        service = boto3.client("sts", endpoint_url=store.endpoint, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        role = service.assume_role_with_web_identity(
            RoleArn=given["role-to-assume"], RoleSessionName="github", WebIdentityToken="signed-by-github",
        )["Credentials"]
        on.environment |= {
            "AWS_ACCESS_KEY_ID": role["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": role["SecretAccessKey"],
            "AWS_SESSION_TOKEN": role["SessionToken"], "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
        }

    steps = workflow("role", {**of_release(world, repository), STORE: store.url})
    # moto does not tell locks in a way that counts, and no other server here has a token service.
    here, uploaded = machine(repository, store, {}, {"aws-actions/configure-aws-credentials@v6": assume})
    here.environment["STRONGROOM_PUSH_ALLOW_UNLOCKED"] = "true"
    succeeded, done = here.run_job(steps)
    expect(succeeded, f"the job succeeds: {log_of(done)}")
    expect(any(key.startswith("ci/bundles/") for key in store.keys()), "the bundle is stored")
    expect(len(uploaded) == 1 and uploaded[0]["version"] == "2.1.0", "the findings are uploaded")


def where_tests_fail(world, store, repository):
    (repository.path / "Makefile").write_text("test:\n\tmkdir -p results\n\techo red >results/red.txt\n\tfalse\n")
    shutil.rmtree(repository.results)
    steps = workflow("keys", {**of_release(world, repository), STORE: store.url, ENDPOINT: store.endpoint})
    here, _ = machine(repository, store, secrets_of(world))
    succeeded, done = here.run_job(steps)
    expect(not succeeded and done[1].outcome == "failure", "the job fails with its tests")
    expect(done[2].outcome == "success", f"the evidence of it is kept: {log_of(done)}")
    manifest = desk.run("tar", "-xzOf", done[2].outputs["bundle"], "manifest.json").stdout
    expect('"result_status":"failure"' in manifest, "how the run went is declared")


def secrets_of(world):
    return {
        "EVIDENCE_KEY_ID": desk.KEYS["AWS_ACCESS_KEY_ID"], "EVIDENCE_KEY": desk.KEYS["AWS_SECRET_ACCESS_KEY"],
        "SIGNING_KEY": world.signing_key.text,
    }


def with_keys(world, store, repository):
    replacements = {**of_release(world, repository), STORE: store.url, ENDPOINT: store.endpoint}
    for summary in ("nothing to compare with", "differs from"):
        here, _ = machine(repository, store, secrets_of(world))
        succeeded, done = here.run_job(workflow("keys", replacements))
        expect(succeeded, f"the job succeeds: {log_of(done)}")
        expect(summary in "".join(step.summary for step in done[2].each()), f"the summary says: {summary}")
        repository.write("added.txt", "new")
    expect(any(key.startswith("ci/attestations/") for key in store.keys()), "the attestation is stored")


def with_openbao(world, store, repository):
    steps = workflow("openbao", {
        "/opt/strongroom/bin/strongroom": str(desk.STRONGROOM), STORE: store.url, ENDPOINT: store.endpoint,
        "https://bao.example.org:8200": os.environ["STRONGROOM_TEST_OPENBAO"],
    })
    here, _ = machine(repository, store, {**secrets_of(world), "BAO_TOKEN": os.environ["STRONGROOM_TEST_OPENBAO_TOKEN"]})
    succeeded, done = here.run_job(steps)
    expect(succeeded, f"the job succeeds: {log_of(done)}")
    expect(any(key.startswith("ci/attestations/") for key in store.keys()), "the attestation is stored")


def gitlab(shell):
    def recipe(world, store, repository):
        tools = repository.path / "ci"
        tools.mkdir()
        shutil.copy(desk.ROOT / "scripts/install-release", tools)
        shutil.copy(world.release_key.public, tools / "strongroom.pub.pem")
        text = replaced(pages.example(pages.GITLAB, "gitlab"), {
            RELEASE: str(world.release.directory), "--version 0.1.0": f"--version {desk.VERSION}", STORE: store.url, "eu-central-1": "us-east-1",
        })
        job = yaml.safe_load(text)[".evidence"]
        went = {name: each["variables"]["RESULT_STATUS"] for name, each in yaml.safe_load(text).items() if each.get("extends") == ".evidence"}
        expect(went == {"evidence": "success", "evidence-of-failure": "failure"}, "two jobs say how the pipeline went")
        known = {
            **desk.KEYS, "CI_PROJECT_DIR": str(repository.path), "CI_PIPELINE_ID": "11", "CI_PROJECT_PATH": "group/project",
            "SIGNING_KEY": str(world.signing_key.private), "EVIDENCE_TOKEN": "signed-by-gitlab", "CI": "true",
            "PATH": os.environ["PATH"], "HOME": str(repository.path.parent),
            "STRONGROOM_STORE_ALLOW_HTTP": "true", "STRONGROOM_STORE_ENDPOINT": store.endpoint,
        }
        variables = {name: expanded(value, known) for name, value in job["variables"].items()}
        # As GitLab's runner puts the lines together.
        script = "\n".join(["set -e", "if set -o | grep pipefail >/dev/null; then set -o pipefail; fi", *job["script"]])

        def lines_run(pipeline, ran="evidence", **more):
            """Each pipeline begins with no folder of the one before."""
            shutil.rmtree(repository.path / "evidence", ignore_errors=True)
            return subprocess.run(
                [shell, "-c", script], cwd=repository.path, capture_output=True, text=True, timeout=600,
                env={**known, **variables, "RESULT_STATUS": went[ran], "CI_PIPELINE_ID": pipeline, **more},
            )

        lines_run("10", ran="evidence-of-failure")
        first = lines_run("11")
        expect(first.returncode == 0 and "nothing to compare with yet" in first.stdout, f"the first pipeline passes: {first.stderr}")
        expect((repository.path / ".evidence-token").read_text() == "signed-by-gitlab", "the token is where the chain looks for it")
        kept = repository.path / "evidence"
        receipt = json.loads((kept / "receipt.json").read_text())
        expect(store.holds(receipt["bundle_id"]) and store.is_locked(receipt), "the bundle is stored and locked")
        expect(json.loads((kept / "lint.sarif").read_text())["version"] == "2.1.0", "the findings are an artifact")
        expect(any(key.startswith("ci/attestations/") for key in store.keys()), "the attestation is stored")

        repository.remove("summary.json")
        for pipeline in ("12", "13"):
            again = lines_run(pipeline)
            expect(again.returncode == 12 and "summary.json" in (kept / "diff.md").read_text(), f"a removed file ends {pipeline} with 12")
            expect(receipt["bundle_id"] in (kept / "diff.md").read_text(), f"{pipeline} is compared with the last good one")
            stored = json.loads((kept / "receipt.json").read_text())["bundle_id"]
            expect(store.holds(stored) and status_in(kept / "bundle.tar.gz") == "failure", f"{pipeline} is stored, and says that it failed")
        accepting = lines_run("14", STRONGROOM_DIFF_FAIL_ON="")
        expect(accepting.returncode == 0 and lines_run("15").returncode == 0, "a difference that was accepted once is the baseline")
        denied = lines_run("16", AWS_SECRET_ACCESS_KEY="wrong")
        expect(denied.returncode == 8 and '"kind":"denied"' in denied.stderr, "wrong keys end it with 8, and standard error is shown")
        folder = repository.path / "store"
        in_a_folder = {"STRONGROOM_STORE_URL": f"file://{folder}", "STRONGROOM_STORE_ENDPOINT": ""}
        expect(lines_run("17", **in_a_folder).returncode == 0, "a folder is a store too")
        tampered_in(folder)
        damaged = lines_run("18", **in_a_folder)
        expect(damaged.returncode == 3 and "nothing to compare" not in damaged.stdout, "a baseline that was tampered with is no first run")

    return recipe


def status_in(bundle):
    manifest = desk.run("tar", "-xzOf", bundle, "manifest.json").stdout
    return json.loads(manifest)["metadata"]["result_status"]


def tampered_in(folder):
    """One byte of the one bundle in a folder is changed."""
    (archive,) = (folder / "bundles").glob("*.tar.gz")
    desk.tamper(archive)


def expanded(value, known):
    """GitLab's $NAME in a variable."""
    for name, text in known.items():
        value = value.replace(f"${name}", text)
    if "$" in value:
        raise SystemExit(f"a variable of the recipe is not known: {value}")
    return value


def plain(shell):
    def recipe(world, store, repository):
        script = desk.ROOT / "examples/ci/keep-evidence.sh"
        environment = {
            **desk.KEYS, "PATH": os.environ["PATH"], "HOME": str(repository.path.parent), "CI": "true", "AWS_REGION": "us-east-1",
            "STRONGROOM": str(desk.STRONGROOM), "STRONGROOM_STORE_URL": store.url, "STRONGROOM_STORE_ENDPOINT": store.endpoint,
            "STRONGROOM_STORE_ALLOW_HTTP": "true",
            "STRONGROOM_PUSH_RETAIN_UNTIL": "1d", "STRONGROOM_DIFF_FAIL_ON": "removed", "STRONGROOM_ATTEST_PREDICATE": "review.json",
            "STRONGROOM_ATTEST_TYPE": "https://example.org/review/v1", "ATTEST_KEY": str(world.signing_key.private),
        }

        def kept(run, went="success", **more):
            return subprocess.run(
                [shell, script, "results", "kept", run, "example", went], cwd=repository.path, env={**environment, **more}, capture_output=True,
                text=True, timeout=600,
            )

        def ends(done, code, words):
            expect(done.returncode == code and words in done.stderr, f"exit {code}, telling: {words} (not {done.returncode}: {done.stderr})")

        ends(kept("0", went="failure"), 0, "nothing to compare with yet")
        ends(kept("1"), 0, "nothing to compare with yet")
        receipt = json.loads((repository.path / "kept/receipt.json").read_text())
        expect(store.holds(receipt["bundle_id"]) and store.is_locked(receipt), "the bundle is stored and locked")
        ends(kept("1", STRONGROOM_STORE_ENDPOINT="http://127.0.0.1:9"), 11, "push failed, exit 11: unreachable: worth trying again")
        ends(kept("1", STRONGROOM_LINT_FAIL_ON="note"), 12, "lint failed, exit 12: findings at or above --fail-on")
        repository.remove("summary.json")
        for run in ("2", "3"):
            ends(kept(run, STRONGROOM_ATTEST_PREDICATE=""), 12, "diff failed, exit 12")
            expect(receipt["bundle_id"] in (repository.path / "kept/diff.md").read_text(), f"run {run} is compared with the last good one")
            stored = json.loads((repository.path / "kept/receipt.json").read_text())["bundle_id"]
            expect(store.holds(stored) and status_in(repository.path / "kept/evidence.strongroom.tar.gz") == "failure", f"run {run} is stored, and says that it failed")
        ends(kept("4", STRONGROOM_DIFF_FAIL_ON="", STRONGROOM_ATTEST_PREDICATE=""), 0, "nothing is attested")
        ends(kept("5", STRONGROOM_ATTEST_PREDICATE=""), 0, "nothing is attested")
        folder = repository.path / "store"
        in_a_folder = {"STRONGROOM_STORE_URL": f"file://{folder}", "STRONGROOM_STORE_ENDPOINT": ""}
        ends(kept("6", **in_a_folder), 0, "nothing to compare with yet")
        tampered_in(folder)
        ends(kept("7", **in_a_folder), 3, "diff failed, exit 3")

    return recipe


def every(world):
    yield Recipe("the page: with a role", "moto", world, with_a_role)
    yield Recipe("the page: with keys, twice", "seaweedfs", world, with_keys)
    yield Recipe("the page: where the tests fail", "ceph", world, where_tests_fail)
    yield Recipe("the page: with OpenBao", "ceph", world, with_openbao)
    for shell, store in (("bash", "seaweedfs"), ("dash", "ceph")):
        yield Recipe(f"GitLab's lines, in {shell}", store, world, gitlab(shell))
        yield Recipe(f"the plain script, in {shell}", store, world, plain(shell))
