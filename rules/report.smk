# The tables and figures of the chosen experiments, and what `snakemake --report` shows.
rule tables:
    input:
        "results/tables/correlations.md",
        ["results/tables/table1.md"] if "spiral" in EXPERIMENTS else [],


rule correlation_table:
    input:
        rows=[f"results/{folder}/row.csv" for name in EXPERIMENTS for folder in comparisons(name)],
        library=library("table.py"),
    output:
        csv="results/tables/correlations.csv",
        markdown=report(
            "results/tables/correlations.md",
            category="Tables",
            labels={"table": "correlations", "format": "Markdown"},
        ),
        latex="results/tables/correlations.tex",
        html=report(
            "results/tables/correlations.html",
            category="Tables",
            caption="../workflow_scripts/captions/correlations.rst",
            labels={"table": "correlations", "format": "HTML"},
        ),
    log:
        "logs/tables/correlations.log",
    benchmark:
        "results/benchmarks/tables/correlations.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    script:
        "../workflow_scripts/table.py"


use rule correlation_table as table1 with:
    input:
        rows=["results/spiral/correlations/row.csv"],
        published="workflow_scripts/published/table1.csv",
        library=library("table.py"),
    output:
        csv="results/tables/table1.csv",
        markdown=report(
            "results/tables/table1.md",
            category="Tables",
            labels={"table": "table 1 (spiral)", "format": "Markdown"},
        ),
        latex="results/tables/table1.tex",
        html=report(
            "results/tables/table1.html",
            category="Tables",
            caption="../workflow_scripts/captions/table1.rst",
            labels={"table": "table 1 (spiral)", "format": "HTML"},
        ),
    log:
        "logs/tables/table1.log",
    benchmark:
        "results/benchmarks/tables/table1.tsv"


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
