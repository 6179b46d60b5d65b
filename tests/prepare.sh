#!/usr/bin/env bash
# Installs what the tests need from Debian: a PostgreSQL server. Without root or sudo its tests are skipped,
# and say so; with CI=true that skip is a failure.
set -euo pipefail

has_postgresql() { compgen -G "/usr/lib/postgresql/*/bin/initdb" > /dev/null || command -v initdb > /dev/null; }

if has_postgresql; then exit 0; fi
if [ "$(id -u)" = 0 ]; then as_root=(); elif sudo -n true 2> /dev/null; then as_root=(sudo -n); else
  echo "tests: no PostgreSQL and no way to install it (not root, no sudo): its tests will be skipped"
  exit 0
fi
command -v apt-get > /dev/null || { echo "tests: no PostgreSQL and no apt-get: its tests will be skipped"; exit 0; }
"${as_root[@]}" apt-get update -q
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -q -y --no-install-recommends postgresql
