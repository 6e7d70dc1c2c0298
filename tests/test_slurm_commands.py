"""profiles/slurm/bin: what our sbatch, squeue and sacct make of the answers of false ones."""

import json
import os
import subprocess
import time
from pathlib import Path

import cluster
import pytest

ROOT = Path(__file__).parent.parent

OURS = ROOT / "profiles/slurm/bin"
RUN = "idbias_run"
SUBMIT = ["--parsable", "--job-name", RUN, "--comment", "rule_masks_wildcards_a", "-t", "90"]
LIMIT = "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: "
POLICY = "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
FAILED = "sbatch: error: Batch job submission failed: "
# Refusals that pass by themselves, as Slurm 22 to 25 word them.
PASSING = {
    "a limit of submitted jobs": LIMIT + POLICY,
    "a limit of a QOS": LIMIT.replace("AssocMaxSubmitJob", "QOSMaxSubmitJobPerUser") + POLICY,
    "a policy that no line names": FAILED + POLICY,
    "connect failure": FAILED + "Unable to contact slurm controller (connect failure)",
    "no words": "sbatch: error: Unable to contact slurm controller",
    "unexpected": FAILED + "Unexpected message received",
    "zero bytes": FAILED + "Zero Bytes were transmitted or received",
    "standby": FAILED + "Slurm backup controller in standby mode",
    "temporarily": FAILED + "Resource temporarily unavailable",
    "timed out": FAILED + "Socket timed out on send/recv operation",
    "munge": FAILED + "Protocol authentication error",
    "drained": FAILED + "Required partition not available (inactive or drain)",
}
LASTING = {
    "partition": "sbatch: error: invalid partition specified: gpus",
    "account": FAILED + "Invalid account or account/partition combination specified",
    "size": "sbatch: error: QOSMaxCpuPerJobLimit\n" + FAILED + POLICY,
    "time": "sbatch: error: AssocMaxWallDurationPerJobLimit\n" + FAILED + POLICY,
}


def false_command(folder, name, answers):
    """A program that gives `answers` (code, text) in turn, the last one again and again."""
    (folder / "bin").mkdir(exist_ok=True)
    for number, (code, text) in enumerate(answers):
        (folder / f"{name}.{number}").write_text(text)
        (folder / f"{name}.{number}.code").write_text(str(code))
    program = folder / "bin" / name
    program.write_text(
        f"#!/bin/sh\ncd {folder}\nn=$(cat {name}.calls 2>/dev/null | wc -l)\n"
        f"echo $* | tr '\\n' ' ' >> {name}.calls; echo >> {name}.calls\n"
        f"if ! [ -f {name}.$n ]; then n={len(answers) - 1}; fi\n"
        f"if [ $(cat {name}.$n.code) = 0 ]; then cat {name}.$n; else cat {name}.$n >&2; fi\n"
        f"exit $(cat {name}.$n.code)\n"
    )
    program.chmod(0o755)


def environment(folder, **settings):
    path = f"{OURS}:{OURS}:{folder}/bin:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "IDBIAS_SBATCH_SECONDS": "0.1", **settings}


