//! Distributions on the reals: `cauchy(loc, scale)`, `laplace(loc, scale)`, `t(df, loc, scale)`,
//! `logistic(loc, scale)`, `gumbel_r(loc, scale)`. Moments that do not exist are
//! NaN, where SciPy says infinite.

use super::{INF, NAN};
use crate::reference::{Point, Reference};

#[rustfmt::skip]
pub(super) const REAL_LINE: &[Reference] = &[
    Reference {
        name: "Cauchy", arguments: &[0.0, 1.0], tolerance: 1e-13,
        mean: NAN, variance: NAN, entropy: 2.5310242469692907,
        points: &[
            Point { x: 0.0, log_prob: -1.1447298858494002, cdf: 0.5 },
            Point { x: 0.7, log_prob: -1.543506005806768, cdf: 0.6944001122142148 },
            Point { x: -3.0, log_prob: -3.447314978843446, cdf: 0.10241638234956672 },
            Point { x: 100000000.0, log_prob: -37.98609137375413, cdf: 0.9999999968169011 },
            Point { x: -100000000.0, log_prob: -37.98609137375413, cdf: 3.1830988618379066e-09 },
            Point { x: -1e+200, log_prob: -922.1787670834676, cdf: 3.1830988618379067e-201 },
        ],
    },
    Reference {
        name: "Cauchy", arguments: &[-3.0, 0.5], tolerance: 1e-13,
        mean: NAN, variance: NAN, entropy: 1.8378770664093453,
        points: &[
            Point { x: -3.0, log_prob: -0.4515827052894549, cdf: 0.5 },
            Point { x: -2.65, log_prob: -0.8503588252468228, cdf: 0.6944001122142148 },
            Point { x: -4.5, log_prob: -2.7541677982835004, cdf: 0.10241638234956672 },
            Point { x: 49999997.0, log_prob: -37.29294419319419, cdf: 0.9999999968169011 },
            Point { x: -50000003.0, log_prob: -37.29294419319419, cdf: 3.1830988618379066e-09 },
            Point { x: -5e+199, log_prob: -921.4856199029077, cdf: 3.1830988618379067e-201 },
        ],
    },
    Reference {
        name: "Cauchy", arguments: &[1000000.0, 0.001], tolerance: 1e-06,
        mean: NAN, variance: NAN, entropy: -4.376731032012846,
        points: &[
            Point { x: 1000000.0, log_prob: 5.763025393132737, cdf: 0.5 },
            Point { x: 1000000.0007, log_prob: 5.364249296627197, cdf: 0.6944001068821086 },
            Point { x: 999999.997, log_prob: 3.460440284492472, cdf: 0.10241638151950902 },
            Point { x: 1100000.0, log_prob: -31.078336094771995, cdf: 0.9999999968169011 },
            Point { x: 900000.0, log_prob: -31.078336094771995, cdf: 3.1830988618379066e-09 },
            Point { x: -1e+197, log_prob: -915.2710118044855, cdf: 3.183098861837907e-201 },
        ],
    },
    Reference {
        name: "Laplace", arguments: &[0.0, 1.0], tolerance: 1e-13,
        mean: 0.0, variance: 2.0, entropy: 1.6931471805599454,
        points: &[
            Point { x: 0.0, log_prob: -0.6931471805599453, cdf: 0.5 },
            Point { x: 0.7, log_prob: -1.3931471805599454, cdf: 0.7517073481042952 },
            Point { x: -3.0, log_prob: -3.6931471805599454, cdf: 0.024893534183931972 },
            Point { x: 8.0, log_prob: -8.693147180559945, cdf: 0.9998322686860488 },
            Point { x: -40.0, log_prob: -40.69314718055995, cdf: 2.1241771276457944e-18 },
            Point { x: 700.0, log_prob: -700.6931471805599, cdf: 1.0 },
        ],
    },
    Reference {
        name: "Laplace", arguments: &[-3.0, 0.5], tolerance: 1e-13,
        mean: -3.0, variance: 0.5, entropy: 1.0,
        points: &[
            Point { x: -3.0, log_prob: 0.0, cdf: 0.5 },
            Point { x: -2.65, log_prob: -0.7000000000000002, cdf: 0.7517073481042953 },
            Point { x: -4.5, log_prob: -3.0, cdf: 0.024893534183931972 },
            Point { x: 1.0, log_prob: -8.0, cdf: 0.9998322686860488 },
            Point { x: -23.0, log_prob: -40.0, cdf: 2.1241771276457944e-18 },
            Point { x: 347.0, log_prob: -700.0, cdf: 1.0 },
        ],
    },
    Reference {
        name: "Laplace", arguments: &[0.0, 1e+150], tolerance: 1e-13,
        mean: 0.0, variance: 1.9999999999999998e+300, entropy: 347.0809111296668,
        points: &[
            Point { x: 0.0, log_prob: -346.0809111296668, cdf: 0.5 },
            Point { x: 6.999999999999999e+149, log_prob: -346.7809111296668, cdf: 0.7517073481042952 },
            Point { x: -2.9999999999999998e+150, log_prob: -349.0809111296668, cdf: 0.024893534183931976 },
            Point { x: 8e+150, log_prob: -354.0809111296668, cdf: 0.9998322686860488 },
            Point { x: -4e+151, log_prob: -386.0809111296668, cdf: 2.1241771276457914e-18 },
            Point { x: 7e+152, log_prob: -1046.0809111296667, cdf: 1.0 },
        ],
    },
    Reference {
        name: "StudentT", arguments: &[0.5, 0.0, 1.0], tolerance: 1e-13,
        mean: NAN, variance: NAN, entropy: 3.6667274161038543,
        points: &[
            Point { x: 0.0, log_prob: -1.3105329259115095, cdf: NAN },
            Point { x: 0.7, log_prob: -1.8228555594413425, cdf: NAN },
            Point { x: -3.0, log_prob: -3.5188621602863397, cdf: NAN },
            Point { x: 40.0, log_prob: -7.3639468308889064, cdf: NAN },
            Point { x: -1e+100, log_prob: -347.2181572604383, cdf: NAN },
        ],
    },
    Reference {
        name: "StudentT", arguments: &[1.0, 0.0, 2.0], tolerance: 1e-13,
        mean: NAN, variance: NAN, entropy: 3.224171427529236,
        points: &[
            Point { x: 0.0, log_prob: -1.8378770664093456, cdf: NAN },
            Point { x: 1.4, log_prob: -2.236653186366713, cdf: NAN },
            Point { x: -6.0, log_prob: -4.140462159403391, cdf: NAN },
            Point { x: 80.0, log_prob: -9.21626077940606, cdf: NAN },
            Point { x: -2e+100, log_prob: -462.35489566521846, cdf: NAN },
        ],
    },
    Reference {
        name: "StudentT", arguments: &[1.5, 2.0, 3.0], tolerance: 1e-13,
        mean: 2.0, variance: INF, entropy: 3.248271756512759,
        points: &[
            Point { x: 2.0, log_prob: -2.1752625735000004, cdf: NAN },
            Point { x: 4.1, log_prob: -2.5285994867852963, cdf: NAN },
            Point { x: -7.0, log_prob: -4.607650259819142, cdf: NAN },
            Point { x: 122.0, log_prob: -10.891801149676311, cdf: NAN },
            Point { x: -3.0000000000000002e+100, log_prob: -577.3147044368762, cdf: NAN },
        ],
    },
    Reference {
        name: "StudentT", arguments: &[3.0, -1.0, 0.5], tolerance: 1e-13,
        mean: -1.0, variance: 0.75, entropy: 1.0803303913033457,
        points: &[
            Point { x: -1.0, log_prob: -0.3077416690635644, cdf: NAN },
            Point { x: -0.65, log_prob: -0.6103205641560165, cdf: NAN },
            Point { x: -2.5, log_prob: -3.0803303913033457, cdf: NAN },
            Point { x: 19.0, log_prob: -12.86978139694645, cdf: NAN },
            Point { x: -5e+99, log_prob: -919.1445542893456, cdf: NAN },
        ],
    },
    Reference {
        name: "StudentT", arguments: &[30.0, 0.0, 1.0], tolerance: 1e-13,
        mean: 0.0, variance: 1.0714285714285714, entropy: 1.4525433297872075,
        points: &[
            Point { x: 0.0, log_prob: -0.9272703253788457, cdf: NAN },
            Point { x: 0.7, log_prob: -1.1783917051179702, cdf: NAN },
            Point { x: -3.0, log_prob: -4.993916424624957, cdf: NAN },
            Point { x: 40.0, log_prob: -62.851907963527964, cdf: NAN },
            Point { x: -1e+100, log_prob: -7086.222499191157, cdf: NAN },
        ],
    },
    Reference {
        name: "StudentT", arguments: &[50.0, 0.0, 1.0], tolerance: 1e-13,
        mean: 0.0, variance: 1.0416666666666667, entropy: 1.4390371808457625,
        points: &[
            Point { x: 0.0, log_prob: -0.9239382000311456, cdf: NAN },
            Point { x: 0.7, log_prob: -1.1726216318194416, cdf: NAN },
            Point { x: -3.0, log_prob: -5.144556381209267, cdf: NAN },
            Point { x: 40.0, log_prob: -90.0848810174264, cdf: NAN },
            Point { x: -1e+100, log_prob: -11644.351325831247, cdf: NAN },
        ],
    },
    Reference {
        name: "StudentT", arguments: &[1000000.0, 0.0, 1.0], tolerance: 1e-12,
        mean: 0.0, variance: 1.000002000004, entropy: 1.4189395332049228,
        points: &[
            Point { x: 0.0, log_prob: -0.9189387832046727, cdf: NAN },
            Point { x: 0.7, log_prob: -1.1639389681796324, cdf: NAN },
            Point { x: -3.0, log_prob: -5.418923033305922, cdf: NAN },
            Point { x: 40.0, log_prob: -800.2804199924003, cdf: NAN },
            Point { x: -1e+100, log_prob: -223350978.29011524, cdf: NAN },
        ],
    },
    Reference {
        name: "StudentT", arguments: &[1000000000000.0, 0.0, 1.0], tolerance: 1e-12,
        mean: 0.0, variance: 1.000000000002, entropy: 1.4189385332056728,
        points: &[
            Point { x: 0.0, log_prob: -0.9189385332049227, cdf: NAN },
            Point { x: 0.7, log_prob: -1.1639385332051078, cdf: NAN },
            Point { x: -3.0, log_prob: -5.418938533189173, cdf: NAN },
            Point { x: 40.0, log_prob: -800.9189378940049, cdf: NAN },
            Point { x: -1e+100, log_prob: -216442998741657.66, cdf: NAN },
        ],
    },
    Reference {
        name: "Logistic", arguments: &[0.0, 1.0], tolerance: 1e-13,
        mean: 0.0, variance: 3.289868133696453, entropy: 2.0,
        points: &[
            Point { x: 0.0, log_prob: -1.3862943611198906, cdf: 0.5 },
            Point { x: 0.7, log_prob: -1.5063720977709159, cdf: 0.668187772168166 },
            Point { x: -3.0, log_prob: -3.097174703147484, cdf: 0.04742587317756678 },
            Point { x: 8.0, log_prob: -8.000670812745792, cdf: 0.9996646498695335 },
            Point { x: -40.0, log_prob: -40.0, cdf: 4.248354255291589e-18 },
            Point { x: 700.0, log_prob: -700.0, cdf: 1.0 },
            Point { x: -700.0, log_prob: -700.0, cdf: 9.85967654375977e-305 },
        ],
    },
    Reference {
        name: "Logistic", arguments: &[-3.0, 0.5], tolerance: 1e-13,
        mean: -3.0, variance: 0.8224670334241132, entropy: 1.3068528194400546,
        points: &[
            Point { x: -3.0, log_prob: -0.6931471805599453, cdf: 0.5 },
            Point { x: -2.65, log_prob: -0.8132249172109706, cdf: 0.6681877721681662 },
            Point { x: -4.5, log_prob: -2.4040275225875387, cdf: 0.04742587317756678 },
            Point { x: 1.0, log_prob: -7.3075236321858466, cdf: 0.9996646498695335 },
            Point { x: -23.0, log_prob: -39.30685281944005, cdf: 4.248354255291589e-18 },
            Point { x: 347.0, log_prob: -699.3068528194401, cdf: 1.0 },
            Point { x: -353.0, log_prob: -699.3068528194401, cdf: 9.85967654375977e-305 },
        ],
    },
    Reference {
        name: "Gumbel", arguments: &[0.0, 1.0], tolerance: 1e-13,
        mean: 0.5772156649015329, variance: 1.6449340668482264, entropy: 1.5772156649015328,
        points: &[
            Point { x: 0.0, log_prob: -1.0, cdf: 0.36787944117144233 },
            Point { x: 0.7, log_prob: -1.1965853037914096, cdf: 0.6086053178044064 },
            Point { x: -3.0, log_prob: -17.085536923187668, cdf: 1.8921786948382924e-09 },
            Point { x: -5.5, log_prob: -239.19193226422038, cdf: 5.3906861972603424e-107 },
            Point { x: 8.0, log_prob: -8.000335462627902, cdf: 0.9996645936333934 },
            Point { x: 700.0, log_prob: -700.0, cdf: 1.0 },
        ],
    },
    Reference {
        name: "Gumbel", arguments: &[-3.0, 0.5], tolerance: 1e-13,
        mean: -2.7113921675492336, variance: 0.4112335167120566, entropy: 0.8840684843415875,
        points: &[
            Point { x: -3.0, log_prob: -0.3068528194400547, cdf: 0.36787944117144233 },
            Point { x: -2.65, log_prob: -0.5034381232314643, cdf: 0.6086053178044064 },
            Point { x: -4.5, log_prob: -16.39238974262772, cdf: 1.8921786948382924e-09 },
            Point { x: -5.75, log_prob: -238.49878508366044, cdf: 5.3906861972603424e-107 },
            Point { x: 1.0, log_prob: -7.3071882820679575, cdf: 0.9996645936333934 },
            Point { x: 347.0, log_prob: -699.3068528194401, cdf: 1.0 },
        ],
    },
];
