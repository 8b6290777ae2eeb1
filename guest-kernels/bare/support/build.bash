# Sourced by the build scripts of the guests: the toolchain, and results kept by the hash of what makes them.
# shellcheck shell=bash

export LC_ALL=C
cache=${XDG_CACHE_HOME:-$HOME/.cache}/swiftlet/guest-kernels

die() {
  echo "${0##*/guest-kernels/}: $*" >&2
  exit 1
}

# Sets tools to the folder of the Swift toolchain's programs.
find_toolchain() {
  local swiftc tool
  swiftc=$(command -v swiftc) || die "no swiftc in PATH: install Swift 6.3 and put its usr/bin in PATH"
  tools=$(dirname "$(readlink -f "$swiftc")")
  for tool in swift-frontend clang ld.lld; do
    [[ -x $tools/$tool ]] || die "no $tool in $tools: the whole Swift toolchain is needed"
  done
}

# The compiler, told apart by size and date: asking its version would take longer than all the rest.
toolchain_id() { stat -L -c '%s %Y' "$tools/swift-frontend"; }

# hash_of FILE_OR_FOLDER...: names and contents (without documentation), and whatever comes on standard input.
hash_of() {
  { cat && find "$@" -type f ! -name '*.md' -print0 | sort -z | xargs -0 sha256sum; } | sha256sum | cut -c1-16
}

# use_result NAME ARGUMENT...: sets result to the folder NAME in the cache; ends the script when that is all
# that was asked (--print-dir) or when it is there already. Otherwise work is a new folder to fill.
use_result() {
  result=$cache/$1
  case ${2:-} in
  --print-dir) echo "$result" && exit ;;
  '') ;;
  *) die "unknown argument $2 (known: --print-dir)" ;;
  esac
  if [[ -d $result ]]; then
    echo "$result"
    exit
  fi
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/.build-XXXXXX")
  trap 'rm -rf "$work"' EXIT
}

# Moves work to its final name at once. If another build was faster, its result is the same.
publish() {
  chmod 755 "$work"
  mv -T "$work" "$result" 2>/dev/null || [[ -d $result ]] || die "cannot put the result at $result"
  echo "$result"
}
