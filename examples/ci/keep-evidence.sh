#!/bin/sh
# Keeps a directory of results as evidence: bundles, verifies, lints, compares with the last good run, stores, and
# attests. What the GitHub Action does, for any machine with a POSIX shell.
#
# usage: keep-evidence.sh RESULTS OUT RUN SUBJECT STATUS
#
# RUN is which run it was; SUBJECT what the evidence is about, the same in each run: the baseline is found by it.
# STATUS is how the run went, success or failure: one that failed is no baseline. OUT gets the bundle, the lint's
# findings as SARIF, the receipt and the comparison. Everything else is a variable, as
# `strongroom evidence COMMAND --help` has them; these should be set:
#
#   STRONGROOM_STORE_URL             where to, s3://BUCKET/PREFIX; and the store's credentials
#   STRONGROOM_PUSH_RETAIN_UNTIL     for how long it is locked, 2y
#   STRONGROOM_LINT_FAIL_ON          error, warning, note or never
#   STRONGROOM_DIFF_FAIL_ON          removed,retention-weaker
#   STRONGROOM_ATTEST_PREDICATE, STRONGROOM_ATTEST_TYPE and ATTEST_KEY, the file of a key, for an attestation
#   STRONGROOM                       the program, where it is not in PATH
#
# The first step that fails ends it, with strongroom's exit code.
set -eu

[ $# -eq 5 ] || {
  echo "usage: keep-evidence.sh RESULTS OUT RUN SUBJECT STATUS" >&2
  exit 2
}
results=$1
out=$2
run=$3
subject=$4
status_of_run=$5
strongroom=${STRONGROOM:-strongroom}
bundle=$out/evidence.strongroom.tar.gz
mkdir -p "$out"

step=start
ended() {
  status=$?
  if [ "$status" -ne 0 ]; then
    meaning=$("$strongroom" --help | sed -n "s/^ *$status  *//p")
    echo "keep-evidence: $step failed, exit $status: ${meaning:-see above}" >&2
  fi
}
trap ended EXIT

# evidence COMMAND ARGUMENT…
evidence() {
  step=$1
  "$strongroom" evidence "$@"
}

# bundled STATUS
bundled() {
  evidence bundle "$results" --output "$bundle" --force --auto-push=false --run-id "$run" --subject "$subject" \
    --metadata "result_status=$1"
}

bundled "$status_of_run"
evidence verify "$bundle"
# Before the push: a secret in a locked object cannot be taken back.
evidence lint "$bundle" --format sarif --output "$out/lint.sarif"

# Before the push: only so can what is stored say how it ended. Exit 7: there is no earlier good run. Whatever else
# fails, this run has failed, and is no baseline: the next one is compared with the last good one again. To accept a
# difference, run once with STRONGROOM_DIFF_FAIL_ON empty.
compared=0
evidence diff --baseline run:latest "$bundle" --format markdown --output "$out/diff.md" || compared=$?
case $compared in
  0) ;;
  7)
    compared=0
    echo "nothing to compare with yet" >&2
    ;;
  *) bundled failure ;;
esac
# Whatever it came to: evidence that differs is evidence all the more.
evidence push "$bundle" --format json >"$out/receipt.json"
if [ "$compared" -ne 0 ]; then
  step="diff"
  exit "$compared"
fi

if [ -n "${STRONGROOM_ATTEST_PREDICATE:-}" ]; then
  evidence attest "$bundle" --private-key "${ATTEST_KEY:?names no file of a key}" --format json >"$out/attestation.json"
else
  echo "nothing is attested: STRONGROOM_ATTEST_PREDICATE is not set" >&2
fi
