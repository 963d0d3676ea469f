#!/bin/sh
# Makes .venv from the locked requirements, or brings the one that is there up to date.
set -eu

complete=.venv/complete

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

# An environment that was cut off in the making, or belongs to another Python, is made from nothing.
if [ "$(cat $complete 2>/dev/null)" != "$version" ] || ! .venv/bin/python -c '' 2>/dev/null; then
    rm -rf .venv
    sh envs/uv.sh venv --quiet --python "$("$PYTHON" -c 'import sys; print(sys.executable)')" .venv
fi
rm -f $complete
# Compiled once here: where Python may not write (PYTHONDONTWRITEBYTECODE, a folder that only its
# owner may change), every job would compile PyTorch's sources again, for longer than it computes.
sh envs/uv.sh pip sync --quiet --compile-bytecode --python .venv --require-hashes envs/requirements.txt
sh envs/uv.sh pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
echo "$version" >$complete
