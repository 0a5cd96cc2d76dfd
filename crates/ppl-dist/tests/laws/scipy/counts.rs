//! Distributions of counts: `poisson(rate)`, `binom(total_count, probs)`.

use super::{INF, NAN};
use crate::reference::{Point, Reference};

#[rustfmt::skip]
pub(super) const COUNTS: &[Reference] = &[
    Reference {
        name: "Poisson", arguments: &[0.0], tolerance: 1e-13,
        mean: 0.0, variance: 0.0, entropy: NAN,
        points: &[
            Point { x: -1.0, log_prob: -INF, cdf: NAN },
            Point { x: 0.5, log_prob: -INF, cdf: NAN },
            Point { x: 0.0, log_prob: 0.0, cdf: NAN },
            Point { x: 1.0, log_prob: -INF, cdf: NAN },
            Point { x: 3.0, log_prob: -INF, cdf: NAN },
            Point { x: 200.0, log_prob: -INF, cdf: NAN },
        ],
    },
    Reference {
        name: "Poisson", arguments: &[1e-05], tolerance: 1e-13,
        mean: 1e-05, variance: 1e-05, entropy: NAN,
        points: &[
            Point { x: -1.0, log_prob: -INF, cdf: NAN },
            Point { x: 0.5, log_prob: -INF, cdf: NAN },
            Point { x: 0.0, log_prob: -1e-05, cdf: NAN },
            Point { x: 1.0, log_prob: -11.512935464970228, cdf: NAN },
            Point { x: 3.0, log_prob: -36.33054586413874, cdf: NAN },
            Point { x: 200.0, log_prob: -3165.817090186451, cdf: NAN },
        ],
    },
    Reference {
        name: "Poisson", arguments: &[0.7], tolerance: 1e-13,
        mean: 0.7, variance: 0.7, entropy: NAN,
        points: &[
            Point { x: -1.0, log_prob: -INF, cdf: NAN },
            Point { x: 0.5, log_prob: -INF, cdf: NAN },
            Point { x: 0.0, log_prob: -0.7, cdf: NAN },
            Point { x: 1.0, log_prob: -1.0566749439387324, cdf: NAN },
            Point { x: 3.0, log_prob: -3.5617843010442525, cdf: NAN },
            Point { x: 5.0, log_prob: -7.270866462475708, cdf: NAN },
            Point { x: 200.0, log_prob: -935.266975980152, cdf: NAN },
        ],
    },
    Reference {
        name: "Poisson", arguments: &[30.0], tolerance: 1e-13,
        mean: 30.0, variance: 30.0, entropy: NAN,
        points: &[
            Point { x: -1.0, log_prob: -INF, cdf: NAN },
            Point { x: 0.5, log_prob: -INF, cdf: NAN },
            Point { x: 0.0, log_prob: -30.0, cdf: NAN },
            Point { x: 1.0, log_prob: -26.598802618337846, cdf: NAN },
            Point { x: 3.0, log_prob: -21.58816732424159, cdf: NAN },
            Point { x: 57.0, log_prob: -12.527597652254496, cdf: NAN },
            Point { x: 200.0, log_prob: -212.9925108599744, cdf: NAN },
        ],
    },
    Reference {
        name: "Poisson", arguments: &[100000.0], tolerance: 1e-09,
        mean: 100000.0, variance: 100000.0, entropy: NAN,
        points: &[
            Point { x: -1.0, log_prob: -INF, cdf: NAN },
            Point { x: 0.5, log_prob: -INF, cdf: NAN },
            Point { x: 0.0, log_prob: -100000.0, cdf: NAN },
            Point { x: 1.0, log_prob: -99988.48707453503, cdf: NAN },
            Point { x: 3.0, log_prob: -99967.25298307432, cdf: NAN },
            Point { x: 101581.0, log_prob: -19.115702578617885, cdf: NAN },
            Point { x: 200.0, log_prob: -98560.64689419836, cdf: NAN },
        ],
    },
    Reference {
        name: "Binomial", arguments: &[0.0, 0.3], tolerance: 1e-13,
        mean: 0.0, variance: 0.0, entropy: NAN,
        points: &[
            Point { x: -1.0, log_prob: -INF, cdf: NAN },
            Point { x: 0.5, log_prob: -INF, cdf: NAN },
            Point { x: 0.0, log_prob: 0.0, cdf: NAN },
            Point { x: 1.0, log_prob: -INF, cdf: NAN },
        ],
    },
    Reference {
        name: "Binomial", arguments: &[10.0, 0.3], tolerance: 1e-13,
        mean: 3.0, variance: 2.1, entropy: NAN,
        points: &[
            Point { x: -1.0, log_prob: -INF, cdf: NAN },
            Point { x: 0.5, log_prob: -INF, cdf: NAN },
            Point { x: 0.0, log_prob: -3.5667494393873236, cdf: NAN },
            Point { x: 1.0, log_prob: -2.1114622067804816, cdf: NAN },
            Point { x: 10.0, log_prob: -12.03972804325936, cdf: NAN },
            Point { x: 3.0, log_prob: -1.3211512777668886, cdf: NAN },
            Point { x: 11.0, log_prob: -INF, cdf: NAN },
        ],
    },
    Reference {
        name: "Binomial", arguments: &[10.0, 0.0], tolerance: 1e-13,
        mean: 0.0, variance: 0.0, entropy: NAN,
        points: &[
            Point { x: -1.0, log_prob: -INF, cdf: NAN },
            Point { x: 0.5, log_prob: -INF, cdf: NAN },
            Point { x: 0.0, log_prob: 0.0, cdf: NAN },
            Point { x: 1.0, log_prob: -INF, cdf: NAN },
            Point { x: 10.0, log_prob: -INF, cdf: NAN },
            Point { x: 11.0, log_prob: -INF, cdf: NAN },
        ],
    },
    Reference {
        name: "Binomial", arguments: &[10.0, 1.0], tolerance: 1e-13,
        mean: 10.0, variance: 0.0, entropy: NAN,
        points: &[
            Point { x: -1.0, log_prob: -INF, cdf: NAN },
            Point { x: 0.5, log_prob: -INF, cdf: NAN },
            Point { x: 0.0, log_prob: -INF, cdf: NAN },
            Point { x: 1.0, log_prob: -INF, cdf: NAN },
            Point { x: 10.0, log_prob: 0.0, cdf: NAN },
            Point { x: 11.0, log_prob: -INF, cdf: NAN },
        ],
    },
    Reference {
        name: "Binomial", arguments: &[1000.0, 1e-09], tolerance: 1e-12,
        mean: 1.0000000000000002e-06, variance: 9.999999990000003e-07, entropy: NAN,
        points: &[
            Point { x: -1.0, log_prob: -INF, cdf: NAN },
            Point { x: 0.5, log_prob: -INF, cdf: NAN },
            Point { x: 0.0, log_prob: -1.0000000005000001e-06, cdf: NAN },
            Point { x: 1.0, log_prob: -13.815511556964275, cdf: NAN },
            Point { x: 1000.0, log_prob: -20723.26583694641, cdf: NAN },
            Point { x: 1001.0, log_prob: -INF, cdf: NAN },
        ],
    },
    Reference {
        name: "Binomial", arguments: &[1000000.0, 0.5], tolerance: 1e-09,
        mean: 500000.0, variance: 250000.0, entropy: NAN,
        points: &[
            Point { x: -1.0, log_prob: -INF, cdf: NAN },
            Point { x: 0.5, log_prob: -INF, cdf: NAN },
            Point { x: 0.0, log_prob: -693147.1805599453, cdf: NAN },
            Point { x: 1.0, log_prob: -693133.3650493873, cdf: NAN },
            Point { x: 1000000.0, log_prob: -693147.1805599453, cdf: NAN },
            Point { x: 500000.0, log_prob: -7.133546881626865, cdf: NAN },
            Point { x: 1000001.0, log_prob: -INF, cdf: NAN },
        ],
    },
];
