#!/bin/bash
# Snakemake itself as a Slurm job, for sites that allow no long process on the head node:
#
#     sbatch profiles/slurm/controller.sh                   (from the folder of the Snakefile)
#     sbatch --partition=long --time=3-0 profiles/slurm/controller.sh table2
#
# What follows the script's name goes to `snakemake --profile slurm`. Five minutes before its time limit,
# and when its node comes back after a failure, it leaves what runs to end by itself, takes what waits out
# of the queue, and submits itself again, to start when the former is done. It does so until Snakemake
# ends. Nodes must be allowed to submit jobs. `scancel --signal=INT --batch JOB` stops it as Ctrl-C does.
#SBATCH --job-name=snakemake-idbias
#SBATCH --time=1-00:00:00
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=2000
#SBATCH --output=snakemake-%j.log
#SBATCH --signal=B:USR1@300
#SBATCH --requeue
#SBATCH --open-mode=append

if [ -f .venv/bin/activate ]; then source .venv/bin/activate; fi

# Jobs of Snakemake that were submitted from this folder: "id state".
left() {
    squeue --me --noheader --states=PENDING,RUNNING,COMPLETING,CONFIGURING,SUSPENDED \
        --format="%i|%t|%j|%Z" |
        awk -F"|" -v here="$PWD" '$3 ~ /^idbias_/ && $4 == here {print $1, $2}'
}

# Leaves the rest to the next controller, which starts when what runs has ended. $1: why.
again() {
    echo "$(date +%T)  controller $SLURM_JOB_ID: $1"
    shift
    sleep 5  # an sbatch under way may still bring a job
    left | awk '$2 == "PD" {print $1}' | xargs --no-run-if-empty scancel
    local running like=() limit partition memory account qos reservation
    running=$(left | awk '{printf ":%s", $1}')
    if [ -n "$running" ]; then like+=(--dependency="afterany$running"); fi
    # What this job was given, which may have been asked for on sbatch's command line.
    IFS="|" read -r limit partition memory account qos reservation < <(
        squeue --noheader --jobs="$SLURM_JOB_ID" --format="%l|%P|%m|%a|%q|%v")
    like+=(--time="$limit" --partition="$partition" --mem="$memory")
    if [ "$account" != "(null)" ]; then like+=(--account="$account"); fi
    if [ "$qos" != "normal" ] && [ "$qos" != "(null)" ]; then like+=(--qos="$qos"); fi
    if [ "$reservation" != "(null)" ]; then like+=(--reservation="$reservation"); fi
    for _ in 1 2 3 4; do
        IDBIAS_GOES_ON=1 sbatch "${like[@]}" profiles/slurm/controller.sh "$@" && exit
        sleep 30
    done
    echo "$(date +%T)  controller $SLURM_JOB_ID: sbatch refused the next one: submit it yourself"
    exit 1
}

if [ -n "$IDBIAS_GOES_ON" ] || [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ]; then
    if [ -n "$(left)" ]; then
        again "jobs of an earlier one are still there" "$@"
    fi
    snakemake --profile slurm --unlock
fi

(trap - INT; exec snakemake --profile slurm "$@") &  # in the background INT would be ignored
snakemake=$!
# SIGKILL: on any other signal Snakemake would cancel its jobs or wait for them.
trap 'limit=1; kill -KILL $snakemake' USR1
trap 'kill -INT $snakemake' INT TERM
wait $snakemake
status=$?
# A trap ends `wait` before Snakemake has ended.
while kill -0 $snakemake 2>/dev/null; do wait $snakemake; status=$?; done
if [ -n "$limit" ]; then again "its time limit is near" "$@"; fi
exit $status
