# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # variables are shared with deploy.sh
# The bucket itself, its Object Lock, and its default retention. Sourced.

# look_at_bucket: what is there, before anything is asked or changed. A bucket that was made without Object Lock is
# left as it is: many stores cannot add it, and one that fails half-way leaves a bucket that looks right.
look_at_bucket() {
  bucket_exists=no
  default_mode=
  default_days=0
  if expected="404 NoSuchBucket NotFound" s3api head-bucket --bucket "$BUCKET"; then
    bucket_exists=yes
  elif answered 403 AccessDenied Forbidden; then
    stop 8 "these credentials may not look at the bucket $BUCKET, or it is somebody else's"
  elif ! answered 404 NoSuchBucket NotFound; then
    grep -qiE 'credentials|profile' "$scratch/stderr" && stop 8 "the aws CLI has no credentials"
    [ -n "$answer_code" ] && stop 2 "the store answered $answer_code for the bucket $BUCKET" "is REGION right?"
    stop 11 "the store does not answer${ENDPOINT_URL:+ at $ENDPOINT_URL}"
  fi
  [ "$bucket_exists" = yes ] || return 0
  read_lock_configuration || refuse_bucket
  [ "$(jq -r '.ObjectLockEnabled // ""' <<<"$seen")" = Enabled ] || refuse_bucket
  read_default
}

refuse_bucket() {
  if answered AccessDenied 403; then
    stop 8 "these credentials may not read the Object Lock configuration of $BUCKET"
  fi
  row object-lock FAILED "the bucket exists and was made without Object Lock${answer_code:+ ($answer_code)}; nothing was changed"
  print_table
  [ -z "$json" ] || write_json "$json" "$plan_json" "$store_name"
  stop 5 "the bucket $BUCKET exists and was made without Object Lock; nothing was changed" \
    "name a bucket that does not exist, and let this script make it"
}

read_lock_configuration() {
  expected="ObjectLockConfigurationNotFoundError" \
    s3api get-object-lock-configuration --bucket "$BUCKET" || return 1
  # Some answer "Years": 0 beside the days.
  seen=$(jq -c '.ObjectLockConfiguration // {}
    | if .Rule.DefaultRetention then .Rule.DefaultRetention |= with_entries(select(.value != 0)) else . end' \
    <<<"${answer:-null}")
}

# read_default: from `seen`. A year of a default retention is 365 days here, only to compare.
read_default() {
  default_mode=$(jq -r '.Rule.DefaultRetention.Mode // ""' <<<"$seen")
  default_days=$(jq -r '.Rule.DefaultRetention | (.Days // ((.Years // 0) * 365))' <<<"$seen")
  [ -z "$default_mode" ] || locks_writes=yes
}

make_bucket() {
  if [ "$bucket_exists" = yes ]; then
    row object-lock kept "the bucket was made with it"
    return
  fi
  if [ "$plan" = yes ]; then
    bucket_to_come=yes
    row object-lock would_set "a new bucket, made with it"
    return
  fi
  local where=()
  # AWS wants the region named, except its first one; other stores know no such names.
  [ -n "$ENDPOINT_URL" ] || [ "$REGION" = us-east-1 ] \
    || where=(--create-bucket-configuration "LocationConstraint=$REGION")
  s3api create-bucket --bucket "$BUCKET" --object-lock-enabled-for-bucket "${where[@]}" \
    || stop 9 "the store does not make a bucket with Object Lock (${answer_code:-no answer}); nothing was made"
  if read_lock_configuration && [ "$(jq -r '.ObjectLockEnabled // ""' <<<"$seen")" = Enabled ]; then
    row object-lock set "a new bucket, made with it"
    return
  fi
  # It is ours, it is empty, and it is not what was asked for.
  if s3api delete-bucket --bucket "$BUCKET"; then
    row object-lock FAILED "the store made the bucket without it; the empty bucket was removed"
  else
    row object-lock FAILED "the store made the bucket without it, and did not remove it again (${answer_code:-no answer}): an empty bucket without Object Lock is there"
  fi
  finish "$json" false "$store_name"
}

# retention_verdict: what is to be done about the default retention. Only ever more: never a weaker mode, never fewer days.
retention_verdict() {
  local mode_now=0 mode_wanted=1
  [ "$default_mode" != GOVERNANCE ] || mode_now=1
  [ "$default_mode" != COMPLIANCE ] || mode_now=2
  [ "$RETENTION_MODE" != COMPLIANCE ] || mode_wanted=2
  if [ "$mode_now" = "$mode_wanted" ] && [ "$default_days" = "$RETENTION_DAYS" ]; then
    echo equal
  elif [ "$mode_now" -ge "$mode_wanted" ] && [ "$default_days" -ge "$RETENTION_DAYS" ]; then
    echo stronger
  elif [ "$mode_now" -le "$mode_wanted" ] && [ "$default_days" -le "$RETENTION_DAYS" ]; then
    echo weaker
  else
    echo neither
  fi
}

days() { if [ "$1" = 1 ]; then echo "1 day"; else echo "$1 days"; fi; }
retention_phrase() { echo "COMPLIANCE $(days "$RETENTION_DAYS") on $BUCKET"; }

# ask_first: before the first change, so that a "no" leaves everything as it was.
ask_first() {
  [ "$RETENTION_MODE" = COMPLIANCE ] && [ "$(retention_verdict)" = weaker ] || return 0
  say "Every object that is written to $BUCKET from then on is locked until $(jq -rn --argjson days "$RETENTION_DAYS" '(now + 86400 * $days) | strftime("%Y-%m-%d")') or later."
  say "Nobody can delete it or shorten its lock before: not you, not the store's owner, not its support."
  [ "$plan" = yes ] || confirm "$(retention_phrase)" "$accept"
}

# default_retention: the last of all, so that what was tried before leaves nothing locked.
default_retention() {
  local what now
  what="$RETENTION_MODE $(days "$RETENTION_DAYS")"
  now="$default_mode $(days "$default_days")"
  case $(retention_verdict) in
    equal) row default-retention kept "$what" ;;
    stronger) row default-retention kept "$now, which is more than $what: it is never weakened" ;;
    neither)
      row default-retention FAILED "$now is there, and $what is in part less: name one that is more in mode and days"
      ;;
    weaker)
      [ -z "$default_mode" ] || what="$what, in place of $now"
      control default-retention lock_configuration "$what"
      ;;
  esac
}

lock_configuration_read() { read_lock_configuration; }
lock_configuration_same() { same "$1" "$2"; }
lock_configuration_wanted() {
  jq -cn --arg mode "$RETENTION_MODE" --argjson days "$RETENTION_DAYS" \
    '{ObjectLockEnabled: "Enabled", Rule: {DefaultRetention: {Mode: $mode, Days: $days}}}'
}
lock_configuration_write() {
  s3api put-object-lock-configuration --bucket "$BUCKET" --object-lock-configuration "$1"
}
lock_configuration_effect() { no_effect; }
