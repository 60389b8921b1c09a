#!/usr/bin/env bash
# TLS handshakes, full and resumed: bench-server on each backend beside nginx, with the same OpenSSL, certificate and key. Each
# connection has one request. The figure is the server's CPU time for a connection: a core makes 1 s divided by it a second.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

usage() {
  cat <<'TEXT'
Usage: bench/handshakes.sh [options]
  --backend B      io_uring, epoll or both (default)
  --count N        connections of each run (1000)
  --rounds N       runs of each server, taking turns; the table shows medians (3)
  --binary FILE    a bench-server built elsewhere, instead of building this tree
TEXT
}

die() {
  echo "handshakes.sh: $*" >&2
  exit 2
}

backend=both count=1000 rounds=3 binary=""

while (($#)); do
  case $1 in
    --backend | --count | --rounds | --binary)
      (($# > 1)) || die "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && die "unknown option '$1'" ;;
  esac
done

case $backend in
  io_uring | epoll) contestants=(nginx "$backend") ;;
  both) contestants=(nginx io_uring epoll) ;;
  *) die "--backend is io_uring, epoll or both" ;;
esac

# shellcheck source=bench/load.sh
source bench/load.sh

launch() { # NAME PORT
  case $1 in
    nginx) nginx_with_tls "$2" ;;
    *)
      exec "${on_server_core[@]}" "$binary" --address 127.0.0.1 --backend "$1" --tls-port "$2" \
        --tls-certificate "$work/cert.pem" --tls-key "$work/key.pem"
      ;;
  esac
}

.ci/deps build bench peers
make_certificate
if [[ -z $binary ]]; then
  swift build -c release --static-swift-stdlib --product bench-server
  binary=$root/.build/release/bench-server
fi
choose_cores

for ((round = 1; round <= rounds; round++)); do
  for contestant in "${contestants[@]}"; do
    port=$(free_port)
    start_server "$contestant" "$port"
    for version in 1.3 1.2; do
      for kind in full resumed; do
        "${on_client_core[@]}" bench/handshakes.py "$port" 20 "$kind" "$version"
        before=$(cpu_time "$server_pid")
        "${on_client_core[@]}" bench/handshakes.py "$port" "$count" "$kind" "$version" || die "$contestant: $kind, TLS $version"
        after=$(cpu_time "$server_pid")
        echo "$contestant-$kind-$version $(((after - before) / count))" >>"$work/figures"
      done
    done
    stop_server
  done
done

echo
echo "CPU us a connection with one request, and the handshakes a second of a core as a ratio to nginx ($pinning)"
echo
awk -v order="${contestants[*]}" "$awk_median"'
  { values[$1, 2] = values[$1, 2] " " $2 }
  END {
    names_count = split(order, names, " ")
    kinds_count = split("full-1.3 resumed-1.3 full-1.2 resumed-1.2", kinds, " ")
    printf "%-10s", "server"
    for (k = 1; k <= kinds_count; k++) printf " %20s", kinds[k]
    print ""
    for (n = 1; n <= names_count; n++) {
      printf "%-10s", names[n]
      for (k = 1; k <= kinds_count; k++) {
        own = median(names[n] "-" kinds[k], 2)
        printf " %12.0f x %5.2f", own / 1000, median("nginx-" kinds[k], 2) / own
      }
      print ""
    }
  }
' "$work/figures"
