# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # variables are shared with deploy.sh
# The controls of the bucket, each as control.sh wants it. Sourced.

no_effect() { return 0; }

# --- versioning ---------------------------------------------------------------------------------
versioning_read() {
  s3api get-bucket-versioning --bucket "$BUCKET" || return 1
  seen=$(jq -c '.Status // null' <<<"${answer:-null}")
}
versioning_wanted() { echo '"Enabled"'; }
versioning_same() { same "$1" "$2"; }
versioning_write() {
  s3api put-bucket-versioning --bucket "$BUCKET" --versioning-configuration Status=Enabled
}
versioning_effect() { no_effect; }

# --- tags: those that are there stay ------------------------------------------------------------
tags_read() {
  if expected="NoSuchTagSet NoSuchTagSetError" s3api get-bucket-tagging --bucket "$BUCKET"; then
    seen=$(jq -c '[.TagSet[]? | {(.Key): .Value}] | add // {}' <<<"${answer:-null}")
  else
    answered NoSuchTagSet NoSuchTagSetError || return 1
    seen='{}'
  fi
}
tags_wanted() {
  local tag tags=$seen
  for tag in $TAGS; do
    tags=$(jq -c --arg key "${tag%%=*}" --arg value "${tag#*=}" '. + {($key): $value}' <<<"$tags")
  done
  echo "$tags"
}
tags_same() { same "$1" "$2"; }
tags_write() {
  s3api put-bucket-tagging --bucket "$BUCKET" \
    --tagging "$(jq -c '{TagSet: (to_entries | map({Key: .key, Value: .value}))}' <<<"$1")"
}
tags_effect() { no_effect; }

