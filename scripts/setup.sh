#!/bin/sh
# Usage: setup.sh VENV CONSTRAINTS|lowest
# Makes the virtual environment VENV at the root and installs medtutor into it, with uv, which is itself installed
# with pip into .uv where it is missing. Nothing outside this folder is changed but uv's download cache.
set -eu
cd "$(dirname "$0")/.."
venv=$1
versions=$2

python=
for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
    if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        python=$name
        break
    fi
done
if [ -z "$python" ]; then
    echo "medtutor needs Python 3.11, 3.12 or 3.13; none was found. Install one, or name it: make PYTHON=/path/to/python" >&2
    exit 1
fi

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    uv=.uv/bin/uv
    if [ ! -x "$uv" ]; then
        echo "installing uv (it sets up the rest) ..." >&2
        # --target is allowed where the system's Python is managed by the distribution (PEP 668)
        if ! "$python" -m pip install --quiet --disable-pip-version-check --target .uv uv; then
            rm -rf .uv
            "$python" -m venv .uv && .uv/bin/python -m pip install --quiet uv || {
                rm -rf .uv
                echo "uv could not be installed: this Python has neither a working pip nor venv, or no network." \
                    "Install pip (Debian: apt install python3-pip) and run make again." >&2
                exit 1
            }
        fi
    fi
fi

[ -x "$venv/bin/python" ] || "$uv" venv --quiet --python "$(command -v "$python")" "$venv"
if [ "$versions" = lowest ]; then
    "$uv" pip install --quiet --python "$venv/bin/python" --resolution lowest-direct --editable '.[test]'
else
    echo "installing medtutor and what it needs into $venv (about 6 GB with the GPU build of PyTorch) ..." >&2
    "$uv" pip install --quiet --python "$venv/bin/python" --constraint "$versions" --editable '.[test]'
fi
