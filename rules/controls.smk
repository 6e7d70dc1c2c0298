# In: what an attack's row is made of. Out: a row with something else in the place of one set of masks, and contrast.csv.
# Controls: rows in which something else stands in the place of one of an attack's masks.


wildcard_constraints:
    control="|".join(CONTROLS),


CONTROLLED = [comparison for chosen in CHOSEN for comparison in chosen.control_comparisons]


rule control_images:
    """What stands in the place of the adversarial images of one shard."""
    input:
        dataset=layout.DATASET,
        attack=layout.shard_of(layout.ATTACK),
    output:
        layout.CONTROL_IMAGES,
    log:
        "logs/{experiment}/{classifier}/controls/{attack}/{control}/images/{shard}.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/controls/{attack}/{control}/images/{shard}.tsv"
    conda:
        "../envs/correlation.yaml"
    resources:
        mem_mb=asks(memory.light),
        runtime=grows(20),
    params:
        norm=lambda wildcards: experiment(wildcards).attacks[wildcards.attack].perturbation_norm,
        seed=lambda wildcards: experiment(wildcards).seed,
    script:
        "../workflow_scripts/write_control_images.py"


use rule essential_mask_shard as control_mask_shard with:
    input:
        classifier=layout.CLASSIFIER,
        targets=layout.CONTROL_IMAGES,
    output:
        layout.shard_of(layout.CONTROL_MASKS),
    log:
        "logs/{experiment}/{classifier}/controls/{attack}/{control}/masks/{shard}.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/controls/{attack}/{control}/masks/{shard}.tsv"


use rule mask_pairs as control_pairs with:
    input:
        unpack(lambda wildcards: COMPARISONS[layout.OF_CONTROL.format(**wildcards)].mask_sets),
        predictions=layout.PREDICTIONS,
        attack=of_attack("attack"),
    output:
        layout.within(layout.PAIRS, layout.OF_CONTROL),
    log:
        "logs/{experiment}/{classifier}/controls/{attack}/{control}/pairs.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/controls/{attack}/{control}/pairs.tsv"
    wildcard_constraints:
        control="(?!spectrum)[^/]+",


rule spectrum_pairs:
    """Amplitudes of the clean images in the place of their essential masks."""
    input:
        pairs=layout.within(layout.PAIRS, layout.OF_ATTACK),
        dataset=layout.DATASET,
    output:
        layout.within(layout.PAIRS, layout.OF_CONTROL).replace("{control}", "spectrum"),
    log:
        "logs/{experiment}/{classifier}/controls/{attack}/spectrum/pairs.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/controls/{attack}/spectrum/pairs.tsv"
    conda:
        "../envs/correlation.yaml"
    resources:
        mem_mb=asks(memory.light),
        runtime=grows(30),
    script:
        "../workflow_scripts/pair_spectra.py"


rule contrast:
    """The attack's distance correlation minus a control's, on the images that both have."""
    input:
        pairs=layout.within(layout.PAIRS, layout.OF_ATTACK),
        first=layout.within(layout.FIRST_DISTANCES, layout.OF_ATTACK),
        second=layout.within(layout.SECOND_DISTANCES, layout.OF_ATTACK),
        control_pairs=layout.within(layout.PAIRS, layout.OF_CONTROL),
        control_first=layout.within(layout.FIRST_DISTANCES, layout.OF_CONTROL),
        control_second=layout.within(layout.SECOND_DISTANCES, layout.OF_CONTROL),
    output:
        layout.within(layout.CONTRAST, layout.OF_CONTROL),
    log:
        "logs/{experiment}/{classifier}/controls/{attack}/{control}/contrast.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/controls/{attack}/{control}/contrast.tsv"
    conda:
        "../envs/correlation.yaml"
    resources:
        mem_mb=asks(memory.contrast),
        runtime=grows(60),
    params:
        seed=lambda wildcards: experiment(wildcards).seed,
        names=lambda wildcards: COMPARISONS[layout.OF_CONTROL.format(**wildcards)].names,
    script:
        "../workflow_scripts/write_contrast.py"


rule control_table:
    """Each attack's row, its controls' rows below it, and the contrast of both."""
    input:
        rows=[comparison.attack_comparison.row for comparison in CONTROLLED],
        controls=[comparison.row for comparison in CONTROLLED],
        contrasts=[comparison.contrast for comparison in CONTROLLED],
        others=[
            comparison.row
            for chosen in CHOSEN
            if chosen.control_comparisons
            for comparison in chosen.comparisons
            if comparison not in [one.attack_comparison for one in chosen.control_comparisons]
        ],
    output:
        **table("controls", "controls", "controls", details=True),
    log:
        "logs/tables/controls.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    script:
        "../workflow_scripts/tabulate_controls.py"


rule seed_table:
    """Mean and spread over the seeds that a classifier is trained from."""
    input:
        rows=[
            comparison.row
            for chosen in CHOSEN
            if chosen.has_seeds
            for comparison in chosen.comparisons
        ],
        controls=(
            [layout.TABLE.format(table="controls") + ".csv"]
            if any(comparison.experiment.has_seeds for comparison in CONTROLLED)
            else []
        ),
    output:
        **table("seeds", "over seeds", "seeds"),
    log:
        "logs/tables/seeds.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    script:
        "../workflow_scripts/tabulate_seeds.py"


rule epsilon_figure:
    """Draw Z, distance correlation and success against epsilon."""
    input:
        rows=lambda wildcards: [
            comparison.row for comparison in experiment(wildcards).with_epsilons
        ],
    output:
        epsilons=figure("{experiment}/epsilons"),
    log:
        "logs/figures/{experiment}/epsilons.log",
    conda:
        "../envs/report.yaml"
    script:
        "../workflow_scripts/plot_epsilons.py"
