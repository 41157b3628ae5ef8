# shellcheck shell=bash
# shellcheck disable=SC2034
# Verifies a bundle, stores it, gets it back, and keeps what was observed in a folder for the change record. Sourced by
# the upload-evidence.sh of each reference deployment, which names the store.

say() { printf '%s\n' "$*" >&2; }

# stop STATUS MESSAGE [HELP]: says what is wrong and ends. A record that was begun says so too.
stop() {
  say "error: $2"
  [ -z "${3:-}" ] || say "help: $3"
  [ -z "${record:-}" ] || printf 'exit %s: %s\n' "$1" "$2" >"$record/FAILED"
  exit "$1"
}

# step NAME COMMAND…: its document goes into the record as NAME.json, what it says on standard error to the screen
# and into NAME.log. Ends with its status where it fails: nothing later runs.
step() {
  local name=$1 status=0
  shift
  say "$name: $*"
  "$@" --format json >"$record/$name.json" 2>"$record/$name.log" || status=$?
  cat "$record/$name.log" >&2
  [ -s "$record/$name.json" ] || rm -f "$record/$name.json"
  [ "$status" -eq 0 ] || stop "$status" "$name failed; what there is of the record is in $record"
}

field() { jq -r "$2" "$record/$1.json"; }

# open_record: a new folder each time: a record is never written over.
open_record() {
  local name
  name=$(basename "$bundle")
  mkdir -p "$RECORDS_DIR"
  record=$(mktemp -d "$RECORDS_DIR/$(date -u +%Y%m%dT%H%M%SZ)-${name//[^A-Za-z0-9._-]/_}.XXXXXX")
}

verify_bundle() {
  [ -e "$bundle" ] || stop 7 "there is no $bundle"
  if [ -d "$bundle" ] && [ ! -f "$bundle/manifest.json" ]; then
    stop 2 "a directory that is not bundled cannot be verified" \
      "strongroom evidence bundle DIR -o FILE makes a bundle, and strongroom evidence sign signs it"
  fi
  local options=() root signature
  for root in $TRUST_ROOTS; do options+=(--trust-root "$root"); done
  for signature in $SIGNATURES; do options+=(--signature "$signature"); done
  [ -z "$REQUIRE_SIGNER" ] || options+=(--require-signer "$REQUIRE_SIGNER")
  [ -z "$MINIMUM_RETENTION_DAYS" ] || options+=(--minimum-retention-days "$MINIMUM_RETENTION_DAYS")
  if [ -z "$TRUST_ROOTS" ]; then
    [ "$ALLOW_UNSIGNED" = yes ] || stop 4 "TRUST_ROOTS names nobody whose signature would count" \
      "ALLOW_UNSIGNED=yes stores a bundle of which only the content was verified"
    say "note: ALLOW_UNSIGNED=yes: who made the bundle is not verified"
  fi
  step verification "$STRONGROOM" evidence verify "$bundle" "${options[@]}"
  bundle_id=$(field verification .bundle_id)
}

push_bundle() {
  local options=()
  [ -z "$LOCK_MODE" ] || options+=(--lock "$LOCK_MODE")
  [ -z "$RETAIN_UNTIL" ] || options+=(--retain-until "$RETAIN_UNTIL")
  [ -z "$YES_LOCK_UNTIL" ] || options+=(--yes-lock-until "$YES_LOCK_UNTIL")
  [ "$ALLOW_UNLOCKED" != yes ] || options+=(--allow-unlocked)
  [ "$LEGAL_HOLD" != yes ] || options+=(--legal-hold)
  [ -z "$RUN_ID" ] || options+=(--run-id "$RUN_ID")
  step receipt "$STRONGROOM" evidence push "$bundle" "${options[@]}"
  # A push reads the file again: it must be the one that was verified.
  [ "$(field receipt .bundle_id)" = "$bundle_id" ] \
    || stop 3 "the bundle was exchanged between its verification and its upload"
}

