# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # variables are shared with deploy.sh
# One call of the az CLI, and one control brought about by it. Sourced.

# azure ARGUMENTS…: leaves the answer in `answer`, or returns 1 with Azure's error code in `answer_code`. What the CLI
# says on standard error is passed on, unless the code is one of `expected`.
azure() {
  answer_code=
  if answer=$(az "$@" --output json --only-show-errors 2>"$scratch/stderr"); then
    cat "$scratch/stderr" >&2
    return 0
  fi
  answer_code=$(sed -nE 's/.*\(([A-Za-z]+)\).*/\1/p' "$scratch/stderr" | head -n 1)
  case " ${expected:-} " in
    *" ${answer_code:-none} "*) ;;
    *) say "az $1 $2 $3: $(tr '\n' ' ' <"$scratch/stderr")" ;;
  esac
  return 1
}

# read_account, read_blob_service, read_container, read_policy: the present state as JSON in `seen`.
read_account() {
  azure storage account show --name "$ACCOUNT" --resource-group "$RESOURCE_GROUP" || return 1
  seen=$answer
}
read_blob_service() {
  azure storage account blob-service-properties show --account-name "$ACCOUNT" --resource-group "$RESOURCE_GROUP" \
    || return 1
  seen=$answer
}
read_container() {
  azure storage container-rm show --name "$CONTAINER" --storage-account "$ACCOUNT" \
    --resource-group "$RESOURCE_GROUP" || return 1
  seen=$answer
}
# A container without a policy answers one of zero days, or that there is none.
read_policy() {
  if expected="ResourceNotFound ImmutabilityPolicyNotFound ContainerImmutabilityPolicyNotFound" \
    azure storage container immutability-policy show --account-name "$ACCOUNT" --container-name "$CONTAINER" \
    --resource-group "$RESOURCE_GROUP"; then
    seen=${answer:-null}
  else
    [[ $answer_code == *NotFound ]] || return 1
    seen=null
  fi
}

# control NAME WHAT READ TEST COMMAND…: TEST is a jq expression that is true of what READ left where the control holds.
# It is set by the command, read back, and tested again.
control() {
  local name=$1 what=$2 read=$3 test=$4
  shift 4
  if [ "$account_to_come" = yes ] || { [ "$container_to_come" = yes ] && [ "$read" = read_container ]; }; then
    row "$name" would_set "$what"
  elif ! "$read"; then
    row "$name" FAILED "reading it was refused (${answer_code:-no answer})"
  elif jq -e "$test" <<<"$seen" >"$scratch/test"; then
    row "$name" kept "$what"
  elif [ "$plan" = yes ]; then
    row "$name" would_set "$what"
  elif ! azure "$@"; then
    row "$name" FAILED "setting it was refused (${answer_code:-no answer})"
  elif reads_back "$read" "$test"; then
    row "$name" set "$what"
  else
    row "$name" FAILED "set without an error, and it does not read back as such"
  fi
}

# What the management plane was told may take a moment to be told back.
READ_BACK_TRIES=5
READ_BACK_PAUSE_SECONDS=${READ_BACK_PAUSE_SECONDS:-3}

reads_back() {
  local try
  for ((try = 1; try <= READ_BACK_TRIES; try++)); do
    "$1" && jq -e "$2" <<<"$seen" >"$scratch/test" && return 0
    [ "$try" -eq "$READ_BACK_TRIES" ] || sleep "$READ_BACK_PAUSE_SECONDS"
  done
  return 1
}
