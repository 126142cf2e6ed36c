#!/bin/bash
# A search over the nodes of one Slurm job: a Ray cluster that lives as long as the job.
#
#   sbatch deploy/slurm.sh --name spring --data /shared/data.yaml
#
# What stands behind the script's name goes to `sedn search`. The same line again goes on where the
# job ended. SEDN_STORE is the URL of the PostgreSQL database, or SEDN_STORE_FILE a file with the URL in
# it; only the search gets it, not Ray's nodes. The storage path must be on a shared disk.
#SBATCH --job-name=sedn
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-task=2
#SBATCH --time=24:00:00
# Slurm warns the search two minutes before the end, so that it stops as by Ctrl-C.
#SBATCH --signal=B:TERM@120
set -euo pipefail

: "${SEDN_STORE:-${SEDN_STORE_FILE:?set SEDN_STORE to the URL of the PostgreSQL database}}"
: "${SEDN_RUNS:=$PWD/runs}"

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
port=$((20000 + SLURM_JOB_ID % 20000))
address=$head:$port

# Only who has the token may send work to the cluster.
RAY_AUTH_TOKEN=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN RAY_USAGE_STATS_ENABLED=0

start_node() {
    env -u SEDN_STORE srun --nodes=1 --ntasks=1 --overlap --nodelist="$1" \
        ray start --block --num-cpus="$SLURM_CPUS_PER_TASK" "${@:2}" &
}

start_node "$head" --head --node-ip-address="$head" --port="$port" --include-dashboard=false
until srun --nodes=1 --ntasks=1 --overlap --nodelist="$head" ray health-check --address "$address"
do
    sleep 2
done
for node in "${nodes[@]:1}"; do
    start_node "$node" --address="$address"
done

sedn search --address "$address" --storage-path "$SEDN_RUNS" "$@" &
search=$!
trap 'kill -TERM "$search"' TERM
code=0
wait "$search" || code=$?
# A signal ends the wait before the search has ended.
if kill -0 "$search" 2>/dev/null; then
    code=0
    wait "$search" || code=$?
fi
exit "$code"
