#!/usr/bin/env bash
# What a request costs, in instructions, heap allocations and system calls: builds bench-server and counts (counts.py).
set -euo pipefail
cd "$(dirname "$0")/.."

.ci/deps build bench
# The help and a server built elsewhere need nothing built.
case " $* " in
  *" --binary"* | *" --help "* | *" -h "*) ;;
  *) swift build -c release --static-swift-stdlib --product bench-server ;;
esac
exec python3 bench/counts.py "$@"
