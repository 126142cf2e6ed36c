#!/usr/bin/env bash
# Runs on one GPU what a CPU cannot show: the tests of training (those that need a GPU too), what the
# embedding costs in a training step, the speed of training beside timm's own loop, that of trials
# which share the GPU, and torch.compile with the costs of use. Needs torch, timm and this project's
# dependencies, but neither ray nor optuna. Takes about seven minutes on an H200.
#
#     bash benchmarks/gpu.sh [FOLDER] [--device cuda|cpu] [--tiny]
#
# FOLDER takes the logs and the figures, ./gpu-figures if none. With --tiny all sizes are the least
# that run: the figures mean nothing, and only show that the script works; on a CPU take both.
# PYTHON names another interpreter than python3. The exit code is that of the first part that failed.
set -uo pipefail
out=gpu-figures device=cuda tiny=
while (($#)); do
    case $1 in
        --device)
            device=${2:-}
            shift
            ;;
        --tiny) tiny=yes ;;
        -*)
            echo "gpu.sh: unknown option $1; it takes --device and --tiny" >&2
            exit 2
            ;;
        *) out=$1 ;;
    esac
    shift
done
if [[ $device != cuda && $device != cpu ]]; then
    echo "gpu.sh: --device '$device': expected cuda or cpu" >&2
    exit 2
fi
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1
if [[ $device == cpu ]]; then
    export CUDA_VISIBLE_DEVICES=
elif ! "$python" -c 'import torch; raise SystemExit(not torch.cuda.is_available())'; then
    echo "gpu.sh: torch finds no GPU here; --device cpu --tiny tries the script without one" >&2
    exit 2
fi
tests=(tests/sedn/training/test_gpu.py tests/sedn/training/test_memory.py
    tests/sedn/training/test_restart.py)
network=(--repetitions 30) training=(--turns 5) packed=() measures=()
if [[ $tiny ]]; then
    small=(--size 32 --batch 4)
    tests+=(-k "gpu or halves or within_an_epoch")
    network=(--repetitions 2 "${small[@]}" --gpu-batch 4 --backbones test_resnet)
    training=(--turns 1 --steps 2 --gpu-steps 2 "${small[@]}" --gpu-batch 4 --backbones test_resnet)
    packed=("${small[@]}" --backbone test_resnet --steps 2 --epochs 2 --trials 2)
    measures=("${small[@]}" --backbone test_resnet --steps 2 --epochs 2)
fi
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

if [[ $device == cuda ]]; then
    part card nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
fi
part versions "$python" -c 'import sys, timm, torch, torchvision as v
print("python", sys.version.split()[0], "torch", torch.__version__, "timm", timm.__version__,
      "torchvision", v.__version__)'
part tests "$python" -m pytest -q -p no:cacheprovider "${tests[@]}"
part network "$python" benchmarks/network.py --devices "$device" "${network[@]}"
part training "$python" benchmarks/training.py "${training[@]}"
part packed "$python" benchmarks/packed.py "${packed[@]}"
part measures "$python" benchmarks/measures.py "${measures[@]}"
part figures "$python" benchmarks/gpu_figures.py "$out"
exit "$status"
