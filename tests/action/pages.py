"""What docs/github-action.md and docs/gitlab-ci.md say, held against action.yml, the program and actionlint."""

import json
import pathlib
import re
import subprocess
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE, GITLAB = ROOT / "docs/github-action.md", ROOT / "docs/gitlab-ci.md"
STEPS = ROOT / "action"
OURS = re.compile(r"\bstrongroom/strongroom@v[0-9.]+")


def action():
    return yaml.safe_load((ROOT / "action.yml").read_text())


def example(page, name):
    """The YAML of an example, by the mark before it."""
    match = re.search(rf"<!-- example: {name} -->\n```yaml\n(.*?)```", page.read_text(), re.S)
    if not match:
        raise SystemExit(f"{page.name} has no example {name}")
    return match.group(1)


def examples():
    return re.findall(r"<!-- example: (\w+) -->", PAGE.read_text())


def policy():
    return json.loads(re.search(r"<!-- policy -->\n```json\n(.*?)```", PAGE.read_text(), re.S).group(1))


def tables():
    """The tables of inputs and outputs, as action.yml has them."""
    declared = action()
    inputs = ["| input | default | |", "|---|---|---|"]
    for name, each in declared["inputs"].items():
        default = f"`{each['default']}`" if each.get("default") else ""
        inputs.append(f"| `{name}` | {default} | {each['description']} |")
    outputs = ["| output | |", "|---|---|"]
    outputs += [f"| `{name}` | {each['description']} |" for name, each in declared["outputs"].items()]
    return {"inputs": "\n".join(inputs), "outputs": "\n".join(outputs)}


def with_tables(text):
    for name, table in tables().items():
        text = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", lambda match: f"{match[1]}{table}\n{match[2]}", text, flags=re.S
        )
    return text


def faults_of_tables():
    if with_tables(PAGE.read_text()) != PAGE.read_text():
        yield "docs/github-action.md has other tables than action.yml: scripts/check-action --write-tables"


def faults_of_action():
    """What GitHub would refuse, and what would let an input into a script."""
    declared = action()
    used = set()
    for step in declared["runs"]["steps"]:
        where = f"action.yml, step {step.get('id')}"
        if "${{" in step["run"]:
            yield f"{where}: an expression in a script: whoever chooses an input chooses commands"
        match = re.fullmatch(r'"\$GITHUB_ACTION_PATH/action/([a-z]+)"', step["run"])
        if not match or match[1] != step["id"]:
            yield f"{where}: does not run the script of its name"
            continue
        script = (STEPS / step["id"]).read_text() + (STEPS / "step.sh").read_text()
        if not (STEPS / step["id"]).stat().st_mode & 0o111:
            yield f"{where}: its script cannot be executed"
        if re.search(r"\|\| *(true|:)|2> */dev/null|&> */dev/null|set \+o", script):
            yield f"{where}: something is hidden"
        given = set(step["env"])
        read = set(re.findall(r"\$\{?(INPUT_[A-Z_]+|DOCUMENTS|PROGRAM|BUNDLE)\b", (STEPS / step["id"]).read_text()))
        # What several steps have in common is a function.
        for name, body in re.findall(r"^(\w+)\(\) \{\n(.*?)^\}", (STEPS / "step.sh").read_text(), re.M | re.S):
            if name in (STEPS / step["id"]).read_text():
                read |= set(re.findall(r"\$\{?(INPUT_[A-Z_]+)", body))
        if step["id"] in ("inputs",):
            read.discard("DOCUMENTS")
        for name in read - given:
            yield f"{where}: its script reads {name}, which env: does not set"
        for name in {name for name in given if name.startswith("INPUT_")} - read:
            yield f"{where}: env: sets {name}, which its script does not read"
        for value in step["env"].values():
            used |= set(re.findall(r"(?<![.\w])inputs\.([a-z-]+)", value))
    for name in set(declared["inputs"]) ^ used:
        yield f"action.yml: the input {name} is declared or used, and not both"


def help_of(program, command):
    return subprocess.run([program, *command, "--help"], check=True, capture_output=True, text=True).stdout


