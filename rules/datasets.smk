# In: published archives or the user's files. Out: dataset.h5, images and labels.
# Downloads run where Snakemake runs: compute nodes often have no internet.
rule download:
    """Fetch a published file and check it."""
    output:
        "resources/{folder}/{file}",
    log:
        "logs/resources/{folder}/{file}.log",
    localrule: True
    conda:
        "../envs/torch.yaml"
    params:
        urls=lambda wildcards: download_of(EXPERIMENTS.values(), *wildcards)[0],
        sha256=lambda wildcards: download_of(EXPERIMENTS.values(), *wildcards)[1],
    script:
        "../workflow_scripts/download.py"


rule dataset:
    """Write a dataset's file: images and labels, or the spiral."""
    input:
        sources=lambda wildcards: experiment(wildcards).dataset_files,
    output:
        layout.DATASET,
    log:
        "logs/{experiment}/dataset.log",
    benchmark:
        "results/benchmarks/{experiment}/dataset.tsv"
    conda:
        "../envs/torch.yaml"
    resources:
        mem_mb=asks(memory.dataset),
        runtime=grows(120),
    params:
        settings=lambda wildcards: experiment(wildcards).dataset.source_settings,
        seed=lambda wildcards: experiment(wildcards).seed,
        published=lambda wildcards: experiment(wildcards).dataset.published,
    script:
        "../workflow_scripts/write_dataset.py"
