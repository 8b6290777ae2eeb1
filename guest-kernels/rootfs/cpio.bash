# Sourced by build scripts that make initial RAM disks.
# shellcheck shell=bash

# cpio_entry NAME MODE CONTENTS_FILE|'' [MAJOR MINOR]: one entry in the "newc" format.
cpio_inode=0
cpio_entry() {
  local name=$1 mode=$2 file=$3 major=${4:-0} minor=${5:-0} size=0
  [[ -n $file ]] && size=$(stat -c %s "$file")
  cpio_inode=$((cpio_inode + 1))
  printf '070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s' \
    "$cpio_inode" "$((8#$mode))" 0 0 1 0 "$size" 0 0 "$major" "$minor" "$((${#name} + 1))" 0 "$name"
  # A zero byte ends the name; header with name, and contents, are padded to four bytes.
  head -c "$((1 + (4 - (110 + ${#name} + 1) % 4) % 4))" /dev/zero
  [[ -n $file ]] && cat "$file"
  head -c "$(((4 - size % 4) % 4))" /dev/zero
}
