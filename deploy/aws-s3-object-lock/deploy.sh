#!/usr/bin/env bash
# Makes a bucket for evidence that nobody can delete before its time, and shows which controls hold.
#
# usage: deploy.sh --plan [OPTIONS]     says what would be set; changes nothing
#        deploy.sh [OPTIONS]            sets it, reads each control back, tries what it does to an upload
#        deploy.sh --print-policy upload|retention-admin|audit     the role's policy, for `aws iam put-role-policy`
#
#   --variables FILE   reads the settings from this shell file (see variables.example.env), else from the environment
#   --accept PHRASE    accepts what cannot be undone without being asked: the very phrase that would have to be typed
#   --json FILE        writes the table of controls as JSON too (../controls.v1.json)
#
# Exit: 0 every control is set, kept, or skipped with its reason; 1 failed; 2 wrong usage or settings, or a wrong
# region; 5 refused: a bucket without Object Lock, or not accepted, nothing was changed; 8 not allowed to look;
# 9 a control FAILED; 11 the store does not answer.
# It can be run again at any time: what is as it should be is kept.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../control-table.sh"
. "$here/parts/requests.sh"
. "$here/parts/control.sh"
. "$here/parts/bucket.sh"
. "$here/parts/controls.sh"

usage() {
  sed -n '/^# usage/,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2
  exit 2
}

plan=no
accept=
json=
print_policy=
while [ $# -gt 0 ]; do
  case $1 in
    --plan) plan=yes ;;
    --variables | --accept | --json | --print-policy)
      [ $# -ge 2 ] || usage
      case $1 in
        --variables)
          [ -r "$2" ] || stop 2 "$2 cannot be read"
          # shellcheck disable=SC1090  # the operator's own file, and not one of that name in the PATH
          . "$(realpath "$2")"
          ;;
        --accept) accept=$2 ;;
        --json) json=$2 ;;
        --print-policy) print_policy=$2 ;;
      esac
      shift
      ;;
    *) usage ;;
  esac
  shift
done

# --- settings -----------------------------------------------------------------------------------
BUCKET=${BUCKET:-}
PREFIX=${PREFIX:-}
REGION=${REGION:-${AWS_REGION:-us-east-1}}
PARTITION=${PARTITION:-aws}
ENDPOINT_URL=${ENDPOINT_URL:-}
PLAIN_HTTP_ENDPOINT_URL=${PLAIN_HTTP_ENDPOINT_URL:-}
ALLOW_HTTP=${ALLOW_HTTP:-no}
RETENTION_MODE=${RETENTION_MODE:-GOVERNANCE}
RETENTION_DAYS=${RETENTION_DAYS:-}
ENCRYPTION=${ENCRYPTION:-aws:kms}
KMS_KEY_ID=${KMS_KEY_ID:-}
ABORT_UPLOADS_AFTER_DAYS=${ABORT_UPLOADS_AFTER_DAYS:-2}
UPLOAD_PRINCIPALS=${UPLOAD_PRINCIPALS:-}
RETENTION_PRINCIPALS=${RETENTION_PRINCIPALS:-}
AUDIT_PRINCIPALS=${AUDIT_PRINCIPALS:-}
POLICY_OMIT_ACTIONS=${POLICY_OMIT_ACTIONS:-}
TAGS=${TAGS:-purpose=evidence}
REQUIRE_CONTROLS="object-lock versioning default-retention ${REQUIRE_CONTROLS:-}"

valid() { [[ $2 =~ $3 ]] || stop 2 "$1 is not as it must be: $4"; }
valid BUCKET "$BUCKET" '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$' "3 to 63 lower-case letters, digits, dots, hyphens"
valid PREFIX "$PREFIX" '^([A-Za-z0-9._=-]+(/[A-Za-z0-9._=-]+)*/?)?$' "names between slashes, no slash at the beginning"
PREFIX=${PREFIX:+${PREFIX%/}/}
valid ENDPOINT_URL "$ENDPOINT_URL" '^(https?://.+)?$' "with its scheme, or empty for AWS"
valid PLAIN_HTTP_ENDPOINT_URL "$PLAIN_HTTP_ENDPOINT_URL" '^(http://.+)?$' "an http:// address, or empty"
valid RETENTION_MODE "$RETENTION_MODE" '^(GOVERNANCE|COMPLIANCE)$' "GOVERNANCE or COMPLIANCE"
valid RETENTION_DAYS "$RETENTION_DAYS" '^[1-9][0-9]{0,4}$' "days, from 1 to 36500; there is no default"
[ "$RETENTION_DAYS" -le 36500 ] || stop 2 "RETENTION_DAYS is more than 36500"
valid ENCRYPTION "$ENCRYPTION" '^(aws:kms|AES256|none)$' "aws:kms, AES256 or none"
valid KMS_KEY_ID "$KMS_KEY_ID" '^[A-Za-z0-9:/_-]*$' "the ARN of a key"
valid ABORT_UPLOADS_AFTER_DAYS "$ABORT_UPLOADS_AFTER_DAYS" '^[1-9][0-9]{0,2}$' "days, from 1 to 999"
for tag in $TAGS; do
  valid TAGS "$tag" '^[^=]+=[^=]+$' "KEY=VALUE, between spaces"
done

if [ -n "$print_policy" ]; then
  [ -f "$here/policies/$print_policy.json" ] || usage
  rendered "$print_policy.json" | jq .
  exit 0
fi

case $ENDPOINT_URL in
  http://*) [ "$ALLOW_HTTP" = yes ] || stop 2 "the endpoint is plain http" "ALLOW_HTTP=yes accepts that, for tests" ;;
esac
[ "${BASH_VERSINFO[0]}" -ge 5 ] || stop 2 "bash 5 is needed"
for tool in aws jq; do
  command -v "$tool" >/dev/null || stop 2 "$tool is not installed"
done

aws_options=(--region "$REGION")
# A store of another maker may not know the checksum trailers that the CLI sends by itself.
if [ -n "$ENDPOINT_URL" ]; then
  aws_options+=(--endpoint-url "$ENDPOINT_URL")
  export AWS_REQUEST_CHECKSUM_CALCULATION=when_required
fi
export AWS_PAGER=
# Each run has its own; the CLI's output may name keys of objects.
umask 077
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP

plan_json=false
[ "$plan" = no ] || plan_json=true
store_name="s3://$BUCKET${ENDPOINT_URL:+ at $ENDPOINT_URL}"
bucket_to_come=no
locks_writes=no
tags_at_first=
say "$store_name:"

look_at_bucket
ask_first
make_bucket
control versioning versioning "every write is a version"
control tags tags "$TAGS"
no_bypass
role role-upload StrongroomUpload upload.json "$UPLOAD_PRINCIPALS" UPLOAD_PRINCIPALS
role role-retention-admin StrongroomRetention retention-admin.json "$RETENTION_PRINCIPALS" RETENTION_PRINCIPALS
role role-audit StrongroomAudit audit.json "$AUDIT_PRINCIPALS" AUDIT_PRINCIPALS
tls_only
public_access_block
encryption
control abort-unfinished-uploads lifecycle "after $ABORT_UPLOADS_AFTER_DAYS days"
default_retention
finish "$json" "$plan_json" "$store_name"
