#!/usr/bin/env bash
# Sourced by the scripts here that load a server with wrk: starts and stops servers, loads and measures them.
# The script sets connections, duration, warm_up and perhaps pipeline, loops and path; its function `launch NAME PORT`
# becomes the server by exec, with the command "${on_server_core[@]}" before it, and `die MESSAGE` ends the script.
# shellcheck disable=SC2034 # some variables are for those scripts

: "${pipeline:=1}" "${loops:=1}" "${scheme:=http}" "${path:=/}" "${warm_up:=1}" "${connections:=64}" "${duration:=5}"
# Header fields of each request, as options of wrk.
fields=()

# Both ends hold a descriptor for each connection.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true

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

# As a command before another one: it runs before other programs of the machine, where root may ask for that. With
# autogroups (sched(7)) a nice value counts only within a session, so it gets a session of its own.
preferred=()
# shellcheck disable=SC2016 # expanded by the inner shell
if ((EUID == 0)) && setsid nice -n -15 true 2>/dev/null; then
  preferred=(setsid bash -c '{ echo -15 >/proc/self/autogroup; } 2>/dev/null; exec nice -n -15 "$@"' preferred)
fi

# With one loop, the server has a core to itself and wrk another one.
on_server_core=("${preferred[@]}") on_client_core=("${preferred[@]}") pinning="nothing pinned"
choose_cores() {
  local cores
  ((loops == 1)) && command -v taskset >/dev/null || return 0
  # The cores that this process may use, which need not be numbered from 0.
  mapfile -t cores < <(taskset -cp $$ | sed 's/.*: //' | tr ',' '\n' |
    awk -F- '{ for (core = $1; core <= ($2 == "" ? $1 : $2); core++) print core }')
  ((${#cores[@]} > 1)) || return 0
  on_server_core+=(taskset -c "${cores[0]}")
  on_client_core+=(taskset -c "${cores[1]}")
  pinning="server on core ${cores[0]}, wrk on core ${cores[1]}"
}

listens_at() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
  local candidate
  for _ in {1..100}; do
    candidate=$((20000 + RANDOM % 12000))
    if ! listens_at "$candidate"; then
      echo "$candidate"
      return 0
    fi
  done
  die "found no free port"
}

start_server() { # NAME PORT
  local log=$work/$1.log
  launch "$1" "$2" >"$log" 2>&1 &
  server_pid=$!
  for _ in {1..200}; do
    if ! kill -0 "$server_pid" 2>/dev/null; then break; fi
    if listens_at "$2"; then return 0; fi
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

# With Host, which wrk adds, these are the twelve fields of BROWSER in support.py.
send_browser_fields() {
  fields=(
    --header 'Connection: keep-alive'
    --header 'sec-ch-ua: "Chromium";v="128", "Not;A=Brand";v="24", "Google Chrome";v="128"'
    --header 'sec-ch-ua-mobile: ?0'
    --header 'sec-ch-ua-platform: "Linux"'
    --header 'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36'
    --header 'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'
    --header 'Sec-Fetch-Site: same-origin'
    --header 'Sec-Fetch-Mode: navigate'
    --header 'Accept-Encoding: gzip, deflate, br, zstd'
    --header 'Accept-Language: en-GB,en;q=0.9,de;q=0.8'
    --header 'Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; _ga=GA1.1.1234567890.1700000000'
  )
}

# A certificate for both ends of a comparison: $work/cert.pem and $work/key.pem.
make_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
  mkdir -p "$work/nginx"
  # The worker of an nginx that root has started must be able to read them.
  chmod -R a+rX "$work"
}

# nginx with TLS, one worker, keep-alive, no log, and the cipher that bench-server prefers.
nginx_with_tls() { # PORT
  cat >"$work/nginx/nginx.conf" <<CONF
daemon off;
master_process off;
worker_processes 1;
pid $work/nginx/pid;
error_log $work/nginx/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_timeout 75;
  keepalive_requests 1000000000;
  client_body_temp_path $work/nginx/body;
  proxy_temp_path $work/nginx/proxy;
  fastcgi_temp_path $work/nginx/fastcgi;
  uwsgi_temp_path $work/nginx/uwsgi;
  scgi_temp_path $work/nginx/scgi;
  server {
    listen 127.0.0.1:$1 ssl backlog=1024;
    ssl_certificate $work/cert.pem;
    ssl_certificate_key $work/key.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_prefer_server_ciphers on;
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    ssl_ecdh_curve X25519:prime256v1:secp384r1;
    location = /plaintext { default_type text/plain; return 200 "Hello, World!"; }
  }
}
CONF
  exec "${on_server_core[@]}" nginx -p "$work/nginx" -e "$work/nginx/error.log" -c "$work/nginx/nginx.conf"
}

load() { # PORT SECONDS
  local threads=1 cores
  cores=$(getconf _NPROCESSORS_ONLN)
  if ((loops > 1)); then threads=$(((cores + 1) / 2)); fi
  if ((threads > connections)); then threads=$connections; fi
  TWISTER_PIPELINE=$pipeline TWISTER_CONNECTIONS=$connections "${on_client_core[@]}" wrk --threads "$threads" --connections "$connections" \
    --duration "${2}s" "${fields[@]}" --script bench/pipeline.lua "$scheme://127.0.0.1:$1$path"
}

# Called with the server's name after each run. Scripts that do something there replace it.
before_stop() { :; }

# One run; appends to the file of figures:
# name requests/s p50 p75 p90 p99 max socket-errors status-errors cpu-us-per-request rss
measure() { # NAME
  local port cpu_before cpu_after figures
  port=$(free_port)
  start_server "$1" "$port"
  if ((warm_up)); then load "$port" "$warm_up" >/dev/null; fi
  cpu_before=$(cpu_time "$server_pid")
  load "$port" "$duration" >"$work/wrk.out" || { cat "$work/wrk.out" >&2 && die "wrk failed on $1"; }
  if ! cpu_after=$(cpu_time "$server_pid"); then
    cat "$work/$1.log" >&2
    die "$1 ended under load"
  fi
  figures=$(sed -n 's/^figures: //p' "$work/wrk.out")
  [[ -n $figures ]] || { cat "$work/wrk.out" >&2 && die "wrk printed no figures on $1"; }
  awk -v name="$1" -v ns=$((cpu_after - cpu_before)) -v rss="$(resident_mib "$server_pid")" '{
    print name, $1 / $2, $3, $4, $5, $6, $7, $8, $9, ($1 ? ns / 1000 / $1 : 0), rss
    if ($1 == 0) exit 3
  }' <<<"$figures" >>"$work/figures" || die "$1 sent no response"
  before_stop "$1"
  stop_server
}

# For awk: the median of the figures that values[name, column] has, with blanks between them.
awk_median='
function median(name, column,   i, j, t, n, v) {
  n = split(values[name, column], v, " ")
  for (i = 2; i <= n; i++)
    for (j = i; j > 1 && v[j] + 0 < v[j - 1] + 0; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
  return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}
'
