# Controls: rows in which something else stands in the place of one of an attack's masks.


wildcard_constraints:
    control="|".join(CONTROLS),


localrules:
    control_masks,
    control_table,
    seed_table,


CONTROLLED = [pair for chosen in CHOSEN for pair in chosen.controlled]


# The comparison of a control; {comparison} is a folder below results/.
CONTROL = "{experiment}/{classifier}/controls/{attack}/{control}"


rule control_images:
    """What stands in the place of the adversarial images of one shard."""
    input:
        dataset="results/{experiment}/dataset.h5",
        attack="results/{experiment}/{classifier}/attacks/{attack}/{shard}.h5",
    output:
        "results/{experiment}/{classifier}/controls/{attack}/{control}/images/{shard}.h5",
    log:
        "logs/{experiment}/{classifier}/controls/{attack}/{control}/images/{shard}.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/controls/{attack}/{control}/images/{shard}.tsv"
    conda:
        "../envs/correlation.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        code=lambda wildcards: code("write_control_images.py"),
        norm=lambda wildcards: experiment(wildcards).attacks[wildcards.attack].perturbation_norm,
        seed=lambda wildcards: experiment(wildcards).seed,
    script:
        "../workflow_scripts/write_control_images.py"


use rule essential_mask_shard as control_mask_shard with:
    input:
        classifier="results/{experiment}/{classifier}/classifier.h5",
        targets="results/{experiment}/{classifier}/controls/{attack}/{control}/images/{shard}.h5",
    output:
        "results/{experiment}/{classifier}/controls/{attack}/{control}/masks/{shard}.h5",
    log:
        "logs/{experiment}/{classifier}/controls/{attack}/{control}/masks/{shard}.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/controls/{attack}/{control}/masks/{shard}.tsv"


use rule essential_masks as control_masks with:
    input:
        lambda wildcards: expand(
            "results/{{experiment}}/{{classifier}}/controls/{{attack}}/{{control}}/masks/{shard}.h5",
            shard=experiment(wildcards).image_shards,
        ),
    output:
        "results/{experiment}/{classifier}/controls/{attack}/{control}/masks.h5",
    log:
        "logs/{experiment}/{classifier}/controls/{attack}/{control}/masks.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/controls/{attack}/{control}/masks.tsv"


use rule mask_pairs as control_pairs with:
    input:
        unpack(lambda wildcards: COMPARISONS[CONTROL.format(**wildcards)].mask_sets),
        predictions="results/{experiment}/{classifier}/predictions.h5",
        attack=of_attack("attack"),
    output:
        "results/{experiment}/{classifier}/controls/{attack}/{control}/pairs.h5",
    log:
        "logs/{experiment}/{classifier}/controls/{attack}/{control}/pairs.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/controls/{attack}/{control}/pairs.tsv"
    wildcard_constraints:
        control="(?!spectrum)[^/]+",


rule spectrum_pairs:
    """Amplitudes of the clean images in the place of their essential masks."""
    input:
        pairs="results/{experiment}/{classifier}/correlations/{attack}/pairs.h5",
        dataset="results/{experiment}/dataset.h5",
    output:
        "results/{experiment}/{classifier}/controls/{attack}/spectrum/pairs.h5",
    log:
        "logs/{experiment}/{classifier}/controls/{attack}/spectrum/pairs.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/controls/{attack}/spectrum/pairs.tsv"
    conda:
        "../envs/correlation.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=lambda wildcards: code("pair_spectra.py"),
    script:
        "../workflow_scripts/pair_spectra.py"


rule contrast:
    """The attack's distance correlation minus a control's, on the images that both have."""
    input:
        pairs="results/{experiment}/{classifier}/correlations/{attack}/pairs.h5",
        first="results/{experiment}/{classifier}/correlations/{attack}/distances/first.h5",
        second="results/{experiment}/{classifier}/correlations/{attack}/distances/second.h5",
        control_pairs="results/{experiment}/{classifier}/controls/{attack}/{control}/pairs.h5",
        control_first="results/{experiment}/{classifier}/controls/{attack}/{control}/distances/first.h5",
        control_second="results/{experiment}/{classifier}/controls/{attack}/{control}/distances/second.h5",
    output:
        "results/{experiment}/{classifier}/controls/{attack}/{control}/contrast.csv",
    log:
        "logs/{experiment}/{classifier}/controls/{attack}/{control}/contrast.log",
    benchmark:
        "results/benchmarks/{experiment}/{classifier}/controls/{attack}/{control}/contrast.tsv"
    conda:
        "../envs/correlation.yaml"
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        code=lambda wildcards: code("write_contrast.py"),
        seed=lambda wildcards: experiment(wildcards).seed,
        names=lambda wildcards: COMPARISONS[CONTROL.format(**wildcards)].names,
    script:
        "../workflow_scripts/write_contrast.py"


rule control_table:
    """Each attack's row, its controls' rows below it, and the contrast of both."""
    input:
        rows=[pair.controlled.row for pair in CONTROLLED],
        controls=[pair.row for pair in CONTROLLED],
        contrasts=[pair.contrast for pair in CONTROLLED],
    output:
        **table("controls", "controls", "controls", details=True),
    log:
        "logs/tables/controls.log",
    benchmark:
        "results/benchmarks/tables/controls.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=lambda wildcards: code("tabulate_controls.py"),
    script:
        "../workflow_scripts/tabulate_controls.py"


rule seed_table:
    """Mean and spread over the seeds that a classifier is trained from."""
    input:
        rows=[pair.row for chosen in CHOSEN if chosen.has_seeds for pair in chosen.comparisons],
        controls=(
            ["results/tables/controls.csv"]
            if any(pair.experiment.has_seeds for pair in CONTROLLED)
            else []
        ),
    output:
        **table("seeds", "over seeds", "seeds"),
    log:
        "logs/tables/seeds.log",
    benchmark:
        "results/benchmarks/tables/seeds.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=lambda wildcards: code("tabulate_seeds.py"),
    script:
        "../workflow_scripts/tabulate_seeds.py"


rule epsilon_figure:
    """Draw Z, I_d correlation and success against epsilon."""
    input:
        rows=lambda wildcards: [pair.row for pair in experiment(wildcards).with_epsilons],
    output:
        epsilons=figure(
            "{experiment}/epsilons", "against epsilon", "Intrinsic dimension", "epsilons"
        ),
    log:
        "logs/figures/{experiment}/epsilons.log",
    benchmark:
        "results/benchmarks/figures/{experiment}/epsilons.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=lambda wildcards: code("plot_epsilons.py"),
    script:
        "../workflow_scripts/plot_epsilons.py"
