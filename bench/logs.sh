#!/usr/bin/env bash
# What logs cost: bench-server under wrk without a log, with request ids, and with an access log whose reader takes
# everything or nothing.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

usage() {
  cat <<'TEXT'
Usage: bench/logs.sh [options]
  --backend B      io_uring or epoll (epoll)
  --connections N  connections that wrk holds (64)
  --duration S     seconds of each run (5)
  --loops N        loops of the server; with more than one, nothing is pinned to a core (1)
  --rounds N       runs of each server, taking turns; the table shows medians (3)
  --binary FILE    a bench-server built elsewhere, instead of building this tree
  --check          ends with 1 where a reader that has stopped leaves less than 90 % of the requests/s without a log
The servers: `off` has no log, `ids` gives each request an identifier, `log` has an access log that goes to a file, `both` has both,
and with `stopped` nobody reads the pipe that the access log goes to. The last line tells how many log lines that one dropped.
TEXT
}

die() {
  echo "logs.sh: $*" >&2
  exit 2
}

backend=epoll connections=64 duration=5 loops=1 rounds=3 binary="" check=no path=/plaintext

while (($#)); do
  case $1 in
    --backend | --connections | --duration | --loops | --rounds | --binary)
      (($# > 1)) || die "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    --check) check=yes && shift ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && die "unknown option '$1'" ;;
  esac
done

# shellcheck source=bench/load.sh
source bench/load.sh

if [[ -z $binary ]]; then
  .ci/deps build bench
  swift build -c release --static-swift-stdlib --product bench-server
  binary=$root/.build/release/bench-server
fi

contestants=(off ids log both stopped)
mkfifo "$work/pipe"

launch() { # NAME PORT
  local options=()
  case $1 in
    off) ;;
    ids) options=(--request-ids) ;;
    log | stopped) options=(--access-log) ;;
    both) options=(--access-log --request-ids) ;;
  esac
  # The pipe is opened for reading, too, so that it has a reader, which never reads.
  if [[ $1 == stopped ]]; then exec 2<>"$work/pipe"; fi
  exec "${on_server_core[@]}" "$binary" --address 127.0.0.1 --port "$2" --backend "$backend" --loops "$loops" "${options[@]}"
}

# Once the load is over, the pipe is read, so that the server can report what it has dropped.
before_stop() { # NAME
  [[ $1 == stopped ]] || return 0
  timeout 1 cat "$work/pipe" >>"$work/lines" || true
}

table() {
  awk -v order="${contestants[*]}" -v check="$check" "$awk_median"'
    { for (i = 2; i <= NF; i++) values[$1, i] = values[$1, i] " " $i; bad += $8 + $9 }
    END {
      form = "%-10s %11s %9s %12s %12s %9s %9s\n"
      printf form, "server", "requests/s", "x off", "CPU us/req", "more than off", "p50 ms", "p99 ms"
      count = split(order, names, " ")
      for (k = 1; k <= count; k++) {
        name = names[k]
        rate = median(name, 2) / median("off", 2)
        printf form, name, sprintf("%.0f", median(name, 2)), sprintf("%.2f", rate), sprintf("%.3f", median(name, 10)),
          sprintf("%.3f", median(name, 10) - median("off", 10)), sprintf("%.2f", median(name, 3) / 1000),
          sprintf("%.2f", median(name, 6) / 1000)
      }
      if (bad) print "logs.sh: " bad " errors"
      if (check == "yes" && rate < 0.9) print "logs.sh: a reader that has stopped costs more than a tenth of the requests/s"
      exit bad > 0 || (check == "yes" && rate < 0.9)
    }
  ' "$work/figures"
}

choose_cores
for ((round = 1; round <= rounds; round++)); do
  for contestant in "${contestants[@]}"; do measure "$contestant"; done
done

echo
echo "/plaintext, $backend, $connections connections, $rounds x $duration s, loops $loops ($pinning)"
echo
status=0
table || status=1
echo
awk '/ log line\(s\) dropped/ { for (i = 1; i < NF; i++) if ($(i + 1) == "log" && $i ~ /^[0-9]+$/) sum += $i }
  / 200 GET \/plaintext / { written++ }
  END { print "stopped: " sum + 0 " lines dropped and reported, " written + 0 " written" }' "$work/lines"
exit "$status"
