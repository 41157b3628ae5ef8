# shellcheck shell=bash
# shellcheck disable=SC2154  # names that scripts/release sets
# What proves a release. Sourced by scripts/release.

# Prints how the files came to be: a predicate of SLSA provenance v1 (https://slsa.dev/spec/v1.0/provenance),
# for work that began at $1. What it is about is the bundle of the files, to which it is attached.
provenance() {
  jq --null-input --sort-keys \
    --arg build_type "$(repository)/blob/$commit/scripts/release" \
    --arg source "git+$(repository)@$commit" --arg commit "$commit" \
    --arg lock "$(sha256sum Cargo.lock | cut -d ' ' -f1)" \
    --arg version "$version" --arg target "$target" --arg profile "$profile" \
    --arg rustc "$(rustc --version)" --arg cargo "$(cargo --version)" \
    --arg system "$(. /etc/os-release && printf '%s' "$PRETTY_NAME")" \
    --argjson dirty "$([ "$dirty" = yes ] && [ -n "$(git status --porcelain)" ] && echo true || echo false)" \
    --argjson epoch "$SOURCE_DATE_EPOCH" \
    --arg started "$1" --arg finished "$(date --utc +%Y-%m-%dT%H:%M:%SZ)" \
    '{
      buildDefinition: {
        buildType: $build_type,
        externalParameters: { version: $version, target: $target, profile: $profile },
        internalParameters: { source_date_epoch: $epoch, uncommitted_changes: $dirty, rustc: $rustc, cargo: $cargo, system: $system },
        resolvedDependencies: [
          { uri: $source, digest: { gitCommit: $commit } },
          { name: "Cargo.lock", digest: { sha256: $lock } }
        ]
      },
      runDetails: {
        builder: { id: $build_type },
        metadata: { startedOn: $started, finishedOn: $finished }
      }
    }'
}

# Makes the files and the provenance one bundle, whose manifest lists the SHA-256 of each.
release_bundle() {
  mkdir "$scratch/release"
  cp "$files"/* "$evidence/provenance.json" "$scratch/release/"
  "$strongroom" evidence bundle "$scratch/release" --output "$bundle" --quiet --format json \
    --subject strongroom --run-id "release-$version" --producer "scripts/release" \
    --metadata "commit=$commit" --metadata "version=$version" --retention-class release-evidence \
    >"$evidence/bundle.json"
  tar --extract --to-stdout --file "$bundle" manifest.json >"$files/strongroom-$version.manifest.json"
}

# Signs the bundle, and what its provenance says, into files or, with `--store URL` as "$@", beside it there.
signed() {
  local bundle_signed=(--output "$files/strongroom-$version.sigstore.json")
  local provenance_signed=(--output "$files/strongroom-$version.provenance.sigstore.json")
  [ $# -eq 0 ] || bundle_signed=("$@") provenance_signed=("$@")
  "$strongroom" evidence sign "$bundle" --signer "$signer" "${key_options[@]}" --quiet --format json "${bundle_signed[@]}"
  "$strongroom" evidence attest "$bundle" --predicate "$evidence/provenance.json" --type https://slsa.dev/provenance/v1 \
    "${key_options[@]}" --quiet --format json "${provenance_signed[@]}"
}

# Pushes the bundle with signatures beside it, and reads it back.
kept_release() {
  local at
  "$strongroom" evidence push "$bundle" --store "$store" "${push_options[@]}" --format json >"$evidence/receipt.json"
  if [ -n "$signer" ]; then
    # What was accepted for the bundle is accepted for what comes under the same lock.
    for at in "${!push_options[@]}"; do
      [ "${push_options[at]}" != --yes-lock-until ] || export STRONGROOM_SIGN_YES_LOCK_UNTIL=${push_options[at + 1]}
    done
    signed --store "$store" >"$evidence/signed-in-store.json"
  fi
  "$strongroom" evidence pull --bundle-id "$(jq -r .bundle_id "$evidence/bundle.json")" --store "$store" --quiet \
    --format json --out "$scratch/pulled.tar.gz" >"$evidence/pulled.json"
  cmp "$bundle" "$scratch/pulled.tar.gz"
}

# Says what was made, and what is missing.
released() {
  printf '%s\n' "" "strongroom $version for $target" ""
  (cd "$files" && for file in *; do printf '  %-62s %9s bytes\n' "$file" "$(stat --format=%s "$file")"; done)
  printf '\n  %-9s %s\n' evidence "$(jq -r .bundle_id "$evidence/bundle.json")"
  if [ -n "$signer" ]; then
    printf '  %-9s by %s, key %s\n' signed "$signer" "$(jq -rs '.[0].key_id' "$evidence/signed.json")"
  else
    printf '  %-9s %s\n' signed "no: name --signer and a key"
  fi
  if [ -n "$store" ]; then
    printf '  %-9s %s, lock %s\n' kept "$store" "$(jq -r '[.lock.mode // "none", .lock.retain_until // empty] | join(" until ")' "$evidence/receipt.json")"
  else
    printf '  %-9s %s\n' kept "nowhere: name --store"
  fi
}
