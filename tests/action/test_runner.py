"""The runner does what GitHub's does, where scripts/check-action leans on it."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import yaml

from expressions import ExpressionError, evaluated
from runner import Machine, WorkflowError, annotations

GITHUB = {"run_id": "1"}


class Expressions(unittest.TestCase):
    def value(self, text, **contexts):
        return evaluated("${{ " + text + " }}", contexts)

    def test_values_and_operators(self):
        inputs = {"store": "s3://a", "empty": "", "flag": "True"}
        for text, value in {
            "inputs.store": "s3://a", "inputs.empty || inputs.store": "s3://a", "inputs.empty && 'x'": "",
            "inputs.flag == 'true'": "true", "inputs.store != ''": "true", "!inputs.empty": "true", "'it''s'": "it's",
            "(inputs.empty || 'a') == 'a' && 'yes'": "yes", "1": "1",
        }.items():
            self.assertEqual(self.value(text, inputs=inputs), value, text)

    def test_what_is_not_known_is_an_error_and_never_empty(self):
        inputs = {"store": "s3://a"}
        for text in ("inputs.stroe", "secrets.KEY", "inputs.store.x", "hashFiles('x')", "fromJSON('1')", "inputs.store > 1", "inputs.store =", "",
                     "inputs", "inputs.store || inputs.stroe", "'a' inputs.store", "always()"):
            with self.assertRaises(ExpressionError, msg=text):
                self.value(text, inputs=inputs)

    def test_a_value_is_not_evaluated_again(self):
        self.assertEqual(self.value("inputs.a", inputs={"a": "${{ inputs.b }}"}), "${{ inputs.b }}")


class Steps(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.workspace = pathlib.Path(self.scratch.name) / "work"
        self.workspace.mkdir()

    def job(self, text, action=None, **contexts):
        actions = {}
        if action:
            (self.workspace / "action.yml").write_text(action)
            actions["./"] = self.workspace
        machine = Machine(self.workspace, {}, {"github": GITHUB, **contexts}, actions)
        return machine.run_job(yaml.safe_load(text))

    def test_the_first_failure_ends_a_job_save_for_what_always_runs(self):
        succeeded, done = self.job("""
            - run: exit 7
            - run: echo not reached
            - if: ${{ always() && 'x' == 'x' }}
              run: echo reached
            - if: failure()
              run: echo reached
            - if: "'x' == 'x'"
              run: echo not reached
            """)
        self.assertFalse(succeeded)
        self.assertEqual([step.outcome for step in done], ["failure", "skipped", "success", "success", "skipped"])
        self.assertEqual(done[0].exit_code, 7)

    def test_a_pipe_fails_with_its_first_command(self):
        succeeded, _ = self.job("- run: false | cat")
        self.assertFalse(succeeded)

    def test_outputs_and_environment_reach_later_steps(self):
        succeeded, done = self.job("""
            - id: one
              run: |
                printf 'a=1\\nb<<END\\nx=y\\nz\\nEND\\n' >>"$GITHUB_OUTPUT"
                echo NAME=value >>"$GITHUB_ENV"
                mkdir bin && echo "$PWD/bin" >>"$GITHUB_PATH"
            - env:
                A: ${{ steps.one.outputs.a }}
                B: ${{ steps.one.outputs.b }}
              run: echo "$A $B $NAME $PATH"
            """)
        self.assertTrue(succeeded, done[0].log)
        self.assertTrue(done[1].log.startswith("1 x=y\nz value " + str(self.workspace)), done[1].log)

    def test_an_output_that_a_step_did_not_write_is_an_error_where_it_succeeded(self):
        reading = "\n- env:\n    A: ${{ steps.one.outputs.a }}\n  if: always()\n  run: echo \"[$A]\""
        with self.assertRaises(ExpressionError):
            self.job("- id: one\n  run: 'true'" + reading)
        _, done = self.job("- id: one\n  run: 'false'" + reading)
        self.assertEqual(done[1].log, "[]\n")

    def test_what_is_not_known_of_steps_is_an_error(self):
        for text in ("- run: x\n  continue-on-error: true", "- uses: other/action@v1", "- run: x\n  shell: pwsh",
                     "- id: a\n  run: x\n- id: a\n  run: x", "- run: echo ::set-output name=a::b", "- run: echo nonsense >>$GITHUB_OUTPUT",
                     "- run: echo ::stop-commands::a1; echo ::a1::; echo x >&2"):
            with self.assertRaises(WorkflowError, msg=text):
                self.job(text)

    def test_a_composite_action_that_fails_fails_the_job_and_has_its_outputs(self):
        action = """
            inputs: {a: {default: "${{ github.run_id }}"}, b: {description: none}}
            outputs: {c: {value: "${{ steps.one.outputs.c }}"}, d: {value: "${{ steps.two.outputs.d }}"}}
            runs:
              using: composite
              steps:
                - id: one
                  shell: bash
                  env: {A: "${{ inputs.a }}", B: "${{ inputs.b }}"}
                  run: echo "c=[$A$B]" >>"$GITHUB_OUTPUT"; test -d "$GITHUB_ACTION_PATH"; exit 3
                - {id: two, shell: bash, run: echo d=1}
            """
        succeeded, done = self.job("- id: it\n  uses: ./\n- if: always()\n  env: {C: '${{ steps.it.outputs.c }}'}\n  run: echo $C", action)
        self.assertFalse(succeeded)
        self.assertEqual((done[0].exit_code, done[0].outputs), (3, {"c": "[1]", "d": ""}))
        self.assertEqual(done[1].log, "[1]\n")
        with self.assertRaises(WorkflowError):
            self.job("- uses: ./\n  with: {nonsense: 1}", action)

    def test_a_composite_action_sees_no_secrets_and_names_its_shells(self):
        action = "inputs: {}\noutputs: {}\nruns: {using: composite, steps: [{run: x, %s}]}"
        with self.assertRaises(ExpressionError):
            self.job("- uses: ./", action % "shell: bash, env: {A: '${{ secrets.KEY }}'}", secrets={"KEY": "x"})
        with self.assertRaises(WorkflowError):
            self.job("- uses: ./", action % "id: a")


class Program(unittest.TestCase):
    def test_it_runs_a_workflow_and_ends_as_the_job_does(self):
        with tempfile.TemporaryDirectory() as scratch:
            workflow, contexts = pathlib.Path(scratch) / "workflow.yml", pathlib.Path(scratch) / "contexts.json"
            workflow.write_text("jobs:\n  a:\n    steps:\n      - env: {A: '${{ secrets.A }}'}\n        run: 'echo $A | tee \"$GITHUB_STEP_SUMMARY\"; test $A = 1'\n")
            for value, code in ("1", 0), ("2", 1):
                contexts.write_text('{"secrets": {"A": "%s"}}' % value)
                (pathlib.Path(scratch) / value).mkdir()
                done = subprocess.run(
                    [sys.executable, pathlib.Path(__file__).parent / "run-action", workflow, contexts],
                    cwd=pathlib.Path(scratch) / value, capture_output=True, text=True,
                )
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(f"== summary\n{value}\n", done.stdout)


class Commands(unittest.TestCase):
    def test_annotations_are_read_and_their_data_unescaped(self):
        log = "::error title=a, b::x%0Ay %25\n::notice::z\nno::error::\n  ::warning file=a:1::w"
        self.assertEqual(annotations(log), [("error", "title=a, b", "x\ny %"), ("notice", "", "z"), ("warning", "file=a:1", "w")])

    def test_no_command_counts_while_they_are_stopped(self):
        self.assertEqual(annotations("::stop-commands::a1\n::error::x\n::b2::\n::a1::\n::error::y"), [("error", "", "y")])
        with self.assertRaises(WorkflowError):
            annotations("::stop-commands::a1\n::error::x")


def faults():
    """What of this does not hold, for scripts/check-action."""
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromName(__name__).run(result)
    for test, trace in result.failures + result.errors:
        yield f"{test.id()}: {trace.splitlines()[-1]}"
    if result.testsRun < 10:
        yield "the tests of the runner were not found"
