# shellcheck shell=bash
# What a reference deployment says of each control, and how it asks before what cannot be undone. Sourced.
#
# States: set, kept, skipped, FAILED; with --plan would_set in place of set.

say() { printf '%s\n' "$*" >&2; }

# stop STATUS MESSAGE [HELP]: says what is wrong and ends.
stop() {
  say "error: $2"
  [ -z "${3:-}" ] || say "help: $3"
  exit "$1"
}

row_controls=()
row_states=()
row_whys=()

row() {
  row_controls+=("$1")
  row_states+=("$2")
  row_whys+=("$3")
  say "  $1: $2"
}

# rows_in STATE: how many there are.
rows_in() {
  local state count=0
  for state in "${row_states[@]}"; do
    [ "$state" != "$1" ] || count=$((count + 1))
  done
  echo "$count"
}

print_table() {
  local at width=7
  for at in "${!row_controls[@]}"; do
    [ "${#row_controls[at]}" -le "$width" ] || width=${#row_controls[at]}
  done
  printf '%-*s  %-9s  %s\n' "$width" control state why
  for at in "${!row_controls[@]}"; do
    printf '%-*s  %-9s  %s\n' "$width" "${row_controls[at]}" "${row_states[at]}" "${row_whys[at]}"
  done
}

# write_json FILE PLAN STORE: the same table for programs (controls.v1.json).
write_json() {
  local at rows=
  for at in "${!row_controls[@]}"; do
    rows+=$(jq -cn --arg control "${row_controls[at]}" --arg state "${row_states[at]}" \
      --arg why "${row_whys[at]}" '{$control, $state, $why}')$'\n'
  done
  jq -s --arg store "$3" --argjson plan "$2" --arg at "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
    '{schema: "strongroom.deploy/v1", $store, $plan, at: $at, controls: .}' <<<"$rows" >"$1"
}

# required CONTROL: whether the operator wants no exit 0 without it.
required() {
  case " $REQUIRE_CONTROLS " in
    *" $1 "*) return 0 ;;
    *) return 1 ;;
  esac
}

# lacking CONTROL WHY: the store does not have it. Named, never silent.
lacking() {
  if required "$1"; then
    row "$1" FAILED "required, and the store lacks it: $2"
  else
    row "$1" skipped "$2"
  fi
}

# confirm PHRASE ACCEPTED: what cannot be undone is typed, or named by --accept, word for word.
confirm() {
  local typed
  if [ -n "$2" ]; then
    [ "$2" = "$1" ] || stop 5 "--accept names something else than what would be done" "it would be: --accept '$1'"
    return 0
  fi
  [ -t 0 ] || stop 5 "this cannot be undone and was not accepted; nothing was changed" "accept it by: --accept '$1'"
  printf 'Type this to go on, anything else to stop:\n  %s\n> ' "$1" >&2
  read -r typed || typed=
  [ "$typed" = "$1" ] || stop 5 "not accepted; nothing was changed"
}

# finish JSON-FILE PLAN STORE: prints the table; exit 9 where a control failed.
finish() {
  print_table
  [ -z "$1" ] || write_json "$1" "$2" "$3"
  local failed
  failed=$(rows_in FAILED)
  [ "$failed" -eq 0 ] || stop 9 "$failed of ${#row_controls[@]} controls failed"
}
