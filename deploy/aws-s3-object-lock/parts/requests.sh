# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # variables are shared with deploy.sh
# One request to the store by the aws CLI, and what came of it. Sourced.

# s3api OPERATION ARGUMENTS…: leaves the answer in `answer`, or returns 1 with the store's error code in
# `answer_code`. What the CLI says on standard error is passed on, unless the code is one of `expected`:
# those are answers ("there is none"), not failures.
s3api() {
  answer_code=
  if answer=$(aws "${aws_options[@]}" s3api "$@" --output json 2>"$scratch/stderr"); then
    cat "$scratch/stderr" >&2
    return 0
  fi
  answer_code=$(error_code <"$scratch/stderr")
  [ -n "$answer_code" ] || answer_code=$(code_of_wordless_error "$@")
  case " ${expected:-} " in
    *" ${answer_code:-none} "*) ;;
    *) say "aws s3api $1: $(tr '\n' ' ' <"$scratch/stderr")${answer_code:+($answer_code)}" ;;
  esac
  return 1
}

error_code() { sed -nE 's/.*An error occurred \(([A-Za-z0-9.]+)\).*/\1/p' | head -n 1; }

# An error answer without a <Message> (Ceph RGW sends such) makes the aws CLI fail with no code at all. The
# same request with --debug tells the code; what was refused once is refused again.
code_of_wordless_error() {
  aws "${aws_options[@]}" --debug s3api "$@" >"$scratch/debug" 2>&1 || true
  grep -oE '<Code>[A-Za-z0-9.]+</Code>' "$scratch/debug" | tail -n 1 | sed -E 's/<[^>]+>//g' || true
  rm -f "$scratch/debug"
}

answered() {
  local code
  for code in "$@"; do
    [ "$answer_code" != "$code" ] || return 0
  done
  return 1
}

# refused CONTROL DOING: a request that the store did not grant. On AWS every control exists, so a refusal
# is a failure; elsewhere it is one where it is about rights, and else the store lacks the control.
refused() {
  if [ -z "$ENDPOINT_URL" ] || [ -z "$answer_code" ] \
    || answered AccessDenied 403 InvalidAccessKeyId SignatureDoesNotMatch ExpiredToken; then
    row "$1" FAILED "$2 was refused (${answer_code:-no answer})"
  else
    lacking "$1" "$2 was refused by the store ($answer_code)"
  fi
}

# upload_works: whether these credentials may still write. Leaves what the store said of the object in
# `answer`. Where the bucket locks every write by itself, nothing is written: a digest that is wrong on purpose is
# refused as wrong by a store that would have taken the object.
upload_works() {
  local key=${PREFIX}.strongroom-deploy/probe version put
  printf 'strongroom deploy probe\n' >"$scratch/probe"
  if [ "$locks_writes" = yes ]; then
    if expected="BadDigest InvalidDigest" s3api put-object --bucket "$BUCKET" --key "$key" \
      --body "$scratch/probe" --content-md5 AAAAAAAAAAAAAAAAAAAAAA==; then
      say "note: the store took the probe $key with a wrong digest: it stays, locked by the bucket's default"
      return 0
    fi
    answered BadDigest InvalidDigest
    return
  fi
  s3api put-object --bucket "$BUCKET" --key "$key" --body "$scratch/probe" || return 1
  put=$answer
  version=$(jq -r '.VersionId // ""' <<<"$put")
  if ! s3api delete-object --bucket "$BUCKET" --key "$key" ${version:+--version-id "$version"}; then
    say "note: the probe $key stays in the bucket: its deletion was refused"
  fi
  answer=$put
}
