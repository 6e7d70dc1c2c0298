# In: rows of comparisons, attacks. Out: tables as CSV, Markdown, LaTeX and HTML.
# The experiment that each table of paper 1 shows.
PAPER_TABLES = {"table1": "spiral", "table2": "table2", "table3": "table3"}


wildcard_constraints:
    number="[123]",


# Each attack of the chosen experiments.
ATTACKED = [comparison for chosen in CHOSEN for comparison in chosen.attack_comparisons]


rule correlation_table:
    """Table of rows: of the chosen experiments, or of a table of the paper."""
    input:
        rows=[comparison.row for chosen in CHOSEN for comparison in chosen.comparisons],
    output:
        **table("correlations", "correlations", "correlations", details=True),
    log:
        "logs/tables/correlations.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    script:
        "../workflow_scripts/tabulate_rows.py"


# A table of the paper: the rows of the experiment it shows, with the published ones below.
use rule correlation_table as paper_table with:
    input:
        rows=lambda wildcards: [
            comparison.row
            for comparison in EXPERIMENTS[PAPER_TABLES[f"table{wildcards.number}"]].comparisons
        ],
        published=lambda wildcards: published(f"table{wildcards.number}.csv"),
    output:
        **table("table{number}", "table {number}", "paper_table", details=True),
    log:
        "logs/tables/table{number}.log",


rule attack_table:
    """Table of what each attack did."""
    input:
        predictions=[comparison.predictions for comparison in ATTACKED],
        attacks=[comparison.attack_file for comparison in ATTACKED],
    output:
        **table("attacks", "attacks", "attacks"),
    log:
        "logs/tables/attacks.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        names=[comparison.attack_names for comparison in ATTACKED],
    script:
        "../workflow_scripts/tabulate_attacks.py"
