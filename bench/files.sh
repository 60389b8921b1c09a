#!/usr/bin/env bash
# Static files under wrk: bench-server on each backend beside nginx, in the same run.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

usage() {
  cat <<'TEXT'
Usage: bench/files.sh [options]
  --backend B      io_uring, epoll or both (default)
  --sizes LIST     bytes of the files, with commas between them (4096,1048576)
  --connections N  connections that wrk holds (64)
  --duration S     seconds of each run (5)
  --rounds N       runs of each server, taking turns; the table shows medians (3)
  --binary FILE    a bench-server built elsewhere, instead of building this tree
  --no-peer        without nginx
  --small          the quick mode: one round of one second, no warm-up
  --check          fail unless a 4 KiB file costs no more CPU than nginx's, and a 1 MiB file has twice its requests/s
nginx has one worker, sendfile and keep-alive on, and neither an access log nor a cache of open files.
Ends with 1 when there was any socket error or any 4xx or 5xx response.
TEXT
}

die() {
  echo "files.sh: $*" >&2
  exit 2
}

backend=both sizes=4096,1048576 connections=64 duration=5 rounds=3 binary="" peer=yes warm_up=1 check=no

while (($#)); do
  case $1 in
    --backend | --sizes | --connections | --duration | --rounds | --binary)
      (($# > 1)) || die "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    --no-peer) peer=no && shift ;;
    --small) duration=1 rounds=1 warm_up=0 && shift ;;
    --check) check=yes && shift ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && die "unknown option '$1'" ;;
  esac
done

for number in connections duration rounds; do
  [[ ${!number} =~ ^[1-9][0-9]*$ ]] || die "--$number must be a whole number of at least 1"
done
[[ $sizes =~ ^[0-9]+(,[0-9]+)*$ ]] || die "--sizes is numbers with commas between them"
case $backend in
  io_uring | epoll) contestants=("$backend") ;;
  both) contestants=(io_uring epoll) ;;
  *) die "--backend is io_uring, epoll or both" ;;
esac
if [[ $peer == yes ]]; then contestants=(nginx "${contestants[@]}"); fi

# shellcheck source=bench/load.sh
source bench/load.sh

prepare() {
  local size
  .ci/deps build bench
  if [[ $peer == yes ]]; then .ci/deps peers; fi
  if [[ -z $binary ]]; then
    swift build -c release --static-swift-stdlib --product bench-server
    binary=$root/.build/release/bench-server
  fi
  mkdir "$work/files" "$work/nginx"
  for size in ${sizes//,/ }; do head -c "$size" /dev/urandom >"$work/files/$size.bin"; done
  # The master of nginx may run as root, its worker must be able to read the files.
  chmod -R a+rX "$work"
}

nginx_configuration() { # PORT
  cat <<CONF
daemon off;
master_process off;
worker_processes 1;
pid $work/nginx/pid;
error_log $work/nginx/error.log;
events { worker_connections 4096; }
http {
  types { application/octet-stream bin; }
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 75;
  keepalive_requests 1000000000;
  open_file_cache off;
  client_body_temp_path $work/nginx/body;
  proxy_temp_path $work/nginx/proxy;
  fastcgi_temp_path $work/nginx/fastcgi;
  uwsgi_temp_path $work/nginx/uwsgi;
  scgi_temp_path $work/nginx/scgi;
  server {
    listen 127.0.0.1:$1;
    location /static/ { alias $work/files/; }
  }
}
CONF
}

launch() { # NAME PORT
  case $1 in
    nginx)
      nginx_configuration "$2" >"$work/nginx/nginx.conf"
      exec "${on_server_core[@]}" nginx -p "$work/nginx" -e "$work/nginx/error.log" -c "$work/nginx/nginx.conf"
      ;;
    *) exec "${on_server_core[@]}" "$binary" --address 127.0.0.1 --port "$2" --backend "$1" --static "$work/files" ;;
  esac
}

# Medians of the rounds; the ratios are to nginx in the same run.
table() { # SIZE
  awk -v order="${contestants[*]}" -v size="$1" -v check="$check" "$awk_median"'
    {
      for (i = 2; i <= NF; i++) values[$1, i] = values[$1, i] " " $i
      bad += $8 + $9
    }
    END {
      form = "%-10s %11s %12s %9s %9s %9s %14s %14s\n"
      printf form, "server", "requests/s", "CPU us/req", "p50 ms", "p99 ms", "RSS MiB", "x nginx req/s", "x nginx CPU"
      count = split(order, names, " ")
      for (k = 1; k <= count; k++) {
        name = names[k]
        rate = cpu = "-"
        if (("nginx", 2) in values && name != "nginx") {
          rate = sprintf("%.2f", median(name, 2) / median("nginx", 2))
          cpu = sprintf("%.2f", median(name, 10) / median("nginx", 10))
          if (check == "yes" && size == 4096 && cpu > 1) { dear = dear " " name }
          if (check == "yes" && size == 1048576 && rate < 2) { slow = slow " " name }
        }
        printf form, name, sprintf("%.0f", median(name, 2)), sprintf("%.2f", median(name, 10)),
          sprintf("%.2f", median(name, 3) / 1000), sprintf("%.2f", median(name, 6) / 1000), sprintf("%.1f", median(name, 11)), rate, cpu
      }
      if (dear != "") print "files.sh: a 4 KiB file costs more than nginx takes on" dear
      if (slow != "") print "files.sh: a 1 MiB file has less than twice the requests/s of nginx on" slow
      if (bad) print "files.sh: " bad " errors"
      exit (dear slow) != "" || bad > 0
    }
  ' "$work/figures"
}

prepare
choose_cores
status=0
for size in ${sizes//,/ }; do
  path=/static/$size.bin
  : >"$work/figures"
  for ((round = 1; round <= rounds; round++)); do
    for contestant in "${contestants[@]}"; do measure "$contestant"; done
  done
  echo
  echo "$path, $connections connections, $rounds x $duration s ($pinning)"
  echo
  table "$size" || status=1
done
exit "$status"