def faults_of_flags(program):
    """Each flag and each variable that a script gives to strongroom is one that the command has."""
    texts = {f"action/{path.name}": path.read_text() for path in STEPS.iterdir()}
    texts["examples/ci/keep-evidence.sh"] = (ROOT / "examples/ci/keep-evidence.sh").read_text()
    texts["docs/gitlab-ci.md"] = example(GITLAB, "gitlab")
    texts["docs/github-action.md"] = PAGE.read_text()
    calls = 0
    everything = ""
    for command in ("bundle", "verify", "lint", "push", "diff", "attest"):
        everything += help_of(program, ["evidence", command])
    everything += help_of(program, ["evidence"])
    for place, text in texts.items():
        joined = text.replace("\\\n", " ")
        for line in joined.splitlines():
            match = re.search(r"(?:\bevidence|--) (bundle|verify|lint|push|pull|diff|attest)\b(.*)", line)
            if match and not line.lstrip().startswith(("#", "|")):
                calls += 1
                known = help_of(program, ["evidence", match[1]])
                for flag in re.findall(r"(?<!\S)(--?[a-z][a-z-]*)", match[2]):
                    if not re.search(rf"(?<!\S){flag}\b(?!-)", known):
                        yield f"{place}: evidence {match[1]} has no {flag}"
        for variable in set(re.findall(r"\bSTRONGROOM_[A-Z_]+[A-Z]\b", text)):
            if f"[env: {variable}]" not in everything:
                yield f"{place}: no command reads {variable}"
    if calls < 15:
        yield f"only {calls} calls were found: this check does not read the scripts any more"


def faults_of_meanings(program):
    """The scripts' words for exit codes are those of `strongroom --help`."""
    shown = help_of(program, [])
    told = dict(re.findall(r"^ +(\d+)  (.+)$", shown[shown.index("Exit codes:"):], re.M))
    told.pop("0")
    ours = dict(re.findall(r'^ +(\d+)\) echo "(.+)" ;;$', (STEPS / "step.sh").read_text(), re.M))
    if told != ours or not told:
        yield f"action/step.sh: {set(told.items()) ^ set(ours.items())} is not what --help says of exit codes"


def faults_of_actionlint(actionlint):
    """The examples, and the steps of the action as those of a workflow, in a repository of their own."""
    declared = action()
    steps = yaml.safe_dump(declared["runs"]["steps"], sort_keys=False)
    inputs = {name: {"type": "string"} for name in declared["inputs"]}
    as_workflow = {"on": {"workflow_call": {"inputs": inputs}}, "jobs": {"steps": {"runs-on": "ubuntu-latest", "steps": yaml.safe_load(steps)}}}
    with tempfile.TemporaryDirectory() as scratch:
        repository = pathlib.Path(scratch)
        workflows = repository / ".github/workflows"
        workflows.mkdir(parents=True)
        subprocess.run(["git", "init", "--quiet", scratch], check=True)
        (repository / "action.yml").write_text((ROOT / "action.yml").read_text())
        (workflows / "steps.yml").write_text(yaml.safe_dump(as_workflow, sort_keys=False))
        for name in examples():
            text, count = OURS.subn("./", example(PAGE, name))
            if count != 1:
                yield f"docs/github-action.md: the example {name} does not use the action once"
            (workflows / f"{name}.yml").write_text(text)
        done = subprocess.run([actionlint, "-no-color"], cwd=scratch, capture_output=True, text=True)
        if done.returncode != 0:
            yield f"actionlint: {done.stdout}{done.stderr}"
        # What it must see, else it does not see our action.
        for planted, seen in {"directory: results": "directoyr: results", "steps.evidence.outputs.sarif": "steps.evidence.outputs.srif"}.items():
            (workflows / "role.yml").write_text(OURS.sub("./", example(PAGE, "role")).replace(planted, seen))
            if subprocess.run([actionlint], cwd=scratch, capture_output=True).returncode == 0:
                yield f"actionlint does not see {seen}"
