import ast
import csv
import hashlib
import re
from functools import cache

LIBRARY = Path(workflow.basedir) / "workflow_scripts"

# Modules that decide how work is shown or failures are worded, never a number: editing them
# reruns nothing.
WITHOUT_INFLUENCE = {"config", "schema", "errors", "files", "shards", "progress", "stage", "checkpoints"}


@cache
def imported(path):
    """Library modules that the Python file `path` imports, directly or not."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("idbias"):
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    found = set()
    for name in names:
        inside = name.removeprefix("idbias.").replace(".", "/")
        for module in (
            LIBRARY / "idbias" / f"{inside}.py",
            LIBRARY / "idbias" / inside / "__init__.py",
        ):
            if name.startswith("idbias.") and inside not in WITHOUT_INFLUENCE and module.exists():
                compiled = {module.with_suffix(suffix) for suffix in (".cpp", ".h")}
                found |= {module, *filter(Path.exists, compiled)} | imported(module)
    return frozenset(found)


def library(script, *modules):
    """Inputs that make a rule run again when the code behind `script` is edited.

    Snakemake notices an edited script, not an edited module that it imports. `modules` adds
    those that are imported by name at run time.
    """
    extra = [LIBRARY / "idbias" / module for module in modules]
    paths = imported(LIBRARY / script).union(extra, *(imported(path) for path in extra))
    return sorted(os.path.relpath(path) for path in paths)


def shards(total, size):
    """Names of the shards of `total` items: first and last index, as in 00000-00511."""
    return [f"{first:05d}-{min(first + size, total) - 1:05d}" for first in range(0, total, size)]


def published(name):
    """The paper's own numbers, which come with the code."""
    return os.path.relpath(LIBRARY / "published" / name)


def settings(wildcards):
    return SETTINGS[wildcards.experiment]


def dataset_settings(wildcards):
    chosen = settings(wildcards)
    return chosen.datasets[chosen.experiment_blocks[wildcards.experiment].dataset]


def classifier_settings(wildcards):
    return settings(wildcards).classifiers[wildcards.classifier]


def image_shards(wildcards):
    size = settings(wildcards).execution.images_per_shard
    return shards(image_count(dataset_settings(wildcards)), size)


def plain(model):
    """A section of the configuration as plain values, which Snakemake compares between runs."""
    return model.model_dump()


def dataset_source(dataset):
    """What decides the dataset's file: all but how many of its images are used."""
    return dataset.model_dump(exclude={"images"})


def local_path(path):
    return path.removeprefix("file://")


def dataset_files(dataset):
    """Files a dataset is read from: the user's own, or those that `download` fetches."""
    if dataset.path:
        return [local_path(path) for path in (dataset.path, dataset.labels) if path]
    files = KNOWN.get(dataset.source, [])
    return [f"resources/{dataset.source}/{urls[0].rsplit('/', 1)[1]}" for urls, _ in files]


def weights_files(wildcards):
    """The checkpoint a classifier starts from, as a list of one file or of none."""
    weights = classifier_settings(wildcards).weights
    if not weights:
        return []
    if weights.path:
        return [local_path(weights.path)]
    return [f"resources/weights/{weights_name(weights.urls)}"]


def weights_name(urls):
    """A file's name for weights: many checkpoints are called model.safetensors where they lie."""
    return f"{hashlib.sha256(urls[0].encode()).hexdigest()[:8]}-{urls[0].rsplit('/', 1)[1]}"


def download_of(wildcards):
    """(urls, sha256) of a file below resources/."""
    known = {
        urls[0].rsplit("/", 1)[1]: (urls, sha256)
        for urls, sha256 in KNOWN.get(wildcards.folder, [])
    }
    if wildcards.folder == "weights":
        classifiers = [each for chosen in SETTINGS.values() for each in chosen.classifiers.values()]
        weights = [each.weights for each in classifiers if each.weights and each.weights.urls]
        known = {weights_name(each.urls): (each.urls, each.sha256) for each in weights}
    if wildcards.file in known:
        return known[wildcards.file]
    raise ValueError(
        f"nothing is known to download as resources/{wildcards.folder}/{wildcards.file}"
    )


def network_module(wildcards):
    """The module a classifier's network is in, below workflow_scripts/idbias or the user's own."""
    network = classifier_settings(wildcards).network
    if network.startswith("timm:"):
        return "networks/timm_models.py"
    if ":" in network:
        return Path.cwd() / f"{network.split(':')[0].replace('.', '/')}.py"
    return f"networks/{NETWORKS[network][0]}.py"


# Rules that gain from a GPU ask for one unless the configuration says cpu. On a workstation
# profiles/local sets how many there are.
GPUS = 0 if next(iter(SETTINGS.values())).execution.device == "cpu" else 1


def experiment_of(wildcards):
    return SETTINGS[wildcards.comparison.split("/")[0]]


def correlation_settings(wildcards):
    return plain(experiment_of(wildcards).correlation)


def estimator_settings(wildcards):
    chosen = correlation_settings(wildcards)
    return {key: chosen[key] for key in ("estimator", "mu_fraction")}


def shuffle_shards(wildcards):
    chosen = experiment_of(wildcards)
    return shards(chosen.correlation.shuffles, chosen.execution.shuffles_per_shard)


def comparison_names(comparison):
    """What a folder of `comparisons` stands for: the first columns of its row."""
    experiment, *rest = comparison.split("/")
    block = block_of(experiment)
    classifier, attack = (rest[0], rest[2]) if len(rest) == 3 else ("", "")
    return {
        "experiment": experiment,
        "dataset": block.dataset,
        "classifier": classifier,
        "attack": attack,
    }


def summarise(log):
    """Print what came out, if the table is there: the row of each test, where to find all, and cost."""
    path = Path("results/tables/correlations.csv")
    if not path.exists() or not any(comparisons(name) for name in EXPERIMENTS):
        return
    columns = {
        "experiment": "{}".format,
        "classifier": "{}".format,
        "attack": "{}".format,
        "pairs": "{}".format,
        "id": lambda value: f"{float(value):.2f}",
        "id_shuffled_mean": lambda value: f"{float(value):.2f}",
        "z": lambda value: f"{float(value):.2f}",
        "p": lambda value: f"{float(value):.1e}",
        "p_permutation": lambda value: f"{float(value):.2g}",
    }
    with open(path) as file:
        rows = [
            {name: show(row.get(name, "")) for name, show in columns.items()}
            for row in csv.DictReader(file)
        ]
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns}
    for row in [{name: name for name in columns}, *rows]:
        print("  ".join(row[name].ljust(width) for name, width in widths.items()))
    jobs, seconds = cost()
    print(f"\nTables:  {', '.join(all_tables())} (also .csv, .tex, .html)")
    print("Figures: results/figures (PNG, PDF, CSV)")
    print("Report:  snakemake --report report.html")
    print(f"Cost:    {seconds:.0f} s of run time in {jobs} jobs, of this run and those it built on")


def cost():
    """(jobs, wall-clock seconds of all together) of the chosen experiments, up to their rows."""
    seconds = []
    for experiment in EXPERIMENTS:
        for path in Path("results/benchmarks", experiment).rglob("*.tsv"):
            with open(path) as file:
                seconds += [float(row["s"]) for row in csv.DictReader(file, delimiter="\t")]
    return len(seconds), sum(seconds)
