"""Runs the steps of a job, and of the composite actions that they use, on this machine.

It reads the action's own action.yml and does with it what GitHub's runner does: evaluates `if:`, `env:`, `with:` and
the expressions in them, gives each step its files for outputs, environment, path and summary, runs `shell: bash`
the way that GitHub does, stops at the first step that fails (save for `always()`), and reads workflow commands.
It knows nothing else: an unknown key, expression or command is an error.

It is no GitHub: no containers, no services, no caches, no masking, no OpenID tokens.
"""

import os
import pathlib
import re
import subprocess
import tempfile
from dataclasses import dataclass, field

import yaml

from expressions import evaluated, holds, text_of

STEP_KEYS = {"id", "name", "if", "uses", "with", "env", "run", "shell", "working-directory"}
COMMAND = re.compile(r"^::(?P<name>[A-Za-z0-9-]+)(?: (?P<properties>[^:]*(?::(?!:)[^:]*)*))?::(?P<value>.*)$")
ANNOTATIONS = ("error", "warning", "notice")


class WorkflowError(Exception):
    """Something that a workflow or an action may not say, or that this runner does not know."""


@dataclass
class Outcome:
    """What became of a step."""

    identity: str
    outcome: str = "skipped"
    exit_code: int = 0
    log: str = ""
    outputs: dict = field(default_factory=dict)
    summary: str = ""
    annotations: list = field(default_factory=list)
    environment: dict = field(default_factory=dict)
    steps: list = field(default_factory=list)

    def each(self):
        """This step and those inside it."""
        yield self
        for step in self.steps:
            yield from step.each()


class Outputs(dict):
    """What a step wrote. A step that succeeded wrote all that is asked for; of others it may be missing."""

    def __init__(self, written, is_complete):
        super().__init__(written)
        self.is_complete = is_complete

    def __contains__(self, name):
        return super().__contains__(name) or not self.is_complete

    def __missing__(self, name):
        return ""


