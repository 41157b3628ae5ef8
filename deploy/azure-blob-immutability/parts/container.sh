# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # variables are shared with deploy.sh
# The account, the container, and its immutability policy. Sourced.

account_options=(--https-only true --min-tls-version TLS1_2 --allow-blob-public-access false
  --allow-shared-key-access "$ALLOW_SHARED_KEY")

# look_first: what is there, before anything is changed. What was made in another way, and cannot be changed or only for
# good, is refused here.
look_first() {
  account_to_come=no
  container_to_come=no
  if ! expected="ResourceNotFound" azure storage account show --name "$ACCOUNT" --resource-group "$RESOURCE_GROUP"; then
    case $answer_code in
      ResourceNotFound) account_exists=no ;;
      ResourceGroupNotFound) stop 7 "there is no resource group $RESOURCE_GROUP" "az group create makes one; this script does not" ;;
      AuthorizationFailed) stop 8 "this identity may not look at the account $ACCOUNT" ;;
      *) stop 1 "the account $ACCOUNT could not be looked at" "az login" ;;
    esac
    container_exists=no
    return
  fi
  account_exists=yes
  if [ "$IMMUTABILITY_SCOPE" = version ] && jq -e '.isHnsEnabled == true' <<<"$answer" >"$scratch/test"; then
    stop 5 "the account has a hierarchical namespace, and such have no version-level immutability; nothing was changed" \
      "name another account, or IMMUTABILITY_SCOPE=container"
  fi
  container_exists=yes
  if ! expected="ContainerNotFound ResourceNotFound" azure storage container-rm show --name "$CONTAINER" \
    --storage-account "$ACCOUNT" --resource-group "$RESOURCE_GROUP"; then
    [[ $answer_code == *NotFound ]] || stop 8 "the container $CONTAINER could not be looked at"
    container_exists=no
  elif [ "$IMMUTABILITY_SCOPE" = version ] && ! versioned_immutability "$answer"; then
    stop 5 "the container exists and was made without version-level immutability; nothing was changed" \
      "name a container that does not exist, or IMMUTABILITY_SCOPE=container; a migration cannot be undone and is not done here"
  elif [ "$IMMUTABILITY_SCOPE" = container ] && versioned_immutability "$answer"; then
    stop 5 "the container exists and was made with version-level immutability; nothing was changed" "IMMUTABILITY_SCOPE=version"
  fi
}

versioned_immutability() { jq -e '.immutableStorageWithVersioning.enabled == true' <<<"$1" >"$scratch/test"; }

make_account() {
  if [ "$account_exists" = yes ]; then
    row account kept "the account exists"
  elif [ "$plan" = yes ]; then
    account_to_come=yes
    row account would_set "a new account, $SKU in $LOCATION"
  else
    azure storage account create --name "$ACCOUNT" --resource-group "$RESOURCE_GROUP" --location "$LOCATION" \
      --sku "$SKU" --kind StorageV2 "${account_options[@]}" || stop 9 "the account could not be made; nothing was"
    row account set "a new account, $SKU in $LOCATION"
  fi
}

# account_control NAME WHAT TEST OPTION VALUE
account_control() {
  control "$1" "$2" read_account "$3" \
    storage account update --name "$ACCOUNT" --resource-group "$RESOURCE_GROUP" "$4" "$5"
}

# service_control NAME WHAT TEST OPTIONS…
service_control() {
  local name=$1 what=$2 test=$3
  shift 3
  control "$name" "$what" read_blob_service "$test" storage account blob-service-properties update \
    --account-name "$ACCOUNT" --resource-group "$RESOURCE_GROUP" "$@"
}

make_container() {
  local worm=()
  [ "$IMMUTABILITY_SCOPE" != version ] || worm=(--enable-vlw true)
  if [ "$container_exists" = yes ]; then
    row container kept "the container exists"
  elif [ "$plan" = yes ]; then
    container_to_come=yes
    row container would_set "a new container, immutability by $IMMUTABILITY_SCOPE"
  elif ! azure storage container-rm create --name "$CONTAINER" --storage-account "$ACCOUNT" \
    --resource-group "$RESOURCE_GROUP" --public-access off "${worm[@]}"; then
    row container FAILED "making it was refused (${answer_code:-no answer})"
    finish "$json" false "$store_name"
  elif read_container && { [ "$IMMUTABILITY_SCOPE" = container ] || versioned_immutability "$seen"; }; then
    row container set "a new container, immutability by $IMMUTABILITY_SCOPE"
  else
    row container FAILED "made, and it reads back without version-level immutability"
  fi
}

# True of a policy under which a blob that is protected can still be appended to.
takes_appends='.allowProtectedAppendWrites == true or .allowProtectedAppendWritesAll == true'

