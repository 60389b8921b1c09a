#!/usr/bin/env bash
# Each whole Swift program in README.md and docs/ is a file that is compiled: the line above the block names it
# (<!-- snippet: Sources/Examples/HelloWorld/HelloWorld.swift -->), and the two must not differ.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Writes each Swift block to a file of its own and lists them: document:line, the file named above it or "-", block.
extract() {
  awk -v work="$work" '
    inside && /^```[[:space:]]*$/ {
      close(block)
      if (named != "-" || whole) print FILENAME ":" line "\t" named "\t" block
      inside = 0; named = "-"; next
    }
    inside {
      if (FNR == line + 1) whole = /^(import |@testable import |\/\/ swift-tools-version)/
      print > block; next
    }
    /^<!-- snippet: .* -->$/ { named = $3; next }
    /^```swift[[:space:]]*$/ {
      inside = 1; line = FNR; whole = 0; block = work "/" ++count ".swift"; printf "" > block
      if (named == "") named = "-"
      next
    }
    NF { named = "-" }
  ' "$@"
}

documents=(README.md)
for document in docs/*.md; do [[ -f $document ]] && documents+=("$document"); done

failures=0
count=0
while IFS=$'\t' read -r place named block; do
  count=$((count + 1))
  if [[ $named == - ]]; then
    echo "$place: a whole program without the file that it stands in (<!-- snippet: PATH --> above it)" >&2
  elif [[ ! -f $named ]]; then
    echo "$place: $named does not exist" >&2
  elif ! diff -u --label "$named" --label "$place" "$named" "$block" >&2; then
    echo "$place: differs from $named" >&2
  else
    continue
  fi
  failures=$((failures + 1))
done < <(extract "${documents[@]}")

if ((count == 0)); then
  echo "check-doc-snippets: found no Swift block at all in ${documents[*]}" >&2
  exit 1
fi
((failures == 0))
