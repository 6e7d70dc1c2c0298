# The experiment that each table of paper 1 shows.
PAPER_TABLES = {"table1": "spiral", "table2": "table2", "table3": "table3"}


wildcard_constraints:
    number="[123]",


localrules:
    correlation_table,
    paper_table,


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
        csv="results/tables/table{number}.csv",
        markdown=report(
            "results/tables/table{number}.md",
            category="Tables",
            labels={"table": "table {number}", "format": "Markdown"},
        ),
        latex="results/tables/table{number}.tex",
        html=report(
            "results/tables/table{number}.html",
            category="Tables",
            caption="../workflow_scripts/captions/paper_table.rst",
            labels={"table": "table {number}", "format": "HTML"},
        ),
    log:
        "logs/tables/table{number}.log",
    benchmark:
        "results/benchmarks/tables/table{number}.tsv"


rule table1:
    input:
        "results/tables/table1.md",


rule table2:
    input:
        "results/tables/table2.md",


rule table3:
    input:
        "results/tables/table3.md",
