"""Statistics: numbers in, numbers out. numpy and scipy.special only, float64, scalars or arrays.

Every bound is one-sided and its level is the whole failure probability of that side: nothing is halved or doubled (`confidence_sequence` is two-sided, and
says so). Rounding goes to the safe side. What each bound claims, where it comes from, and the test that would reject it if it were wrong:

One point, n fixed beforehand
    proportion_lower_bound, _upper_bound   P(p outside) <= alpha                Clopper & Pearson 1934           test_proportions: summed over all counts
    certified_radius, largest_radius       pA bound <-> L2 radius               Cohen et al. 2019, theorem 1     test_smoothing: round trips
    radius_cap, draws_for_radius,          the most that n draws can certify    alpha^(1/n) and its inverse      test_smoothing: by search
      fewest_agreeing, smallest_useful_n
One point, stopped when decided
    log_evidence_above, _below             E[exp] <= 1 under H0 at any time     Ville 1939, Robbins 1970         test_sequential: summed over all counts
    anytime_lower_bound, _upper_bound,     P(p outside at any time) <= alpha    inversion of the evidence        test_sequential: exact over all paths
      confidence_sequence
    anytime_radius_cap,                    the most that n draws can certify    the bound at k = n               test_sequential: by search
      anytime_draws_for_radius
    fewest_to_decide                       no shorter run of draws decides      evidence at its extremes         test_sequential: by enumeration
A modified model, beside the draws of its baseline
    combined_lower_bound                   n copies asked of both, fixed        Fisher 1925, two binomials       test_incremental: summed over all counts
    modified_lower_bound                   the same, levels split beforehand    Ugare et al. 2024 (IRS)          test_incremental: summed over all counts
    anytime_modified_lower_bound,          the same, stopped when decided       two bounds at any time           test_incremental: exact over all paths
      _upper_bound, shown_modified, refuted_modified, fewest_to_decide_modified
    fresh_from                             which bound is expected to be larger any number is sound             test_incremental: by comparison
Noise levels fitted to inputs
    cascade_radii, level_radius            several levels, no state             Cohen et al. 2019, each level    test_cascade: exact probabilities, all counts
    resolved, pairs_of                     balls of different labels apart      Alfarra et al. 2022, invariant   test_balls: by all pairs
The domain
    domain_fraction_bounds,                certified -> truly certifiable       E Z <= q + alpha (1 - q)         test_domain: models that lie to the limit
      true_fraction_lower, _upper
    pooled_lower_bound, _upper_bound       one point in each equal segment      Hoeffding 1956, theorem 4        test_stratified: exact Poisson-binomials
    stratified_lower_bound, _upper_bound   any allocation, fractions            product of e-values, Markov      test_stratified: simulation
    weighted_mean_lower_bound, _upper_     any allocation, bounded values       betting                          test_stratified: simulation
    two_group_lower_bound, _upper_bound    two groups of known weight           Buehler 1957, Berger & Boos 1994 test_two_groups: summed over all outcomes
    two_group_mean_lower_bound             the same, bounded values             betting, Bonferroni              test_two_groups: simulation
    part_mean_lower_bound                  mean over a part of the domain       betting, by reduction            test_parts: exact sums, simulation
    mean_lower_bound, _upper_bound         mean of a bounded quantity           Waudby-Smith & Ramdas 2024       test_bounded_mean, test_betting_over_time
    quantile_lower_bound, _upper_bound     quantile, no assumption              order statistics                 test_quantiles: summed over all ranks
    paired_difference_lower_bound, _upper_ two models at the same points        betting on the differences       test_paired: simulation
    difference_lower_bound, _upper_bound   the same for fractions               Buehler 1957                     test_discordant: summed over all outcomes
    holm, bonferroni                       any false rejection <= level         Holm 1979                        test_multiplicity: closed testing
The budget: estimates, no bounds
    radius_reduction, expected_*,          what another n would certify         fitted prior (empirical Bayes)   test_expectation: published counts, redrawn
      reference_certifies, reference_share, draws_for_reduction
    measured_reduction                     what the reference subsample lost    expanded bootstrap               test_reduction: real coverage in its docstring
    level_of_cells                         the best level of a cell             fitted prior, shared mean        test_levels: against known shares
    allocate, cell_predictions             two groups of cells, points of each  Neyman 1934, the bound itself    test_allocation: simulated widths
    predicted_draws                        what a point will take               Wald 1945                        test_allocation
    planning                               power, searches, uniform pA          exact binomial sums              test_planning: against exact sums
    theory_*                               the paper's three formulas           Seferis et al. 2024              test_theory: against exact sums

Mutants of the bounds (a level doubled, a +1 left out, the wrong tail, draws used twice ...) are rejected one by one in test_mutants.
"""

