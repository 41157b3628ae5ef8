# shellcheck shell=bash
# What the steps of the action have in common. Sourced by each.
#
# A step runs one command of strongroom. What that says on standard error goes to the job's log as it is; its
# document goes to a file below $DOCUMENTS, and the summary is made of those. A command that fails fails its step,
# and so the job, with the same exit code.
set -euo pipefail
# What fails inside $(…) fails.
shopt -s inherit_errexit

# The step's name, which is the file's.
step=${0##*/}

# meaning STATUS: as `strongroom --help` has it.
meaning() {
  case $1 in
    1) echo "failed, or unreadable: nothing is said of the content" ;;
    2) echo "wrong usage or configuration" ;;
    3) echo "a rule of integrity, format or safety is broken" ;;
    4) echo "signature or trust" ;;
    5) echo "retention or policy not met" ;;
    6) echo "conflict: something else is there" ;;
    7) echo "not found" ;;
    8) echo "not authenticated or not allowed" ;;
    9) echo "the store is unsafe for what was asked" ;;
    10) echo "refused by a limit: not looked at" ;;
    11) echo "unreachable: worth trying again" ;;
    12) echo "findings at or above --fail-on" ;;
    13) echo "partly done: the output says which" ;;
    130) echo "interrupted" ;;
    *) echo "the program did not end by itself" ;;
  esac
}

# A line feed would end the annotation, and begin another command of the workflow.
annotation() {
  local text=$1
  text=${text//'%'/%25}
  text=${text//$'\r'/%0D}
  text=${text//$'\n'/%0A}
  printf '%s' "$text"
}

# failed STATUS MESSAGE: tells the job, keeps it for the summary, and ends the step. What failed first is what the
# summary begins with: the push goes on after a comparison that failed.
failed() {
  printf '::error title=strongroom %s::%s\n' "$step" "$(annotation "exit $1, $(meaning "$1"): $2")"
  if [ -n "${DOCUMENTS:-}" ] && [ ! -e "$DOCUMENTS/failed.json" ]; then
    jq --null-input --arg step "$step" --argjson status "$1" --arg meaning "$(meaning "$1")" --arg message "$2" \
      '$ARGS.named' >"$DOCUMENTS/failed.json"
  fi
  exit "$1"
}

# output NAME VALUE: whatever the value is, it ends where it ends.
output() {
  local mark
  mark=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  printf '%s<<%s\n%s\n%s\n' "$1" "$mark" "$2" "$mark" >>"$GITHUB_OUTPUT"
}

# setting NAME VALUE: what an input says, for strongroom. An empty one leaves the job's own variable alone. An
# argument would be in the list of processes.
setting() {
  [ -z "$2" ] || export "$1=$2"
}

# bundle_settings STATUS: what is declared of a directory, and how the run went.
bundle_settings() {
  local metadata=$INPUT_METADATA
  setting STRONGROOM_BUNDLE_RUN_ID "$INPUT_RUN_ID"
  setting STRONGROOM_BUNDLE_SUBJECT "$INPUT_SUBJECT"
  setting STRONGROOM_BUNDLE_PRODUCER "$INPUT_PRODUCER"
  [ -z "$1" ] || metadata+=${metadata:+$'\n'}result_status=$1
  setting STRONGROOM_BUNDLE_METADATA "$metadata"
  setting STRONGROOM_BUNDLE_RETENTION_CLASS "$INPUT_RETENTION_CLASS"
  setting STRONGROOM_BUNDLE_RETENTION_DAYS "$INPUT_RETENTION_DAYS"
}

store_settings() {
  setting STRONGROOM_STORE_URL "$INPUT_STORE"
  setting STRONGROOM_STORE_ENDPOINT "$INPUT_STORE_ENDPOINT"
  setting STRONGROOM_STORE_REGION "$INPUT_STORE_REGION"
}

# said FILE: what strongroom gave as the reason, in one line.
said() {
  local line reason=''
  while IFS= read -r line; do
    case $line in
      '{"schema":"strongroom.error/'*)
        reason=$(jq --raw-output '.message + (if .help then " (" + .help + ")" else "" end)' <<<"$line")
        ;;
      'error: '*) reason=${line#error: } ;;
    esac
  done <"$1"
  printf '%s' "${reason:-the log says why}"
}

# resumed MARK FILE: workflow commands count again, after this text. Only a whole line is a command.
resumed() {
  [ -z "$(tail -c 1 "$2")" ] || echo
  printf '::%s::\n' "$1"
}

# run DOCUMENT COMMAND…: the command's standard output becomes the document. Sets `status`, and `reason` where it
# is not 0. What it says on standard error is shown as it is said, and is no command to the workflow. All on one
# stream: of two, GitHub keeps no order.
run() {
  local document=$DOCUMENTS/$1 errors=$DOCUMENTS/$step.stderr mark ended
  shift
  mark=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  printf '::stop-commands::%s\n' "$mark"
  set +e
  "$@" 2>&1 >"$document" </dev/null | tee "$errors"
  ended=("${PIPESTATUS[@]}")
  set -e
  resumed "$mark" "$errors"
  [ "${ended[1]}" -eq 0 ] || failed 1 "the log could not be written"
  status=${ended[0]} reason=
  [ "$status" -eq 0 ] || reason=$(said "$errors")
}

# done_or_failed: where a failure is only that.
done_or_failed() {
  [ "$status" -eq 0 ] || failed "$status" "$reason"
}

# field FILTER DOCUMENT: of a document that strongroom wrote.
field() {
  jq --raw-output "$1" "$DOCUMENTS/$2"
}

# shown FILE: in the job's log, where a line of it is no command to the workflow.
shown() {
  local mark
  mark=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  printf '::stop-commands::%s\n' "$mark"
  cat "$1"
  resumed "$mark" "$1"
}
