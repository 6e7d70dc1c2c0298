rule dataset:
    input:
        library=library("dataset.py"),
    output:
        "results/{experiment}/dataset.h5",
    params:
        settings=lambda wildcards: dataset_source(dataset_settings(wildcards)),
        seed=lambda wildcards: settings(wildcards).seed,
    log:
        "logs/{experiment}/dataset.log",
    benchmark:
        "results/benchmarks/{experiment}/dataset.tsv"
    resources:
        mem_mb=4000,
        runtime=30,
    conda:
        "../envs/torch.yaml"
    script:
        "../workflow_scripts/dataset.py"
