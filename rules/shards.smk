# In: the shards of attacked images or masks. Out: a small file that names them as one whole.


rule join_shards:
    """Name the shards of an attack, or of masks, as one; nothing is copied."""
    input:
        lambda wildcards: expand(
            layout.SHARD, shard=experiment(wildcards).image_shards, allow_missing=True
        ),
    output:
        layout.WHOLE,
    log:
        "logs/{experiment}/{classifier}/{stage}.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/{stage}.tsv"
    wildcard_constraints:
        stage="|".join(re.sub("{.*?}", "[^/]+", stage) for stage in layout.STAGES),
    localrule: True
    conda:
        "../envs/torch.yaml"
    script:
        "../workflow_scripts/join_shards.py"
