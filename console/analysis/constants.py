"""Every threshold of the diagnosis, with its unit and where it comes from.

Sources: [P] published, named; [M] measured by us on public data; [D] chosen by reasoning, held by a test. None of them comes from
one case; what a user may want to set goes into `Thresholds`.
"""

from __future__ import annotations

from console.domain.values import dataclass

# -- scales and their floors ------------------------------------------------------------------------------------------
MAD_TO_SIGMA = 1.4826
"""Median absolute deviation of a normal distribution to its standard deviation [P, textbook]."""
IQR_TO_SIGMA = 1.349
SCALE_FLOOR = 0.02
"""Streaming detector: the scale is at least this share of the level, and half of (P95 - P5) / 3.3 [P]."""
SCALE_FLOOR_RATIO = 0.001
"""Scale of an error ratio or availability is at least this [M, PetShop]."""
MIN_NOISE_POINTS = 10
"""Below this many points nothing is said about noise (Elastic insists on 22) [D]."""

# -- opening and closing of symptoms ----------------------------------------------------------------------------------
OPEN_Z = 5.0
"""One complete bin at or above this opens a symptom [D]."""
WATCH_Z = 3.5
"""Two of three bins at or above this open one too (Coremetry opens at 3.5) [D]."""
CLEAR_Z = 1.5
"""Below this a bin counts as back (Coremetry) [P]."""
CLEAR_BINS = 5
"""This many bins in a row below `CLEAR_Z` close a symptom [D]."""
MIN_EFFECT = 0.10
"""Smallest relative change that is a symptom [D]."""
MIN_EFFECT_RATIO = 0.005
"""Smallest change of an error ratio that is a symptom [D]."""
LATENCY_EFFECT = 0.25
"""Smallest relative change of a latency without a count behind it: half the noise gate is not enough there [D]."""
LATENCY_EFFECT_S = 0.002
"""Latencies that grow by less than this many seconds are left alone, whatever their ratio [D]."""
LONE_BIN_EFFECT = 1.0
"""A single bin without a count behind it opens only where the value at least doubled [D]."""

# -- counts -----------------------------------------------------------------------------------------------------------
GATE_REQUESTS = 50
"""Requests in the window below which no rate is judged [D]."""
GATE_FAILURES = 5
"""Excess failures below which no error rate is a symptom [D]."""
P_RATE = 1e-4
"""Exact test of failures against the baseline: one-sided p at or below this, beside the effect [D]."""

# -- horizons ---------------------------------------------------------------------------------------------------------
LOCAL_HORIZON_S = 3 * 3600.0
"""The stretch before the knowledge time in which an onset is looked for [D]."""
BASELINE_GUARD_S = 300.0
"""The level's baseline ends this long before an onset that was found by us [D]."""
BASELINE_WINDOWS = 4.0
"""... and reaches back this many windows [D]."""

# -- changes ----------------------------------------------------------------------------------------------------------
CHANGE_LAG_S = 900.0
"""A step that follows a change by more than this needs a delayed mechanism [M, RootCauseBench]."""
CHANGE_EARLY_S = 90.0
"""A change up to this long after the best guess of an onset may still be its cause [D]."""
CLOCK_SKEW_S = 30.0
"""How far the clocks of logs, metrics and changes may be apart [D]."""
CHANGE_DECAY_S = 300.0
MATCH_SAME = 1.0
MATCH_CONNECTED = 0.35
"""One call away."""
PER_HOP = 0.5
"""What is left of that for each further call (Coremetry) [P]."""
MATCH_APART = 0.1
"""No call connects it with what is affected [D]."""
MATCH_UNKNOWN = 0.35
"""A change that names no service could concern any of them [D]."""
MATCH_UNSEEN = 0.8
"""What a callee adds that nothing measures stands in the figures of its caller [D]."""
EARLIER_PENALTY = 0.3
TIME_SCORE_NAMED = 0.6
"""Below this nothing is named [M, RootCauseBench]."""
ROUTINE_TIMES = 5
LOOKBACK_S = 1800.0
LOOKBACK_MOST_S = 7 * 86400.0

# -- cascade ----------------------------------------------------------------------------------------------------------
CASCADE_KEEP_Z = 2.0
CASCADE_KEEP_EFFECT = 0.10
CASCADE_KEEP_RATIO = 0.005
"""All three: PetShop, two baselines [M]."""

# -- load -------------------------------------------------------------------------------------------------------------
SURGE_RATIO = 1.5
"""Arrivals at least this much above their level are a surge [D]."""

# -- leak -------------------------------------------------------------------------------------------------------------
LEAK_P = 0.01
LEAK_TAU = 0.5
LEAK_GROWTH = 0.10
LEAK_TAIL_SLOPE = 0.2
LEAK_MIN_BINS = 12
LEAK_LAST_BINS = 16
LEAK_BINS = 96
LEAK_QUANTILE = 0.10
RESTART_FALL_OF_MAX = 0.30
RESTART_FALL_OF_RANGE = 0.60
"""All [M] on software-ageing runs."""

# -- silence ----------------------------------------------------------------------------------------------------------
SILENCE_EXPECTED = 9.2
"""Expected arrivals in the gap: one chance in ten thousand if Poisson [D]."""
SILENCE_GAPS = 2.0
"""... and the gap exceeds this many times the longest one of the baseline [D]."""

# -- dependencies -----------------------------------------------------------------------------------------------------
ONSET_OWN_SHARE = 0.5
"""An operation tells when its service's trouble began where at least this share of what is too much is its own [D]."""
THIRD_PARTY_SHARE = 0.5
"""A third party leads when its excess covers at least this share of the symptom [D]."""
DEGRADED_ERROR_RATE = 0.01
DOWN_ERROR_RATE = 0.5

# -- log patterns -----------------------------------------------------------------------------------------------------
PATTERN_LEAST = 3
"""Lines that a pattern needs to be called new or gone [D]."""
PATTERN_SURGE = 10
"""Lines that a pattern needs to be called surged [P, logfold]."""
PATTERN_RATIO = 2.0
"""Its share of lines must have grown by this factor [P, logfold]."""
PATTERN_P = 0.01
"""... and the chance of that be below this, after correction for the number of patterns [P, logfold]. Lines come in bursts,
so that chances flatter: the counts and the ratio do the work."""
PATTERN_TOKENS = 24
PATTERN_MOST = 300
"""Patterns per (service, level); the rest counts as `other` [P, Loki's limit of clusters]."""
PATTERN_BASELINE_WINDOWS = 6
"""The lines of a window are compared with those of so many times its length before it [D]."""
TREND_STEPS = 60
"""Steps of a pattern's trend over the window: as many as a graph of one line has room for. Counts that patterns are compared
by are kept in steps of that width."""

# -- suspects ---------------------------------------------------------------------------------------------------------
BAND_LEADING = (0.7, 1.0)
BAND_POSSIBLE = (0.3, 0.7)
BAND_UNLIKELY = (0.0, 0.3)
MOST_SUSPECTS = 12


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a user may set; the defaults are the constants above."""

    min_requests: int = GATE_REQUESTS
    min_excess_failures: int = GATE_FAILURES
    min_effect: float = MIN_EFFECT
    min_effect_ratio: float = MIN_EFFECT_RATIO