def our_sbatch(tmp_path, answers, squeue=((0, ""),), **settings):
    """Start our sbatch before a false one that gives `answers` in turn."""
    false_command(tmp_path, "sbatch", answers)
    false_command(tmp_path, "squeue", squeue)
    return subprocess.Popen(
        [OURS / "sbatch", *SUBMIT, "--wrap=true"],
        env=environment(tmp_path, **settings), cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def submitted(tmp_path):
    lines = (tmp_path / f".snakemake/slurm/{RUN}/jobs").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("refusal", PASSING)
def test_a_refusal_that_passes_by_itself_is_waited_out(tmp_path, refusal):
    (tmp_path / "logs/slurm").mkdir(parents=True)
    run = our_sbatch(tmp_path, [(1, PASSING[refusal])] * 2 + [(0, "4711\n")])
    assert run.communicate(timeout=60) == ("4711\n", "")
    assert run.returncode == 0
    said = (tmp_path / "logs/slurm/refused.log").read_text().splitlines()
    assert len(said) == 2
    assert "Slurm takes no more jobs now" in said[0]
    assert said[-1].endswith("Slurm takes jobs again.")
    (job,) = submitted(tmp_path)
    assert (job["id"], job["rule"], job["minutes"]) == ("4711", "masks", "90")


@pytest.mark.parametrize("refusal", LASTING)
def test_a_refusal_that_lasts_is_handed_on_at_once(tmp_path, refusal):
    run = our_sbatch(tmp_path, [(1, LASTING[refusal])])
    assert run.communicate(timeout=60) == ("", LASTING[refusal])
    assert run.returncode == 1
    assert submitted(tmp_path) == []


def test_a_refusal_is_not_waited_out_for_ever(tmp_path):
    (tmp_path / "logs/slurm").mkdir(parents=True)
    refusal = PASSING["standby"]
    run = our_sbatch(tmp_path, [(1, refusal)] * 500, IDBIAS_SBATCH_HOURS="0.0002")
    assert run.communicate(timeout=60) == ("", refusal)
    assert run.returncode == 1
    said = (tmp_path / "logs/slurm/refused.log").read_text()
    assert "no job was taken within 0.0002 hours (standby mode); given up" in said


def test_a_job_that_was_made_although_the_answer_was_lost_is_not_made_twice(tmp_path):
    queue = "17|rule_masks_wildcards_b\n18|rule_masks_wildcards_a\n"
    answers = [(1, PASSING["timed out"]), (0, "19\n")]
    run = our_sbatch(tmp_path, answers, squeue=[(1, "slurm_load_jobs error"), (0, queue)])
    # While squeue does not answer either, nothing is submitted.
    assert run.communicate(timeout=60)[0] in {"18\n", "19\n"}
    answers = [(1, PASSING["timed out"])] * 2
    folder = tmp_path / "again"
    folder.mkdir()
    run = our_sbatch(folder, answers, squeue=[(0, queue)])
    assert run.communicate(timeout=60) == ("18\n", "")
    assert len((folder / "sbatch.calls").read_text().splitlines()) == 1
    assert [job["id"] for job in submitted(folder)] == ["18"]


def test_no_job_is_submitted_once_snakemake_is_dead(tmp_path):
    run = our_sbatch(tmp_path, [(1, PASSING["standby"])] * 500)
    assert cluster.wait_until((tmp_path / "sbatch.calls").exists, 30)
    run.stdout.close()
    assert run.wait(timeout=30) == 1


def test_a_job_notes_its_end(tmp_path):
    """The command that sbatch gets is run as the job would run it."""
    run = our_sbatch(tmp_path, [(0, "5\n")])
    assert run.wait(timeout=30) == 0
    (call,) = (tmp_path / "sbatch.calls").read_text().splitlines()
    wrapped = call.split("--wrap=")[1].replace("; true ", "; sh -c 'exit 3'\n", 1)
    wrapped = wrapped.replace(" (echo", "\n(echo").replace(" exit $idbias", "\nexit $idbias")
    done = subprocess.run(["sh", "-c", wrapped], env={**os.environ, "SLURM_JOB_ID": "5"})
    assert done.returncode == 3
    code, start, end = (tmp_path / f".snakemake/slurm/{RUN}/5.exit").read_text().split()
    assert code == "3"
    assert abs(int(start) - time.time()) < 60
    assert int(end) >= int(start)


def question(command, tmp_path, **settings):
    """{id: state} as our `command` answers the executor plugin."""
    arguments = {
        "squeue": ["--format=%i|%T", "--states=all", "--noheader", "--name", RUN],
        "sacct": "-X --parsable2 --clusters all --noheader --format=JobIdRaw,State --starttime "
        f"2026-01-01T00:00 --endtime now --name {RUN}".split(),
    }[command]
    done = subprocess.run(
        [command, *arguments], env=environment(tmp_path, **settings), cwd=tmp_path,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, "the plugin forgets its jobs when it could not ask"
    return dict(line.split("|") for line in done.stdout.splitlines())


def remember(tmp_path, *numbers, ended=None):
    folder = tmp_path / f".snakemake/slurm/{RUN}"
    folder.mkdir(parents=True)
    lines = [json.dumps({"id": str(n), "rule": "masks"}) + "\n" for n in numbers]
    (folder / "jobs").write_text("".join(lines))
    for number, code in (ended or {}).items():
        (folder / f"{number}.exit").write_text(f"{code} 100 200\n")
    return folder


@pytest.mark.parametrize("command", ["squeue", "sacct"])
@pytest.mark.parametrize("accounting", [True, False])
def test_what_slurm_forgot_is_decided_by_what_is_known(tmp_path, command, accounting):
    """1 lives; 2 ended well; 3 failed; 4 was killed, so noted nothing; 5 was preempted for good."""
    remember(tmp_path, 1, 2, 3, 4, 5, ended={2: 0, 3: 1, 5: 143})
    false_command(tmp_path, "squeue", [(0, "1|RUNNING|None|0:10\n5|PREEMPTED|None|1:00\n")])
    said = "1|RUNNING|10\n2|COMPLETED|90\n4|OUT_OF_MEMORY|7\n5|PREEMPTED|60\n"
    answer = (0, said) if accounting else (1, "Slurm accounting storage is disabled")
    false_command(tmp_path, "sacct", [answer])
    first = question(command, tmp_path)
    assert {job: first[job] for job in "123"} == {"1": "RUNNING", "2": "COMPLETED", "3": "FAILED"}
    assert first["4"] == ("OUT_OF_MEMORY" if accounting else "PENDING")
    assert first["5"] == "PENDING", "it may be on its way back into the queue"
    time.sleep(0.3)
    second = question(command, tmp_path, IDBIAS_DOUBT_SECONDS="0.2")
    assert second["4"] == ("OUT_OF_MEMORY" if accounting else "FAILED")
    assert second["5"] == "CANCELLED"
    assert second["1"] == "RUNNING"
    assert question(command, tmp_path) == second, "what has ended stays so"


@pytest.mark.parametrize("command", ["squeue", "sacct"])
def test_a_preempted_job_that_is_back_in_the_queue_lives(tmp_path, command):
    remember(tmp_path, 1)
    false_command(tmp_path, "sacct", [(0, "1|PREEMPTED|60\n")])
    false_command(tmp_path, "squeue", [(0, "1|PENDING|BeginTime|0:00\n")])
    for _ in range(2):
        assert question(command, tmp_path, IDBIAS_DOUBT_SECONDS="0") == {"1": "PENDING"}


@pytest.mark.parametrize("command", ["squeue", "sacct"])
def test_while_slurm_is_silent_every_job_is_taken_for_alive(tmp_path, command):
    remember(tmp_path, 1, 2)
    for name in ("squeue", "sacct"):
        false_command(tmp_path, name, [(1, "Unable to contact slurm controller")])
    for _ in range(2):
        assert question(command, tmp_path, IDBIAS_DOUBT_SECONDS="0") == {}
    false_command(tmp_path, "squeue", [(0, "sleeps")])
    (tmp_path / "bin/squeue").write_text("#!/bin/sh\nexec sleep 100\n")
    assert question(command, tmp_path, IDBIAS_SLURM_PATIENCE="0.5") == {}


def test_a_job_of_which_the_accounting_never_hears_the_end_is_over(tmp_path):
    remember(tmp_path, 1, ended={1: 0})
    false_command(tmp_path, "sacct", [(0, "1|RUNNING|60\n")])
    false_command(tmp_path, "squeue", [(0, "")])
    assert question("sacct", tmp_path) == {"1": "COMPLETED"}


def test_a_state_of_sacct_is_one_word(tmp_path):
    false_command(tmp_path, "sacct", [(0, "1|COMPLETED|5\n2|CANCELLED by 0|5\n")])
    assert question("sacct", tmp_path) == {"1": "COMPLETED", "2": "CANCELLED"}
    false_command(tmp_path, "sacct", [(0, "None assigned  \n")])
    command = ["sacct", "-j", "5", "-n", "-X", "-o", "nodelist%-256"]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True)
    assert done.stdout.strip() == "", "no node to exclude from later jobs"


def test_who_asks_something_else_gets_slurms_own_answer(tmp_path):
    false_command(tmp_path, "squeue", [(3, "as Slurm says")])
    done = subprocess.run(
        ["squeue", "--me"], env=environment(tmp_path), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (3, "as Slurm says")


def test_what_waits_and_why_is_kept_for_the_console_and_said_if_it_is_for_ever(tmp_path):
    folder = remember(tmp_path, 1, 2, 3)
    (tmp_path / "logs/slurm").mkdir(parents=True)
    rows = "1|RUNNING|None|0:10\n2|PENDING|Priority|0:00\n3|PENDING|PartitionTimeLimit|0:00\n"
    false_command(tmp_path, "squeue", [(0, rows)])
    for _ in range(2):
        question("squeue", tmp_path)
    now = json.loads((folder / "now").read_text())
    assert (now["running"], now["waiting"]) == (1, 2)
    assert now["reasons"] == {"Priority": 1, "PartitionTimeLimit": 1}
    (said,) = (tmp_path / "logs/slurm/waits.log").read_text().splitlines()
    assert "job 3 (masks) cannot start: Slurm says PartitionTimeLimit" in said
