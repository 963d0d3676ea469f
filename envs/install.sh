#!/bin/sh
# Makes .venv from the locked requirements with uv, which is fetched first where it is missing.
set -eu

UV_VERSION=0.13.8

version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || {
    echo "No Python found as '$PYTHON'. Install Python 3.11 to 3.13, or: make PYTHON=/path/to/python3.12" >&2
    exit 1
}
case $version in
3.11 | 3.12 | 3.13) ;;
*)
    echo "'$PYTHON' is Python $version; 3.11 to 3.13 are supported. Try: make PYTHON=python3.12" >&2
    exit 1
    ;;
esac

if command -v uv >/dev/null 2>&1; then
    UV=uv
else
    # pip alone can do this: a Debian without python3-venv cannot make an environment by itself.
    tools=.venv-tools
    if "$PYTHON" -m pip --version >/dev/null 2>&1; then
        "$PYTHON" -m pip install --quiet --disable-pip-version-check --target "$tools" "uv==$UV_VERSION"
        UV=$tools/bin/uv
    elif "$PYTHON" -m venv "$tools" >/dev/null 2>&1; then
        "$tools/bin/pip" install --quiet --disable-pip-version-check "uv==$UV_VERSION"
        UV=$tools/bin/uv
    else
        echo "Neither uv nor pip is here. Install one of them (Debian: apt-get install python3-venv)." >&2
        exit 1
    fi
fi

"$UV" venv --quiet --clear --python "$PYTHON" .venv
"$UV" pip sync --quiet --python .venv --require-hashes envs/requirements.txt
"$UV" pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
