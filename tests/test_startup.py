"""A job imports what it uses: seconds of every job, and of every test that runs jobs."""

import subprocess
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
from startup import imports, scripts

HEAVY = {"torch", "foolbox", "dadapy", "jax", "sklearn"}
TORCH = {
    "classifier", "classifier_spectrum", "essential_mask_shard", "adversarial_mask_shard",
    "control_mask_shard", "class_map", "class_map_row", "classifier_sensitivity",
}  # fmt: skip
ATTACKS = {"attack_shard", "attack_shard_on_cpu"}


@pytest.mark.parametrize(
    ("rules", "may"), [(TORCH, {"torch"}), (None, set())], ids=["torch", "none"]
)
def test_scripts_import_nothing_heavy_that_they_do_not_need(rules, may):
    found = scripts(ROOT)
    assert found.keys() >= TORCH | ATTACKS
    chosen = rules or found.keys() - TORCH - ATTACKS
    code = [f"import sys; sys.path.insert(0, {str(ROOT / 'workflow_scripts')!r})"]
    code += [imports(found[rule]) for rule in sorted(chosen)]
    code += [f"print(sorted({HEAVY!r} & sys.modules.keys()))"]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(code)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(sorted(may))
