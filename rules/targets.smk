# What to ask for: everything, a stage, or a table. Stages are those of the chosen experiments.


rule datasets:
    """Stop after the datasets."""
    input:
        [
            path
            for chosen in CHOSEN
            if chosen.writes_dataset
            for path in chosen.paths(layout.DATASET)
        ],


rule classifiers:
    """Stop after the classifiers."""
    input:
        of_chosen(layout.PREDICTIONS),


rule attacks:
    """Stop after the attacks."""
    input:
        [comparison.attack_file for chosen in CHOSEN for comparison in chosen.attack_comparisons],


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
            for comparison in CONTROLLED
            if comparison.control != "spectrum"
            for path in comparison.mask_sets.values()
        ],
        [path for one in CROSSED for path in one.masks],


rule correlations:
    """Stop after the I_d tests, of controls too."""
    input:
        [comparison.row for chosen in CHOSEN for comparison in chosen.comparisons],
        [path for comparison in CONTROLLED for path in (comparison.row, comparison.contrast)],


rule crossed:
    """Own against other trainings with the image held fixed."""
    input:
        *targets.table("crossed"),


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
        *targets.table("table1"),


rule table2:
    """Paper 1, Table 2: CIFAR-10."""
    input:
        *targets.table("table2"),


rule table3:
    """Paper 1, Table 3: Imagenette."""
    input:
        *targets.table("table3"),


rule accuracies:
    """Test accuracies of the chosen experiments, beside those of paper 2, Tables 3 and 4."""
    input:
        *targets.table("accuracies"),


rule class_curve:
    """Dependence of masks against the number of classes."""
    input:
        [
            layout.FIGURE.format(figure=f"{comparison.folder}/class_curve") + ".png"
            for chosen in CHOSEN
            if chosen.analysed("class_curve")
            for comparison in chosen.comparisons
        ],


rule class_maps:
    """Class-level maps and whether they undo the attacks."""
    input:
        *targets.table("class_maps"),
