# In: what the stages have measured. Out: figures as PNG, PDF, and CSV of the numbers drawn.
# Figures, and what `snakemake --report` shows.


report: "../workflow_scripts/captions/workflow.rst"


include: "spectra_figures.smk"


rule dimension_figures:
    """Draw the shuffled and the observed I_d, and I_d against scale."""
    input:
        dimensions=layout.DIMENSIONS,
        shuffles=lambda wildcards: expand(
            layout.SHUFFLES,
            shuffles=experiment(wildcards).correlation.shuffles_folders[0],
            shard=experiment(wildcards).shuffle_shards,
            allow_missing=True,
        ),
        row=layout.ROW,
    output:
        shuffles=figure(
            "{comparison}/shuffles",
            "shuffled and observed I_d",
            "Intrinsic dimension",
            "shuffles",
        ),
        scale=figure(
            "{comparison}/scale",
            "I_d against scale",
            "Intrinsic dimension",
            "scale",
        ),
    log:
        "logs/figures/{comparison}/dimensions.log",
    benchmark:
        "results/benchmarks/figures/{comparison}/dimensions.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=lambda wildcards: code("plot_dimensions.py"),
    script:
        "../workflow_scripts/plot_dimensions.py"


rule class_curve_figure:
    """Draw dependence against the number of classes."""
    input:
        "results/{comparison}/class_curve.csv",
    output:
        figure(
            "{comparison}/class_curve",
            "dependence against classes",
            "Intrinsic dimension",
            "class_curve",
        ),
    log:
        "logs/figures/{comparison}/class_curve.log",
    benchmark:
        "results/benchmarks/figures/{comparison}/class_curve.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=lambda wildcards: code("plot_class_curve.py"),
        names=title,
    script:
        "../workflow_scripts/plot_class_curve.py"


rule mask_figures:
    """Draw paper 1's figures 1, 3 and 5, and means over the dataset."""
    input:
        dataset=layout.DATASET,
        attack=of_attack("attack"),
        essential=of_attack("essential"),
        adversarial=of_attack("adversarial"),
        pairs=layout.within(layout.PAIRS, layout.OF_ATTACK),
    output:
        images=figure(
            "{experiment}/{classifier}/correlations/{attack}/images",
            "images before and after filtering",
            "Images and masks",
            "images",
        ),
        essential_masks=figure(
            "{experiment}/{classifier}/correlations/{attack}/essential_masks",
            "essential masks",
            "Images and masks",
            "essential_masks",
        ),
        adversarial_masks=figure(
            "{experiment}/{classifier}/correlations/{attack}/adversarial_masks",
            "adversarial masks",
            "Images and masks",
            "adversarial_masks",
        ),
        mean_masks=figure(
            "{experiment}/{classifier}/correlations/{attack}/mean_masks",
            "mean masks",
            "Frequencies",
            "mean_masks",
        ),
        perturbations=figure(
            "{experiment}/{classifier}/correlations/{attack}/perturbations",
            "perturbations, amplified, and their spectra",
            "Images and masks",
            "perturbations",
        ),
        sizes=figure(
            "{experiment}/{classifier}/correlations/{attack}/mask_sizes",
            "sizes of the masks",
            "Images and masks",
            "mask_sizes",
        ),
        radial_profile=figure(
            "{experiment}/{classifier}/correlations/{attack}/radial_profile",
            "radial profile of the masks",
            "Frequencies",
            "radial_profile",
        ),
    log:
        "logs/figures/{experiment}/{classifier}/correlations/{attack}/masks.log",
    benchmark:
        "results/benchmarks/figures/{experiment}/{classifier}/correlations/{attack}/masks.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=lambda wildcards: code("plot_masks.py"),
        names=title,
    script:
        "../workflow_scripts/plot_masks.py"