# --- the bucket's policy: statements of others stay, ours begin with Strongroom -----------------
# `policy_sids` says which of ours a control is about, `policy_statements` what they are to be.
policy_read() {
  if expected=NoSuchBucketPolicy s3api get-bucket-policy --bucket "$BUCKET"; then
    seen=$(jq -c '.Policy | fromjson' <<<"$answer")
  else
    answered NoSuchBucketPolicy || return 1
    seen=null
  fi
}
policy_wanted() {
  jq -c --arg sids "$policy_sids" --argjson ours "$policy_statements" '
    (. // {Version: "2012-10-17"})
    | .Statement = ((.Statement // []) | if type == "array" then . else [.] end)
    | .Statement |= map(select((.Sid // "") | startswith($sids) | not)) + $ours
    | if .Statement == [] then null else . end' <<<"$seen"
}
# A store may answer a list of one as its one element, and "*" as {"AWS": "*"}.
policy_same() {
  local plain='walk(if type == "array" then (if length == 1 then .[0] else sort end)
    elif type == "object" and keys == ["AWS"] and .AWS == "*" then "*" else . end)'
  same "$(jq -c "$plain" <<<"$1")" "$(jq -c "$plain" <<<"$2")"
}
policy_write() {
  if [ "$1" = null ]; then
    s3api delete-bucket-policy --bucket "$BUCKET"
  else
    s3api put-bucket-policy --bucket "$BUCKET" --policy "$1"
  fi
}
policy_effect() { still_uploads; }

# rendered FILE: a policy with this bucket's names. The statement about a KMS key goes where no key is named.
rendered() {
  jq -c --arg bucket "$BUCKET" --arg prefix "$PREFIX" --arg partition "$PARTITION" --arg key "$KMS_KEY_ID" \
    --arg omit "$POLICY_OMIT_ACTIONS" '
    walk(if type == "string" then
        gsub("\\$\\{BUCKET\\}"; $bucket) | gsub("\\$\\{PREFIX\\}"; $prefix)
        | gsub("\\$\\{PARTITION\\}"; $partition) | gsub("\\$\\{KMS_KEY_ARN\\}"; $key)
      elif type == "array" then map(select(. as $each | $omit | split(" ") | index([$each]) | not))
      else . end)
    | .Statement |= map(select(.Resource != ""))' "$here/policies/$1"
}

# statements FILE SID: one statement of the bucket's own policy.
statements() { rendered "$1" | jq -c --arg sid "$2" '[.Statement[] | select(.Sid == $sid)]'; }

# role_statements FILE PRINCIPALS: what of a role's policy a bucket's policy can say, for these principals.
role_statements() {
  rendered "$1" | jq -c --arg principals "$2" '
    ($principals | split(" ") | map(select(. != ""))) as $arns
    | [.Statement[]
       | select((.Action // .NotAction) | if type == "array" then all(startswith("s3:")) else startswith("s3:") end)
       | {Sid, Effect, Principal: {AWS: $arns}} + del(.Sid, .Effect)]'
}

tls_only() {
  policy_sids=StrongroomTlsOnly
  policy_statements=$(statements bucket.json StrongroomTlsOnly)
  case $ENDPOINT_URL in
    http://*)
      lacking tls-only "the endpoint is plain http: a store that keeps the statement would lock out this script too"
      ;;
    *)
      control tls-only policy "requests without TLS are denied"
      plain_http_refused
      ;;
  esac
}

# What the statement is worth is seen by a request over plain http only.
plain_http_refused() {
  local aws_options=(--endpoint-url "$PLAIN_HTTP_ENDPOINT_URL" --region "$REGION")
  if [ -z "$PLAIN_HTTP_ENDPOINT_URL" ]; then
    lacking plain-http-refused "not tried: PLAIN_HTTP_ENDPOINT_URL names no address to try it at"
  elif [ "$plan" = yes ]; then
    lacking plain-http-refused "not tried before the statement is there"
  elif expected="AccessDenied" s3api list-objects-v2 --bucket "$BUCKET" --max-keys 1; then
    lacking plain-http-refused "a request over plain http was answered, whatever the policy says: close that port"
  elif answered AccessDenied 403; then
    row plain-http-refused kept "a request over plain http was tried and refused"
  elif [ -z "$answer_code" ]; then
    row plain-http-refused kept "nobody answers at $PLAIN_HTTP_ENDPOINT_URL"
  else
    row plain-http-refused FAILED "a request over plain http was answered $answer_code"
  fi
}

no_bypass() {
  policy_sids=StrongroomNoBypass
  policy_statements=$(statements bucket.json StrongroomNoBypass)
  control no-bypass policy "nobody may bypass governance locks"
}

# role NAME SIDS FILE PRINCIPALS VARIABLE
role() {
  policy_sids=$2
  policy_statements=[]
  if [ -n "$4" ]; then
    # A role that was asked for and has no Deny is no lack to live with.
    REQUIRE_CONTROLS+=" $1"
    policy_statements=$(role_statements "$3" "$4")
    control "$1" policy "for $4${POLICY_OMIT_ACTIONS:+, without $POLICY_OMIT_ACTIONS}"
  elif [ "$bucket_to_come" = yes ] || { policy_read && policy_same "$seen" "$(policy_wanted)"; }; then
    lacking "$1" "no principal is named in $5"
  else
    control "$1" policy "statements taken out: no principal is named in $5"
  fi
}

# --- public access block: four settings, because stores differ in each --------------------------
public_access_read() {
  if expected=NoSuchPublicAccessBlockConfiguration s3api get-public-access-block --bucket "$BUCKET"; then
    seen=$(jq -c '.PublicAccessBlockConfiguration // {}' <<<"${answer:-null}")
  else
    answered NoSuchPublicAccessBlockConfiguration || return 1
    seen='{}'
  fi
}
public_access_wanted() { jq -c --arg setting "$public_access_setting" '. + {($setting): true}' <<<"$seen"; }
public_access_same() {
  local whole='{BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets} | map_values(. // false)'
  same "$(jq -c "$whole" <<<"$1")" "$(jq -c "$whole" <<<"$2")"
}
public_access_write() {
  s3api put-public-access-block --bucket "$BUCKET" \
    --public-access-block-configuration "$(jq -c 'map_values(. // false)' <<<"$1")"
}
public_access_effect() { still_uploads; }

# public_access NAME SETTING WHAT
public_access() {
  public_access_setting=$2
  control "$1" public_access "$3"
}

public_access_block() {
  public_access ignore-public-acls IgnorePublicAcls "public ACLs count for nothing"
  public_access block-public-acls BlockPublicAcls "public ACLs are refused"
  local misjudged="the store calls this bucket's policy public, though it names every principal that it lets in: the setting would refuse the policy's next change"
  if [ "$bucket_to_come" = no ] && policy_judged_public; then
    lacking block-public-policy "$misjudged"
    lacking restrict-public-buckets "$misjudged"
    return
  fi
  public_access block-public-policy BlockPublicPolicy "public policies are refused"
  public_access restrict-public-buckets RestrictPublicBuckets "a public policy lets no stranger in"
}

# Only our statements are judged here: with those of others the store may be right.
policy_judged_public() {
  [ -n "$ENDPOINT_URL" ] && policy_read || return 1
  jq -e '. != null and ([.Statement[] | select(.Effect == "Allow") | .Sid // "" | startswith("Strongroom")] | length > 0 and all)' \
    <<<"$seen" >"$scratch/judged" || return 1
  expected="NoSuchBucketPolicy NotImplemented" s3api get-bucket-policy-status --bucket "$BUCKET" || return 1
  [ "$(jq -r '.PolicyStatus.IsPublic' <<<"$answer")" = true ]
}

# --- encryption ---------------------------------------------------------------------------------
encryption_read() {
  if expected=ServerSideEncryptionConfigurationNotFoundError s3api get-bucket-encryption --bucket "$BUCKET"; then
    seen=$(jq -c '.ServerSideEncryptionConfiguration.Rules[0] // null | if . == null then . else
      {algorithm: .ApplyServerSideEncryptionByDefault.SSEAlgorithm,
       key: (.ApplyServerSideEncryptionByDefault.KMSMasterKeyID // ""), bucket_key: (.BucketKeyEnabled // false)} end' \
      <<<"${answer:-null}")
  else
    answered ServerSideEncryptionConfigurationNotFoundError || return 1
    seen=null
  fi
}
# Never weaker than what is there: neither another algorithm that is less, nor a customer's key given up because none
# was named this time.
encryption_wanted() {
  jq -c --arg algorithm "$ENCRYPTION" --arg key "$KMS_KEY_ID" '
    def rank: {"AES256": 1, "aws:kms": 2, "aws:kms:dsse": 3}[. // ""] // 0;
    . as $there
    | (if ($there.algorithm | rank) > ($algorithm | rank) then $there.algorithm else $algorithm end) as $chosen
    | if ($chosen | rank) < 2 then {algorithm: $chosen, key: "", bucket_key: false}
      else {
        algorithm: $chosen,
        key: (if $key != "" then $key else ($there.key // "") end),
        bucket_key: (if $chosen == "aws:kms:dsse" then $there.bucket_key else $algorithm == "aws:kms" or $there.bucket_key end)
      } end' <<<"$seen"
}
encryption_same() { same "$1" "$2"; }
encryption_write() {
  if [ "$1" = null ]; then
    s3api delete-bucket-encryption --bucket "$BUCKET"
    return
  fi
  s3api put-bucket-encryption --bucket "$BUCKET" --server-side-encryption-configuration "$(jq -c '
    {Rules: [{ApplyServerSideEncryptionByDefault:
        ({SSEAlgorithm: .algorithm} + if .key == "" then {} else {KMSMasterKeyID: .key} end),
      BucketKeyEnabled: .bucket_key}]}' <<<"$1")"
}
encryption_effect() {
  still_uploads || return 1
  [ "$locks_writes" = no ] || return 0
  local applied
  applied=$(jq -r '.ServerSideEncryption // "nothing"' <<<"$answer")
  # `wanted` is control's.
  [ "$applied" = "$(jq -r .algorithm <<<"$wanted")" ] && return 0
  effect="an upload was answered as encrypted with $applied"
  return 1
}

encryption() {
  if [ "$ENCRYPTION" = none ]; then
    lacking encryption "not asked for: ENCRYPTION=none"
  else
    control encryption encryption "$(encryption_told)"
  fi
}

# encryption_told: what will be, in words; what is there may be more than what is asked for.
encryption_told() {
  if [ "$bucket_to_come" = yes ] || ! encryption_read; then
    echo "$ENCRYPTION${KMS_KEY_ID:+ with the key $KMS_KEY_ID} by default"
    return
  fi
  encryption_wanted | jq -r --arg asked "$ENCRYPTION" --arg key "$KMS_KEY_ID" '
    .algorithm + (if .key == "" then "" else " with the key \(.key)" end) + " by default"
    + (if .algorithm != $asked then ", which is more than \($asked): it is never weakened"
       elif .key != $key then ", which is there: no other is named" else "" end)'
}

# --- lifecycle: unfinished uploads go; the rules of others stay ---------------------------------
lifecycle_read() {
  if expected=NoSuchLifecycleConfiguration s3api get-bucket-lifecycle-configuration --bucket "$BUCKET"; then
    # An empty filter is told in three ways.
    seen=$(jq -c '[.Rules[]? | if has("Prefix") then .Filter = {Prefix} | del(.Prefix) else . end
      | if .Filter == {} then .Filter = {Prefix: ""} else . end]' <<<"${answer:-null}")
  else
    answered NoSuchLifecycleConfiguration || return 1
    seen='[]'
  fi
}
lifecycle_wanted() {
  jq -c --argjson days "$ABORT_UPLOADS_AFTER_DAYS" 'map(select(.ID != "strongroom-abort-unfinished-uploads")) + [{
    ID: "strongroom-abort-unfinished-uploads", Status: "Enabled", Filter: {Prefix: ""},
    AbortIncompleteMultipartUpload: {DaysAfterInitiation: $days}}]' <<<"$seen"
}
lifecycle_same() { same "$1" "$2"; }
lifecycle_write() {
  if [ "$1" = "[]" ]; then
    s3api delete-bucket-lifecycle --bucket "$BUCKET"
  else
    s3api put-bucket-lifecycle-configuration --bucket "$BUCKET" --lifecycle-configuration "$(jq -c '{Rules: .}' <<<"$1")"
  fi
}
lifecycle_effect() { still_uploads; }
