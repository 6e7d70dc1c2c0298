# In: dataset.h5, classifier.h5, and predictions.h5 or an attack's shard. Out: masks in shards, masks/KIND/SHARD.h5.
# Essential masks depend only on the classifier: every attack shares them.
rule essential_mask_shard:
    """Train the masks of one shard of images, essential or adversarial."""
    input:
        dataset=layout.DATASET,
        classifier=layout.CLASSIFIER,
        targets=layout.PREDICTIONS,
    output:
        layout.shard_of(layout.ESSENTIAL),
    log:
        "logs/{experiment}/{classifier}/masks/essential/{shard}.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/masks/essential/{shard}.tsv"
    conda:
        "../envs/torch.yaml"
    # Few masks train for less time than their job takes to start: two such jobs at once.
    threads: lambda wildcards: 1 if experiment(wildcards).images <= 256 else 2
    resources:
        mem_mb=asks(memory.masks, gpu=True),
        runtime=grows(240),
        gpu=GPUS,
    params:
        code=network_code("train_masks.py"),
        settings=lambda wildcards: experiment(wildcards).masks.model_dump(),
    script:
        "../workflow_scripts/train_masks.py"


use rule essential_mask_shard as adversarial_mask_shard with:
    input:
        classifier=layout.CLASSIFIER,
        targets=layout.shard_of(layout.ATTACK),
    output:
        layout.shard_of(layout.ADVERSARIAL),
    log:
        "logs/{experiment}/{classifier}/masks/adversarial/{attack}/{shard}.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/masks/adversarial/{attack}/{shard}.tsv"