rule classifier_figures:
    """Draw training, steps of masks, images left, results by class, and masks beside sensitivity."""
    input:
        dataset=layout.DATASET,
        classifier=layout.CLASSIFIER,
        predictions=layout.PREDICTIONS,
        sensitivity=layout.SENSITIVITY,
        pairs=lambda wildcards: expand(
            layout.within(layout.PAIRS, layout.OF_ATTACK),
            attack=experiment(wildcards).attacks,
            allow_missing=True,
        ),
        attacks=lambda wildcards: [
            experiment(wildcards).attack_file(wildcards.classifier, attack)
            for attack in experiment(wildcards).attacks
        ],
        masks=lambda wildcards: experiment(wildcards).all_masks(wildcards.classifier),
    output:
        training=figure(
            "{experiment}/{classifier}/training",
            "training of the classifier",
            "Stages",
            "training",
        ),
        mask_steps=figure(
            "{experiment}/{classifier}/mask_steps",
            "steps of the masks",
            "Stages",
            "mask_steps",
        ),
        yields=figure(
            "{experiment}/{classifier}/yields",
            "images left after each stage",
            "Stages",
            "yields",
        ),
        classes=figure(
            "{experiment}/{classifier}/classes",
            "results by class",
            "Stages",
            "classes",
        ),
        sensitivity=figure(
            "{experiment}/{classifier}/sensitivity",
            "error under noise of one frequency, and mean masks",
            "Frequencies",
            "sensitivity",
        ),
        bands=figure(
            "{experiment}/{classifier}/bands",
            "accuracy against the band kept",
            "Frequencies",
            "bands",
        ),
    log:
        "logs/figures/{experiment}/{classifier}/stages.log",
    benchmark:
        "results/benchmarks/figures/{experiment}/{classifier}/stages.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        code=lambda wildcards: code("plot_classifier.py"),
        names=title,
        attacks=lambda wildcards: list(experiment(wildcards).attacks),
        images=lambda wildcards: experiment(wildcards).images,
    script:
        "../workflow_scripts/plot_classifier.py"


rule effect_figure:
    """Draw an experiment's effects with their intervals."""
    input:
        rows=lambda wildcards: [pair.row for pair in experiment(wildcards).comparisons],
        controlled=[],
        controls=[],
        contrasts=[],
    output:
        effects=figure("{experiment}/effects", "effects with intervals", "Effects", "effects"),
    log:
        "logs/figures/{experiment}/effects.log",
    benchmark:
        "results/benchmarks/figures/{experiment}/effects.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=lambda wildcards: code("plot_effects.py"),
    script:
        "../workflow_scripts/plot_effects.py"


# Of an experiment with controls: they stand below their attacks, and their contrasts beside them.
use rule effect_figure as contrast_figures with:
    input:
        rows=lambda wildcards: [pair.row for pair in experiment(wildcards).comparisons],
        controlled=lambda wildcards: [
            pair.attack_comparison.row for pair in experiment(wildcards).control_comparisons
        ],
        controls=lambda wildcards: [pair.row for pair in experiment(wildcards).control_comparisons],
        contrasts=lambda wildcards: [
            pair.contrast for pair in experiment(wildcards).control_comparisons
        ],
    output:
        effects=figure(
            "{experiment}/controls/effects", "effects with intervals", "Effects", "effects"
        ),
        contrasts=figure(
            "{experiment}/controls/contrasts", "contrasts with intervals", "Effects", "contrasts"
        ),
    log:
        "logs/figures/{experiment}/controls/effects.log",
    benchmark:
        "results/benchmarks/figures/{experiment}/controls/effects.tsv"


rule spiral_figures:
    """Draw paper 1's figures 4 and 6."""
    input:
        pairs=layout.within(layout.PAIRS, layout.OF_ARRAYS),
        row=layout.within(layout.ROW, layout.OF_ARRAYS),
    output:
        spiral=figure(
            "{experiment}/correlations/spiral",
            "points as they are and shuffled",
            "Intrinsic dimension",
            "spiral",
        ),
        joint=figure(
            "{experiment}/correlations/joint",
            "joint density and margins",
            "Intrinsic dimension",
            "joint",
        ),
    log:
        "logs/figures/{experiment}/correlations/spiral.log",
    benchmark:
        "results/benchmarks/figures/{experiment}/correlations/spiral.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=lambda wildcards: code("plot_spiral.py"),
        seed=lambda wildcards: experiment(wildcards).seed,
    script:
        "../workflow_scripts/plot_spiral.py"


# Reads what Snakemake wrote beside the results, so it waits for them.
rule costs:
    """Draw run time and memory of each stage."""
    input:
        rows=[comparison.row for chosen in CHOSEN for comparison in chosen.comparisons],
        spectra=of_chosen(layout.PERTURBATION_SPECTRUM, "spectra"),
        crossed=[one.products for one in CROSSED],
    output:
        costs=figure(
            "costs",
            "run time and memory of each stage",
            "Stages",
            "costs",
            category="Cost",
        ),
    log:
        "logs/figures/costs.log",
    benchmark:
        "results/benchmarks/figures/costs.tsv"
    localrule: True
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=lambda wildcards: code("plot_costs.py"),
        experiments=[chosen.name for chosen in CHOSEN],
    script:
        "../workflow_scripts/plot_costs.py"
