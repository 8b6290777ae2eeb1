# Sourced by the examples: the command, the roots, and how an example says what it expects.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# The command, and our small root with busybox; `make build guests` makes both.
swiftlet=bin/swiftlet
# shellcheck disable=SC2034 # used by the examples
small=share/swiftlet/rootfs/root.erofs
# A place of the example's own, gone with it.
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT

# Prints the command as a person would type it, on standard error, and runs it.
swiftlet() {
  local word line='$ swiftlet'
  for word in "$@"; do
    [[ $word =~ ^[A-Za-z0-9_./:=,-]+$ ]] || word=${word@Q}
    line+=" $word"
  done
  echo "$line" >&2
  "$swiftlet" "$@"
}

# expect WHAT WANTED GOT: says what came, and ends the example where it is something else.
expect() {
  if [[ $3 == "$2" ]]; then
    echo "$1: $3"
  else
    printf 'NOT AS EXPECTED: %s is\n%s\nand not\n%s\n' "$1" "$3" "$2"
    exit 1
  fi
}

# Sets debian to a tar of Debian 12 with Python and a C compiler, as mmdebstrap makes it; made once for a user.
need_debian() {
  debian=${XDG_CACHE_HOME:-$HOME/.cache}/swiftlet/examples/debian-12-python-tcc.tar
  [[ -f $debian ]] && return
  echo "making a Debian root, a minute or more" >&2
  mkdir -p "${debian%/*}"
  mmdebstrap --quiet --variant=essential --include=python3-minimal,tcc,libc6-dev \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$here/debian.tar"
  mv "$here/debian.tar" "$debian"
}
