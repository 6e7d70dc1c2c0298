# In: both kinds of masks, or two arrays. Out: pairs.h5, distances, intrinsic dimensions, shuffles, row.csv.


wildcard_constraints:
    comparison=r"[^/]+(/[^/]+)?/correlations(/[^/]+)?|[^/]+/[^/]+/controls/[^/]+/[^/]+",
    shuffles=r"shuffles(_within_(class|size|spectrum))?",


rule array_pairs:
    """Two sets that are no masks, of an experiment without classifiers."""
    input:
        arrays=lambda wildcards: experiment(wildcards).array_files,
    output:
        layout.within(layout.PAIRS, layout.OF_ARRAYS),
    log:
        "logs/{experiment}/correlations/pairs.log",
    benchmark:
        "results/benchmarks/{experiment}/correlations/pairs.tsv"
    conda:
        "../envs/correlation.yaml"
    resources:
        mem_mb=grows(2000),
        runtime=grows(60),
    params:
        arrays=lambda wildcards: experiment(wildcards).arrays,
    script:
        "../workflow_scripts/pair_arrays.py"


rule mask_pairs:
    """Pair the masks of the images that have both kinds."""
    input:
        predictions=layout.PREDICTIONS,
        attack=of_attack("attack"),
        essential=of_attack("essential"),
        adversarial=of_attack("adversarial"),
    output:
        layout.within(layout.PAIRS, layout.OF_ATTACK),
    log:
        "logs/{experiment}/{classifier}/correlations/{attack}/pairs.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/correlations/{attack}/pairs.tsv"
    conda:
        "../envs/correlation.yaml"
    resources:
        mem_mb=asks(memory.light),
        runtime=grows(30),
    params:
        images=lambda wildcards: experiment(wildcards).images,
    script:
        "../workflow_scripts/pair_masks.py"


rule distances:
    """Squared distances within each of the two sets."""
    input:
        pairs=layout.PAIRS,
    output:
        first=layout.FIRST_DISTANCES,
        second=layout.SECOND_DISTANCES,
    log:
        "logs/{comparison}/distances.log",
    benchmark:
        "results/benchmarks/{comparison}/distances.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=asks(memory.distances, gpu=True),
        runtime=grows(240),
        gpu=GPUS,
    params:
        dtype=lambda wildcards: experiment(wildcards).correlation.distances,
        preprocessing=lambda wildcards: experiment(wildcards).correlation.preprocessing,
    script:
        "../workflow_scripts/compute_distances.py"


rule intrinsic_dimensions:
    """I_d of each set and of both joined, and the baselines, as they are."""
    input:
        pairs=layout.PAIRS,
        first=layout.FIRST_DISTANCES,
        second=layout.SECOND_DISTANCES,
    output:
        layout.DIMENSIONS,
    log:
        "logs/{comparison}/intrinsic_dimensions.log",
    benchmark:
        "results/benchmarks/{comparison}/intrinsic_dimensions.tsv"
    conda:
        "../envs/correlation.yaml"
    threads: 2
    resources:
        mem_mb=asks(memory.dimensions),
        runtime=grows(120),
    params:
        estimator=lambda wildcards: experiment(wildcards).correlation.estimate,
        preprocessing=lambda wildcards: experiment(wildcards).correlation.preprocessing,
        baselines=lambda wildcards: experiment(wildcards).correlation.baselines,
        svcca=lambda wildcards: experiment(wildcards).correlation.svcca,
        seed=lambda wildcards: experiment(wildcards).seed,
    script:
        "../workflow_scripts/estimate_dimensions.py"


rule shuffle_shard:
    """I_d and baselines with the second set shuffled, for a range of replicates."""
    input:
        pairs=layout.PAIRS,
        dataset=lambda wildcards: experiment(wildcards).strata_files(wildcards.shuffles),
        first=layout.FIRST_DISTANCES,
        second=layout.SECOND_DISTANCES,
    output:
        layout.SHUFFLES,
    log:
        "logs/{comparison}/{shuffles}/{shard}.log",
    benchmark:
        "results/benchmarks/{comparison}/{shuffles}/{shard}.tsv"
    conda:
        "../envs/correlation.yaml"
    threads: 2
    resources:
        mem_mb=asks(memory.dimensions),
        runtime=grows(240),
    params:
        estimator=lambda wildcards: experiment(wildcards).correlation.estimate,
        within=lambda wildcards: experiment(wildcards).correlation.within(wildcards.shuffles),
        stratum=lambda wildcards: experiment(wildcards).correlation.stratum,
        preprocessing=lambda wildcards: experiment(wildcards).correlation.preprocessing,
        baselines=lambda wildcards: experiment(wildcards).correlation.baselines,
        seed=lambda wildcards: experiment(wildcards).seed,
    script:
        "../workflow_scripts/shuffle_pairs.py"


rule row:
    """The rows of the correlation table of two sets, one for each way to shuffle them."""
    input:
        pairs=layout.PAIRS,
        dimensions=layout.DIMENSIONS,
        shuffles=lambda wildcards: expand(
            layout.SHUFFLES,
            shuffles=experiment(wildcards).correlation.shuffles_folders,
            shard=experiment(wildcards).shuffle_shards,
            allow_missing=True,
        ),
    output:
        layout.ROW,
    log:
        "logs/{comparison}/row.log",
    benchmark:
        "results/benchmarks/{comparison}/row.tsv"
    localrule: True
    conda:
        "../envs/correlation.yaml"
    params:
        names=names_of,
    script:
        "../workflow_scripts/write_row.py"


rule class_curve_of_pairs:
    """The I_d test and the distance correlation of 1 to 10 classes, with as many pairs for each."""
    input:
        pairs=layout.PAIRS,
        first=layout.FIRST_DISTANCES,
        second=layout.SECOND_DISTANCES,
    output:
        layout.CLASS_CURVE,
    log:
        "logs/{comparison}/class_curve.log",
    benchmark:
        "results/benchmarks/{comparison}/class_curve.tsv"
    conda:
        "../envs/correlation.yaml"
    threads: 2
    resources:
        mem_mb=asks(memory.class_curve),
        runtime=grows(60),
    params:
        estimator=lambda wildcards: experiment(wildcards).correlation.estimate,
        seed=lambda wildcards: experiment(wildcards).seed,
    script:
        "../workflow_scripts/measure_class_curve.py"
