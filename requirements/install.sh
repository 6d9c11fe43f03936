#!/bin/sh
# Installs a locked set and our own packages into a virtual environment, made if it is not there:
#   requirements/install.sh PYTHON VENV runtime|dev PACKAGE…
# pip, of any age, brings one pinned and hashed package: uv, which installs everything else.
set -eu
python=$1 venv=$2 locked=$3
shift 3
# By its path, and never the environment's own: its name may stand for that one from here on.
python=$("$python" -c 'import sys; print(sys._base_executable)')
"$python" - <<'CHECK'
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 14):
    sys.exit("Attune needs Python 3.11 to 3.14; name one: make PYTHON=python3.12 …")
CHECK

if [ ! -x "$venv/bin/python" ]; then
    echo "Creating $venv …"
    # Debian's Python has pip or the means to put it into an environment, not always both.
    if "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --without-pip "$venv"
    else
        "$python" -m venv "$venv"
    fi
fi
if [ -x "$venv/bin/pip" ]; then
    pip() { "$venv/bin/python" -m pip "$@"; }
else
    pip() { "$python" -m pip --python "$venv/bin/python" "$@"; }
fi
if ! "$venv/bin/uv" --version 2>/dev/null | grep -qF "uv $(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements/installer.txt) "; then
    echo "Installing the installer, uv …"
    pip --disable-pip-version-check install --require-hashes -r requirements/installer.txt
fi

echo "Installing the locked packages, $locked …"
# Compiled once, not by each of ten processes at their first start.
export VIRTUAL_ENV="$venv" UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE="${UV_COMPILE_BYTECODE-1}"
uv() { "$venv/bin/uv" pip "$@"; }
uv sync --require-hashes requirements/installer.txt "requirements/$locked.txt"
for package; do
    set -- "$@" -e "$package"
    shift
done
uv install --quiet --no-deps --no-build-isolation "$@"
