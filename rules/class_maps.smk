# In: dataset.h5, classifier.h5, an attack. Out: a map for each class, and a row of what the maps undo.
# A mask a class instead of an image: does it undo the attack?


wildcard_constraints:
    label="[0-9]+",


rule class_map:
    """Train the map of one class."""
    input:
        dataset=layout.DATASET,
        classifier=layout.CLASSIFIER,
        attack=of_attack("attack"),
    output:
        layout.CLASS_MAP,
    log:
        "logs/{experiment}/{classifier}/class_maps/{attack}/{label}.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/class_maps/{attack}/{label}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=asks(memory.class_map, gpu=True),
        runtime=grows(480),
        gpu=GPUS,
    params:
        code=network_code("train_class_map.py"),
        settings=lambda wildcards: experiment(wildcards).class_maps.model_dump(),
        masked=lambda wildcards: experiment(wildcards).dataset.masked,
        seed=lambda wildcards: experiment(wildcards).seed,
    script:
        "../workflow_scripts/train_class_map.py"


rule class_map_row:
    """What the maps of all classes do to images they were not trained on."""
    input:
        dataset=layout.DATASET,
        classifier=layout.CLASSIFIER,
        attack=of_attack("attack"),
        maps=lambda wildcards: expand(
            layout.CLASS_MAP,
            label=range(experiment(wildcards).classes),
            allow_missing=True,
        ),
    output:
        layout.CLASS_MAP_ROW,
    log:
        "logs/{experiment}/{classifier}/class_maps/{attack}/row.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/class_maps/{attack}/row.tsv"
    conda:
        "../envs/torch.yaml"
    resources:
        mem_mb=asks(memory.classified),
        runtime=grows(30),
    params:
        code=network_code("measure_class_maps.py"),
        names=names_of,
        images=lambda wildcards: experiment(wildcards).images,
        masked=lambda wildcards: experiment(wildcards).dataset.masked,
        seed=lambda wildcards: experiment(wildcards).seed,
    script:
        "../workflow_scripts/measure_class_maps.py"


# Accuracy before each attack, after it, and after the maps undid it.
use rule correlation_table as class_map_table with:
    input:
        rows=of_chosen(layout.CLASS_MAP_ROW, "class_maps"),
    output:
        **table("class_maps", "class-level maps", "class_maps"),
    log:
        "logs/tables/class_maps.log",
