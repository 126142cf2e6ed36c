#!/usr/bin/env bash
# Runs on one GPU what a CPU cannot show: the tests of training (those that need a GPU too), what the
# embedding costs in a training step, the speed of training beside timm's own loop, and that of
# trials which share the GPU. Needs torch, timm and this
# project's dependencies, but neither ray nor optuna. Takes about six minutes on an H200.
#
#     bash benchmarks/gpu.sh [FOLDER]     # FOLDER for the logs and the figures, ./gpu-figures if none
#
# PYTHON names another interpreter than python3. The exit code is that of the first part that failed.
set -uo pipefail
cd "$(dirname "$0")/.."
out=${1:-gpu-figures}
python=${PYTHON:-python3}
mkdir -p "$out"
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1
status=0

# One part at a time: two of them at once would measure each other.
part() {
    local name=$1
    shift
    printf '\n== %s\n' "$name"
    "$@" 2>&1 | tee "$out/$name.log"
    local code=${PIPESTATUS[0]}
    if ((code)) && ((status == 0)); then
        status=$code
    fi
}

part card nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
part versions "$python" -c 'import sys, timm, torch, torchvision as v
print("python", sys.version.split()[0], "torch", torch.__version__, "timm", timm.__version__,
      "torchvision", v.__version__)'
part tests "$python" -m pytest -q -p no:cacheprovider tests/sedn/training/test_gpu.py \
    tests/sedn/training/test_memory.py tests/sedn/training/test_restart.py
part network "$python" benchmarks/network.py --repetitions 30 --devices cuda
part training "$python" benchmarks/training.py --turns 5
part packed "$python" benchmarks/packed.py
exit "$status"
