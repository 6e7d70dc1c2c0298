# In: spectra/A.h5 and classifier_spectrum.h5 of several classifiers. Out: figures of them.


rule spectra_figures:
    """Draw the spectra of one attack on all classifiers of an experiment."""
    input:
        perturbations=lambda wildcards: expand(
            layout.PERTURBATION_SPECTRUM,
            classifier=experiment(wildcards).classifiers,
            allow_missing=True,
        ),
        classifiers=lambda wildcards: expand(
            layout.CLASSIFIER_SPECTRUM,
            classifier=experiment(wildcards).classifiers,
            allow_missing=True,
        ),
    output:
        spectra=figure("{experiment}/spectra/{attack}/spectra"),
        profiles=figure("{experiment}/spectra/{attack}/profiles"),
        frequencies=figure("{experiment}/spectra/{attack}/frequencies"),
    log:
        "logs/figures/{experiment}/spectra/{attack}.log",
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=asks(memory.light),
        runtime=grows(20),
    params:
        seed=lambda wildcards: experiment(wildcards).seed,
        names=title,
        models=lambda wildcards: experiment(wildcards).zoo_models,
    script:
        "../workflow_scripts/plot_spectra.py"


rule kernel_figure:
    """Draw the kernel's size against the frequency of perturbations."""
    input:
        rules.kernel_sizes.output.csv,
    output:
        kernels=figure("kernel_sizes", category="Kernels"),
    log:
        "logs/figures/kernel_sizes.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    script:
        "../workflow_scripts/plot_kernels.py"
