# Jobs of a second or two run where Snakemake runs, not on a node.
localrules:
    attack,


rule attack_shard:
    input:
        dataset="results/{experiment}/dataset.h5",
        classifier="results/{experiment}/{classifier}/classifier.h5",
        predictions="results/{experiment}/{classifier}/predictions.h5",
        library=lambda wildcards: library("attack_shard.py", network_module(wildcards)),
    output:
        "results/{experiment}/{classifier}/attacks/{attack}/{shard}.h5",
    log:
        "logs/{experiment}/{classifier}/attacks/{attack}/{shard}.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/attacks/{attack}/{shard}.tsv"
    conda:
        "../envs/attacks.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
        gpu=GPUS,
    params:
        settings=lambda wildcards: plain(settings(wildcards).attacks[wildcards.attack]),
        seed=lambda wildcards: settings(wildcards).seed,
    script:
        "../workflow_scripts/attack_shard.py"


rule attack:
    input:
        lambda wildcards: expand(
            "results/{{experiment}}/{{classifier}}/attacks/{{attack}}/{shard}.h5",
            shard=image_shards(wildcards),
        ),
    output:
        "results/{experiment}/{classifier}/attacks/{attack}.h5",
    log:
        "logs/{experiment}/{classifier}/attacks/{attack}.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/attacks/{attack}.tsv"
    conda:
        "../envs/torch.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    script:
        "../workflow_scripts/link_shards.py"
