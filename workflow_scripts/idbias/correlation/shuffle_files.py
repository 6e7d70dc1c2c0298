"""Statistics of shuffles, read from the shard files that hold them."""

import numpy as np

from idbias import files
from idbias.correlation.strata import paired
from idbias.errors import InputError

# A shuffle that has no I_d is NaN.
MAY_LACK = ("intrinsic_dimension",)


def by_way(shuffles):
    """Return what is shuffled within -> its shard files, in their order."""
    ways = {}
    for path in shuffles:
        within = files.read(path, [])[1].get("within", "all")
        ways.setdefault(within, []).append(path)
    return ways


def how_paired(path):
    """Return pairings and share_in_place (strata.py) of the shuffles in a shard file, name -> float.

    A file of an earlier idbias does not say; then as if all were shuffled among each other.
    """
    about = files.read(path, [])[1]
    return {name: float(about.get(name, default)) for name, default in paired(None).items()}


def read_statistics(paths):
    """Return each statistic of every replicate in shard files, name -> float64 (R,), by number.

    I_d is NaN of a replicate that has none. Raises InputError unless they are the replicates 0 .. R-1,
    each once, of one seed and estimator.
    """
    shards, attributes = zip(*(files.read(path, nan=MAY_LACK) for path in paths), strict=True)
    made = ("comparison", "seed", "estimator", "mu_fraction", "neighbours", "within")
    for path, shard, about in zip(paths, shards, attributes, strict=True):
        differ = any(about.get(name) != attributes[0].get(name) for name in made)
        if differ or shard.keys() != shards[0].keys():
            raise InputError(
                f"{path} was not made as {paths[0]} was (its {', '.join(made)} or statistics differ "
                "somewhere); delete the one that is out of date and run again."
            )
    statistics = {name: np.concatenate([shard[name] for shard in shards]) for name in shards[0]}
    numbers = statistics.pop("replicate")
    order = np.argsort(numbers, kind="stable")
    if not np.array_equal(numbers[order], np.arange(len(numbers))):
        raise InputError(
            f"the shuffles from {paths[0]} to {paths[-1]} are not replicates 0 to {len(numbers) - 1}, "
            "each once; delete them and run again."
        )
    return {name: values[order] for name, values in statistics.items()}