from odd_assess.stats.allocation import Allocation as Allocation
from odd_assess.stats.allocation import allocate as allocate
from odd_assess.stats.allocation import cell_predictions as cell_predictions
from odd_assess.stats.allocation import predicted_draws as predicted_draws
from odd_assess.stats.balls import Pairs as Pairs
from odd_assess.stats.balls import pairs_of as pairs_of
from odd_assess.stats.balls import resolved as resolved
from odd_assess.stats.bounded_mean import mean_lower_bound as mean_lower_bound
from odd_assess.stats.bounded_mean import mean_upper_bound as mean_upper_bound
from odd_assess.stats.cascade import cascade_choice as cascade_choice
from odd_assess.stats.cascade import cascade_radii as cascade_radii
from odd_assess.stats.cascade import level_radius as level_radius
from odd_assess.stats.discordant import difference_lower_bound as difference_lower_bound
from odd_assess.stats.discordant import difference_upper_bound as difference_upper_bound
from odd_assess.stats.domain import domain_fraction_bounds as domain_fraction_bounds
from odd_assess.stats.domain import true_fraction_lower as true_fraction_lower
from odd_assess.stats.domain import true_fraction_upper as true_fraction_upper
from odd_assess.stats.expectation import expected_mean_radii as expected_mean_radii
from odd_assess.stats.expectation import expected_radius as expected_radius
from odd_assess.stats.expectation import expected_reference_radius as expected_reference_radius
from odd_assess.stats.expectation import reference_certifies as reference_certifies
from odd_assess.stats.expectation import reference_share as reference_share
from odd_assess.stats.incremental import Terms as Terms
from odd_assess.stats.incremental import anytime_modified_lower_bound as anytime_modified_lower_bound
from odd_assess.stats.incremental import anytime_modified_upper_bound as anytime_modified_upper_bound
from odd_assess.stats.incremental import combined_lower_bound as combined_lower_bound
from odd_assess.stats.incremental import fewest_to_decide_modified as fewest_to_decide_modified
from odd_assess.stats.incremental import fresh_from as fresh_from
from odd_assess.stats.incremental import modified_lower_bound as modified_lower_bound
from odd_assess.stats.incremental import product_level as product_level
from odd_assess.stats.incremental import refuted_modified as refuted_modified
from odd_assess.stats.incremental import shown_modified as shown_modified
from odd_assess.stats.levels import cell_means as cell_means
from odd_assess.stats.levels import level_of_cells as level_of_cells
from odd_assess.stats.multiplicity import bonferroni as bonferroni
from odd_assess.stats.multiplicity import holm as holm
from odd_assess.stats.paired import paired_difference_lower_bound as paired_difference_lower_bound
from odd_assess.stats.paired import paired_difference_upper_bound as paired_difference_upper_bound
from odd_assess.stats.parts import part_mean_lower_bound as part_mean_lower_bound
from odd_assess.stats.proportions import probability_at_least as probability_at_least
from odd_assess.stats.proportions import probability_at_most as probability_at_most
from odd_assess.stats.proportions import proportion_lower_bound as proportion_lower_bound
from odd_assess.stats.proportions import proportion_upper_bound as proportion_upper_bound
from odd_assess.stats.quantiles import quantile_lower_bound as quantile_lower_bound
from odd_assess.stats.quantiles import quantile_upper_bound as quantile_upper_bound
from odd_assess.stats.reduction import FEWEST_POINTS as FEWEST_POINTS
from odd_assess.stats.reduction import MeasuredReduction as MeasuredReduction
from odd_assess.stats.reduction import PredictedReduction as PredictedReduction
from odd_assess.stats.reduction import measured_reduction as measured_reduction
from odd_assess.stats.reduction import radius_reduction as radius_reduction
from odd_assess.stats.sequential import anytime_draws_for_radius as anytime_draws_for_radius
from odd_assess.stats.sequential import anytime_lower_bound as anytime_lower_bound
from odd_assess.stats.sequential import anytime_radius_cap as anytime_radius_cap
from odd_assess.stats.sequential import anytime_upper_bound as anytime_upper_bound
from odd_assess.stats.sequential import confidence_sequence as confidence_sequence
from odd_assess.stats.sequential import fewest_to_decide as fewest_to_decide
from odd_assess.stats.sequential import log_evidence_above as log_evidence_above
from odd_assess.stats.sequential import log_evidence_below as log_evidence_below
from odd_assess.stats.smoothing import certified_radius as certified_radius
from odd_assess.stats.smoothing import draws_for_radius as draws_for_radius
from odd_assess.stats.smoothing import fewest_agreeing as fewest_agreeing
from odd_assess.stats.smoothing import largest_radius as largest_radius
from odd_assess.stats.smoothing import radius_cap as radius_cap
from odd_assess.stats.smoothing import radius_caps as radius_caps
from odd_assess.stats.smoothing import round_down as round_down
from odd_assess.stats.smoothing import round_up as round_up
from odd_assess.stats.smoothing import smallest_useful_n as smallest_useful_n
from odd_assess.stats.stratified import pooled_lower_bound as pooled_lower_bound
from odd_assess.stats.stratified import pooled_upper_bound as pooled_upper_bound
from odd_assess.stats.stratified import stratified_lower_bound as stratified_lower_bound
from odd_assess.stats.stratified import stratified_upper_bound as stratified_upper_bound
from odd_assess.stats.stratified import weighted_mean_lower_bound as weighted_mean_lower_bound
from odd_assess.stats.stratified import weighted_mean_upper_bound as weighted_mean_upper_bound
from odd_assess.stats.theory import theory_accuracy_drop as theory_accuracy_drop
from odd_assess.stats.theory import theory_mean_ratio as theory_mean_ratio
from odd_assess.stats.theory import theory_radius as theory_radius
from odd_assess.stats.theory import theory_reduction as theory_reduction
from odd_assess.stats.tolerance import draws_for_reduction as draws_for_reduction
from odd_assess.stats.two_groups import two_group_lower_bound as two_group_lower_bound
from odd_assess.stats.two_groups import two_group_mean_lower_bound as two_group_mean_lower_bound
from odd_assess.stats.two_groups import two_group_upper_bound as two_group_upper_bound
