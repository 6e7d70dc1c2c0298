rule classifier:
    """Train a classifier, load its weights, or fine-tune them."""
    input:
        dataset="results/{experiment}/dataset.h5",
        weights=lambda wildcards: experiment(wildcards).weights_files(wildcards.classifier),
        library=network_library("classifier.py"),
    output:
        "results/{experiment}/{classifier}/classifier.h5",
    log:
        "logs/{experiment}/{classifier}/classifier.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/classifier.tsv"
    conda:
        "../envs/torch.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 720 * attempt,
        gpu=GPUS,
    params:
        settings=lambda wildcards: classifier(wildcards).model_dump(),
        seed=lambda wildcards: experiment(wildcards).seed,
    script:
        "../workflow_scripts/classifier.py"


rule predictions:
    """Classify the images that may get masks."""
    input:
        dataset="results/{experiment}/dataset.h5",
        classifier="results/{experiment}/{classifier}/classifier.h5",
        library=network_library("predictions.py"),
    output:
        "results/{experiment}/{classifier}/predictions.h5",
    log:
        "logs/{experiment}/{classifier}/predictions.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/predictions.tsv"
    conda:
        "../envs/torch.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=60,
        gpu=GPUS,
    script:
        "../workflow_scripts/predictions.py"
