"""The test cluster itself, and profiles/slurm on it: a toy workflow with the names of real rules."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cluster
import pytest
from toy import edit_site

ROOT = Path(__file__).parent.parent

# Two GPU jobs that checkpoint on SIGTERM as mask shards do, four short shards of two comparisons, and
# three shards of an attack, which ask for a GPU each.
TOY = """
rule all:
    input:
        expand("results/{x}/correlations/row.csv", x=["a", "b"]),
        expand("results/e/c/attacks/fmn/{shard}.txt", shard=range(3)),

rule attack_shard:
    output: "results/{experiment}/{classifier}/attacks/{attack}/{shard}.txt"
    resources: mem_mb=1000, runtime=5, gpu=1
    shell: "echo $SLURM_JOB_ID $SLURM_JOB_PARTITION $CUDA_VISIBLE_DEVICES > {output}"

rule essential_mask_shard:
    output: "results/{x}/masks.txt"
    resources: mem_mb=1000, runtime=5, gpu=1
    script: "mask.py"

rule shuffle_shard:
    input: lambda wildcards: f"results/{wildcards.comparison[0]}/masks.txt"
    output: "results/{comparison}/shuffles/{shard}.txt"
    resources: mem_mb=1000, runtime=5
    shell: "echo $SLURM_JOB_ID $SLURM_JOB_PARTITION > {output}"

localrules: row
rule row:
    input: expand("results/{{comparison}}/shuffles/{shard}.txt", shard=range(2))
    output: "results/{comparison}/row.csv"
    shell: "cat {input} > {output}"
"""
MASK = """
import os, signal, time
from pathlib import Path
checkpoint = Path("scratch", snakemake.wildcards.x)
checkpoint.parent.mkdir(exist_ok=True)
def save(*_):
    checkpoint.write_text(str(step))
    os._exit(1)
step = first = int(checkpoint.read_text()) if checkpoint.exists() else 0
signal.signal(signal.SIGTERM, save)
Path("started-" + snakemake.wildcards.x).write_text(os.environ["SLURM_JOB_ID"])
while step < (30 if snakemake.wildcards.x == "a" else 1):
    time.sleep(0.1)
    step += 1
Path(snakemake.output[0]).write_text(
    f"{first} {os.environ['SLURM_JOB_PARTITION']} {os.environ['CUDA_VISIBLE_DEVICES']}"
)
"""


@pytest.fixture
def short_folder():
    """A folder for another cluster: pytest's own path grows with its runs, and can be too long for sockets."""
    with tempfile.TemporaryDirectory(prefix="idbias-slurm-") as folder:
        yield Path(folder)


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_gpus_are_really_scheduled(slurm, tmp_path):
    script = "echo $SLURM_JOB_NODELIST $CUDA_VISIBLE_DEVICES; sleep 1"
    options = ["--wait", "-p", "gpu", "--gpus=1", "--mem=100", f"--output={tmp_path}/%j"]
    jobs = [subprocess.Popen(["sbatch", *options, f"--wrap={script}"]) for _ in range(2)]
    assert [job.wait() for job in jobs] == [0, 0]
    assert sorted(file.read_text().split() for file in tmp_path.iterdir()) == [
        ["gpu1", "0"],
        ["gpu1", "1"],
    ]
    on_cpu = subprocess.run(["sbatch", "-p", "cpu", "--gpus=1", "--wrap=true"], capture_output=True)
    assert on_cpu.returncode != 0, "there is no GPU in the partition cpu"


def test_it_starts_again_after_an_unclean_end_and_stops_no_other(slurm, short_folder):
    cluster.start(short_folder)
    subprocess.run(
        ["sbatch", f"--output={short_folder}/job", "--wrap=sleep 1000"],
        env=cluster.environment(short_folder),
        check=True,
    )
    assert cluster.wait_until(lambda: cluster.processes(short_folder, daemons=False), 20)
    cluster.end(cluster.processes(short_folder, jobs=False), signal.SIGKILL)
    left = cluster.processes(short_folder)
    assert left, "the job outlives the daemons"
    cluster.start(short_folder)
    cluster.start(short_folder)
    assert cluster.node_states(short_folder) == dict.fromkeys(cluster.NODES, "idle")
    assert not left.keys() & cluster.processes(short_folder).keys()
    cluster.stop(short_folder)
    cluster.stop(short_folder)
    assert cluster.processes(short_folder) == {}
    assert sorted(cluster.node_states(slurm)) == cluster.NODES


def test_a_folder_too_long_for_sockets_is_refused_before_anything_starts(tmp_path):
    folder = tmp_path / ("x" * 80)
    with pytest.raises(ValueError, match="too long for sockets"):
        cluster.start(folder)
    assert not folder.exists()


