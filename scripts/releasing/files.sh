# shellcheck shell=bash
# shellcheck disable=SC2154  # names that scripts/release sets
# What users download. Sourced by scripts/release.

# Builds with Cargo's profile $1 and prints the binary's path. No path of this machine gets into it.
built() {
  local cargo_home=${CARGO_HOME:-$HOME/.cargo} directory=${CARGO_TARGET_DIR:-target} folder=$1
  [ "$1" != dev ] || folder=debug
  # Another profile than release is for trying this script: what is built already will do.
  if [ "$1" = release ]; then
    directory=$directory/releasing
    RUSTFLAGS="--remap-path-prefix=$PWD=/strongroom --remap-path-prefix=$cargo_home=/cargo" \
      cargo build --locked --quiet --profile "$1" --package strongroom --target-dir "$directory" >&2
    ! grep --quiet --text --fixed-strings --regexp="$PWD/" --regexp="$cargo_home/" "$directory/$folder/strongroom" \
      || die "the binary has paths of this machine in it"
  else
    cargo build --locked --quiet --workspace --all-features --profile "$1" >&2
  fi
  printf '%s\n' "$directory/$folder/strongroom"
}

# Arranges the binary $1 and all that belongs to it in the new directory $2, as it lies under /usr.
arranged() {
  local binary=$1 tree=$2
  mkdir -p "$tree"/{bin,share/man/man1,share/doc/strongroom}
  install --mode=755 "$binary" "$tree/bin/strongroom"
  # Debug builds are large, and for trying only.
  strip --strip-unneeded "$tree/bin/strongroom"
  "$tree/bin/strongroom" man --output "$tree/share/man/man1" --quiet >/dev/null
  completions "$tree" bash share/bash-completion/completions/strongroom
  completions "$tree" zsh share/zsh/vendor-completions/_strongroom
  completions "$tree" fish share/fish/vendor_completions.d/strongroom.fish
  cp -R README.md SECURITY.md LICENSE docs "$tree/share/doc/strongroom/"
  rm -rf "$tree/share/doc/strongroom/reports"
  find "$tree" -type d -exec chmod 755 {} +
  find "$tree" -type f ! -path '*/bin/*' -exec chmod 644 {} +
}

completions() {
  mkdir -p "$1/$(dirname "$3")"
  "$1/bin/strongroom" completions "$2" >"$1/$3"
}

# Packs the directory $1 into the file $2: the same content gives the same bytes.
archive() {
  tar --create --directory "$(dirname "$1")" --sort=name --format=gnu --mtime="@$SOURCE_DATE_EPOCH" \
    --owner=0 --group=0 --numeric-owner "$(basename "$1")" | gzip --no-name --best >"$2"
}

# Makes a Debian package of the directory $1, of version $2, in the directory $3.
debian_package() {
  local version=$2 root=$scratch/deb architecture package glibc
  architecture=$(dpkg --print-architecture)
  package=$3/strongroom_$version-1_$architecture.deb
  mkdir -p "$root/usr" "$root/DEBIAN"
  cp -R "$1"/. "$root/usr/"
  find "$root/usr/share/man" -type f -exec gzip --no-name --best {} +
  mv "$root/usr/share/doc/strongroom/LICENSE" "$root/usr/share/doc/strongroom/copyright"
  # A Debian system has this licence in another place, and its policy wants the notice alone here.
  cat >"$root/usr/share/doc/strongroom/copyright" <<COPYRIGHT
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: strongroom
Source: $(repository)

Files: *
Copyright: the Strongroom authors
License: Apache-2.0
 On Debian systems the text of the licence is in /usr/share/common-licenses/Apache-2.0.
COPYRIGHT
  printf 'strongroom (%s-1) unstable; urgency=medium\n\n  * %s\n\n -- The Strongroom authors <%s>  %s\n' \
    "$version" "See $(repository)/releases for what changed." "$(maintainer)" \
    "$(date --utc --date="@$SOURCE_DATE_EPOCH" --rfc-email)" \
    | gzip --no-name --best >"$root/usr/share/doc/strongroom/changelog.Debian.gz"
  # The newest symbol of the C library that the binary asks for.
  glibc=$(objdump --dynamic-syms "$1/bin/strongroom" | grep --only-matching 'GLIBC_[0-9.]*' | sort --unique --version-sort | tail -n 1)
  cat >"$root/DEBIAN/control" <<CONTROL
Package: strongroom
Version: $version-1
Architecture: $architecture
Maintainer: The Strongroom authors <$(maintainer)>
Installed-Size: $(du --summarize --block-size=1024 "$root/usr" | cut -f1)
Depends: libc6 (>= ${glibc#GLIBC_}), libgcc-s1
Recommends: ca-certificates
Section: utils
Priority: optional
Homepage: $(repository)
Description: keep evidence in storage that you own, and prove that it is kept
 Turns a directory of run output into a verified, content-addressed bundle in a
 bucket of yours, locked against deletion where the store can lock, and gives it
 back proven. Attacks a store to say what its locks enforce; signs, and gathers
 what an auditor checks offline.
CONTROL
  (cd "$root" && find usr -type f -printf '%P\0' | sort --zero-terminated \
    | (cd usr && xargs --null md5sum) | sed 's,  ,  usr/,' >DEBIAN/md5sums)
  find "$root" -type d -exec chmod 755 {} +
  find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group --build "$root" "$package" >/dev/null
}

# Writes a CycloneDX bill of materials of everything that the binary is built of into the file $1.
bill_of_materials() {
  local here=crates/strongroom/strongroom-sbom.json
  # It can only write beside the crate.
  PATH=$(cyclonedx_installed):$PATH cargo cyclonedx --quiet --manifest-path crates/strongroom/Cargo.toml \
    --format json --spec-version 1.5 --target "$target" --override-filename strongroom-sbom >&2
  # Its serial number is random, and where the crates lie on this machine is nobody's business.
  jq --sort-keys --arg here "$PWD" 'del(.serialNumber)
    | walk(if type == "string" then gsub("path\\+file://" + $here; "strongroom:") | gsub("file://" + $here; "strongroom:") else . end)
    ' "$here" >"$1"
  find crates -name strongroom-sbom.json -delete
}

repository() { sed -n 's/^repository = "\(.*\)"/\1/p' Cargo.toml; }

# As Debian's own tools take it, else whoever made the commit that is released.
maintainer() { printf '%s\n' "${DEBEMAIL:-$(git log -1 --format=%ae)}"; }
