#!/usr/bin/env bash
# HTTP/2 without TLS under h2load: bench-server on each backend beside nginx and h2o, in the same run.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

usage() {
  cat <<'TEXT'
Usage: bench/http2.sh [options]
  --backend B      io_uring, epoll or both (default)
  --connections N  connections that h2load holds (10)
  --streams N      requests at once on each (100)
  --requests N     requests of each run (300000)
  --rounds N       runs of each server, taking turns; the table shows medians (3)
  --binary FILE    a bench-server built elsewhere, instead of building this tree
  --no-peer        without nginx and h2o
  --small          the quick mode: one round of 20,000 requests
  --check          fail unless a request costs at most 0.9 of nginx's CPU, and at most h2o's
Each server has one loop or worker; the response is 13 bytes of text. nginx has neither an access log nor a limit of requests for
each connection. h2o has no log, and takes the text from a file, which it keeps open. Ends with 1 when a request failed.
TEXT
}

die() {
  echo "http2.sh: $*" >&2
  exit 2
}

backend=both connections=10 streams=100 requests=300000 rounds=3 binary="" peer=yes check=no

while (($#)); do
  case $1 in
    --backend | --connections | --streams | --requests | --rounds | --binary)
      (($# > 1)) || die "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    --no-peer) peer=no && shift ;;
    --small) requests=20000 rounds=1 && shift ;;
    --check) check=yes && shift ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && die "unknown option '$1'" ;;
  esac
done

for number in connections streams requests rounds; do
  [[ ${!number} =~ ^[1-9][0-9]*$ ]] || die "--$number must be a whole number of at least 1"
done
case $backend in
  io_uring | epoll) contestants=("$backend") ;;
  both) contestants=(io_uring epoll) ;;
  *) die "--backend is io_uring, epoll or both" ;;
esac
if [[ $peer == yes ]]; then contestants=(nginx h2o "${contestants[@]}"); fi

# shellcheck source=bench/load.sh
source bench/load.sh

prepare() {
  .ci/deps build bench http2
  if [[ $peer == yes ]]; then .ci/deps peers h2o; fi
  if [[ -z $binary ]]; then
    swift build -c release --static-swift-stdlib --product bench-server
    binary=$root/.build/release/bench-server
  fi
  mkdir "$work/nginx" "$work/h2o"
  printf 'Hello, World!' >"$work/h2o/plaintext"
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
  access_log off;
  keepalive_requests 1000000000;
  http2_max_requests 1000000000;
  client_body_temp_path $work/nginx/body;
  proxy_temp_path $work/nginx/proxy;
  fastcgi_temp_path $work/nginx/fastcgi;
  uwsgi_temp_path $work/nginx/uwsgi;
  scgi_temp_path $work/nginx/scgi;
  server {
    listen 127.0.0.1:$1 http2;
    location / { default_type text/plain; return 200 "Hello, World!"; }
  }
}
CONF
}

# Root's h2o would become another user, who must be able to read the folder.
h2o_configuration() { # PORT
  cat <<CONF
num-threads: 1
user: $(id -un)
listen: { host: 127.0.0.1, port: $1 }
file.mime.setdefaulttype: text/plain
hosts: { default: { paths: { /: { file.dir: $work/h2o } } } }
CONF
}

launch() { # NAME PORT
  case $1 in
    h2o)
      h2o_configuration "$2" >"$work/h2o.yaml"
      exec "${on_server_core[@]}" h2o -c "$work/h2o.yaml"
      ;;
    nginx)
      nginx_configuration "$2" >"$work/nginx/nginx.conf"
      exec "${on_server_core[@]}" nginx -p "$work/nginx" -e "$work/nginx/error.log" -c "$work/nginx/nginx.conf"
      ;;
    *) exec "${on_server_core[@]}" "$binary" --address 127.0.0.1 --port "$2" --backend "$1" ;;
  esac
}

# One run; appends to the file of figures: name requests/s failed cpu-us-per-request rss
measure_http2() { # NAME
  local port before after
  port=$(free_port)
  start_server "$1" "$port"
  h2load_run "$port" $((requests / 10 + 1)) >/dev/null
  before=$(cpu_time "$server_pid")
  h2load_run "$port" "$requests" >"$work/h2load.out" || { cat "$work/h2load.out" >&2 && die "h2load failed on $1"; }
  after=$(cpu_time "$server_pid") || die "$1 ended under load"
  awk -v name="$1" -v ns=$((after - before)) -v rss="$(resident_mib "$server_pid")" '
    /^finished in/ { rate = $4 }
    /^requests:/ { done = $8; failed = $10 + $12 + $14 }
    END { print name, rate, failed, (done ? ns / 1000 / done : 0), rss; if (!done) exit 3 }
  ' "$work/h2load.out" >>"$work/figures" || die "$1 sent no response"
  stop_server
}

h2load_run() { # PORT REQUESTS
  "${on_client_core[@]}" h2load --requests="$2" --clients="$connections" --max-concurrent-streams="$streams" \
    "http://127.0.0.1:$1/plaintext"
}

table() {
  awk -v order="${contestants[*]}" -v check="$check" "$awk_median"'
    {
      for (i = 2; i <= NF; i++) values[$1, i] = values[$1, i] " " $i
      bad += $3
    }
    END {
      form = "%-10s %11s %12s %9s %12s\n"
      printf form, "server", "requests/s", "CPU us/req", "RSS MiB", "x nginx CPU"
      count = split(order, names, " ")
      for (k = 1; k <= count; k++) {
        name = names[k]
        cpu = "-"
        if (("nginx", 2) in values && name != "nginx") {
          cpu = sprintf("%.2f", median(name, 4) / median("nginx", 4))
          isOurs = name != "h2o"
          if (check == "yes" && isOurs && (cpu > 0.9 || median(name, 4) > median("h2o", 4))) dear = dear " " name
        }
        printf form, name, sprintf("%.0f", median(name, 2)), sprintf("%.2f", median(name, 4)),
          sprintf("%.1f", median(name, 5)), cpu
      }
      if (dear != "") print "http2.sh: a request costs more than 0.9 of nginx, or more than h2o, on" dear
      if (bad) print "http2.sh: " bad " requests failed"
      exit dear != "" || bad > 0
    }
  ' "$work/figures"
}

prepare
choose_cores
echo "h2load, $connections connections with $streams streams each, $requests requests, $rounds round(s); ${pinning/wrk/h2load}"
for ((round = 0; round < rounds; round++)); do
  for name in "${contestants[@]}"; do measure_http2 "$name"; done
done
table
