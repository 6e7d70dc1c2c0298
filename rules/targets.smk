# What to ask for: everything, a stage, or a table. Stages are those of the chosen experiments.


rule datasets:
    input:
        [f"results/{chosen.name}/dataset.h5" for chosen in CHOSEN if chosen.writes_dataset],


rule classifiers:
    input:
        of_chosen("results/{experiment}/{classifier}/predictions.h5"),


rule attacks:
    input:
        of_chosen("results/{experiment}/{classifier}/attacks/{attack}.h5"),


rule masks:
    input:
        of_chosen("results/{experiment}/{classifier}/masks/essential.h5", "masks"),
        of_chosen("results/{experiment}/{classifier}/masks/adversarial/{attack}.h5", "masks"),


rule correlations:
    input:
        [pair.row for chosen in CHOSEN for pair in chosen.comparisons],


rule spectra:
    input:
        targets.spectra_tables(CHOSEN),
        targets.spectra_figures(CHOSEN),


rule tables:
    input:
        targets.tables(CHOSEN),


rule figures:
    input:
        targets.figures(CHOSEN),


rule table1:
    input:
        "results/tables/table1.md",


rule table2:
    input:
        "results/tables/table2.md",


rule table3:
    input:
        "results/tables/table3.md",


rule accuracies:
    input:
        "results/tables/accuracies.md",
