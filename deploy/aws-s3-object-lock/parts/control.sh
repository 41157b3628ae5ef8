# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # variables are shared with deploy.sh
# How one control is brought about: read, compared, set, read back, and its effect tried. Sourced.
#
# A control KIND has functions: KIND_read leaves the present state as JSON in `seen` (null where there is
# none), KIND_wanted prints the state to come, made from `seen`, KIND_write JSON sets it, KIND_same LEFT RIGHT
# compares, KIND_effect tries it and leaves in `effect` what broke.

# AWS says that a bucket's configuration may be read as it was for a moment.
READ_BACK_TRIES=5
READ_BACK_PAUSE_SECONDS=2

# control NAME KIND WHAT
control() {
  local name=$1 kind=$2 what=$3 before wanted undone=
  if [ "$bucket_to_come" = yes ]; then
    row "$name" would_set "$what"
    return
  fi
  if ! "${kind}_read"; then
    refused "$name" "reading it"
    return
  fi
  before=$seen
  wanted=$("${kind}_wanted")
  if "${kind}_same" "$before" "$wanted"; then
    row "$name" kept "$what"
    return
  fi
  undone_before "$name"
  if [ -n "$undone" ]; then
    lacking "$name" "tried before and undone: $undone (to try again, remove the bucket's tag strongroom-undone-$name)"
  elif [ "$plan" = yes ]; then
    row "$name" would_set "$what"
  elif ! "${kind}_write" "$wanted"; then
    refused "$name" "setting it"
  elif ! reads_back "$kind" "$wanted"; then
    row "$name" FAILED "set without an error, and reads back as $(jq -c . <<<"$seen")"
  elif ! "${kind}_effect"; then
    undo "$name" "$kind" "$before"
  else
    row "$name" set "$what"
  fi
}

reads_back() {
  local try
  for ((try = 1; try <= READ_BACK_TRIES; try++)); do
    "${1}_read" && "${1}_same" "$seen" "$2" && return 0
    [ "$try" -eq "$READ_BACK_TRIES" ] || sleep "$READ_BACK_PAUSE_SECONDS"
  done
  return 1
}

# undo NAME KIND BEFORE: the store is worse off by the control: it is taken back, and that is remembered in a tag,
# so that the next run does not try again.
undo() {
  local why=$effect
  say "  $1: $why; taking it back"
  if ! "${2}_write" "$3" || ! reads_back "$2" "$3"; then
    row "$1" FAILED "$why, and it could not be taken back"
  elif [ -z "$ENDPOINT_URL" ]; then
    row "$1" FAILED "$why; taken back"
  else
    lacking "$1" "$why; taken back"
    remember_undone "$1" "$why"
  fi
}

remember_undone() {
  local tags
  tags_read || return 0
  # Of what a tag's value may hold, the plainest.
  tags=$(jq -c --arg key "strongroom-undone-$1" --arg why "$2" \
    '. + {($key): ($why | gsub("[^A-Za-z0-9 .:_-]"; "") | .[0:200])}' <<<"$seen")
  tags_write "$tags" || say "note: the store keeps no tags: the next run tries $1 again"
}

# The tags are read once: a run that takes something back says so itself.
undone_before() {
  [ "$1" != tags ] || return 0
  if [ -z "$tags_at_first" ]; then
    tags_at_first='{}'
    ! tags_read || tags_at_first=$seen
  fi
  undone=$(jq -r --arg key "strongroom-undone-$1" '.[$key] // ""' <<<"$tags_at_first")
}

# same LEFT RIGHT: as JSON, the order of fields and lists aside.
same() { [ "$(canonical "$1")" = "$(canonical "$2")" ]; }

canonical() { jq -cS 'walk(if type == "array" then sort else . end)' <<<"$1"; }

still_uploads() {
  upload_works && return 0
  effect="an upload is refused with it (${answer_code:-no answer})"
  return 1
}
