# In: dataset.h5, classifier.h5, predictions.h5. Out: adversarial images in shards, attacks/A/SHARD.h5.


ONE_AT_A_TIME = sorted(
    {
        name
        for each in EXPERIMENTS.values()
        for name, attack in each.attacks.items()
        if attack.brendel_bethge
    }
)


# First of all: a file that does not fit should be known before a classifier has trained.
rule attack_file:
    """Check adversarial images that were made elsewhere."""
    input:
        dataset=layout.DATASET,
        files=lambda wildcards: files_named(
            experiment(wildcards).attacks[wildcards.attack].files.values()
        ),
    output:
        layout.MADE_ELSEWHERE,
    log:
        "logs/{experiment}/made_elsewhere/{attack}.log",
    benchmark:
        "results/benchmarks/{experiment}/made_elsewhere/{attack}.tsv"
    priority: 1
    conda:
        "../envs/attacks.yaml"
    resources:
        mem_mb=asks(memory.shard),
        runtime=grows(60),
    params:
        files=lambda wildcards: experiment(wildcards).attacks[wildcards.attack].files,
        images=lambda wildcards: experiment(wildcards).images,
    script:
        "../workflow_scripts/read_attack_file.py"


rule attack_shard:
    """Attack the correctly classified images of one shard."""
    input:
        dataset=layout.DATASET,
        classifier=layout.CLASSIFIER,
        predictions=layout.PREDICTIONS,
        made_elsewhere=lambda wildcards: experiment(wildcards).made_elsewhere(wildcards.attack),
    output:
        layout.shard_of(layout.ATTACK),
    log:
        "logs/{experiment}/{classifier}/attacks/{attack}/{shard}.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/attacks/{attack}/{shard}.tsv"
    wildcard_constraints:
        attack=rf"(?!({'|'.join(map(re.escape, ONE_AT_A_TIME)) or '/'})/)[^/]+",
    conda:
        "../envs/attacks.yaml"
    resources:
        mem_mb=asks(memory.attack, gpu=True),
        runtime=grows(120),
        gpu=GPUS,
    params:
        code=lambda wildcards: code(
            "attack_images.py",
            experiment(wildcards).network_module(wildcards.classifier),
            experiment(wildcards).attack_module(wildcards.attack),
        ),
        settings=lambda wildcards: experiment(wildcards).attacks[wildcards.attack].settings,
        seed=lambda wildcards: experiment(wildcards).seed,
    script:
        "../workflow_scripts/attack_images.py"


# Brendel-Bethge goes an image at a time, most of it on the processor: many shards, no GPU.
use rule attack_shard as attack_shard_on_cpu with:
    wildcard_constraints:
        attack="|".join(map(re.escape, ONE_AT_A_TIME)) or "(?!)",
    resources:
        mem_mb=asks(memory.brendel_bethge),
        runtime=grows(720),
