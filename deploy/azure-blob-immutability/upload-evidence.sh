#!/usr/bin/env bash
# Stores one verified bundle in the container that deploy.sh made, and keeps the proof for the change record.
#
# usage: upload-evidence.sh [--variables FILE] BUNDLE      a bundle, or a CAVRA directory
#
# It verifies the bundle and its signatures, and stops there if that fails; stores it, each blob with its version and
# lock; gets all of it back from the store and compares; asks for every blob's version and lock once more.
# What was observed is in RECORDS_DIR/TIME-NAME/: verification.json, receipt.json (of a CAVRA directory the upload record
# strongroom.upload/v1), pull.json, locks.json, summary.json, SHA256SUMS. A run that failed leaves FAILED in there.
#
# Exit: 0 stored (or stored already) and proven; else the exit code of the step that failed, as `strongroom --help`
# lists them: 3 integrity, 4 signature, 5 lock, 8 not allowed, 11 unreachable, 13 partly stored: run it again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../evidence-upload.sh"

usage() {
  sed -n '/^# usage/,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2
  exit 2
}

if [ "${1:-}" = --variables ]; then
  [ $# -eq 3 ] || usage
  [ -r "$2" ] || stop 2 "$2 cannot be read"
  # shellcheck disable=SC1090  # the operator's own file, and not one of that name in the PATH
  . "$(realpath "$2")"
  shift 2
fi
[ $# -eq 1 ] || usage
[ "${1#-}" = "$1" ] || usage
[ -n "${CONTAINER:-}" ] || stop 2 "CONTAINER is not set"
[ -n "${ACCOUNT:-}" ] || stop 2 "ACCOUNT is not set"

# A session of its own keeps apart what belongs to one change; names are unique without it too, by the bundle's digest.
prefix=${PREFIX:-}
prefix=${prefix%/}
if [ -n "${SESSION:-}" ]; then
  [[ $SESSION =~ ^[A-Za-z0-9][A-Za-z0-9._=-]*$ ]] || stop 2 "SESSION must be letters, digits, dots, hyphens"
  prefix=${prefix:+$prefix/}sessions/$SESSION
fi
export AZURE_STORAGE_ACCOUNT=$ACCOUNT
export STRONGROOM_STORE_URL=az://$CONTAINER${prefix:+/$prefix}
[ -z "${ENDPOINT_URL:-}" ] || export STRONGROOM_STORE_ENDPOINT=$ENDPOINT_URL
[ "${ALLOW_HTTP:-no}" != yes ] || export STRONGROOM_STORE_ALLOW_HTTP=true
upload "$1"
