#!/usr/bin/env bash
# Installs what the tests need from Debian: a PostgreSQL server and a browser. Without root or sudo their tests are
# skipped, and say so; with CI=true that skip is a failure.
set -euo pipefail

has_postgresql() { compgen -G "/usr/lib/postgresql/*/bin/initdb" > /dev/null || command -v initdb > /dev/null; }
has_chromium() { command -v chromium > /dev/null; }

wanted=()
has_postgresql || wanted+=(postgresql)
has_chromium || wanted+=(chromium)
if [ "${#wanted[@]}" = 0 ]; then exit 0; fi
if [ "$(id -u)" = 0 ]; then as_root=(); elif sudo -n true 2> /dev/null; then as_root=(sudo -n); else
  echo "tests: no ${wanted[*]} and no way to install it (not root, no sudo): its tests will be skipped"
  exit 0
fi
command -v apt-get > /dev/null || { echo "tests: no ${wanted[*]} and no apt-get: its tests will be skipped"; exit 0; }
"${as_root[@]}" apt-get update -q
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -q -y --no-install-recommends "${wanted[@]}"
