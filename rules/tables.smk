# The experiment that each table of paper 1 shows.
PAPER_TABLES = {"table1": "spiral", "table2": "table2", "table3": "table3"}


wildcard_constraints:
    number="[123]",


localrules:
    correlation_table,
    paper_table,
    attack_table,


rule tables:
    input:
        all_tables(),


rule correlation_table:
    input:
        rows=[f"results/{folder}/row.csv" for name in EXPERIMENTS for folder in comparisons(name)],
        library=library("table.py"),
    output:
        **table("correlations", "correlations", "correlations"),
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


# A table of the paper: the rows of the experiment it shows, with the published ones below.
use rule correlation_table as paper_table with:
    input:
        rows=lambda wildcards: [
            f"results/{folder}/row.csv"
            for folder in comparisons(PAPER_TABLES[f"table{wildcards.number}"])
        ],
        published=lambda wildcards: published(f"table{wildcards.number}.csv"),
        library=library("table.py"),
    output:
        **table("table{number}", "table {number}", "paper_table"),
    log:
        "logs/tables/table{number}.log",
    benchmark:
        "results/benchmarks/tables/table{number}.tsv"


rule attack_table:
    input:
        predictions=[
            f"results/{each}/{classifier}/predictions.h5" for each, classifier, _ in ATTACKED
        ],
        attacks=[
            f"results/{each}/{classifier}/attacks/{attack}.h5"
            for each, classifier, attack in ATTACKED
        ],
        library=library("attack_table.py"),
    output:
        **table("attacks", "attacks", "attacks"),
    log:
        "logs/tables/attacks.log",
    benchmark:
        "results/benchmarks/tables/attacks.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        names=[attack_names(*each) for each in ATTACKED],
    script:
        "../workflow_scripts/attack_table.py"


rule table1:
    input:
        "results/tables/table1.md",


rule table2:
    input:
        "results/tables/table2.md",


rule table3:
    input:
        "results/tables/table3.md",
