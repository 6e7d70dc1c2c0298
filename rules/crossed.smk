# Crossed trainings: own attacks against other trainings' with the image held fixed (docs/crossed.md).


CROSSED = [one for chosen in CHOSEN for one in chosen.crossings]


rule crossed_products:
    """Products between the masks and the perturbations of all trainings, summed over their common images."""
    input:
        unpack(lambda wildcards: crossing(wildcards).inputs),
        dataset=layout.DATASET,
    output:
        layout.CROSSED_PRODUCTS,
    log:
        "logs/{experiment}/crossed/{trainings}/{attack}/products.log",
    benchmark:
        "results/benchmarks/{experiment}/crossed/{trainings}/{attack}/products.tsv"
    conda:
        "../envs/correlation.yaml"
    resources:
        mem_mb=asks(memory.crossed),
        runtime=grows(120),
    params:
        bands=lambda wildcards: experiment(wildcards).crossed.bands,
    script:
        "../workflow_scripts/cross_trainings.py"


rule crossed_table:
    """What the trainings say of each attack, with the ceiling and the negative control."""
    input:
        products=[one.products for one in CROSSED],
    output:
        **table("crossed", "crossed trainings", "crossed", details=True),
    log:
        "logs/tables/crossed.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        names=[one.names for one in CROSSED],
        seeds=[one.experiment.seed for one in CROSSED],
        margins=[one.experiment.crossed.margin for one in CROSSED],
    script:
        "../workflow_scripts/tabulate_crossed.py"


rule crossed_figures:
    """Draw the table of trainings by trainings, and rho against the ceiling and against resolution."""
    input:
        products=layout.CROSSED_PRODUCTS,
    output:
        trainings=figure(f"{layout.OF_CROSSING}/trainings"),
        resolution=figure(f"{layout.OF_CROSSING}/resolution"),
    log:
        "logs/figures/{experiment}/crossed/{trainings}/{attack}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        names=lambda wildcards: crossing(wildcards).names,
        labels=lambda wildcards: crossing(wildcards).labels,
        seed=lambda wildcards: experiment(wildcards).seed,
    script:
        "../workflow_scripts/plot_crossed.py"
