"""Pair the two scalars of the spiral (Table 1)."""

from idbias.stage import stage

with stage(snakemake):
    from idbias import files
    from idbias.similarity import r_squared

    sets, _ = files.read(snakemake.input.dataset, ["first", "second"])
    points = len(sets["first"])
    files.write(
        snakemake.output[0],
        {"index": range(points), **sets},
        {**dict(snakemake.wildcards), "r_squared": r_squared(sets["first"], sets["second"])},
    )
