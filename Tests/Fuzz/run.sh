#!/usr/bin/env bash
# Fuzzes under libFuzzer and the address sanitizer: Tests/Fuzz/run.sh [TARGET...]; all targets where none is named.
#
#   SECONDS_PER_TARGET   how long each runs (default 60)
#
# Inputs that a run finds useful are kept in .build-fuzz/corpus for the next run. The seeds do not change.
# A finding is written to .build-fuzz/findings and fails the run; give that file to .build-fuzz/bin/TARGET to see it again.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${SECONDS_PER_TARGET:-60}
# The toolchain's own crash handler reads all memory, which the sanitizer does not let it.
export SWIFT_BACKTRACE=enable=no
export LSAN_OPTIONS="suppressions=$PWD/Tests/lsan-suppressions.txt:print_suppressions=0"
out=.build-fuzz
targets=("$@")
((${#targets[@]})) || targets=(request chunked text multipart proxy connection http2 websocket tls)

# The package is built as a whole with the coverage that libFuzzer reads, by options of the command line: a manifest with
# unsafe flags could not be depended on. The linker's job is done here, because main() is libFuzzer's.
swift build --quiet -c release --scratch-path "$out" --sanitize=address -Xswiftc -sanitize=fuzzer --target TwisterFuzz

objects=()
for module in TwisterFuzz TwisterWebSocket TwisterWeb TwisterHTTP2 TwisterHTTP TwisterTLS TwisterIO TwisterCodec \
  TwisterCompression TwisterCrypto CReactor CTwisterMethodLookup HTTPTypes Logging Mustache; do
  while IFS= read -r -d '' object; do objects+=("$object"); done \
    < <(find -L "$out/release/$module.build" -name '*.o' -print0)
done
libraries=(-lz -lbrotlienc -lzstd -lnghttp2 -lssl -lcrypto)
module_maps=(-Xcc "-fmodule-map-file=$out/release/CReactor.build/module.modulemap" -Xcc -ICReactor/include)
for module in CTwisterBrotli CTwisterNghttp2 CTwisterOpenSSL CTwisterZlib CTwisterZstd; do
  module_maps+=(-Xcc "-fmodule-map-file=Sources/$module/module.modulemap")
done
# The compiler made the map of this one.
module_maps+=(-Xcc "-fmodule-map-file=$out/release/CTwisterMethodLookup.build/module.modulemap")
if pkg-config --exists liburing 2>/dev/null; then libraries+=(-luring); fi
mkdir -p "$out/bin" "$out/findings"
swiftc -O -parse-as-library -sanitize=fuzzer,address -use-ld=lld -I "$out/release/Modules" "${module_maps[@]}" \
  Tests/Fuzz/Driver/LibFuzzer.swift "${objects[@]}" "${libraries[@]}" -o "$out/bin/fuzz"

for target in "${targets[@]}"; do
  if [[ ! -d Tests/Fuzz/Seeds/$target ]]; then
    echo "fuzz: no target '$target'" >&2
    exit 2
  fi
  # A program chooses its target by its name.
  ln -sf fuzz "$out/bin/$target"
  mkdir -p "$out/corpus/$target"
  echo "==> $target: $seconds s"
  log=$out/$target.log
  if ! "$out/bin/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=2048 -print_final_stats=1 \
    -dict=Tests/Fuzz/http.dict -artifact_prefix="$out/findings/$target-" \
    "$out/corpus/$target" "Tests/Fuzz/Seeds/$target" >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    echo "fuzz: FAILED: $target" >&2
    exit 1
  fi
  grep -E 'number_of_executed_units|average_exec_per_sec' "$log" | sed "s/^stat::/    /"
  grep -oE 'cov: [0-9]+ ft: [0-9]+ corp: [0-9]+' "$log" | tail -n 1 | sed 's/^/    /'
done
