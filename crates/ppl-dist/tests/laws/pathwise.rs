//! Gradients through draws.

use std::sync::Arc;

use ppl_core::Distribution;
use ppl_dist::{
    Beta, Dirichlet, Gamma, InverseGamma, LogNormal, LowRankMultivariateNormal, MultivariateNormal, Normal,
    StudentT, Uniform,
};
use ppl_tensor::{Key, Tensor, grad};

use crate::cases::{Values, cases};
use crate::numerics::{agree, assert_mean, derivative, values};

const DRAWS: usize = 20_000;

/// For each parameter, the derivatives of `f(draw)`, one for each of [`DRAWS`] draws.
fn derivatives(
    make: impl Fn(&[Tensor]) -> Arc<dyn Distribution>,
    parameters: &[f64],
    f: impl Fn(&Tensor) -> Tensor,
    key: u64,
) -> Vec<Vec<f64>> {
    let copies: Vec<Tensor> = parameters.iter().map(|&p| Tensor::from(vec![p; DRAWS]).tracked()).collect();
    let draws = make(&copies).sample(&Key::new(key));
    let gradients = grad(&f(&draws).sum_all(), &copies.iter().collect::<Vec<_>>()).unwrap();
    gradients.iter().map(values).collect()
}

/// A draw `x(θ)` at a fixed quantile has `∂F(x; θ)/∂θ + p(x) ∂x/∂θ = 0`: exact, without averaging.
#[test]
fn each_draw_moves_along_its_quantile() {
    for case in cases() {
        let Values::Continuous(cdf) = case.values else { continue };
        if !case.keeps_quantile {
            continue;
        }
        let parameters: Vec<f64> = case.parameters.iter().map(|p| values(p)[0]).collect();
        for key in 0..20 {
            let tracked: Vec<Tensor> = case.parameters.iter().map(Tensor::tracked).collect();
            let distribution = (case.make)(&tracked);
            let draw = distribution.sample(&Key::new(key));
            let gradients = grad(&draw, &tracked.iter().collect::<Vec<_>>()).unwrap();
            let (x, density) = (values(&draw)[0], distribution.log_prob(&draw).exp().to_scalar().unwrap());
            for (p, gradient) in gradients.iter().enumerate() {
                let height = |at: f64| {
                    let mut parameters = parameters.clone();
                    parameters[p] = at;
                    cdf(&parameters, x)
                };
                let expected = -derivative(height, parameters[p]);
                let flow = values(gradient)[0] * density;
                assert!(
                    agree(flow, expected, 2e-7),
                    "{} parameter {p} at {x}: {flow}, {expected}",
                    case.name
                );
            }
        }
    }
}

#[test]
fn expected_squares_of_location_and_scale() {
    let normal = |p: &[Tensor]| Arc::new(Normal::new(&p[0], &p[1])) as _;
    let slopes = derivatives(normal, &[0.7, 1.5], Tensor::square, 1);
    assert_mean("Normal loc", &slopes[0], 1.4);
    assert_mean("Normal scale", &slopes[1], 3.0);

    let log_normal = |p: &[Tensor]| Arc::new(LogNormal::new(&p[0], &p[1])) as _;
    let slopes = derivatives(log_normal, &[0.2, 0.5], Tensor::clone, 2);
    let mean = (0.2_f64 + 0.125).exp();
    assert_mean("LogNormal loc", &slopes[0], mean);
    assert_mean("LogNormal scale", &slopes[1], 0.5 * mean);

    let uniform = |p: &[Tensor]| Arc::new(Uniform::new(&p[0], &p[1])) as _;
    let slopes = derivatives(uniform, &[-1.0, 4.0], Tensor::square, 3);
    assert_mean("Uniform low", &slopes[0], 2.0 / 3.0);
    assert_mean("Uniform high", &slopes[1], 7.0 / 3.0);
}

#[test]
fn expected_functions_of_gamma_draws() {
    for (i, (a, r)) in [(0.05, 1.0), (0.4, 2.0), (1.0, 0.5), (3.0, 4.0), (60.0, 7.0)].into_iter().enumerate()
    {
        let gamma = |p: &[Tensor]| Arc::new(Gamma::new(&p[0], &p[1])) as _;
        let slopes = derivatives(gamma, &[a, r], Tensor::square, 10 + i as u64);
        // E x² = a (a + 1) / r².
        assert_mean("concentration", &slopes[0], (2.0 * a + 1.0) / (r * r));
        assert_mean("rate", &slopes[1], -2.0 * a * (a + 1.0) / (r * r * r));
        // E ln x = ψ(a) - ln r.
        let slopes = derivatives(gamma, &[a, r], Tensor::log, 20 + i as u64);
        let trigamma = Tensor::from(a).polygamma(1).to_scalar().unwrap();
        assert_mean("concentration, of the logarithm", &slopes[0], trigamma);
    }
}

#[test]
fn expected_functions_of_beta_draws() {
    for (i, (a, b)) in [(0.3, 0.2), (1.0, 1.0), (2.0, 5.0), (40.0, 0.7)].into_iter().enumerate() {
        let beta = |p: &[Tensor]| Arc::new(Beta::new(&p[0], &p[1])) as _;
        let total: f64 = a + b;
        let slopes = derivatives(beta, &[a, b], Tensor::clone, 30 + i as u64);
        assert_mean("concentration1", &slopes[0], b / total.powi(2));
        assert_mean("concentration0", &slopes[1], -a / total.powi(2));
        // E x² = a (a + 1) / (s (s + 1)) with s = a + b.
        let slopes = derivatives(beta, &[a, b], Tensor::square, 40 + i as u64);
        let (s, square) = (total, a * (a + 1.0) / (total * (total + 1.0)));
        let by_total = square * (1.0 / s + 1.0 / (s + 1.0));
        assert_mean(
            "concentration1, of the square",
            &slopes[0],
            (2.0 * a + 1.0) / (s * (s + 1.0)) - by_total,
        );
        assert_mean("concentration0, of the square", &slopes[1], -by_total);
    }
}

