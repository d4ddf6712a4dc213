#!/bin/sh
# Makes vectors.json again: each tool's own output for the bytes that sample.ts gives on its standard output (node sample.ts).
# usage: make-vectors.sh NODE > vectors.json
set -eu
here=$(dirname "$0")
plain=$(mktemp)
trap 'rm -f "$plain"' EXIT
"$1" "$here/sample.ts" >"$plain"
comma=''
printf '{\n'
vector() {
	printf '%s  "%s": ["%s", "%s"]' "$comma" "$2" "$1" "$(sh -c "$2" <"$plain" | base64 -w0)"
	comma=',
'
}
vector gzip 'gzip -n'
vector gzip 'gzip -1'
vector bzip2 'bzip2'
vector bzip2 'bzip2 -1'
vector lzma 'xz --format=lzma'
vector lzma 'xz --format=lzma --lzma1=lc=3,lp=0,pb=2,dict=64KiB'
vector xz 'xz'
vector xz 'xz --check=crc32 -9'
vector xz 'xz --check=none'
vector xz 'xz --check=sha256'
vector xz 'xz --block-size=1000'
vector xz 'xz --lzma2=lc=0,lp=4,pb=0'
vector xz 'xz --delta=dist=3 --lzma2'
vector xz 'xz --x86 --lzma2'
vector xz 'xz --x86=start=4096 --lzma2'
vector xz 'xz --powerpc --lzma2'
vector xz 'xz --arm --lzma2'
vector xz 'xz --armthumb --lzma2'
vector xz 'xz --arm64 --lzma2'
vector xz 'xz --sparc --lzma2'
vector xz 'xz --x86 --delta --lzma2'
vector lzo 'lzop'
vector lzo 'lzop -9'
vector lzo 'lzop --crc32'
vector lzo 'lzop --no-checksum'
vector lz4 'lz4 -l -1'
vector lz4 'lz4 -l -9'
vector zstd 'zstd -1'
vector zstd 'zstd -3'
vector zstd 'zstd -9 --no-check'
vector zstd 'zstd -19'
vector zstd 'zstd --ultra -22'
printf '\n}\n'
