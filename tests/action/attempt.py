"""One run of the action, and what must be so of any: who was told what, and what was hidden."""

import json
import pathlib
import re
from dataclasses import dataclass, field

import desk
from runner import Machine

MEANINGS = dict(re.findall(r'^ +(\d+)\) echo "(.+)" ;;$', (desk.ROOT / "action/step.sh").read_text(), re.M))
GITHUB = {
    "run_id": "7001", "repository": "example/repository", "workflow": "evidence", "job": "test", "sha": "0" * 40,
    "ref_name": "main", "event_name": "push",
}


@dataclass
class Attempt:
    """What a case sets up: a repository with results, a store, the action's inputs and the job's environment."""

    repository: desk.Repository
    store: desk.Store
    inputs: dict
    environment: dict
    secrets: set = field(default_factory=set)
    run_id: int = 7001

    def run(self):
        """The action's steps, as the next run of the workflow."""
        self.run_id += 1
        contexts = {"github": {**GITHUB, "run_id": str(self.run_id)}, "vars": self.inputs}
        given = {name: f"${{{{ vars.{name} }}}}" for name in self.inputs}
        machine = Machine(self.repository.path, self.environment, contexts, {"./": desk.ROOT})
        succeeded, (action,) = machine.run_job([{"id": "evidence", "uses": "./", "with": given}])
        return Done(succeeded, action, machine.temporary, self)


class Done:
    """How it ended."""

    def __init__(self, succeeded, action, temporary, attempt):
        self.succeeded, self.outputs, self.attempt, self.temporary = succeeded, action.outputs, attempt, temporary
        self.steps = {step.identity: step for step in action.steps}
        self.summary = self.steps["summary"].summary
        self.log = "".join(step.log for step in action.steps)
        self.faults = []

    def expect(self, truth, claim):
        if not truth:
            self.faults.append(f"not so: {claim}")

    def document(self, output):
        return json.loads(pathlib.Path(self.outputs[output]).read_text())

    @property
    def failed(self):
        return next((step for step in self.steps.values() if step.outcome == "failure"), None)

    def expect_end(self, ends_at, code):
        """What must be so of every run that ends there."""
        failed = self.failed
        ended_at, ended_with = (failed.identity, failed.exit_code) if failed else ("", 0)
        if (ended_at, ended_with) != (ends_at, code):
            self.faults.append(f"ends at {ended_at or 'the end'} with {ended_with}, not at {ends_at or 'the end'} with {code}\n{self.log}")
            return
        self.expect(self.succeeded == (not ends_at), "the job succeeds or fails with its steps")
        self.expect(self.steps["summary"].outcome == "success", "the summary is written whatever happened")
        self.expect(self.summary.startswith("## ❌" if ends_at else ("## ✅", "## ⚠️")), "the verdict comes first")
        table = self.summary.partition("|---|---|---|\n")[2].partition("\n\n")[0].splitlines()
        whole = all(row.startswith("| ") and row.endswith(" |") and len(re.findall(r"(?<!\\)\|", row)) == 4 for row in table)
        self.expect(len(table) == 7 and whole, "the summary has a whole row for each step")
        self.expect_nothing_leaks()
        if not ends_at:
            return
        names = list(self.steps)
        later = {name: self.steps[name].outcome for name in names[names.index(ends_at) + 1:-1]}
        if ends_at == "diff":
            kept = {"mark": "success" if self.attempt.inputs.get("directory") else "skipped", "push": "success", "attest": "skipped"}
            self.expect(later == kept, f"what differs is stored all the same, and marked ({later})")
        else:
            self.expect(set(later.values()) <= {"skipped"}, "no step runs after the one that failed")
        errors = [value for level, _, value in failed.annotations if level == "error"]
        self.expect(len(errors) == 1 and f"exit {code}, {MEANINGS[str(code)]}: " in errors[0], "one annotation tells what the exit code means")
        self.expect("the log says why" not in errors[0], "and why")
        self.expect(f"Exit {code}, {MEANINGS[str(code)]}" in self.summary, "so does the summary")
        # What a step itself found wrong, nobody else said.
        if ends_at != "inputs" and "nothing was " not in errors[0]:
            shown = [line for line in failed.log.splitlines() if line.startswith(('{"schema":"strongroom.error/', "error: "))]
            self.expect(shown, "what was said on standard error is in the log")

    def expect_nothing_leaks(self):
        kept = "".join(
            path.read_bytes().decode(errors="replace") for path in self.temporary.rglob("*")
            if path.is_file() and path.suffix not in (".gz", "") and "bin" not in path.parts
        )
        everything = self.log + self.summary + json.dumps(self.outputs) + kept
        for secret in self.attempt.secrets:
            self.expect(secret not in everything, f"{secret[:4]}… is in no log, summary, output or document")
        for step in self.steps.values():
            self.expect(not step.environment, f"{step.identity} leaves the job's environment alone")