#[test]
fn expected_functions_of_inverse_gamma_draws() {
    for (i, (a, r)) in [(0.3, 2.0), (6.0, 0.5), (60.0, 7.0)].into_iter().enumerate() {
        let inverse_gamma = |p: &[Tensor]| Arc::new(InverseGamma::new(&p[0], &p[1])) as _;
        // E ln x = ln r - ψ(a).
        let slopes = derivatives(inverse_gamma, &[a, r], Tensor::log, 60 + i as u64);
        let trigamma = Tensor::from(a).polygamma(1).to_scalar().unwrap();
        assert_mean("concentration, of the logarithm", &slopes[0], -trigamma);
        assert_mean("rate, of the logarithm", &slopes[1], 1.0 / r);
    }
}

#[test]
fn expected_squares_of_student_t_draws() {
    // E x² = m² + s² d / (d - 2); enough degrees of freedom for slopes of finite variance.
    let (d, m, s): (f64, f64, f64) = (9.0, 0.7, 1.5);
    let student_t = |p: &[Tensor]| Arc::new(StudentT::new(&p[0], &p[1], &p[2])) as _;
    let slopes = derivatives(student_t, &[d, m, s], Tensor::square, 70);
    assert_mean("df", &slopes[0], -2.0 * (s / (d - 2.0)).powi(2));
    assert_mean("loc", &slopes[1], 2.0 * m);
    assert_mean("scale", &slopes[2], 2.0 * s * d / (d - 2.0));
}

#[test]
fn expected_entries_of_dirichlet_draws() {
    for (i, concentration) in [[0.2, 0.3, 0.1], [1.0, 2.0, 5.0], [40.0, 0.7, 3.0]].into_iter().enumerate() {
        let total: f64 = concentration.iter().sum();
        let copies = Tensor::from(concentration).broadcast_to([DRAWS, 3]).tracked();
        let draws = Dirichlet::new(&copies).sample(&Key::new(80 + i as u64));
        let slopes = values(&grad(&draws.select_index(-1, 1).sum_all(), &[&copies]).unwrap()[0]);
        for k in 0..3 {
            // Of the mean a₁ / s.
            let own = if k == 1 { 1.0 / total } else { 0.0 };
            let slopes: Vec<f64> = slopes.iter().copied().skip(k).step_by(3).collect();
            assert_mean("concentration", &slopes, own - concentration[1] / total.powi(2));
        }
    }
}

/// `E (w·x)² = (w·m)² + |Wᵀ w|² + w·(D w)`, of slopes `2 w (Wᵀ w)ᵀ` in the factor and `w²` in the diagonal.
#[test]
fn expected_squares_of_low_rank_normal_draws() {
    let factor = Tensor::from([[1.5], [-0.4]]);
    let w = Tensor::from([0.6, -1.1]);
    let factors = factor.broadcast_to([DRAWS, 2, 1]).tracked();
    let diagonals = Tensor::from([0.3, 0.8]).broadcast_to([DRAWS, 2]).tracked();
    let draws = LowRankMultivariateNormal::new(0.0, &factors, &diagonals).sample(&Key::new(90));
    let gradients = grad(&(draws * &w).sum(-1).square().sum_all(), &[&factors, &diagonals]).unwrap();
    let along = factor.t().matmul(&w).to_scalar();
    let by_factor = values(&(2.0 * &w * along.unwrap()));
    let by_diagonal = values(&w.square());
    for entry in 0..2 {
        let column = |of: &Tensor| values(of).into_iter().skip(entry).step_by(2).collect::<Vec<_>>();
        assert_mean("cov_factor", &column(&gradients[0]), by_factor[entry]);
        assert_mean("cov_diag", &column(&gradients[1]), by_diagonal[entry]);
    }
}

/// `E (w·x)² = (w·m)² + |Lᵀ w|²`, of slopes `2 (w·m) w` in the mean and `2 w (Lᵀ w)ᵀ` in the factor.
#[test]
fn expected_squares_of_multivariate_normal_draws() {
    let loc = Tensor::from([0.5, -1.0]);
    let factor = Tensor::from([[1.5, 0.0], [-0.4, 0.8]]);
    let w = Tensor::from([0.6, -1.1]);
    let locs = loc.broadcast_to([DRAWS, 2]).tracked();
    let factors = factor.broadcast_to([DRAWS, 2, 2]).tracked();
    let draws = MultivariateNormal::with_scale_tril(&locs, &factors).sample(&Key::new(50));
    let gradients = grad(&(draws * &w).sum(-1).square().sum_all(), &[&locs, &factors]).unwrap();

    let by_loc = values(&(2.0 * (&w * &loc).sum_all() * &w));
    let by_factor = values(&(2.0 * w.unsqueeze(-1) * factor.t().matmul(&w).unsqueeze(0)));
    let column = |gradient: &Tensor, size: usize, entry: usize| -> Vec<f64> {
        values(gradient).into_iter().skip(entry).step_by(size).collect()
    };
    for (entry, &expected) in by_loc.iter().enumerate() {
        assert_mean("loc", &column(&gradients[0], 2, entry), expected);
    }
    for entry in [0, 2, 3] {
        assert_mean("scale_tril", &column(&gradients[1], 4, entry), by_factor[entry]);
    }
}