def test_a_machine_that_cannot_have_slurm_says_why(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(cluster.Unavailable, match="only root can apt-get install munge slurmctld"):
        cluster.install()


# In place of Snakemake: the first time it has a job that runs and one that waits, and does not end.
FALSE_SNAKEMAKE = """#!/bin/sh
echo "$@" >> calls
case "$*" in *--unlock*) exit;; esac
[ -f begun ] && exec touch second
sbatch --job-name=idbias_1 --mem=100 --output=/dev/null --wrap="until [ -f enough ]; do sleep 0.2; done"
sbatch --job-name=idbias_1 --mem=100 --output=/dev/null --begin=now+1hour --wrap=true
touch begun
sleep 1000
"""


def test_a_controller_near_its_time_limit_is_followed_by_another(slurm, tmp_path, monkeypatch):
    """All of it on the real cluster: tests/slurm/drills.py DIR controller."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/snakemake").write_text(FALSE_SNAKEMAKE)
    (tmp_path / "bin/snakemake").chmod(0o755)
    shutil.copytree(ROOT / "profiles/slurm", tmp_path / "profiles/slurm")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    options = [
        "--parsable",
        "--mem=100",
        "--time=30",
        "profiles/slurm/controller.sh",
        "table2",
        "-k",
    ]
    first = output_of("sbatch", *options).strip()
    log = tmp_path / f"snakemake-{first}.log"
    assert cluster.wait_until((tmp_path / "begun").exists, 60), log.read_text()
    output_of("scancel", "--signal=USR1", "--batch", first)

    def waiting():
        return output_of("squeue", "-h", "--name=snakemake-idbias", "-t", "PD", "-o", "%i|%E|%l|%m")

    assert cluster.wait_until(waiting, 60), log.read_text()
    second, dependency, limit, memory = waiting().strip().split("|")
    left = output_of("squeue", "-h", "--name=idbias_1", "-o", "%i %T").split()
    assert left[1:] == ["RUNNING"], "what waited was taken out of the queue, what runs was not"
    assert dependency.startswith(f"afterany:{left[0]}")
    assert (limit, memory) == ("30:00", "100M")
    assert "its time limit is near" in log.read_text()
    (tmp_path / "enough").touch()
    assert cluster.wait_until((tmp_path / "second").exists, 60)
    wanted = ["--profile slurm table2 -k", "--profile slurm --unlock", "--profile slurm table2 -k"]
    assert (tmp_path / "calls").read_text().splitlines() == wanted
    assert cluster.wait_until(lambda: not output_of("squeue", "-h", "-j", second).strip(), 30)


def test_the_profile_runs_groups_and_goes_on_from_a_checkpoint_after_scancel(slurm, tmp_path):
    shutil.copytree(ROOT / "profiles/slurm", tmp_path / "profiles/slurm")
    (tmp_path / "slurm").symlink_to("profiles/slurm")
    own = '{essential_mask_shard: {gpu: 0, gres: "gpu:a100:1"}}'  # the attacks ask by --gpus
    edit_site(tmp_path / "profiles/slurm/config.yaml", {"per_rule": own})
    (tmp_path / "Snakefile").write_text(TOY)
    (tmp_path / "mask.py").write_text(MASK)
    before = int(re.search(r"NEXT_JOB_ID += (\d+)", output_of("scontrol", "show", "config"))[1])
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm"]
    command += ["--slurm-init-seconds-before-status-checks", "1"]
    with open(tmp_path / "output", "w", encoding="utf-8") as output:
        run = subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=output)
    try:
        started = tmp_path / "started-a"
        assert cluster.wait_until(started.exists, 240), (tmp_path / "output").read_text()
        time.sleep(1)
        output_of("scancel", started.read_text())
        assert run.wait(timeout=400) == 0, (tmp_path / "output").read_text()
    finally:
        run.kill()
    first, partition, card = (tmp_path / "results/a/masks.txt").read_text().split()
    assert int(first) >= 5, "the second attempt starts where the first was cancelled"
    assert (partition, card) in {("gpu", "0"), ("gpu", "1")}
    rows = [(tmp_path / f"results/{x}/correlations/row.csv").read_text().splitlines() for x in "ab"]
    assert [len(row) for row in rows] == [2, 2]
    assert [len(set(row)) for row in rows] == [1, 1], "one Slurm job a comparison"
    assert all(line.endswith(" cpu") for row in rows for line in row)
    attacks = [path.read_text() for path in (tmp_path / "results/e/c/attacks/fmn").iterdir()]
    assert len(attacks) == 3
    (attack,) = set(attacks)
    assert attack.split()[1:] in (["gpu", "0"], ["gpu", "1"]), "one Slurm job, one GPU at a time"
    # Two masks, one of them twice, two groups of shuffles and one of attacks.
    after = int(re.search(r"NEXT_JOB_ID += (\d+)", output_of("scontrol", "show", "config"))[1])
    assert after - before == 6


@pytest.mark.long
def test_snakemake_never_waits_for_ever(slurm, short_folder):
    """A job preempted for good, a slip in the profile; the drills that take minutes: tests/slurm/README.md."""
    command = [
        sys.executable,
        ROOT / "tests/slurm/waits.py",
        short_folder,
        "preempted",
        "partition",
    ]
    # It starts a cluster of its own, with other partitions.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("SLURM_")
    }
    environment["PATH"] = environment["PATH"].replace(f"{Path(slurm).resolve()}/bin:", "")
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ended with") == 2
