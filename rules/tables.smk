# The experiment that each table of paper 1 shows.
PAPER_TABLES = {"table1": "spiral", "table2": "table2", "table3": "table3"}


wildcard_constraints:
    number="[123]",


# Each attack of the chosen experiments.
ATTACKED = [pair for chosen in CHOSEN for pair in chosen.attacked]


localrules:
    correlation_table,
    paper_table,
    attack_table,


rule correlation_table:
    """Table of rows: of the chosen experiments, or of a table of the paper."""
    input:
        rows=[pair.row for chosen in CHOSEN for pair in chosen.comparisons],
    output:
        **table("correlations", "correlations", "correlations", details=True),
    log:
        "logs/tables/correlations.log",
    benchmark:
        "results/benchmarks/tables/correlations.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=lambda wildcards: code("tabulate_rows.py"),
    script:
        "../workflow_scripts/tabulate_rows.py"


# A table of the paper: the rows of the experiment it shows, with the published ones below.
use rule correlation_table as paper_table with:
    input:
        rows=lambda wildcards: [
            pair.row for pair in EXPERIMENTS[PAPER_TABLES[f"table{wildcards.number}"]].comparisons
        ],
        published=lambda wildcards: published(f"table{wildcards.number}.csv"),
    output:
        **table("table{number}", "table {number}", "paper_table", details=True),
    log:
        "logs/tables/table{number}.log",
    benchmark:
        "results/benchmarks/tables/table{number}.tsv"


rule attack_table:
    """Table of what each attack did."""
    input:
        predictions=[pair.predictions for pair in ATTACKED],
        attacks=[pair.attacked for pair in ATTACKED],
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
        code=lambda wildcards: code("tabulate_attacks.py"),
        names=[pair.attack_names for pair in ATTACKED],
    script:
        "../workflow_scripts/tabulate_attacks.py"
