"""Where every file of the results lies: each path once, with Snakemake's wildcards in braces.

Rules, targets and experiments take paths from here. {experiment}, {classifier}, {attack}: names in
config.yaml or of its arms; {shard}: first and last image or shuffle, as in 00000-00511; {comparison}: the
folder of two sets that are tested, `config.comparisons.Comparison.folder`.
"""

DATASET = "results/{experiment}/dataset.h5"
MADE_ELSEWHERE = "results/{experiment}/made_elsewhere/{attack}/images.h5"

CLASSIFIER = "results/{experiment}/{classifier}/classifier.h5"
PREDICTIONS = "results/{experiment}/{classifier}/predictions.h5"
SENSITIVITY = "results/{experiment}/{classifier}/classifier_sensitivity.h5"
CLASSIFIER_SPECTRUM = "results/{experiment}/{classifier}/classifier_spectrum.h5"
INEQUALITIES = "results/{experiment}/{classifier}/inequalities.csv"
PERTURBATION_SPECTRUM = "results/{experiment}/{classifier}/spectra/{attack}.h5"

# What is made in shards: {stage} is one of STAGES below, its shards lie in a folder of its name.
SHARD = "results/{experiment}/{classifier}/{stage}/{shard}.h5"
WHOLE = "results/{experiment}/{classifier}/{stage}.h5"
ATTACK = "attacks/{attack}"
ESSENTIAL = "masks/essential"
ADVERSARIAL = "masks/adversarial/{attack}"
CONTROL_MASKS = "controls/{attack}/{control}/masks"
STAGES = (ATTACK, ESSENTIAL, ADVERSARIAL, CONTROL_MASKS)
CONTROL_IMAGES = "results/{experiment}/{classifier}/controls/{attack}/{control}/images/{shard}.h5"

# Names of the shards of images that are finished: config.kept_shards.
KEPT_SHARDS = "results/{experiment}/shards.json"

# The folders of comparisons, below results/.
OF_ARRAYS = "{experiment}/correlations"
OF_ATTACK = "{experiment}/{classifier}/correlations/{attack}"
OF_CONTROL = "{experiment}/{classifier}/controls/{attack}/{control}"
PAIRS = "results/{comparison}/pairs.h5"
FIRST_DISTANCES = "results/{comparison}/distances/first.h5"
SECOND_DISTANCES = "results/{comparison}/distances/second.h5"
DIMENSIONS = "results/{comparison}/intrinsic_dimensions.h5"
SHUFFLES = "results/{comparison}/{shuffles}/{shard}.h5"
ROW = "results/{comparison}/row.csv"
CONTRAST = "results/{comparison}/contrast.csv"
CLASS_CURVE = "results/{comparison}/class_curve.csv"

# The folder of an attack on crossed trainings, below results/.
OF_CROSSING = "{experiment}/crossed/{trainings}/{attack}"
CROSSED_PRODUCTS = f"results/{OF_CROSSING}/products.h5"

CLASS_MAP = "results/{experiment}/{classifier}/class_maps/{attack}/{label}.h5"
CLASS_MAP_ROW = "results/{experiment}/{classifier}/class_maps/{attack}/row.csv"

# Without their endings: a table has four forms, a figure three.
TABLE = "results/tables/{table}"
FIGURE = "results/figures/{figure}"
# Time and memory of each job, as Snakemake measures them.
BENCHMARKS = "results/benchmarks"


def shard_of(stage):
    """Return the path of a shard of one of STAGES."""
    return SHARD.replace("{stage}", stage)


def within(pattern, folder):
    """Return the path of a comparison's file with its {comparison} replaced by `folder`, a pattern too."""
    return pattern.replace("{comparison}", folder)
