# Jobs of a second or two run where Snakemake runs, not on a node.
localrules:
    essential_masks,
    adversarial_masks,


# Essential masks depend on the classifier alone: every attack shares them.
rule essential_mask_shard:
    """Train the masks of one shard of images, essential or adversarial."""
    input:
        dataset="results/{experiment}/dataset.h5",
        classifier="results/{experiment}/{classifier}/classifier.h5",
        targets="results/{experiment}/{classifier}/predictions.h5",
    output:
        "results/{experiment}/{classifier}/masks/essential/{shard}.h5",
    log:
        "logs/{experiment}/{classifier}/masks/essential/{shard}.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/masks/essential/{shard}.tsv"
    conda:
        "../envs/torch.yaml"
    # Few masks train for less time than their job takes to start: two such jobs at once.
    threads: lambda wildcards: 1 if experiment(wildcards).images <= 256 else 2
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
        gpu=GPUS,
    params:
        code=network_code("train_masks.py"),
        settings=lambda wildcards: experiment(wildcards).masks.model_dump(),
    script:
        "../workflow_scripts/train_masks.py"


use rule essential_mask_shard as adversarial_mask_shard with:
    input:
        classifier="results/{experiment}/{classifier}/classifier.h5",
        targets="results/{experiment}/{classifier}/attacks/{attack}/{shard}.h5",
    output:
        "results/{experiment}/{classifier}/masks/adversarial/{attack}/{shard}.h5",
    log:
        "logs/{experiment}/{classifier}/masks/adversarial/{attack}/{shard}.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/masks/adversarial/{attack}/{shard}.tsv"


rule essential_masks:
    """Join the shards of the masks, essential or adversarial."""
    input:
        lambda wildcards: expand(
            "results/{{experiment}}/{{classifier}}/masks/essential/{shard}.h5",
            shard=experiment(wildcards).image_shards,
        ),
    output:
        "results/{experiment}/{classifier}/masks/essential.h5",
    log:
        "logs/{experiment}/{classifier}/masks/essential.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/masks/essential.tsv"
    conda:
        "../envs/torch.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=lambda wildcards: code("join_shards.py"),
    script:
        "../workflow_scripts/join_shards.py"


use rule essential_masks as adversarial_masks with:
    input:
        lambda wildcards: expand(
            "results/{{experiment}}/{{classifier}}/masks/adversarial/{{attack}}/{shard}.h5",
            shard=experiment(wildcards).image_shards,
        ),
    output:
        "results/{experiment}/{classifier}/masks/adversarial/{attack}.h5",
    log:
        "logs/{experiment}/{classifier}/masks/adversarial/{attack}.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/masks/adversarial/{attack}.tsv"
