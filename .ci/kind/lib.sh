# What up, down and check-rule share: where things are, how a piece is built once, how failures are told.
# Sourced, never run.

# shellcheck shell=bash
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/healgate/kind
pieces=$cache/pieces
scratch=$cache/scratch
logs=$cache/logs
run=$cache/run # socket, pid file and log of our Docker engine

export PATH=$cache/bin:$PATH
export DOCKER_HOST=unix://$run/docker.sock
export DOCKER_BUILDKIT=0 # Debian's engine has none

say() { printf '%s kind: %s\n' "$(date +%H:%M:%S)" "$*" >&2; }
fail() {
  printf 'kind: %s\n' "$@" >&2
  exit 1
}

# key NAME: a hash of all that NAME is made of: its builder's text and its INPUTS, which are words (versions),
# files and folders of this one, and other pieces as @name.
key() {
  {
    declare -f "build_$1"
    local input
    for input in ${INPUTS[$1]}; do
      case $input in
        @*) key "${input#@}" ;;
        */*) (cd "$here" && find "$input" -type f | LC_ALL=C sort | xargs sha256sum) ;;
        *) echo "$input" ;;
      esac
    done
  } | sha256sum | cut -c1-12
}

# A piece is a folder or a Docker image, known by its key. It is built beside its place and then renamed (a folder)
# or tagged (an image), so that what a killed build left never counts as done.
folder() { echo "$pieces/$1-$(key "$1")"; }
image() { echo "healgate-build/$1:$(key "$1")"; }

make_folder() {
  local place
  for name; do
    place=$(folder "$name")
    [[ -d $place ]] && continue
    build "$name"
    mv "$scratch/$name" "$place"
    find "$pieces" -maxdepth 1 -name "$name-????????????" ! -path "$place" -exec rm -rf {} +
  done
}

make_image() {
  local tag old
  for name; do
    tag=$(image "$name")
    docker image inspect "$tag" >/dev/null 2>&1 && continue
    build "$name"
    rm -rf "${scratch:?}/$name"
    for old in $(docker images --format '{{.Repository}}:{{.Tag}}' "healgate-build/$name"); do
      [[ $old == "$tag" ]] || docker rmi "$old" >/dev/null 2>&1 || true # a node may still run from it
    done
  done
}

# build NAME: run build_NAME in an empty folder, in a shell of its own (so that a failing line ends it, which
# bash forgets inside `if` and `||`), with all output in a log.
build() {
  local name=$1 start=$SECONDS log=$logs/$1.log
  rm -rf "${scratch:?}/$name" && mkdir -p "$scratch/$name"
  say "building $name"
  if ! bash -euo pipefail -c 'source "$1/lib.sh"; source "$1/pieces.sh"; cd "$scratch/$2"; "build_$2"' \
    build "$here" "$name" >"$log" 2>&1 </dev/null; then
    say "building $name failed; the end of $log:"
    tail -n 20 "$log" >&2
    fail "$name could not be built. If a download failed, see that this machine reaches its package registries" \
      "and run .ci/kind/up again: finished pieces are kept. If the disk is full, make room (df -h $cache)."
  fi
  say "built $name in $((SECONDS - start)) s"
}

engine_answers() { timeout 10 docker version >/dev/null 2>&1; }

discard_containers() { docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes >/dev/null; }

# Where packets leave this machine, for IPv4 (-4) or IPv6 (-6).
ways_out() { ip "$1" -o route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p' | sort -u; }
