# Shared by `build` and `repack`: what is built, from what, and where it is kept.
# shellcheck shell=bash

# A failure inside $(...) ends the script too.
shopt -s inherit_errexit

readonly source_package=linux-source-6.1
readonly source_version=6.1.192-2
readonly source_sha256=ae95fe63d4c553f8d0e6c86cb1ab566f3894a43743eb19ab585cd97d82f26514

recipe=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/swiftlet/guest-kernels
readonly recipe cache

flavours=(smp up)

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# The fragments a flavour is merged from, in order; a later one may not contradict an earlier one.
fragments_of() {
  case $1 in
    up) echo base userland storage virtio net ;;
    smp) echo base userland storage virtio net smp describe ;;
    *) die "no flavour '$1'; there are: ${flavours[*]}" ;;
  esac
}

fragment_files() {
  local name
  for name in $1; do
    printf '%s\n' "$recipe/fragments/$name.config"
  done
}

# Everything the result depends on goes into its name, so that equal names mean equal kernels.
result_dir() {
  local names files compiler hash
  names=$(fragments_of "$1")
  compiler=$(gcc --version 2>/dev/null) || die "gcc is missing; install what packages.txt lists"
  mapfile -t files < <(fragment_files "$names")
  hash=$({ printf '%s\n' "$source_version" "$source_sha256" "$compiler"
    cat "$recipe/common.sh" "$recipe/build" "$recipe/patches"/* "${files[@]}"; } | sha256sum)
  printf '%s/linux-%s-%s\n' "$cache" "$1" "${hash:0:12}"
}

# One builder at a time; what an interrupted one left behind is removed by the next.
enter_scratch() {
  mkdir -p "$cache/source"
  exec 9>"$cache/linux.lock"
  flock 9
  scratch=$cache/linux-scratch
  rm -rf "$scratch"
  mkdir "$scratch"
  exec 8>&2
  trap leave_scratch EXIT
}

# Runs one step with its output in the log. It is not run as a condition: that would let the commands in it
# fail unnoticed. If one fails the script ends, and leave_scratch finds the step unfinished.
step() {
  echo "$1"
  shift
  unfinished=yes
  "$@" >>"$scratch/log" 2>&1
  unfinished=
}

leave_scratch() {
  if [[ -n ${unfinished:-} ]]; then
    mv "$scratch/log" "$cache/linux.log"
    grep -m 5 -iE 'error|\*\*\*' "$cache/linux.log" >&8 || true
    printf '%s: that failed; the log is %s\n' "${0##*/}" "$cache/linux.log" >&8
  fi
  rm -rf "$scratch"
}

# make in the kernel's tree, with the same result wherever and whenever it runs. The folders' names are
# part of what make remembers, so they do not change either.
kernel_make() {
  make -s -j"$(nproc)" -C "$scratch/source" O="$scratch/objects" ARCH=x86_64 LC_ALL=C \
    KBUILD_BUILD_TIMESTAMP='1970-01-01' KBUILD_BUILD_USER=swiftlet KBUILD_BUILD_HOST=swiftlet \
    KBUILD_BUILD_VERSION=1 "$@"
}

check_packages() {
  local missing packages
  mapfile -t packages <"$recipe/packages.txt"
  command -v dpkg-query >/dev/null || die "needs a Debian system (dpkg, apt) for $source_package"
  missing=$(comm -13 <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null |
    sed -n 's/^installed //p' | sort -u) <(sort -u "$recipe/packages.txt") | tr '\n' ' ')
  [[ -z $missing ]] || die "packages missing; run: sudo apt-get install ${missing% }"
}

# Leaves the source package in the cache and its tree in $scratch/source.
extract_source() {
  local deb=$cache/source/${source_package}_${source_version}_all.deb
  if ! sha256sum --status -c <<<"$source_sha256  $deb" 2>/dev/null; then
    fetch_source "$deb"
  fi
  mkdir "$scratch/source"
  step "extracting $source_package $source_version" unpack_source "$deb"
}

fetch_source() {
  local fetched=$scratch/${1##*/}
  echo "fetching $source_package $source_version"
  (cd "$scratch" && apt-get download "$source_package=$source_version") >>"$scratch/log" 2>&1 ||
    die "apt does not offer $source_package $source_version: run 'sudo apt-get update'," \
      "or move the recipe to a version it has (guest-kernels/linux/README.md)"
  sha256sum --status -c <<<"$source_sha256  $fetched" ||
    die "$source_package $source_version from apt is not the file this recipe was made for"
  mv "$fetched" "$1"
}

unpack_source() {
  dpkg-deb --fsys-tarfile "$1" | tar -xO "./usr/src/$source_package.tar.xz" | xz -T0 -dc |
    tar -x -C "$scratch/source" --strip-components=1
  cat "$recipe/patches"/* | patch -s -p1 -d "$scratch/source"
}
