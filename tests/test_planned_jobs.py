"""What `snakemake --profile slurm` plans: a stage of a fresh clone, and just what a change needs."""

import re
from math import ceil

import pytest
import yte
from conftest import ROOT

SLURM = ["--profile", "slurm", "correlations"]
# Up to the masks, of 500 images in shards of 200 and two attacks.
MASKS = {
    "dataset": 1, "classifier": 1, "attack_shard": 6, "essential_mask_shard": 3,
    "adversarial_mask_shard": 6, "join_shards": 3,
}  # fmt: skip
# From one attack on one shard of images to its row.
ONE_ATTACK = {
    "attack_shard": 1, "adversarial_mask_shard": 1, "mask_pairs": 1, "distances": 1,
    "intrinsic_dimensions": 1, "shuffle_shard": 1, "row": 1, "correlations": 1,
}  # fmt: skip


def test_a_fresh_clone_plans_the_stages_up_to_the_one_asked_for(project):
    (project.folder / "slurm").symlink_to("profiles/slurm")
    project.configure({"experiments": ["digits"]})
    in_shards = {"execution": {"images_per_shard": 200}}
    project.configure({"experiment_blocks": {"digits": {"overrides": in_shards}}})
    assert project.plan("--profile", "slurm", "masks") == {**MASKS, "masks": 1}
    assert project.plan(*SLURM) == {
        **MASKS, "join_shards": 5, "mask_pairs": 2, "distances": 2, "intrinsic_dimensions": 2,
        "shuffle_shard": 2, "row": 2, "correlations": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "options", "expected"),
    [
        ({}, ["--forcerun", "attack_shard"], ONE_ATTACK),
        ({"experiment_blocks": {"digits": {"attacks": ["fmn", "pgd"]}}}, [], ONE_ATTACK),
        (
            {"correlation": {"shuffles": 100}},
            [],
            {"shuffle_shard": 1, "row": 1, "correlations": 1},
        ),
        (
            {
                "experiments": ["digits"],
                "correlation": {"shuffles_within": ["all", "class", "spectrum"]},
            },
            [],
            {"shuffle_shard": 2, "row": 1, "correlations": 1},
        ),
        (
            {"experiments": ["digits"], "correlation": {"preprocess": "standardise_unit_length"}},
            [],
            {
                "distances": 1,
                "intrinsic_dimensions": 1,
                "shuffle_shard": 1,
                "row": 1,
                "correlations": 1,
            },
        ),
        (
            # Shards hold 96 images, and 96 are done: 200 more are two full shards and one of 8.
            {"datasets": {"digits": {"images": 296}}},
            [],
            ONE_ATTACK
            | {"attack_shard": 3, "adversarial_mask_shard": 3, "essential_mask_shard": 3}
            | {"join_shards": 3},
        ),
    ],
    ids=[
        "one stage forced",
        "one attack more",
        "50 shuffles more",
        "within class too",
        "standardised",
        "200 images more",
    ],
)
def test_a_change_plans_just_what_it_needs(finished, tmp_path, changes, options, expected):
    workflow = finished.clone(tmp_path / "changed")
    (workflow.folder / "slurm").symlink_to("profiles/slurm")
    assert workflow.plan(*SLURM) == {}
    workflow.configure(changes)
    assert workflow.plan(*SLURM, *options) == expected


def test_planning_does_without_torch(project, tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("raise ImportError('torch takes seconds to import')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert project.plan("masks")["essential_mask_shard"] >= 1


def test_table_2_submits_a_job_for_each_shard_of_masks_and_few_others(project):
    (project.folder / "slurm").symlink_to("profiles/slurm")
    plan = project.plan("--profile", "slurm", "table2")
    # Ten thousand images in shards of 512, two networks, three attacks.
    assert (plan["essential_mask_shard"], plan["adversarial_mask_shard"]) == (2 * 20, 6 * 20)
    profile = yte.process_yaml((ROOT / "profiles/slurm/config.yaml").read_text())
    together = profile["group-components"]["attacks-{experiment}-{classifier}-{attack}"]
    rules = "\n".join(file.read_text() for file in (ROOT / "rules").glob("*.smk"))
    blocks = re.findall(r"(?m)^rule (\w+):\n((?:(?!rule |use rule ).*\n)*)", rules)
    on_head_node = [rule for rule, block in blocks if "    localrule: True" in block]
    # A rule made of another runs where that one does.
    on_head_node += [
        new for old, new in re.findall(r"use rule (\w+) as (\w+)", rules) if old in on_head_node
    ]
    targets = {"table2", *on_head_node}
    submitted = {rule: count for rule, count in plan.items() if rule not in targets}
    submitted["attack_shard"] = 6 * ceil(20 / together)
    assert sum(submitted.values()) == 217
