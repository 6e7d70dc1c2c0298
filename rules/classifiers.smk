# In: dataset.h5, and weights if there are some. Out: classifier.h5 (weights), predictions.h5 (logits), classifier_sensitivity.h5.


rule classifier:
    """Train a classifier, load its weights, or fine-tune them, and classify the images."""
    input:
        dataset=layout.DATASET,
        weights=lambda wildcards: experiment(wildcards).weights_files(wildcards.classifier),
    output:
        classifier=layout.CLASSIFIER,
        predictions=layout.PREDICTIONS,
    log:
        "logs/{experiment}/{classifier}/classifier.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/classifier.tsv"
    conda:
        "../envs/torch.yaml"
    resources:
        mem_mb=asks(memory.training, "classifier", gpu=True),
        runtime=grows(720),
        gpu=GPUS,
    params:
        code=network_code("train_classifier.py"),
        settings=lambda wildcards: experiment(wildcards).trained[wildcards.classifier].settings,
        seed=lambda wildcards: experiment(wildcards).training_seed(wildcards.classifier),
        # Not whether there are several: the first would be trained again when one is added.
        of_another_seed=lambda wildcards: (
            experiment(wildcards).training_seed(wildcards.classifier) != experiment(wildcards).seed
        ),
    script:
        "../workflow_scripts/train_classifier.py"


rule classifier_sensitivity:
    """Error under noise of single frequencies, and accuracy against a band kept."""
    input:
        classifier=layout.CLASSIFIER,
        predictions=layout.PREDICTIONS,
        dataset=layout.DATASET,
    output:
        layout.SENSITIVITY,
    log:
        "logs/{experiment}/{classifier}/classifier_sensitivity.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/classifier_sensitivity.tsv"
    conda:
        "../envs/torch.yaml"
    resources:
        mem_mb=asks(memory.classified, gpu=True),
        runtime=grows(120),
        gpu=GPUS,
    params:
        code=network_code("measure_sensitivity.py"),
        images=lambda wildcards: experiment(wildcards).images,
    script:
        "../workflow_scripts/measure_sensitivity.py"
