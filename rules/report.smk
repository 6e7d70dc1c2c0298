# Figures, and what `snakemake --report` shows.


rule figures:
    input:
        [f"results/{folder}/shuffles.png" for name in EXPERIMENTS for folder in comparisons(name)],


rule shuffle_histogram:
    input:
        dimensions="results/{comparison}/intrinsic_dimensions.h5",
        shuffles=lambda wildcards: expand(
            "results/{{comparison}}/shuffles/{shard}.h5", shard=shuffle_shards(wildcards)
        ),
        row="results/{comparison}/row.csv",
        library=library("shuffle_histogram.py"),
    output:
        png=report(
            "results/{comparison}/shuffles.png",
            category="Intrinsic dimension",
            caption="../workflow_scripts/captions/shuffles.rst",
            labels=lambda wildcards: comparison_names(wildcards.comparison),
        ),
        pdf="results/{comparison}/shuffles.pdf",
        csv="results/{comparison}/shuffles.csv",
    log:
        "logs/{comparison}/shuffles.log",
    benchmark:
        "results/benchmarks/{comparison}/shuffle_histogram.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    script:
        "../workflow_scripts/shuffle_histogram.py"
