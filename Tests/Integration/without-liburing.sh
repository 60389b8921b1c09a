#!/usr/bin/env bash
# The package builds where liburing is not installed. The reactor compiles, links and runs when the compiler is shown a
# copy of the system's include folder (as links) that lacks liburing's headers; and where this runs as root, SwiftPM
# builds the Swift side of it too, in a mount namespace that has that folder as /usr/include.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Links to everything in folder $1 but liburing's headers, in folder $2.
without_headers() {
  mkdir "$2"
  local entry
  for entry in "$1"/*; do
    case ${entry##*/} in
      liburing | liburing.h) ;;
      *) ln -s "$entry" "$2/" ;;
    esac
  done
}

without_headers /usr/include "$work/include"
includes=(-nostdlibinc -isystem "$work/include")
multiarch=/usr/include/$(uname -m)-linux-gnu
if [[ -d $multiarch ]]; then includes+=(-isystem "$multiarch"); fi

mapfile -t sources < <(find CReactor -name '*.c' | sort)
clang -std=c11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror \
  -fsanitize=undefined -fno-sanitize-recover=undefined "${includes[@]}" -ICReactor/include -ICReactor \
  -o "$work/driver" Tests/Integration/WithoutLiburing/main.c "${sources[@]}"
"$work/driver"

# In the namespace the real folder moves to where the links point.
swiftpm_build() {
  mkdir "$work/real"
  mount --bind /usr/include "$work/real"
  without_headers "$work/real" "$work/farm"
  mount --bind "$work/farm" /usr/include
  if [[ -e /usr/include/liburing.h ]]; then
    echo "without-liburing: could not hide the header" >&2
    exit 1
  fi
  PKG_CONFIG_LIBDIR=/nonexistent swift build --quiet --target TwisterIO --scratch-path .build-without-liburing
}

if ((EUID == 0)) && unshare --mount true 2>/dev/null; then
  export work
  export -f swiftpm_build without_headers
  unshare --mount --propagation private bash -euo pipefail -c swiftpm_build
else
  echo "without-liburing: not root, so SwiftPM's own build without it is left out"
fi
