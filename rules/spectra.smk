# In: dataset.h5, attacks, masks, classifier.h5. Out: spectra/A.h5, classifier_spectrum.h5, and tables of them.
# Paper 2: where perturbations, input gradients, weights and masks have their energy.


rule perturbation_spectrum:
    """Where an attack's perturbations, and masks, have their energy."""
    input:
        unpack(
            lambda wildcards: experiment(wildcards).masks_files(
                wildcards.classifier, wildcards.attack
            )
        ),
        dataset=layout.DATASET,
        attack=of_attack("attack"),
    output:
        layout.PERTURBATION_SPECTRUM,
    log:
        "logs/{experiment}/{classifier}/spectra/{attack}.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/spectra/{attack}.tsv"
    conda:
        "../envs/correlation.yaml"
    resources:
        mem_mb=asks(memory.light),
        runtime=grows(60),
    script:
        "../workflow_scripts/measure_perturbations.py"


rule classifier_spectrum:
    """Where input gradients, and a linear model's weights, have their energy."""
    input:
        dataset=layout.DATASET,
        classifier=layout.CLASSIFIER,
        predictions=layout.PREDICTIONS,
    output:
        spectrum=layout.CLASSIFIER_SPECTRUM,
        inequalities=layout.INEQUALITIES,
    log:
        "logs/{experiment}/{classifier}/spectra/classifier.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/spectra/classifier.tsv"
    conda:
        "../envs/torch.yaml"
    resources:
        mem_mb=asks(memory.gradients, gpu=True),
        runtime=grows(120),
        gpu=GPUS,
    params:
        code=network_code("measure_classifier.py"),
        images=lambda wildcards: experiment(wildcards).images,
    script:
        "../workflow_scripts/measure_classifier.py"


rule spectra_table:
    """Table of mean radial frequencies."""
    input:
        perturbations=of_chosen(layout.PERTURBATION_SPECTRUM, "spectra"),
        classifiers=of_chosen(layout.CLASSIFIER_SPECTRUM, "spectra"),
    output:
        **table("spectra", "spectra", "spectra_table"),
    log:
        "logs/tables/spectra.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        seed=config.get("seed", 0),
    script:
        "../workflow_scripts/tabulate_spectra.py"


# Paper 2's claim, on each comparison of models that differ only in the kernel.
use rule spectra_table as local_against_full with:
    input:
        perturbations=of_chosen(layout.PERTURBATION_SPECTRUM, "spectra"),
        classifiers=of_chosen(layout.CLASSIFIER_SPECTRUM, "spectra"),
        trained=of_chosen(layout.CLASSIFIER, "spectra"),
    output:
        **table("local_against_full", "local against full kernels", "local_against_full"),
    log:
        "logs/tables/local_against_full.log",
    params:
        seed=config.get("seed", 0),
        kernels={chosen.name: chosen.kernels for chosen in CHOSEN},


rule kernel_sizes:
    """Table of mean radial frequencies by the side of the kernel."""
    input:
        perturbations=of_chosen(layout.PERTURBATION_SPECTRUM, "spectra"),
        trained=of_chosen(layout.CLASSIFIER, "spectra"),
    output:
        **table("kernel_sizes", "sizes of the kernel", "kernel_sizes_table"),
    log:
        "logs/tables/kernel_sizes.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        seed=config.get("seed", 0),
        kernels={chosen.name: chosen.kernels for chosen in CHOSEN},
        datasets={chosen.name: chosen.dataset_name for chosen in CHOSEN},
    script:
        "../workflow_scripts/tabulate_kernels.py"


# Paper 2, section 2, for every linear convolutional model.
use rule correlation_table as inequalities_table with:
    input:
        rows=of_chosen(layout.INEQUALITIES, "spectra"),
    output:
        **table("inequalities", "inequalities", "inequalities_table"),
    log:
        "logs/tables/inequalities.log",


# Of the chosen experiments; paper 2's Tables 3 and 4 with --config experiments='[paper2]'.
rule accuracies_table:
    """Table of test accuracies, beside those that paper 2 published."""
    input:
        predictions=of_chosen(layout.PREDICTIONS),
        published=[published(f"paper2_table{number}.csv") for number in (3, 4)],
    output:
        **table("accuracies", "accuracies", "accuracies_table"),
    log:
        "logs/tables/accuracies.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        classifiers=[
            {
                "experiment": each.name,
                "dataset": each.dataset.source,
                "classifier": name,
                "epochs": classifier.recipe.epochs if classifier.recipe else None,
            }
            for each in CHOSEN
            for name, classifier in each.classifiers.items()
        ],
    script:
        "../workflow_scripts/tabulate_accuracies.py"
