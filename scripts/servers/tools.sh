# shellcheck shell=bash
# Where the servers and the peers that tests and benchmarks use are installed, and how. Sourced.
#
# Python packages go into one virtual environment and npm packages beside it, under the user's cache
# directory, named after the versions asked for: a changed version gets a directory of its own.

SCRIPTS_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOOLS_HOME=${XDG_CACHE_HOME:-$HOME/.cache}/strongroom

say() { printf '%s\n' "$*" >&2; }

die() {
  say "error: $*"
  exit 1
}

# Installs the Debian package $2 where the command $1 is missing, wherever it came from.
command_installed() { command -v "$1" >/dev/null || debian_packages "$2"; }

# The virtual environment that holds exactly what a requirements file names. Prints its path.
python_environment() {
  local requirements=$SCRIPTS_DIR/$1 version environment
  version=$(sha256sum "$requirements" | cut -c1-12)
  environment=$TOOLS_HOME/$(basename "$1" .txt)-$version
  if [ ! -e "$environment/complete" ]; then
    say "installing $1 into the cache"
    rm -rf "$environment"
    mkdir -p "$TOOLS_HOME"
    if ! python3 -m venv "$environment" >/dev/null 2>&1; then
      debian_packages python3-venv
      rm -rf "$environment"
      python3 -m venv "$environment" >&2
    fi
    "$environment/bin/pip" install --quiet --no-input --disable-pip-version-check \
      --requirement "$requirements" >&2
    touch "$environment/complete"
  fi
  printf '%s\n' "$environment"
}

# Installs the Debian packages among "$@" that are missing; asks no package index when none is.
debian_packages() {
  local package missing=()
  for package in "$@"; do
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] \
      || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  [ "$(id -u)" = 0 ] || die "missing packages; run as root: apt-get install -y ${missing[*]}"
  say "installing ${missing[*]}"
  local log
  log=$(mktemp)
  # The daemons of these packages are ours to start: no service may come up by itself.
  if ! { apt-get update --quiet \
    && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes \
      --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    rm -f "$log"
    die "could not install ${missing[*]}"
  fi
  rm -f "$log"
}

ceph_installed() { debian_packages ceph-mon ceph-osd radosgw ceph-common openssl; }

# Prints the directory of the environment with SeaweedFS, moto and boto3.
servers_environment() { python_environment servers/requirements.txt; }

# Prints the directory of the environment with the aws CLI.
aws_environment() { python_environment servers/requirements-aws.txt; }

# Prints the directory of the environment with OpenBao.
openbao_environment() { python_environment servers/requirements-openbao.txt; }

# Prints the directory of the environment with another verifier of time stamps.
tsa_environment() { python_environment servers/requirements-tsa.txt; }

# OpenSC's tools speak to any PKCS #11 module, and this one keeps its keys in files.
softhsm_installed() {
  command_installed softhsm2-util softhsm2
  command_installed pkcs11-tool opensc
  command_installed openssl openssl
}

# Prints the directory of the newest PostgreSQL's programs, which Debian keeps out of the PATH.
postgres_programs() {
  local found
  found=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1 || true)
  if [ -z "$found" ]; then
    debian_packages postgresql >&2
    found=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1 || true)
  fi
  [ -n "$found" ] || die "PostgreSQL's initdb is missing"
  dirname "$found"
}

# Builds the crate $1 of version $2 with the further options of `cargo install`. Prints the directory of
# its programs.
crate_installed() {
  local directory=$TOOLS_HOME/$1-$2
  if [ ! -e "$directory/complete" ]; then
    say "building $1 $2 into the cache: this takes minutes"
    cargo install --quiet --locked --root "$directory" --version "$2" "$1" "${@:3}" >&2
    touch "$directory/complete"
  fi
  printf '%s\n' "$directory/bin"
}

garage_installed() { crate_installed garage 2.5.0; }
cyclonedx_installed() { crate_installed cargo-cyclonedx 0.5.9; }
s3s_fs_installed() { crate_installed s3s-fs 0.14.1 --features binary; }

# Prints the directory that `npm install` filled with what the package file $1 names, with `bin/node` in
# it.
npm_directory() {
  local package=$SCRIPTS_DIR/$1 name directory node
  name=$(basename "$1" .json)
  directory=$TOOLS_HOME/$name-$(sha256sum "$package" | cut -c1-12)
  if [ ! -e "$directory/complete" ]; then
    say "installing $name into the cache"
    rm -rf "$directory"
    mkdir -p "$directory/bin"
    cp "$package" "$directory/package.json"
    node=$(command -v node || true)
    if [ -z "$node" ] || ! command -v npm >/dev/null \
      || [ "$("$node" --print 'process.versions.node.split(".")[0]')" -lt 20 ]; then
      # Debian 12's own Node.js is too old for these, so one comes from a Python wheel.
      node=$(python_environment servers/requirements-node.txt)/bin/node
    fi
    ln -s "$node" "$directory/bin/node"
    PATH=$(dirname "$node"):$PATH \
      npm install --prefix "$directory" --no-audit --no-fund --loglevel=error >&2
    touch "$directory/complete"
  fi
  printf '%s\n' "$directory"
}

azurite_directory() { npm_directory servers/azurite.json; }

# Other verifiers of signatures: Python's and npm's.
signatures_environment() { python_environment servers/requirements-signatures.txt; }
sigstore_directory() { npm_directory servers/sigstore.json; }
