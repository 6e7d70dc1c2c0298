rule dataset:
    input:
        library=library("dataset.py"),
    output:
        "results/{experiment}/dataset.h5",
    log:
        "logs/{experiment}/dataset.log",
    benchmark:
        "results/benchmarks/{experiment}/dataset.tsv"
    conda:
        "../envs/torch.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        settings=lambda wildcards: dataset_source(dataset_settings(wildcards)),
        seed=lambda wildcards: settings(wildcards).seed,
    script:
        "../workflow_scripts/dataset.py"
