# What to ask for: everything, a stage, or a table. Stages are those of the chosen experiments.


rule datasets:
    """Stop after the datasets."""
    input:
        [f"results/{chosen.name}/dataset.h5" for chosen in CHOSEN if chosen.writes_dataset],


rule classifiers:
    """Stop after the classifiers."""
    input:
        of_chosen("results/{experiment}/{classifier}/predictions.h5"),


rule attacks:
    """Stop after the attacks."""
    input:
        [pair.attacked for chosen in CHOSEN for pair in chosen.attacked],


rule masks:
    """Stop after the masks."""
    input:
        [
            path
            for chosen in CHOSEN
            if chosen.analysed("masks")
            for classifier in chosen.classifiers
            for path in chosen.all_masks(classifier)
        ],
        [
            path
            for pair in CONTROLLED
            if pair.control != "spectrum"
            for path in pair.mask_sets.values()
        ],
        [path for one in CROSSED for path in one.masks],


rule correlations:
    """Stop after the I_d tests, of controls too."""
    input:
        [pair.row for chosen in CHOSEN for pair in chosen.comparisons],
        [path for pair in CONTROLLED for path in (pair.row, pair.contrast)],


rule crossed:
    """Own against other trainings with the image held fixed."""
    input:
        "results/tables/crossed.md",


rule spectra:
    """Paper 2: tables and figures of where attacks have their energy."""
    input:
        targets.spectra_tables(CHOSEN),
        targets.spectra_figures(CHOSEN),


rule tables:
    """All tables."""
    input:
        targets.tables(CHOSEN),


rule figures:
    """All figures."""
    input:
        targets.figures(CHOSEN),


rule table1:
    """Paper 1, Table 1: the spiral."""
    input:
        "results/tables/table1.md",


rule table2:
    """Paper 1, Table 2: CIFAR-10."""
    input:
        "results/tables/table2.md",


rule table3:
    """Paper 1, Table 3: Imagenette."""
    input:
        "results/tables/table3.md",


rule accuracies:
    """Paper 2, Tables 3 and 4: test accuracies."""
    input:
        "results/tables/accuracies.md",


rule class_maps:
    """Class-level maps and whether they undo the attacks."""
    input:
        "results/tables/class_maps.md",
