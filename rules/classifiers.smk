rule classifier:
    input:
        dataset="results/{experiment}/dataset.h5",
        weights=lambda wildcards: weights_files(wildcards),
        library=lambda wildcards: library("classifier.py", network_module(wildcards)),
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
        settings=lambda wildcards: plain(classifier_settings(wildcards)),
        seed=lambda wildcards: settings(wildcards).seed,
    script:
        "../workflow_scripts/classifier.py"


rule predictions:
    input:
        dataset="results/{experiment}/dataset.h5",
        classifier="results/{experiment}/{classifier}/classifier.h5",
        library=lambda wildcards: library("predictions.py", network_module(wildcards)),
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