# immutability_policy: made unlocked, so that it can still be reviewed, and without append writes. Never less than what
# is there.
immutability_policy() {
  local days=0 state=none appends=no period=$RETENTION_DAYS
  if [ "$account_to_come" = no ] && [ "$container_to_come" = no ]; then
    if ! read_policy; then
      row immutability-policy FAILED "reading it was refused (${answer_code:-no answer})"
      return
    fi
    days=$(jq -r '.immutabilityPeriodSinceCreationInDays // 0' <<<"$seen")
    [ "$days" = 0 ] || state=$(jq -r .state <<<"$seen")
    ! jq -e "$takes_appends" <<<"$seen" >"$scratch/test" || appends=yes
    [ "$days" -le "$RETENTION_DAYS" ] || period=$days
  fi
  if [ "$state" = Locked ] && [ "$appends" = yes ]; then
    row immutability-policy FAILED "locked for good at $days days, with append writes allowed: what is kept there can be added to, and nobody can change that; use another container"
  elif [ "$days" -gt "$RETENTION_DAYS" ] && [ "$appends" = no ]; then
    row immutability-policy kept "$state, $days days, which is more than $RETENTION_DAYS: it is never weakened"
  elif [ "$state" = Locked ] && [ "$days" -lt "$RETENTION_DAYS" ]; then
    row immutability-policy FAILED "locked at $days days: each lengthening is one of five, so it is done by hand (az storage container immutability-policy extend)"
  elif [ "$state" = Locked ]; then
    row immutability-policy kept "Locked, $days days"
  else
    control immutability-policy "unlocked, $period days, no append writes" read_policy \
      ".immutabilityPeriodSinceCreationInDays == $period and .state == \"Unlocked\" and (($takes_appends) | not)" \
      storage container immutability-policy create --account-name "$ACCOUNT" --container-name "$CONTAINER" \
      --resource-group "$RESOURCE_GROUP" --period "$period" --allow-protected-append-writes false
  fi
}

policy_locked() {
  if [ "$account_to_come" = no ] && [ "$container_to_come" = no ] && read_policy \
    && jq -e '.state == "Locked"' <<<"$seen" >"$scratch/test"; then
    row policy-locked kept "Locked"
  else
    lacking policy-locked "unlocked, and so protects from nobody who may change it: lock it by --lock-policy after the review"
  fi
}

legal_hold_tags() {
  if [ -z "$LEGAL_HOLD_TAGS" ]; then
    lacking legal-hold-tags "none named in LEGAL_HOLD_TAGS"
  elif [ "$IMMUTABILITY_SCOPE" = version ]; then
    lacking legal-hold-tags "Azure takes no hold on a whole container with version-level immutability: strongroom evidence hold place"
  else
    local tags=() test
    read -ra tags <<<"$LEGAL_HOLD_TAGS"
    test=$(jq -rn --arg tags "${tags[*]}" '"([.legalHold.tags[]?.tag] as $there | \($tags | split(" ") | tojson) - $there == [])"')
    control legal-hold-tags "$LEGAL_HOLD_TAGS" read_container "$test" storage container legal-hold set \
      --account-name "$ACCOUNT" --container-name "$CONTAINER" --resource-group "$RESOURCE_GROUP" --tags "${tags[@]}"
  fi
}

# lock_policy REVIEW: the step that cannot be undone. The review is bound to this container, these days and this very
# state of the policy: what was changed after it was reviewed is not locked.
lock_policy() {
  local review=$1 days etag digest
  [ "$container_exists" = yes ] || stop 7 "there is no such container"
  read_policy || stop 8 "the policy could not be read"
  days=$(jq -r '.immutabilityPeriodSinceCreationInDays // 0' <<<"$seen")
  etag=$(jq -r '.etag // ""' <<<"$seen")
  if [ "$(jq -r '.state // ""' <<<"$seen")" = Locked ]; then
    row policy-locked kept "Locked, $days days"
    return
  fi
  [ "$days" -gt 0 ] || stop 7 "the container has no policy to lock"
  ! jq -e "$takes_appends" <<<"$seen" >"$scratch/test" \
    || stop 5 "the policy allows append writes, and would for good; nothing was locked" "deploy.sh without --lock-policy takes them out; then it is to be reviewed anew"
  jq -e --arg account "$ACCOUNT" --arg container "$CONTAINER" --argjson days "$days" --arg etag "$etag" '
    .account == $account and .container == $container and .retention_days == $days and .policy_etag == $etag
    and .append_writes == false and .decision == "lock" and ([.reviewers[] | select(.name != "" and .role != "") | .name] | unique | length >= 2)' \
    "$review" >"$scratch/test" \
    || stop 5 "the review is not of this policy as it is now, or two reviewers do not say: lock" \
      "account $ACCOUNT, container $CONTAINER, retention_days $days, policy_etag $etag, append_writes false (review.example.json)"
  digest=sha256:$(sha256sum "$review" | cut -d' ' -f1)
  if [ "$plan" = yes ]; then
    row policy-locked would_set "$days days, for good, by the review $digest"
    return
  fi
  say "From then on nobody can shorten or remove this policy: not you, not Microsoft's support."
  say "No blob in $CONTAINER can be deleted before it is $days days old."
  confirm "LOCK $days days on $ACCOUNT/$CONTAINER" "$accept"
  if ! azure storage container immutability-policy lock --account-name "$ACCOUNT" --container-name "$CONTAINER" \
    --resource-group "$RESOURCE_GROUP" --if-match "$etag"; then
    row policy-locked FAILED "locking it was refused (${answer_code:-no answer})"
  elif reads_back read_policy ".state == \"Locked\" and .immutabilityPeriodSinceCreationInDays == $days and (($takes_appends) | not)"; then
    row policy-locked set "Locked, $days days, by the review $digest"
  else
    row policy-locked FAILED "locked without an error, and it does not read back as such"
  fi
}
