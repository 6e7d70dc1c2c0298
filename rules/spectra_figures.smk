# Paper 2's figures, of one attack on all classifiers of an experiment.
rule spectra_figures:
    input:
        perturbations=lambda wildcards: expand(
            "results/{{experiment}}/{classifier}/spectra/{{attack}}.h5",
            classifier=block_of(wildcards.experiment).classifiers,
        ),
        classifiers=lambda wildcards: expand(
            "results/{{experiment}}/{classifier}/classifier_spectrum.h5",
            classifier=block_of(wildcards.experiment).classifiers,
        ),
        library=library("spectra_figures.py"),
    output:
        spectra=figure(
            "{experiment}/spectra/{attack}/spectra",
            "spectra of perturbations",
            "Frequencies",
            "spectra",
            names_of_attacked_experiment,
        ),
        profiles=figure(
            "{experiment}/spectra/{attack}/profiles",
            "radial profiles of perturbations",
            "Frequencies",
            "profiles",
            names_of_attacked_experiment,
        ),
        frequencies=figure(
            "{experiment}/spectra/{attack}/frequencies",
            "mean radial frequencies",
            "Frequencies",
            "frequencies",
            names_of_attacked_experiment,
        ),
    log:
        "logs/figures/{experiment}/spectra/{attack}.log",
    benchmark:
        "results/benchmarks/figures/{experiment}/spectra/{attack}.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        seed=lambda wildcards: settings(wildcards).seed,
        names=lambda wildcards: title(names_of_attacked_experiment(wildcards)),
    script:
        "../workflow_scripts/spectra_figures.py"


rule kernel_figure:
    input:
        perturbations=lambda wildcards: expand(
            "results/{{experiment}}/{classifier}/spectra/{{attack}}.h5",
            classifier=kernels_of(wildcards),
        ),
        classifiers=lambda wildcards: expand(
            "results/{{experiment}}/{classifier}/classifier_spectrum.h5",
            classifier=kernels_of(wildcards),
        ),
        library=library("kernel_figure.py"),
    output:
        kernels=figure(
            "{experiment}/spectra/{attack}/kernels",
            "size of the kernel",
            "Frequencies",
            "kernels",
            names_of_attacked_experiment,
        ),
    log:
        "logs/figures/{experiment}/spectra/{attack}_kernels.log",
    benchmark:
        "results/benchmarks/figures/{experiment}/spectra/{attack}_kernels.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        seed=lambda wildcards: settings(wildcards).seed,
        kernels=kernels_of,
    script:
        "../workflow_scripts/kernel_figure.py"
