"""Statistics: numbers in, numbers out. numpy and scipy.special only, float64, scalars or arrays; every bound with its claim, source and test.

One point
    proportions   exact binomial bounds (Clopper and Pearson)          P(bound wrong) <= alpha        exact summation over all counts
    smoothing     bound on pA <-> certified radius; caps; fewest draws  Cohen et al., theorem 1        round trips, defining properties
The domain
    domain        fraction certified -> fraction truly certifiable     E Z <= q + alpha (1 - q)       simulated models that lie to the limit
    stratified    pooled, e-value and weighted bounds                  Hoeffding; Markov              exact Poisson-binomials; simulation
    bounded_mean  mean of a bounded quantity                           betting (Markov)               simulation in the worst cases
    multiplicity  Holm, Bonferroni                                     family-wise error <= level     closed testing by hand; simulation
The budget
    reduction     radius lost to the budget: predicted, measured, theory. Estimates, no bounds. Published counts, redrawn

Every bound is one-sided and its level is the whole failure probability of that side: nothing is halved or doubled. Rounding goes to the safe side.
"""

from odd_assess.stats.bounded_mean import mean_lower_bound as mean_lower_bound
from odd_assess.stats.bounded_mean import mean_upper_bound as mean_upper_bound
from odd_assess.stats.domain import domain_fraction_bounds as domain_fraction_bounds
from odd_assess.stats.domain import true_fraction_lower as true_fraction_lower
from odd_assess.stats.domain import true_fraction_upper as true_fraction_upper
from odd_assess.stats.multiplicity import bonferroni as bonferroni
from odd_assess.stats.multiplicity import holm as holm
from odd_assess.stats.proportions import probability_at_least as probability_at_least
from odd_assess.stats.proportions import probability_at_most as probability_at_most
from odd_assess.stats.proportions import proportion_lower_bound as proportion_lower_bound
from odd_assess.stats.proportions import proportion_upper_bound as proportion_upper_bound
from odd_assess.stats.reduction import FEWEST_POINTS as FEWEST_POINTS
from odd_assess.stats.reduction import MeasuredReduction as MeasuredReduction
from odd_assess.stats.reduction import PredictedReduction as PredictedReduction
from odd_assess.stats.reduction import expected_radius as expected_radius
from odd_assess.stats.reduction import expected_reference_radius as expected_reference_radius
from odd_assess.stats.reduction import measured_reduction as measured_reduction
from odd_assess.stats.reduction import radius_reduction as radius_reduction
from odd_assess.stats.reduction import theory_accuracy_drop as theory_accuracy_drop
from odd_assess.stats.reduction import theory_mean_ratio as theory_mean_ratio
from odd_assess.stats.reduction import theory_reduction as theory_reduction
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
