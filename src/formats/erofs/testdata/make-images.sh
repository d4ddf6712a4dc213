#!/bin/sh
# Makes images.json: the sample by mkfs.erofs 1.9.3 (erofs-utils v1.9.3 with lzma, zlib, zstd and MAX_BLOCK_SIZE=65536), each with options that
# Debian 12's mkfs.erofs 1.5 does not have. Usage: make-images.sh MKFS.EROFS NODE > images.json
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
umask 022
"$2" "$here/sample.ts" "$scratch/top"
separator='{'
while read -r name options; do
  # shellcheck disable=SC2086 # options are words
  "$1" --quiet -U 00000000-0000-0000-0000-000000000001 -T1700000000 --all-root $options "$scratch/image" "$scratch/top" > "$scratch/log" 2>&1 || { cat "$scratch/log" >&2; exit 1; }
  printf '%s\n  "%s": { "options": "%s", "gzip": "%s" }' "$separator" "$name" "$options" "$(gzip -9n < "$scratch/image" | base64 -w0)"
  separator=','
done << 'END'
fragments -zlz4 -C16384 -Efragments
all-fragments -zlz4hc -C16384 -Eall-fragments
dedupe -zlz4hc -C8192 -Ededupe,ztailpacking
lzma -zlzma -C16384 -Efragments,dedupe
lzma-inline -zlzma -C4096 -Eztailpacking
deflate -zdeflate -C16384 -Ededupe,ztailpacking
zstd -zzstd -C16384 -Efragments,dedupe
blocks-512 -b512 -zlz4 -C4096
blocks-16384 -b16384 -zlz4
blocks-65536 -b65536
prefixes -zlz4 -Efragments --xattr-prefix=user.long.name.
prefixes-plain -Eplain-xattr-prefixes --xattr-prefix=user.long.name.
wide -E48bit -zlz4hc -C16384
wide-zstd -E48bit -zzstd -C16384 -Efragments,dedupe
wide-chunks -E48bit --chunksize=4096
metabox -zlz4 -m4096
metabox-directories -zzstd -m4096 -C16384 --zD -Efragments
metadata-zone --MZ=id
END
printf '\n}\n'
