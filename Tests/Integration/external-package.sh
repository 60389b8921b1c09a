#!/usr/bin/env bash
# Another package that depends on this one by path builds and serves: SwiftPM refuses a dependency with unsafe flags, and
# an application sees only public declarations. The guides' examples compile there, too, with the settings that the README names.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)

work=$(mktemp -d)
server_pid=""
finish() {
  if [[ -n $server_pid ]]; then
    kill -TERM "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT

# The scratch folder outlives the run, so that the next one is quick.
scratch=${1:-$root/.build-external}
ln -s "$root" "$work/twister"
cp -r "$root/Tests/Integration/ExternalPackage" "$work/app"

build() { swift build --quiet --package-path "$work/app" --scratch-path "$scratch"; }

# A module without the upcoming feature can conform to the package's protocols.
sed -i '/swiftSettings/d; s/package: "twister")\],$/package: "twister")])/' "$work/app/Package.swift"
build
cp "$root/Tests/Integration/ExternalPackage/Package.swift" "$work/app/"
cp "$root"/docs/snippets/*.swift "$work/app/Sources/App/"
build

# An application may name its targets as the examples here are named: SwiftPM would refuse two targets of one name.
names="$work/names"
mkdir -p "$names"
{
  echo '// swift-tools-version: 6.2'
  echo 'import PackageDescription'
  echo 'let package = Package(name: "names", dependencies: [.package(name: "twister", path: "../twister")], targets: ['
  echo '  .executableTarget(name: "Other", dependencies: [.product(name: "TwisterWeb", package: "twister")]),'
  mkdir -p "$names/Sources/Other"
  echo 'print("other")' >"$names/Sources/Other/main.swift"
  for name in Blog Chat Guides HelloWorld Supermarket Todos; do
    mkdir -p "$names/Sources/$name"
    echo "print(\"$name\")" >"$names/Sources/$name/main.swift"
    echo "  .executableTarget(name: \"$name\"),"
  done
  echo '])'
} >"$names/Package.swift"
# The first target needs nothing of this package, so that only the names are checked.
swift build --quiet --package-path "$names" --scratch-path "$scratch-names" --target Blog

serve() { # PORT: returns once the server responds
  "$scratch/debug/App" --address 127.0.0.1 --port "$1" >"$work/log" 2>&1 &
  server_pid=$!
  for _ in {1..600}; do
    if ! kill -0 "$server_pid" 2>/dev/null; then return 1; fi
    if curl -fsS -o /dev/null "http://127.0.0.1:$1/" 2>/dev/null; then return 0; fi
    sleep 0.1
  done
  return 1
}

port=$((20000 + RANDOM % 12000))
if ! serve "$port"; then
  cat "$work/log" >&2
  echo "external-package: the application did not serve on port $port" >&2
  exit 1
fi

response=$(curl -fsS "http://127.0.0.1:$port/")
if [[ $response != "Hello from another package!" ]]; then
  echo "external-package: unexpected response '$response'" >&2
  exit 1
fi
echo "external-package: builds and serves"
