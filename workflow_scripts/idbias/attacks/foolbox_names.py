"""The attacks of foolbox 3.3.4 by name, so that -n can check a configuration without importing it (and torch).

A test compares this table with foolbox itself.
"""

# Attacks that are alike, a line each: their names; "epsilon" if they need one; the arguments of their constructor.
ALIKE = """
AdamPGD L1AdamBasicIterativeAttack L1AdamPGD L1AdamProjectedGradientDescentAttack
    L2AdamBasicIterativeAttack L2AdamPGD L2AdamProjectedGradientDescentAttack LinfAdamBasicIterativeAttack
    LinfAdamPGD LinfAdamProjectedGradientDescentAttack; epsilon; rel_stepsize abs_stepsize steps random_start
    adam_beta1 adam_beta2 adam_epsilon
BinarizationRefinementAttack; ; distance threshold included_in
BinarySearchContrastReductionAttack; ; distance binary_search_steps target
BoundaryAttack; ; init_attack steps spherical_step source_step source_step_convergance step_adaptation
    tensorboard update_stats_every_k
DDNAttack; ; init_epsilon steps gamma
DatasetAttack InversionAttack; ; distance
EADAttack; ; binary_search_steps steps initial_stepsize confidence initial_const regularization
    decision_rule abort_early
FGM FGSM L1FastGradientAttack L2FastGradientAttack LinfFastGradientAttack; epsilon; random_start
GaussianBlurAttack; ; distance steps channel_axis max_sigma
GenAttack; epsilon; steps population mutation_probability mutation_range sampling_temperature
    channel_axis reduced_dims
HopSkipJumpAttack; ; init_attack steps initial_gradient_eval_steps max_gradient_eval_steps
    stepsize_search gamma tensorboard constraint
L0BrendelBethgeAttack L1BrendelBethgeAttack L2BrendelBethgeAttack LinfinityBrendelBethgeAttack; ;
    init_attack overshoot steps lr lr_decay lr_num_decay momentum tensorboard binary_search_steps
L0FMNAttack L1FMNAttack L2FMNAttack LInfFMNAttack; ; steps max_stepsize min_stepsize gamma init_attack
    binary_search_steps
L1BasicIterativeAttack L1PGD L1ProjectedGradientDescentAttack L2BasicIterativeAttack L2PGD
    L2ProjectedGradientDescentAttack LinfBasicIterativeAttack LinfPGD LinfProjectedGradientDescentAttack PGD;
    epsilon; rel_stepsize abs_stepsize steps random_start
L1MomentumIterativeFastGradientMethod L2MomentumIterativeFastGradientMethod
    LinfMomentumIterativeFastGradientMethod MIFGSM; epsilon; momentum rel_stepsize abs_stepsize steps
    random_start
L2AdditiveGaussianNoiseAttack L2AdditiveUniformNoiseAttack L2ClippingAwareAdditiveGaussianNoiseAttack
    L2ClippingAwareAdditiveUniformNoiseAttack LinfAdditiveUniformNoiseAttack; epsilon;
L2CarliniWagnerAttack; ; binary_search_steps steps stepsize confidence initial_const abort_early
L2ClippingAwareRepeatedAdditiveGaussianNoiseAttack L2ClippingAwareRepeatedAdditiveUniformNoiseAttack
    L2RepeatedAdditiveGaussianNoiseAttack L2RepeatedAdditiveUniformNoiseAttack
    LinfRepeatedAdditiveUniformNoiseAttack; epsilon; repeats check_trivial
L2ContrastReductionAttack; epsilon; target
L2DeepFoolAttack LinfDeepFoolAttack; ; steps candidates overshoot loss
LinearSearchBlendedUniformNoiseAttack; ; distance directions steps
LinearSearchContrastReductionAttack; ; distance steps target
NewtonFoolAttack; ; steps stepsize
PointwiseAttack; ; init_attack l2_binary_search
SaltAndPepperNoiseAttack; ; steps across_channels channel_axis
SparseL1DescentAttack; epsilon; quantile rel_stepsize abs_stepsize steps random_start
SpatialAttack; ; max_translation max_rotation num_translations num_rotations grid_search random_steps
VirtualAdversarialAttack; epsilon; steps xi
"""
# name -> (whether it needs an epsilon, names of its arguments)
ATTACKS = {}
for _line in ALIKE.strip().replace("\n    ", " ").splitlines():
    _names, _epsilon, _arguments = _line.split(";")
    ATTACKS |= {name: (bool(_epsilon.strip()), _arguments.split()) for name in _names.split()}