# read_back: everything, from the store, verified by its id, and beside what is here.
read_back() {
  local archive=() digest
  copy=$(mktemp -d)
  trap 'rm -rf "$copy"' EXIT
  digest=$(field receipt '.archive_sha256 // ""')
  # Only of an Assay id can several archives be stored.
  case $(field receipt '.key // ""') in
    */bundles/assay/* | bundles/assay/*) archive=(--archive-sha256 "$digest") ;;
  esac
  step pull "$STRONGROOM" evidence pull --bundle-id "$bundle_id" "${archive[@]}" --out "$copy/bundle"
  if [ -d "$bundle" ]; then
    diff -r "$bundle" "$copy/bundle" >&2 || stop 3 "what came back is not what is here"
  elif [ "sha256:$(sha256sum "$copy/bundle" | cut -d' ' -f1)" != "$digest" ]; then
    stop 3 "what came back is not what the receipt names"
  fi
}

# look_at_locks: every object of the bundle, its record included, with its version and its lock as the store tells them now.
look_at_locks() {
  step locks "$STRONGROOM" evidence retention show --bundle-id "$bundle_id"
  [ "$ALLOW_UNLOCKED" = yes ] && return 0
  local missing
  missing=$(jq '[.objects[] | select(.version_id == null or .retention == null
    or (.standing | IN("kept", "nothing_promised") | not))] | length' \
    "$record/locks.json")
  [ "$missing" -eq 0 ] \
    || stop 5 "$missing objects have no version, no lock, or a lock that is less than what was promised (see locks.json)"
}

close_record() {
  # Detached signatures are no part of a push: `evidence sign` puts them beside the bundle. Those that were verified stay here.
  local signature
  for signature in $SIGNATURES; do cp "$signature" "$record/"; done
  jq -n --arg bundle "$(basename "$bundle")" --arg session "$SESSION" --arg at "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
    --slurpfile receipt "$record/receipt.json" --slurpfile locks "$record/locks.json" '{
      bundle: $bundle, session: $session, at: $at, bundle_id: $receipt[0].bundle_id,
      store: $receipt[0].store, endpoint: $receipt[0].endpoint, status: $receipt[0].status,
      objects: [$locks[0].objects[] | {role, key, version_id, retention, legal_hold}]
    } | with_entries(select(.value != null and .value != ""))' >"$record/summary.json"
  (cd "$record" && sums=$(sha256sum -- *) && printf '%s\n' "$sums" >SHA256SUMS)
  jq -r '"stored \(.bundle_id)", (.objects[]
    | "  \(.role)  \(.key)  version \(.version_id // "none")  \(.retention // {} | .mode // "no lock") until \(.retention // {} | .retain_until // "-")")' \
    "$record/summary.json"
  echo "record $record"
}

# upload BUNDLE: STRONGROOM_STORE_… names the store.
upload() {
  bundle=$1
  STRONGROOM=${STRONGROOM_BIN:-strongroom}
  RECORDS_DIR=${RECORDS_DIR:-evidence-records}
  TRUST_ROOTS=${TRUST_ROOTS:-}
  SIGNATURES=${SIGNATURES:-}
  REQUIRE_SIGNER=${REQUIRE_SIGNER:-}
  MINIMUM_RETENTION_DAYS=${MINIMUM_RETENTION_DAYS:-}
  ALLOW_UNSIGNED=${ALLOW_UNSIGNED:-no}
  ALLOW_UNLOCKED=${ALLOW_UNLOCKED:-no}
  LOCK_MODE=${LOCK_MODE:-}
  RETAIN_UNTIL=${RETAIN_UNTIL:-}
  YES_LOCK_UNTIL=${YES_LOCK_UNTIL:-}
  LEGAL_HOLD=${LEGAL_HOLD:-no}
  RUN_ID=${RUN_ID:-}
  SESSION=${SESSION:-}
  local tool
  for tool in "$STRONGROOM" jq sha256sum; do
    command -v "$tool" >/dev/null || stop 2 "$tool is not installed"
  done
  open_record
  verify_bundle
  push_bundle
  read_back
  look_at_locks
  close_record
}
