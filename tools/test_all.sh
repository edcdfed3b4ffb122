#!/bin/sh
# Run the tests under every CPython from 3.11 on that is installed; a virtual environment for each: .venv-3.12, ...
set -eu
cd "$(dirname "$0")/.."
found=0
failed=""
for minor in 11 12 13 14 15; do
    python="python3.$minor"
    "$python" -c "" > /dev/null 2>&1 || continue # not there, or only a version manager's stand-in for it
    found=$((found + 1))
    echo "== $("$python" --version)"
    make --no-print-directory test PYTHON="$python" VENV=".venv-3.$minor" ARGS="${*:-}" || failed="$failed 3.$minor"
done
if [ "$found" -eq 0 ]; then
    echo "no Python from 3.11 on is installed" >&2
    exit 1
fi
if [ -n "$failed" ]; then
    echo "failed under Python$failed" >&2
    exit 1
fi
