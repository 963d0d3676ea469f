#!/bin/sh
# Makes .venv from the locked requirements, or brings the one that is there up to date.
# TORCH=cpu takes PyTorch without CUDA, in the same versions.
set -eu

complete=.venv/complete
lock=envs/requirements.txt
TORCH=${TORCH:-locked}

case $TORCH in
locked | cpu) ;;
*)
    echo "TORCH is '$TORCH'; it can be cpu, for PyTorch without CUDA, or locked, for that of the lock." >&2
    exit 1
    ;;
esac

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
if [ "$(cut -d ' ' -f 1 $complete 2>/dev/null)" != "$version" ] || ! .venv/bin/python -c '' 2>/dev/null; then
    rm -rf .venv
    sh envs/uv.sh venv --quiet --python "$("$PYTHON" -c 'import sys; print(sys.executable)')" .venv
fi
rm -f $complete
if [ "$TORCH" = cpu ]; then
    lock=.venv/requirements-cpu.txt
    awk '/^[^ ]/ { left = /^(torch|torchvision|triton|nvidia-[^=]*|cuda-[^=]*)==/ } !left' \
        envs/requirements.txt >$lock
fi
# Compiled once here: where Python may not write (PYTHONDONTWRITEBYTECODE, a folder that only its
# owner may change), every job would compile PyTorch's sources again, for longer than it computes.
sh envs/uv.sh pip sync --quiet --compile-bytecode --python .venv --require-hashes $lock
if [ "$TORCH" = cpu ]; then
    # The lock has hashes of the files with CUDA alone; those without lie on PyTorch's own index, which
    # uv knows.
    pair=$(sed -nE 's/^((torch|torchvision)==[^ ;]*).*/\1/p' envs/requirements.txt)
    # shellcheck disable=SC2086
    sh envs/uv.sh pip install --quiet --compile-bytecode --python .venv --no-deps --torch-backend cpu $pair || {
        echo "PyTorch without CUDA is on PyTorch's own package index alone, which cannot be reached from here," >&2
        echo "or lacks these versions. Without TORCH=cpu PyTorch is that of the lock, with CUDA." >&2
        exit 1
    }
fi
sh envs/uv.sh pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
echo "$version $TORCH" >$complete
