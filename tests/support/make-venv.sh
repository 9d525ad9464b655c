#!/usr/bin/env bash
# Make a virtual environment with ocictl and the tools for its tests.
#   make-venv.sh VENV editable|wheel
# PYTHON names the Python to use. An environment that works is kept and brought up to date.
set -euo pipefail
venv=$1 install=$2

fits() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

if ! { "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' &&
  "$venv/bin/python" -m pip --version; } >/dev/null 2>&1; then
  found=
  for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
    if fits "$candidate"; then
      found=$candidate
      break
    fi
  done
  if [ -z "$found" ]; then
    {
      echo "error: no Python 3.11 or newer with venv and pip was found (tried: ${PYTHON:-python3 and python3.11 to python3.14})"
      echo "hint: install one (Debian, Ubuntu: apt-get install python3 python3-venv), or name one: make test PYTHON=/path/to/python3"
    } >&2
    exit 1
  fi
  "$found" -m venv --clear "$venv"
fi

rm -f "$venv"/.ready-*
pip=("$venv/bin/python" -m pip --disable-pip-version-check --quiet)
if [ "$install" = wheel ]; then
  built=$(mktemp -d)
  trap 'rm -rf "$built"' EXIT
  "${pip[@]}" wheel --no-deps --wheel-dir "$built" .
  wheel=$(echo "$built"/*.whl)
  "${pip[@]}" install "$wheel[dev]"
  "${pip[@]}" install --force-reinstall --no-deps "$wheel"
else
  "${pip[@]}" install --editable '.[dev]'
fi
