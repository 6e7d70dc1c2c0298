"""profiles/slurm/config.yaml: what each rule's job asks a site for."""

import re
import shutil
from pathlib import Path

import pytest
import yte
from toy import edit_site

ROOT = Path(__file__).parent.parent


def test_a_checkout_has_the_profile_under_the_name_that_users_type():
    """`snakemake --profile slurm`: the other tests run in copies, to which they add this link."""
    assert (ROOT / "slurm").resolve() == ROOT / "profiles/slurm"


def test_every_job_that_asks_for_a_gpu_goes_to_the_gpu_partition(project):
    (project.folder / "slurm").symlink_to("profiles/slurm")
    profile = project.folder / "profiles/slurm/config.yaml"
    own = "per_rule: {classifier: {runtime: 2881}, shuffle_shard: {mem_mb: 7001}}"
    profile.write_text(profile.read_text().replace("per_rule: {}", own))
    plan = project.snakemake("--profile", "slurm", "-n").stdout
    resources = re.findall(r"^ *rule (\w+):\n(?: +.*\n)*? +resources: (.*)$", plan, re.M)
    assert len(resources) > 30
    for rule, wanted in resources:
        partition = "gpu" if "gpu=1" in wanted else "cpu"
        assert f"slurm_partition={partition}," in wanted, (rule, wanted)
        assert "runtime=" in wanted
        assert "mem_mb=" in wanted
        assert ("runtime=2881" in wanted) == (rule == "classifier"), (rule, wanted)
        if rule == "shuffle_shard":
            assert "mem_mb=7001," in wanted
            assert "runtime=30" in wanted, "limits add up in a group"


def test_the_profile_knows_every_rule_that_asks_for_a_gpu():
    rules = "\n".join(file.read_text() for file in (ROOT / "rules").glob("*.smk"))
    found = re.findall(r"^(?:use rule (\w+) as|rule) (\w+).*:\n((?:    .*\n|\n)*)", rules, re.M)
    asking = {rule for _, rule, body in found if "gpu=" in body}
    # A copy of a rule asks for what the rule asks, unless it has resources of its own.
    asking |= {rule for of, rule, body in found if of in asking and "resources:" not in body}
    profile = yte.process_yaml((ROOT / "profiles/slurm/config.yaml").read_text())
    on_gpu = {
        rule
        for rule, resources in profile["set-resources"].items()
        if resources.get("slurm_partition") == "'gpu'"
    }
    assert on_gpu == asking
    assert len(asking) >= 6


def profile_with(tmp_path, **changes):
    """The profile as Snakemake gets it, with `changes` (variable -> YAML) in its site block."""
    copy = tmp_path / "config.yaml"
    shutil.copy(ROOT / "profiles/slurm/config.yaml", copy)
    edit_site(copy, changes)
    return yte.process_yaml(copy.read_text())


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("--gpus=1", {}),
        ("--gpus=2", {"gpu": 2}),
        ("--gpus=a100:1", {"gpu": 1, "gpu_model": "'a100'"}),
        ("--gres=gpu:1", {"gpu": 0, "gres": "'gpu:1'"}),
        ("--gres=gpu:a100:1", {"gpu": 0, "gres": "'gpu:a100:1'"}),
        ("", {"gpu": 0}),
    ],
)
def test_a_gpu_is_asked_for_as_the_site_wants_it(tmp_path, asked, expected):
    """What sbatch makes of each: tests/slurm/site_variants.py, on the real cluster."""
    resources = profile_with(tmp_path, gpu_request=f'"{asked}"')["set-resources"]["distances"]
    expected = {"slurm_partition": "'gpu'", "tasks_per_gpu": 0, **expected}
    assert {k: v for k, v in resources.items() if k != "runtime"} == expected


def test_one_block_holds_what_a_site_asks_for(tmp_path, project):
    profile = project.folder / "profiles/slurm/config.yaml"
    (project.folder / "slurm").symlink_to("profiles/slurm")
    edit_site(
        profile,
        {
            "qos": "long",
            "constraint": '"avx2&ssd"',
            "longest_job": "100",
            "gpu_partition": '"gpu-short,gpu"',
            "per_gpu_job": "{constraint: a100, qos: 1}",
            "shuffle_shards_per_job": "5",
            "reservation": "ours",
            "most_jobs": "7",
        },
    )
    done = yte.process_yaml(profile.read_text())
    assert (done["slurm-reservation"], done["jobs"]) == ("ours", 7)
    plan = project.snakemake("--profile", "slurm", "-n").stdout
    resources = re.findall(r"^ *rule (\w+):\n(?: +.*\n)*? +resources: (.*)$", plan, re.M)
    on_gpu = {rule: wanted for rule, wanted in resources if "gpu=1" in wanted}
    assert len(on_gpu) >= 5
    for wanted in on_gpu.values():
        for part in ("constraint=a100,", "qos=1,", "slurm_partition=gpu-short,gpu,"):
            assert part in wanted
    for rule, wanted in resources:
        if rule not in on_gpu:
            assert "constraint=avx2&ssd" in wanted
            assert "qos=long" in wanted
        assert int(re.search(r"runtime=(\d+)", wanted)[1]) <= 100, (
            "no longer than the partition allows"
        )
    assert "runtime=20" in next(wanted for rule, wanted in resources if rule == "shuffle_shard")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("gpu_request", "--gpus-per-node=1", "gpu_request is '--gpus-per-node=1'; allowed are"),
        ("sbatch_options", "--mail-type=FAIL -C a100", "sbatch_options cannot have '-C'"),
        ("sbatch_options", "--gres=gpu:1", "sbatch_options cannot have '--gres'"),
    ],
)
def test_a_slip_in_the_site_block_is_one_sentence(tmp_path, name, value, said):
    with pytest.raises(yte.exceptions.YteError, match=re.escape(said)):
        profile_with(tmp_path, **{name: f'"{value}"'})
