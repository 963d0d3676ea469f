#!/bin/sh
# Runs uv, which is fetched first where it is missing: Python alone is enough to begin.
set -eu

VERSION=0.13.8
PYTHON=${PYTHON:-python3}
TOOLS=.venv-tools
UV=$TOOLS/uv-$VERSION/bin/uv

fetch_uv() {
    rm -rf "$TOOLS/part"
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
        --target "$TOOLS/part" "uv==$VERSION"
    mv "$TOOLS/part" "$TOOLS/uv-$VERSION"
}

# Debian keeps pip apart from Python. Its package is unpacked here, from the sources that apt knows;
# nothing is installed on the machine, and nobody has to be root.
unpack_debian_pip() {
    state=$(pwd)/$TOOLS/apt
    rm -rf "$state"
    mkdir -p "$state/lists/partial" "$state/archives/partial"
    set -- -qq -o "Dir::State=$state" -o "Dir::Cache=$state" \
        -o Dir::State::status=/var/lib/dpkg/status -o APT::Sandbox::User=
    apt-get "$@" update &&
        (cd "$state" && apt-get "$@" download python3-pip-whl) &&
        dpkg-deb --extract "$state"/python3-pip-whl_*.deb "$state" || return 1
    PYTHONPATH=$(echo "$state"/usr/share/python-wheels/pip-*.whl)
    export PYTHONPATH
}

if command -v uv >/dev/null 2>&1; then
    exec uv "$@"
fi
if [ ! -x "$UV" ]; then
    mkdir -p "$TOOLS"
    if "$PYTHON" -m pip --version >/dev/null 2>&1; then
        fetch_uv
    elif "$PYTHON" -m venv "$TOOLS/pip" >/dev/null 2>&1; then
        (PYTHON=$TOOLS/pip/bin/python && fetch_uv)
    elif command -v apt-get >/dev/null 2>&1 && unpack_debian_pip; then
        (fetch_uv)
        unset PYTHONPATH
    fi
    rm -rf "$TOOLS/apt" "$TOOLS/pip"
fi
if [ ! -x "$UV" ]; then
    echo "Neither uv nor pip is here, and neither could be fetched. Install uv, or pip for '$PYTHON'" >&2
    echo "(Debian: apt-get install python3-venv), then run make again." >&2
    exit 1
fi
exec "$UV" "$@"
