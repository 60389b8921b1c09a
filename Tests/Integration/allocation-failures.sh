#!/usr/bin/env bash
# The reactor survives every allocation that fails: each one once, and all from one on, on both backends.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ulimit -n "$(ulimit -Hn)"
read -ra libraries <<<"$(pkg-config --libs liburing 2>/dev/null || true)"
mapfile -t sources < <(find CReactor -name '*.c' | sort)
clang -std=c11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror \
  -fsanitize=address,undefined -fno-sanitize-recover=undefined -fuse-ld=lld \
  -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=mmap -ICReactor/include -ICReactor \
  -o "$work/failures" Tests/Integration/AllocationFailures/main.c "${sources[@]}" "${libraries[@]}"
"$work/failures"
