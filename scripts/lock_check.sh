#!/bin/bash
# Does the lock have a file for every package on each Python and system that is promised? Resolves alone, installs nothing.
# OpenVINO's wheels want macOS 11 and glibc 2.35 (ARM) or 2.28 (x86-64).
set -euo pipefail
uv=$1
cd "$(dirname "$0")/.."
for python in 3.10 3.11 3.12 3.13 3.14; do
  for system in x86_64-manylinux_2_28 aarch64-manylinux_2_35 aarch64-apple-darwin x86_64-pc-windows-msvc; do
    "$uv" pip compile -q --no-header --no-annotate --no-deps --only-binary :all: --python-version "$python" \
      --python-platform "$system" requirements.txt -o /dev/null || { echo "no: Python $python on $system" >&2; exit 1; }
    echo "ok: Python $python on $system"
  done
done
