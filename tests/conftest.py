"""A copy of the workflow in a temporary folder, run as a user runs it."""

import os
import re
import shutil
import subprocess
import sys
from itertools import groupby
from pathlib import Path

# Before torch is imported: workers share the cores, and threads that wait for each other spin.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import cluster
import environments
import pytest
import yaml
from filelock import FileLock

ROOT = Path(__file__).parent.parent
PARTS = ("Snakefile", "config.yaml", "rules", "workflow_scripts", "envs", "profiles")

# The demonstration in small: real stages, real data, few images and few epochs.
SMALL = {
    "experiments": ["digits", "digits_spectra", "spiral"],
    "experiment_blocks": {
        "digits": {
            "images": None,
            "attacks": ["fmn"],
            "overrides": {"execution": {"images_per_shard": 96}},
        },
        "digits_spectra": {
            "classifiers": ["local_convolution_1_linear", "full_convolution_1_linear"],
            "attacks": ["pgd_l2"],
        },
    },
    "datasets": {"digits": {"images": 96}, "spiral": {"points": 500}},
    "classifiers": {"small_cnn": {"recipe": {"epochs": 20}}},
    "correlation": {"shuffles": 50},
    "execution": {"shuffles_per_shard": 50, "attack_batch": 24},
}


class Workflow:
    """A copy of the project, in which a test may change settings, edit code and run Snakemake."""

    def __init__(self, folder):
        self.folder = Path(folder)

    @classmethod
    def copy_of_project(cls, folder):
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, folder / part)
        return cls(folder)

    def clone(self, folder):
        """A copy with all results, modification times and Snakemake's memory of what it did."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Workflow(folder)

    def configure(self, changes):
        """Lay `changes` over config.yaml."""
        path = self.folder / "config.yaml"
        config = yaml.safe_load(path.read_text())
        lay_over(config, changes)
        path.write_text(yaml.safe_dump(config))

    def snakemake(self, *arguments, check=True):
        command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
        # A rule's script has only what its environment has, as with --sdm conda.
        environment = {**os.environ, **environments.limits(), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, env=environment
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
        return done

    def plan(self, *arguments):
        """How many jobs of each rule a run would make: {rule: count}, empty if nothing is to do."""
        output = self.snakemake("-n", *arguments).stdout
        table = re.search(r"^job +count\n-+ +-+\n(.*?)^total", output, re.M | re.S)
        if not table:
            assert "Nothing to be done" in output, output
            return {}
        return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table[1], re.M)}


def lay_over(base, top):
    for key, value in top.items():
        if isinstance(value, dict) and isinstance(base.setdefault(key, {}), dict):
            lay_over(base[key], value)
        else:
            base[key] = value


def pytest_collection_modifyitems(items):
    """Begin with what takes longest, for a run ends with its last worker.

    `--dist worksteal` gives each worker the same share of neighbours, of which those that are done take
    the last. The first share begins with the tests of `finished`, which all others would wait for; the
    modules with a test marked `long` are dealt to the heads of the others.
    """
    sharing = [item for item in items if "finished" in item.fixturenames]
    rest = [item for item in items if "finished" not in item.fixturenames]
    long = [item for item in rest if item.get_closest_marker("long")]
    rest = [item for item in rest if not item.get_closest_marker("long")]
    heads = [sharing, *([] for _ in range(1, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))))]
    for k, (_, tests) in enumerate(groupby(long, key=lambda item: item.path)):
        heads[-1 - k % max(len(heads) - 1, 1)].extend(tests)
    left = len(items)
    items.clear()
    for k, head in enumerate(heads):
        share = left // (len(heads) - k)
        left -= share
        fill = max(share - len(head), 0)
        items += head + rest[:fill]
        del rest[:fill]
    items += rest


@pytest.fixture
def project(tmp_path):
    """A fresh copy of the project, nothing run."""
    (tmp_path / "project").mkdir()
    return Workflow.copy_of_project(tmp_path / "project")


def shared_folder(tmp_path_factory, worker_id):
    """The temporary folder that all pytest workers of a run have in common."""
    folder = tmp_path_factory.getbasetemp()
    return folder if worker_id == "master" else folder.parent


def made_once(name, make, tmp_path_factory, worker_id):
    """A workflow that `make` makes in a new folder, once for all pytest workers. Do not change it: clone it.

    The first worker that asks makes it, the others wait for it: together they have no more cores than
    it uses.
    """
    shared = shared_folder(tmp_path_factory, worker_id)
    folder, done = shared / name, shared / f"{name}.done"
    with FileLock(shared / f"{name}.lock"):
        if not done.exists():
            make(folder)
            done.touch()
    return Workflow(folder)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id):
    """The small demonstration, run to its tables. Do not change it: clone it."""

    def make(folder):
        folder.mkdir()
        workflow = Workflow.copy_of_project(folder)
        workflow.configure(SMALL)
        workflow.snakemake()

    return made_once("finished", make, tmp_path_factory, worker_id)


@pytest.fixture(scope="session")
def in_two_shards(finished, tmp_path_factory, worker_id):
    """`finished` with its images, and its shuffles, in two uneven shards, run to FMN's row. Clone it."""

    def make(folder):
        workflow = finished.clone(folder)
        # What is finished would be left in its one shard.
        (folder / "results/digits/shards.json").unlink()
        workflow.configure({"execution": {"shuffles_per_shard": 30}})
        overrides = {"execution": {"images_per_shard": 60}}
        workflow.configure({"experiment_blocks": {"digits": {"overrides": overrides}}})
        row = "results/digits/small_cnn/correlations/fmn/row.csv"
        assert workflow.plan(row)["essential_mask_shard"] == 2
        workflow.snakemake(row)

    return made_once("in_two_shards", make, tmp_path_factory, worker_id)


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """The folder of a running test cluster, with SLURM_CONF and PATH set to speak to it."""
    try:
        with cluster.running() as directory, pytest.MonkeyPatch.context() as patch:
            for name, value in cluster.environment(directory).items():
                patch.setenv(name, value)
            yield directory
    except cluster.Unavailable as reason:
        pytest.skip(str(reason))
