#!/usr/bin/env bash
# The load test: bench-server under wrk, on each backend asked for, beside the floor (canned answers from C).
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
  --path P         what is asked for (/plaintext)
  --loops N        loops of the server; with more than one, nothing is pinned to a core (1)
  --rounds N       runs of each server, taking turns; the table shows medians (3)
  --floor          run the C floors too and show the ratio of CPU time per request to the matching one
  --binary FILE    a bench-server built elsewhere, instead of building this tree
  --small          the quick mode for CI: one round of one second, no warm-up
Ends with 1 when there was any socket error or any 4xx or 5xx answer.
TEXT
}

die() {
  echo "wrk.sh: $*" >&2
  exit 2
}

backend=both connections=64 duration=5 pipeline=1 path=/plaintext loops=1 rounds=3 floor=no warm_up=1 binary=""

while (($#)); do
  case $1 in
    --backend | --connections | --duration | --pipeline | --path | --loops | --rounds | --binary)
      (($# > 1)) || die "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    --floor) floor=yes && shift ;;
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

# Each backend's floor runs right before it, so that the two of a ratio see the same machine.
contestants=()
if [[ $backend == floor ]]; then
  contestants=(floor_io_uring floor_epoll)
else
  for server in "${servers[@]}"; do
    if [[ $floor == yes ]]; then contestants+=("floor_$server"); fi
    contestants+=("$server")
  done
fi

work=$(mktemp -d)
server_pid=""

stop_server() {
  [[ -n $server_pid ]] || return 0
  kill -TERM "$server_pid" 2>/dev/null || true
  # A server that does not end by itself is ended.
  for _ in {1..50}; do
    kill -0 "$server_pid" 2>/dev/null || break
    sleep 0.05
  done
  kill -KILL "$server_pid" 2>/dev/null || true
  wait "$server_pid" 2>/dev/null || true
  server_pid=""
}

trap 'stop_server; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

prepare() {
  .ci/deps build bench
  if [[ $floor == yes ]]; then make --no-print-directory -s -C bench/floor OUT="$work"; fi
  if ((${#servers[@]})) && [[ -z $binary ]]; then
    swift build -c release --static-swift-stdlib --product bench-server
    binary=$root/.build/release/bench-server
  fi
  # Both ends hold a descriptor for each connection.
  ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
}

# With one loop, the server has a core to itself and wrk another one.
on_server_core=() on_client_core=() pinning="nothing pinned"
choose_cores() {
  local cores
  ((loops == 1)) && command -v taskset >/dev/null || return 0
  # The cores that this process may use, which need not be numbered from 0.
  mapfile -t cores < <(taskset -cp $$ | sed 's/.*: //' | tr ',' '\n' |
    awk -F- '{ for (core = $1; core <= ($2 == "" ? $1 : $2); core++) print core }')
  ((${#cores[@]} > 1)) || return 0
  on_server_core=(taskset -c "${cores[0]}")
  on_client_core=(taskset -c "${cores[1]}")
  pinning="server on core ${cores[0]}, wrk on core ${cores[1]}"
}

answers_at() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
  local candidate
  for _ in {1..100}; do
    candidate=$((20000 + RANDOM % 12000))
    if ! answers_at "$candidate"; then
      echo "$candidate"
      return 0
    fi
  done
  die "found no free port"
}

start_server() { # NAME PORT
  local log=$work/$1.log
  case $1 in
    floor_epoll) "${on_server_core[@]}" "$work/floor_epoll" "$2" >"$log" 2>&1 & ;;
    floor_io_uring) "${on_server_core[@]}" "$work/floor_uring" "$2" >"$log" 2>&1 & ;;
    *)
      "${on_server_core[@]}" "$binary" --address 127.0.0.1 --port "$2" --backend "$1" --loops "$loops" \
        >"$log" 2>&1 &
      ;;
  esac
  server_pid=$!
  for _ in {1..200}; do
    if ! kill -0 "$server_pid" 2>/dev/null; then break; fi
    if answers_at "$2"; then return 0; fi
    sleep 0.05
  done
  cat "$log" >&2
  die "$1 did not start (where the kernel or a container refuses io_uring: --backend epoll)"
}

# The CPU time of all its threads in nanoseconds; the kernel's clock ticks (10 ms) only where it keeps no finer account.
cpu_time() { # PID
  if [[ -r /proc/$1/task/$1/schedstat ]]; then
    cat "/proc/$1"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f\n", sum }'
  else
    sed 's/.*) //' "/proc/$1/stat" |
      awk -v hertz="$(getconf CLK_TCK)" '{ printf "%.0f\n", ($12 + $13) * 1e9 / hertz }'
  fi
}

resident_mib() { awk '/^VmRSS:/ { printf "%.1f\n", $2 / 1024 }' "/proc/$1/status"; } # PID

load() { # PORT SECONDS
  local threads=1 cores
  cores=$(getconf _NPROCESSORS_ONLN)
  if ((loops > 1)); then threads=$(((cores + 1) / 2)); fi
  if ((threads > connections)); then threads=$connections; fi
  TWISTER_PIPELINE=$pipeline TWISTER_CONNECTIONS=$connections "${on_client_core[@]}" wrk --threads "$threads" --connections "$connections" \
    --duration "${2}s" --script bench/pipeline.lua "http://127.0.0.1:$1$path"
}

# One run; appends to the file of figures:
# name requests/s p50 p75 p90 p99 max socket-errors status-errors cpu-us-per-request rss
measure() { # NAME
  local port before after figures
  port=$(free_port)
  start_server "$1" "$port"
  if ((warm_up)); then load "$port" "$warm_up" >/dev/null; fi
  before=$(cpu_time "$server_pid")
  load "$port" "$duration" >"$work/wrk.out" || { cat "$work/wrk.out" >&2 && die "wrk failed on $1"; }
  if ! after=$(cpu_time "$server_pid"); then
    cat "$work/$1.log" >&2
    die "$1 ended under load"
  fi
  figures=$(sed -n 's/^figures: //p' "$work/wrk.out")
  [[ -n $figures ]] || { cat "$work/wrk.out" >&2 && die "wrk printed no figures on $1"; }
  awk -v name="$1" -v ns=$((after - before)) -v rss="$(resident_mib "$server_pid")" '{
    print name, $1 / $2, $3, $4, $5, $6, $7, $8, $9, ($1 ? ns / 1000 / $1 : 0), rss
    if ($1 == 0) exit 3
  }' <<<"$figures" >>"$work/figures" || die "$1 answered nothing"
  stop_server
}

# Medians of the rounds, errors summed; a line for each contestant in its order.
table() {
  awk -v order="${contestants[*]}" '
    function median(name, column,   i, j, t, n, v) {
      n = split(values[name, column], v, " ")
      for (i = 2; i <= n; i++)
        for (j = i; j > 1 && v[j] + 0 < v[j - 1] + 0; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
      return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
    }
    function ms(us) { if (us < 0) return "-"; return sprintf(us < 100000 ? "%.2f" : "%.0f", us / 1000) }
    {
      for (i = 2; i <= NF; i++) values[$1, i] = values[$1, i] " " $i
      socket[$1] += $8; status[$1] += $9
    }
    END {
      form = "%-15s %11s %8s %8s %8s %8s %8s %8s %8s %12s %8s %9s\n"
      printf form, "server", "requests/s", "p50 ms", "p75 ms", "p90 ms", "p99 ms", "max ms", "sock err", "4xx, 5xx",
        "CPU us/req", "RSS MiB", "x floor"
      count = split(order, names, " ")
      for (k = 1; k <= count; k++) {
        name = names[k]
        base = "floor_" name
        ratio = (base, 10) in values ? sprintf("%.2f", median(name, 10) / median(base, 10)) : "-"
        printf form, name, sprintf("%.0f", median(name, 2)), ms(median(name, 3)), ms(median(name, 4)),
          ms(median(name, 5)), ms(median(name, 6)), ms(median(name, 7)), socket[name], status[name],
          sprintf("%.3f", median(name, 10)), sprintf("%.1f", median(name, 11)), ratio
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
echo "$path, $connections connections, pipeline $pipeline, $rounds x $duration s, loops $loops ($pinning)"
# What the servers said at start: which backend runs.
for server in "${servers[@]}"; do sed -n "1,3s/^/$server said: /p" "$work/$server.log"; done
echo
table || {
  echo "wrk.sh: there were errors" >&2
  exit 1
}
