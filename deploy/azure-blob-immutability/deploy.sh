#!/usr/bin/env bash
# Makes a storage account and a container for evidence, and shows which controls hold. Not run against Azure by its
# makers: see README.md.
#
# usage: deploy.sh --plan [OPTIONS]                 says what would be set; changes nothing
#        deploy.sh [OPTIONS]                        sets it and reads each control back; the policy stays unlocked
#        deploy.sh --lock-policy REVIEW [OPTIONS]   locks the reviewed policy (review.example.json); cannot be undone
#
#   --variables FILE   reads the settings from this shell file (see variables.example.env), else from the environment
#   --accept PHRASE    accepts what cannot be undone without being asked: the very phrase that would have to be typed
#   --json FILE        writes the table of controls as JSON too (../controls.v1.json)
#
# Exit: 0 every control is set, kept, or skipped with its reason; 1 failed; 2 wrong usage or settings; 5 refused: what is
# there was made in another way, or the review or the acceptance is missing, nothing was changed; 7 no such resource
# group, container or policy; 8 not allowed to look; 9 a control FAILED.
# It can be run again at any time: what is as it should be is kept.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../control-table.sh"

usage() {
  sed -n '/^# usage/,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2
  exit 2
}

plan=no
accept=
json=
review=
while [ $# -gt 0 ]; do
  case $1 in
    --plan) plan=yes ;;
    --variables | --accept | --json | --lock-policy)
      [ $# -ge 2 ] || usage
      case $1 in
        --variables)
          [ -r "$2" ] || stop 2 "$2 cannot be read"
          # shellcheck disable=SC1090  # the operator's own file, and not one of that name in the PATH
          . "$(realpath "$2")"
          ;;
        --accept) accept=$2 ;;
        --json) json=$2 ;;
        --lock-policy)
          [ -r "$2" ] || stop 2 "$2 cannot be read"
          review=$2
          ;;
      esac
      shift
      ;;
    *) usage ;;
  esac
  shift
done

# --- settings -----------------------------------------------------------------------------------
RESOURCE_GROUP=${RESOURCE_GROUP:-}
LOCATION=${LOCATION:-}
ACCOUNT=${ACCOUNT:-}
CONTAINER=${CONTAINER:-}
SKU=${SKU:-Standard_ZRS}
RETENTION_DAYS=${RETENTION_DAYS:-}
IMMUTABILITY_SCOPE=${IMMUTABILITY_SCOPE:-version}
DELETE_RETENTION_DAYS=${DELETE_RETENTION_DAYS:-365}
ALLOW_SHARED_KEY=${ALLOW_SHARED_KEY:-false}
LEGAL_HOLD_TAGS=${LEGAL_HOLD_TAGS:-}
REQUIRE_CONTROLS="container versioning immutability-policy ${REQUIRE_CONTROLS:-}"

valid() { [[ $2 =~ $3 ]] || stop 2 "$1 is not as it must be: $4"; }
valid RESOURCE_GROUP "$RESOURCE_GROUP" '^[A-Za-z0-9._()-]{1,90}$' "the name of a resource group"
valid LOCATION "$LOCATION" '^[a-z0-9]+$' "a region, such as westeurope"
valid ACCOUNT "$ACCOUNT" '^[a-z0-9]{3,24}$' "3 to 24 lower-case letters and digits"
valid CONTAINER "$CONTAINER" '^[a-z0-9](-?[a-z0-9]){2,62}$' "3 to 63 lower-case letters, digits, single hyphens"
valid SKU "$SKU" '^[A-Za-z_]+$' "a SKU, such as Standard_ZRS"
valid RETENTION_DAYS "$RETENTION_DAYS" '^[1-9][0-9]{0,5}$' "days, from 1 to 146000; there is no default"
[ "$RETENTION_DAYS" -le 146000 ] || stop 2 "RETENTION_DAYS is more than 146000, which is Azure's limit"
valid IMMUTABILITY_SCOPE "$IMMUTABILITY_SCOPE" '^(version|container)$' "version or container"
valid DELETE_RETENTION_DAYS "$DELETE_RETENTION_DAYS" '^[1-9][0-9]{0,5}$' "days, from 1 to 365"
# How long deleted blobs can be brought back has nothing to do with how long evidence is kept.
[ "$DELETE_RETENTION_DAYS" -le 365 ] \
  || stop 2 "DELETE_RETENTION_DAYS is more than 365, which is Azure's limit" "for how long evidence is kept is RETENTION_DAYS"
valid ALLOW_SHARED_KEY "$ALLOW_SHARED_KEY" '^(true|false)$' "true or false"
for tag in $LEGAL_HOLD_TAGS; do
  valid LEGAL_HOLD_TAGS "$tag" '^[A-Za-z0-9]{3,23}$' "3 to 23 letters and digits, between spaces"
done

[ "${BASH_VERSINFO[0]}" -ge 5 ] || stop 2 "bash 5 is needed"
for tool in az jq sha256sum; do
  command -v "$tool" >/dev/null || stop 2 "$tool is not installed"
done
. "$here/parts/requests.sh"
. "$here/parts/container.sh"

umask 077
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP
plan_json=false
[ "$plan" = no ] || plan_json=true
store_name="az://$CONTAINER at $ACCOUNT"
say "$store_name:"

look_first
if [ -n "$review" ]; then
  lock_policy "$review"
  finish "$json" "$plan_json" "$store_name"
  exit 0
fi
make_account
account_control https-only "requests without TLS are refused" '.enableHttpsTrafficOnly == true' --https-only true
account_control tls-1-2 "TLS 1.2 at least" '.minimumTlsVersion | IN("TLS1_2", "TLS1_3")' --min-tls-version TLS1_2
account_control no-public-blobs "no container of the account can be public" \
  '.allowBlobPublicAccess == false' --allow-blob-public-access false
if [ "$ALLOW_SHARED_KEY" = true ]; then
  lacking no-shared-key "not asked for: ALLOW_SHARED_KEY=true"
else
  account_control no-shared-key "account keys open nothing" '.allowSharedKeyAccess == false' --allow-shared-key-access false
fi
service_control versioning "every write is a version" '.isVersioningEnabled == true' --enable-versioning true
service_control blob-soft-delete "deleted blobs can be brought back for $DELETE_RETENTION_DAYS days" \
  ".deleteRetentionPolicy.enabled == true and .deleteRetentionPolicy.days >= $DELETE_RETENTION_DAYS" \
  --enable-delete-retention true --delete-retention-days "$DELETE_RETENTION_DAYS"
service_control container-soft-delete "deleted containers can be brought back for $DELETE_RETENTION_DAYS days" \
  ".containerDeleteRetentionPolicy.enabled == true and .containerDeleteRetentionPolicy.days >= $DELETE_RETENTION_DAYS" \
  --enable-container-delete-retention true --container-delete-retention-days "$DELETE_RETENTION_DAYS"
make_container
control container-private "no stranger may read it" read_container '.publicAccess | IN(null, "None", "Off", "off")' \
  storage container-rm update --name "$CONTAINER" --storage-account "$ACCOUNT" --resource-group "$RESOURCE_GROUP" \
  --public-access off
immutability_policy
policy_locked
legal_hold_tags
finish "$json" "$plan_json" "$store_name"
