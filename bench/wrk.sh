#!/usr/bin/env bash
# The load test: bench-server under wrk on each backend, beside the floor: C servers that send a canned response.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

usage() {
  cat <<'TEXT'
Usage: bench/wrk.sh [options]
  --backend B      io_uring, epoll, both (default), floor (only the C floors), or all (both, with the floors)
  --connections N  connections that wrk holds (64)
  --duration S     seconds of each run (5)
  --pipeline N     requests sent at a time on a connection (1)
  --path P         the path that is requested (/plaintext)
  --loops N        loops of the server; with more than one, nothing is pinned to a core (1)
  --rounds N       runs of each server, taking turns; the table shows medians (3)
  --floor          run the C floors too and show the ratio of CPU time per request to the matching one
  --browser        requests with a browser's twelve fields
  --tls            https on kept connections, beside nginx with the same certificate, key and cipher (path: /plaintext)
  --binary FILE    a bench-server built elsewhere, instead of building this tree
  --before FILE    another bench-server, which takes turns with it: shows the ratio of CPU time per request
  --small          the quick mode for CI: one round of one second, no warm-up
Ends with 1 when there was any socket error or any 4xx or 5xx response.
TEXT
}

die() {
  echo "wrk.sh: $*" >&2
  exit 2
}

backend=both connections=64 duration=5 pipeline=1 path=/plaintext loops=1 rounds=3 floor=no warm_up=1 binary="" before="" browser=no tls=no

while (($#)); do
  case $1 in
    --backend | --connections | --duration | --pipeline | --path | --loops | --rounds | --binary | --before)
      (($# > 1)) || die "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    --floor) floor=yes && shift ;;
    --browser) browser=yes && shift ;;
    --tls) tls=yes scheme=https && shift ;;
    --small) duration=1 rounds=1 warm_up=0 && shift ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && die "unknown option '$1'" ;;
  esac
done

for number in connections duration pipeline loops rounds; do
  [[ ${!number} =~ ^[1-9][0-9]*$ ]] || die "--$number must be a whole number of at least 1"
done
[[ $path == /* ]] || die "--path must begin with /"

case $backend in
  io_uring | epoll) servers=("$backend") ;;
  both) servers=(io_uring epoll) ;;
  floor) servers=() floor=yes ;;
  all) servers=(io_uring epoll) floor=yes ;;
  *) die "--backend is io_uring, epoll, both, floor or all" ;;
esac

if [[ $tls == yes && $floor == yes ]]; then die "the floors have no TLS"; fi

# Each backend's floor runs right before it, so that the two of a ratio see the same machine.
contestants=()
if [[ $backend == floor ]]; then
  contestants=(floor_io_uring floor_epoll)
else
  if [[ $tls == yes ]]; then contestants=(nginx); fi
  for server in "${servers[@]}"; do
    if [[ $floor == yes ]]; then contestants+=("floor_$server"); fi
    if [[ -n $before ]]; then contestants+=("before_$server"); fi
    contestants+=("$server")
  done
fi

# shellcheck source=bench/load.sh
source bench/load.sh
if [[ $browser == yes ]]; then send_browser_fields; fi

prepare() {
  .ci/deps build bench
  if [[ $tls == yes ]]; then .ci/deps peers && make_certificate; fi
  if [[ $floor == yes ]]; then make --no-print-directory -s -C bench/floor OUT="$work"; fi
  if ((${#servers[@]})) && [[ -z $binary ]]; then
    swift build -c release --static-swift-stdlib --product bench-server
    binary=$root/.build/release/bench-server
  fi
}

bench_server() { # FILE BACKEND PORT
  local place=(--port "$3")
  if [[ $tls == yes ]]; then place=(--tls-port "$3" --tls-certificate "$work/cert.pem" --tls-key "$work/key.pem"); fi
  exec "${on_server_core[@]}" "$1" --address 127.0.0.1 "${place[@]}" --backend "$2" --loops "$loops"
}

launch() { # NAME PORT
  case $1 in
    floor_epoll) exec "${on_server_core[@]}" "$work/floor_epoll" "$2" ;;
    floor_io_uring) exec "${on_server_core[@]}" "$work/floor_uring" "$2" ;;
    nginx) nginx_with_tls "$2" ;;
    before_*) bench_server "$before" "${1#before_}" "$2" ;;
    *) bench_server "$binary" "$1" "$2" ;;
  esac
}

# Medians of the rounds, errors summed; a line for each contestant in its order.
table() {
  awk -v order="${contestants[*]}" -v tls="$tls" "$awk_median"'
    function ratio(name, base) {
      if (name == base || !((base, 10) in values)) return "-"
      return sprintf("%.2f", median(name, 10) / median(base, 10))
    }
    function ms(us) { if (us < 0) return "-"; return sprintf(us < 100000 ? "%.2f" : "%.0f", us / 1000) }
    {
      for (i = 2; i <= NF; i++) values[$1, i] = values[$1, i] " " $i
      socket[$1] += $8; status[$1] += $9
    }
    END {
      form = "%-15s %11s %8s %8s %8s %8s %8s %8s %8s %12s %8s %9s %9s\n"
      printf form, "server", "requests/s", "p50 ms", "p75 ms", "p90 ms", "p99 ms", "max ms", "sock err", "4xx, 5xx",
        "CPU us/req", "RSS MiB", tls == "yes" ? "x nginx" : "x floor", "x before"
      count = split(order, names, " ")
      for (k = 1; k <= count; k++) {
        name = names[k]
        backend = name
        sub(/^before_/, "", backend)
        printf form, name, sprintf("%.0f", median(name, 2)), ms(median(name, 3)), ms(median(name, 4)),
          ms(median(name, 5)), ms(median(name, 6)), ms(median(name, 7)), socket[name], status[name],
          sprintf("%.3f", median(name, 10)), sprintf("%.1f", median(name, 11)), ratio(name, tls == "yes" ? "nginx" : "floor_" backend), ratio(name, "before_" backend)
        bad += socket[name] + status[name]
      }
      exit bad > 0
    }
  ' "$work/figures"
}

prepare
choose_cores
for ((round = 1; round <= rounds; round++)); do
  for contestant in "${contestants[@]}"; do measure "$contestant"; done
done

echo
if [[ $browser == yes ]]; then description=" with a browser's fields"; else description=""; fi
echo "$path$description, $connections connections, pipeline $pipeline, $rounds x $duration s, loops $loops ($pinning)"
# What the servers said at start: which backend runs.
for server in "${servers[@]}"; do sed -n "1,3s/^/$server said: /p" "$work/$server.log"; done
echo
table || {
  echo "wrk.sh: there were errors" >&2
  exit 1
}