class Machine:
    """A machine that runs one job in a working directory."""

    def __init__(self, workspace, environment, contexts, actions=None):
        self.workspace = pathlib.Path(workspace)
        self.temporary = pathlib.Path(tempfile.mkdtemp(prefix="runner.", dir=self.workspace.parent))
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.temporary), "LANG": "C.UTF-8", "CI": "true", "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace), "RUNNER_TEMP": str(self.temporary), **environment,
        }
        self.contexts = {"runner": {"temp": str(self.temporary), "os": "Linux"}, **contexts}
        self.contexts["env"] = self.environment
        self.actions = actions or {}
        self.files = 0

    def run_job(self, steps):
        """Runs the steps of a job, and returns whether it succeeded, and what became of each."""
        job = {"status": "success"}
        done = self.run_steps(steps, {**self.contexts, "job": job}, {}, on_failure=lambda: job.update(status="failure"))
        return job["status"] == "success", done

    def run_steps(self, steps, contexts, environment, on_failure=None):
        done, known = [], {}
        state = {"failed": False}
        functions = {
            "always": lambda: True, "success": lambda: not state["failed"], "failure": lambda: state["failed"],
            "cancelled": lambda: False,
        }
        for number, step in enumerate(steps, 1):
            unknown = set(step) - STEP_KEYS
            if unknown:
                raise WorkflowError(f"step {number} has keys that are not known here: {unknown}")
            identity = step.get("id", f"step-{number}")
            scope = {**contexts, "steps": known}
            result = Outcome(identity)
            if holds(step.get("if"), scope, functions):
                self.run_step(step, result, scope, environment)
                if result.outcome == "failure":
                    state["failed"] = True
                    if on_failure:
                        on_failure()
            done.append(result)
            if identity in known:
                raise WorkflowError(f"two steps have the id {identity}")
            complete = result.outcome == "success"
            known[identity] = {
                "outcome": result.outcome, "conclusion": result.outcome, "outputs": Outputs(result.outputs, complete),
            }
        return done

    def run_step(self, step, result, contexts, environment):
        own = {name: evaluated(value, contexts) for name, value in step.get("env", {}).items()}
        environment = {**environment, **own}
        contexts = {**contexts, "env": {**self.environment, **environment}}
        if "run" in step:
            self.run_script(step, result, contexts, environment)
            return
        given = {name: evaluated(text_of(value), contexts) for name, value in step.get("with", {}).items()}
        used = step["uses"]
        if used not in self.actions:
            raise WorkflowError(f"the action {used} is not known here")
        action = self.actions[used]
        if isinstance(action, pathlib.Path):
            self.run_composite(action, given, result, contexts, environment)
        else:
            result.outputs = action(self, given) or {}
            result.outcome = "success"

    def run_composite(self, directory, given, result, contexts, environment):
        action = yaml.safe_load((directory / "action.yml").read_text())
        if action["runs"]["using"] != "composite":
            raise WorkflowError("only composite actions are known here")
        unknown = set(given) - set(action["inputs"])
        if unknown:
            raise WorkflowError(f"the action has no inputs {unknown}")
        allowed = {name: contexts[name] for name in ("github", "job", "runner")}
        inputs = {}
        for name, declared in action["inputs"].items():
            inputs[name] = given[name] if name in given else evaluated(declared.get("default", ""), allowed)
        scope = {**allowed, "env": contexts["env"], "inputs": inputs}
        scope["github"] = {**contexts["github"], "action_path": str(directory)}
        for step in action["runs"]["steps"]:
            if "run" in step and "shell" not in step:
                raise WorkflowError("a step of a composite action names its shell")
        result.steps = self.run_steps(action["runs"]["steps"], scope, {**environment, "GITHUB_ACTION_PATH": str(directory)})
        result.outcome = "failure" if any(step.outcome == "failure" for step in result.steps) else "success"
        result.exit_code = next((step.exit_code for step in result.steps if step.outcome == "failure"), 0)
        known = {
            step.identity: {"outputs": Outputs(step.outputs, step.outcome == "success"), "outcome": step.outcome}
            for step in result.steps
        }
        for name, declared in action["outputs"].items():
            result.outputs[name] = evaluated(declared["value"], {**scope, "steps": known})

    def run_script(self, step, result, contexts, environment):
        if step.get("shell", "bash") != "bash":
            raise WorkflowError("only bash is known here")
        files = {name: self.new_file(name.lower()) for name in ("OUTPUT", "ENV", "PATH", "STEP_SUMMARY")}
        script = self.new_file("script")
        script.write_text(evaluated(step["run"], contexts) + "\n")
        directory = self.workspace / evaluated(step.get("working-directory", "."), contexts)
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script], cwd=directory, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600,
            env={**self.environment, **environment, **{f"GITHUB_{name}": str(path) for name, path in files.items()}},
        )
        streams = [stream.decode(errors="replace") for stream in (done.stdout, done.stderr)]
        if any("::stop-commands::" in stream for stream in streams) and all(streams):
            raise WorkflowError("GitHub reads both streams at once: what is stopped on one may swallow what is on the other")
        result.log = "".join(streams)
        result.exit_code = done.returncode
        result.outcome = "success" if done.returncode == 0 else "failure"
        result.annotations = annotations(result.log)
        result.outputs = assignments(files["OUTPUT"].read_text())
        result.environment = assignments(files["ENV"].read_text())
        result.summary = files["STEP_SUMMARY"].read_text()
        self.environment.update(result.environment)
        for line in files["PATH"].read_text().splitlines():
            self.environment["PATH"] = f"{line}:{self.environment['PATH']}"

    def new_file(self, name):
        self.files += 1
        path = self.temporary / f"{self.files}-{name}"
        path.touch()
        return path


def assignments(text):
    """NAME=VALUE lines, and NAME<<MARK … MARK."""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        name, mark, value = line.partition("<<")
        if mark and "=" not in name:
            kept = []
            for part in lines:
                if part == value:
                    break
                kept.append(part)
            else:
                raise WorkflowError(f"the value of {name} does not end")
            found[name] = "\n".join(kept)
        elif "=" in line:
            name, _, found_value = line.partition("=")
            found[name] = found_value
        elif line:
            raise WorkflowError(f"no assignment: {line!r}")
    return found


def annotations(log):
    """The annotations that the log's workflow commands make."""
    found, stopped = [], None
    for line in log.splitlines():
        match = COMMAND.match(line.lstrip())
        if stopped is not None:
            stopped = None if match and match["name"] == stopped and not match["value"] else stopped
            continue
        if not match:
            continue
        if match["name"] == "stop-commands":
            stopped = match["value"]
        elif match["name"] in ANNOTATIONS:
            value = match["value"].replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
            found.append((match["name"], match["properties"] or "", value))
        else:
            raise WorkflowError(f"a workflow command that is not known here: {line!r}")
    if stopped is not None:
        raise WorkflowError("workflow commands were stopped, and not resumed")
    return found
