"""What the checks of the reference deployments share: a place, the scripts under test, and one way to say what was seen."""

import json
import os
import pathlib
import re
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
TARGET = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target")
STRONGROOM = os.environ.get("STRONGROOM_BIN") or str(TARGET / "debug" / "strongroom")
REGION = "us-east-1"

# What a developer's shell sets must not reach a script under test.
INHERITED = {name: value for name, value in os.environ.items() if not re.match(r"STRONGROOM_|AWS_|AZURE_", name)}


class Failed(Exception):
    """Something is not as it must be."""


class Say:
    """What one check prints, in one piece, however many run at once."""

    lock = threading.Lock()

    def __init__(self, title):
        self.lines = [f"== {title}"]

    def __call__(self, text):
        self.lines.append(text)

    def expect(self, truth, claim):
        if not truth:
            raise Failed(claim)
        self(f"ok: {claim}")

    def flush(self):
        with Say.lock:
            print("\n".join(self.lines), flush=True)
        self.lines = []


def run(script, *arguments, environment, accept=(0,), stdin=subprocess.DEVNULL):
    """Runs a script, without a terminal unless one is given. Returns its exit status, standard output and standard error."""
    done = subprocess.run(
        [str(script), *map(str, arguments)], env={**INHERITED, **environment}, stdin=stdin,
        capture_output=True, text=True,
    )
    if accept is not None and done.returncode not in accept:
        raise Failed(f"{pathlib.Path(script).name} {' '.join(map(str, arguments))}: exit {done.returncode}, not {accept}\n"
                     f"{done.stdout}{done.stderr}")
    return done


def controls(path, schema_validator):
    """The states of a table that deploy.sh wrote, by control."""
    document = json.loads(path.read_text())
    schema_validator.validate(document)
    return {row["control"]: row["state"] for row in document["controls"]}


def table_of(stdout):
    return "\n".join("  " + line for line in stdout.splitlines())


def strongroom(*arguments, environment=None, accept=(0,)):
    done = run(STRONGROOM, *arguments, "--format", "json", environment=environment or {}, accept=accept)
    return json.loads(done.stdout) if done.stdout else {}


def in_threads(checks):
    """Runs checks at once; each prints in one piece. Ends the program where one failed."""
    failures = []

    def guarded(check, say):
        try:
            check(say)
        except Exception as failure:  # whatever it is, the others are still told
            say(f"FAILED: {failure!r}" if not isinstance(failure, Failed) else f"FAILED: {failure}")
            failures.append(say.lines[0])
        finally:
            say.flush()

    threads = [threading.Thread(target=guarded, args=(check, Say(title))) for title, check in checks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit("not so: " + "; ".join(failures))
