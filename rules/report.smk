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
        shuffles=figure("{comparison}/shuffles"),
        scale=figure("{comparison}/scale"),
    log:
        "logs/figures/{comparison}/dimensions.log",
    conda:
        "../envs/report.yaml"
    script:
        "../workflow_scripts/plot_dimensions.py"


rule class_curve_figure:
    """Draw dependence against the number of classes."""
    input:
        layout.CLASS_CURVE,
    output:
        figure("{comparison}/class_curve"),
    log:
        "logs/figures/{comparison}/class_curve.log",
    conda:
        "../envs/report.yaml"
    params:
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
        images=figure(f"{layout.OF_ATTACK}/images"),
        essential_masks=figure(f"{layout.OF_ATTACK}/essential_masks"),
        adversarial_masks=figure(f"{layout.OF_ATTACK}/adversarial_masks"),
        mean_masks=figure(f"{layout.OF_ATTACK}/mean_masks"),
        perturbations=figure(f"{layout.OF_ATTACK}/perturbations"),
        sizes=figure(f"{layout.OF_ATTACK}/mask_sizes"),
        radial_profile=figure(f"{layout.OF_ATTACK}/radial_profile"),
    log:
        "logs/figures/{experiment}/{classifier}/correlations/{attack}/masks.log",
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=asks(memory.light),
        runtime=grows(60),
    params:
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
        training=figure("{experiment}/{classifier}/training"),
        mask_steps=figure("{experiment}/{classifier}/mask_steps"),
        yields=figure("{experiment}/{classifier}/yields"),
        classes=figure("{experiment}/{classifier}/classes"),
        sensitivity=figure("{experiment}/{classifier}/sensitivity"),
        bands=figure("{experiment}/{classifier}/bands"),
    log:
        "logs/figures/{experiment}/{classifier}/stages.log",
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=asks(memory.light),
        runtime=grows(20),
    params:
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
        effects=figure("{experiment}/effects"),
    log:
        "logs/figures/{experiment}/effects.log",
    conda:
        "../envs/report.yaml"
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
        effects=figure("{experiment}/controls/effects"),
        contrasts=figure("{experiment}/controls/contrasts"),
    log:
        "logs/figures/{experiment}/controls/effects.log",


rule spiral_figures:
    """Draw paper 1's figures 4 and 6."""
    input:
        pairs=layout.within(layout.PAIRS, layout.OF_ARRAYS),
        row=layout.within(layout.ROW, layout.OF_ARRAYS),
    output:
        spiral=figure(f"{layout.OF_ARRAYS}/spiral"),
        joint=figure(f"{layout.OF_ARRAYS}/joint"),
    log:
        "logs/figures/{experiment}/correlations/spiral.log",
    conda:
        "../envs/report.yaml"
    params:
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
        costs=figure("costs", category="Cost"),
    log:
        "logs/figures/costs.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        experiments=[chosen.name for chosen in CHOSEN],
    script:
        "../workflow_scripts/plot_costs.py"
