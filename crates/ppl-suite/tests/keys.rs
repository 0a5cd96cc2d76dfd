//! Random keys: draws are a function of the key alone, keys derived from one key are independent.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use ppl_tensor::op::Binary;
use ppl_tensor::{DType, Device, HostBackend, Key, Op, Tensor, compile, grad, trace, vmap};

fn bits(key: &Key) -> i64 {
    key.tensor().to_vec::<i64>().unwrap()[0]
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let (mx, my) = (mean(x), mean(y));
    let sum = |f: &dyn Fn(f64, f64) -> f64| x.iter().zip(y).map(|(x, y)| f(x - mx, y - my)).sum::<f64>();
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
}

const COUNT: usize = 20_000;

/// Four standard errors of a mean of [`COUNT`] draws of variance `variance`. Seeds are fixed: a law that holds once
/// holds always.
fn four_errors(variance: f64) -> f64 {
    4.0 * (variance / COUNT as f64).sqrt()
}

#[test]
fn the_same_key_gives_the_same_draws() {
    let (a, b) = (Key::new(7), Key::new(7));
    assert_eq!(bits(&a), bits(&b));
    assert_eq!(a.normal([5], DType::F64).to_f64().unwrap(), b.normal([5], DType::F64).to_f64().unwrap());
    assert_eq!(a.uniform([5], DType::F32).to_f64().unwrap(), b.uniform([5], DType::F32).to_f64().unwrap());
    assert_eq!(bits(&a.fold_in_name("weights")), bits(&b.fold_in_name("weights")));
    let other = Key::on(&Device::new(HostBackend, DType::F64), 7);
    assert_eq!(a.normal([5], DType::F64).to_f64().unwrap(), other.normal([5], DType::F64).to_f64().unwrap());
}

#[test]
fn derived_keys_differ() {
    let key = Key::new(0);
    let mut seen = HashSet::new();
    for seed in 0..1000 {
        assert!(seen.insert(bits(&Key::new(seed))), "seed {seed}");
    }
    for number in 0..1000_i64 {
        assert!(seen.insert(bits(&key.fold_in(number))), "number {number}");
        assert!(seen.insert(bits(&Key::new(1).fold_in(number))), "number {number} of another key");
        assert!(seen.insert(bits(&key.fold_in_name(&format!("site {number}")))), "site {number}");
    }
    let (left, right) = key.split();
    assert_ne!(bits(&left), bits(&right));
    // Folding in is not addition: order matters.
    assert_ne!(bits(&key.fold_in(1).fold_in(2)), bits(&key.fold_in(2).fold_in(1)));
    assert_ne!(bits(&key.fold_in(3)), bits(&key.fold_in(1).fold_in(2)));
}

#[test]
fn split_keys_are_independent() {
    let key = Key::new(3);
    let (left, right) = key.split();
    let draws = [&key, &left, &right].map(|key| key.normal([COUNT], DType::F64).to_f64().unwrap());
    for (i, j) in [(0, 1), (0, 2), (1, 2)] {
        assert!(correlation(&draws[i], &draws[j]).abs() < four_errors(1.0));
    }
    // Neighbouring keys, draw by draw.
    let neighbours = key.fold_in(Tensor::arange(COUNT)).uniform([2], DType::F64).to_f64().unwrap();
    let (first, second): (Vec<f64>, Vec<f64>) =
        neighbours.chunks_exact(2).map(|pair| (pair[0], pair[1])).unzip();
    assert!(correlation(&first, &second).abs() < four_errors(1.0));
    assert!(correlation(&first[1..], &first[..COUNT - 1]).abs() < four_errors(1.0));
}

#[test]
fn uniform_draws_are_uniform() {
    for dtype in [DType::F64, DType::F32] {
        let mut draws = Key::new(11).uniform([COUNT], dtype).to_f64().unwrap();
        assert!(draws.iter().all(|&x| x > 0.0 && x < 1.0));
        draws.sort_unstable_by(f64::total_cmp);
        let gap = |(i, x): (usize, &f64)| (x - i as f64 / COUNT as f64).abs();
        // Kolmogorov's distribution: 2.2 / √n is exceeded once in ten thousand seeds.
        assert!(draws.iter().enumerate().map(gap).fold(0.0, f64::max) < 2.2 / (COUNT as f64).sqrt());
    }
}

#[test]
fn normal_draws_are_normal() {
    for dtype in [DType::F64, DType::F32] {
        let x = Key::new(12).normal([COUNT], dtype).to_f64().unwrap();
        let power = |n: i32| mean(&x.iter().map(|x| x.powi(n)).collect::<Vec<_>>());
        // Moments 0, 1, 0, 3; variances of the powers: 1, 2, 15, 96.
        assert!(power(1).abs() < four_errors(1.0));
        assert!((power(2) - 1.0).abs() < four_errors(2.0));
        assert!(power(3).abs() < four_errors(15.0));
        assert!((power(4) - 3.0).abs() < four_errors(96.0));
        let inside = x.iter().filter(|x| x.abs() < 1.0).count() as f64 / COUNT as f64;
        assert!((inside - 0.682_689_492_137).abs() < four_errors(0.2166));
    }
}

#[test]
fn gamma_draws_are_gamma() {
    for concentration in [0.01, 0.3, 1.0, 2.5, 100.0] {
        let log = Key::new(13).log_gamma([COUNT], &concentration.into()).to_f64().unwrap();
        assert!(log.iter().all(|x| x.is_finite()), "{concentration}");
        let x: Vec<f64> = log.iter().map(|x| x.exp()).collect();
        // Mean and variance are both the concentration a; the square's variance about a² is 2 a² + 6 a.
        assert!(
            (mean(&x) - concentration).abs() < four_errors(concentration),
            "{concentration}: {}",
            mean(&x)
        );
        let squares: Vec<f64> = x.iter().map(|x| (x - concentration).powi(2)).collect();
        let spread = 2.0 * concentration * concentration + 6.0 * concentration;
        assert!(
            (mean(&squares) - concentration).abs() < four_errors(spread),
            "{concentration}: {}",
            mean(&squares)
        );
        // The mean of the logarithm is digamma(a), its variance trigamma(a).
        let a = Tensor::from(concentration);
        let (digamma, trigamma) = (a.digamma().to_scalar().unwrap(), a.polygamma(1).to_scalar().unwrap());
        assert!((mean(&log) - digamma).abs() < four_errors(trigamma), "{concentration}: {}", mean(&log));
    }
}

#[test]
fn gradients_of_gamma_draws_are_those_of_their_moments() {
    for concentration in [0.3, 1.0, 2.5, 40.0] {
        let a = Tensor::from([concentration]).tracked();
        let log = Key::new(14).log_gamma([COUNT], &a);
        let slopes = Tensor::apply(Op::Binary(Binary::GammaQuantileSlope), &[&a.detach(), &log.detach()])
            .to_f64()
            .unwrap();
        // E ln z is digamma(a): the mean slope of ln z is trigamma(a).
        let trigamma = a.polygamma(1).to_scalar().unwrap();
        let slope = grad(&log.mean_all(), &[&a]).unwrap()[0].to_scalar().unwrap();
        assert!((slope - mean(&slopes)).abs() < 1e-12 * trigamma);
        let spread = mean(&slopes.iter().map(|s| (s - slope).powi(2)).collect::<Vec<_>>());
        assert!((slope - trigamma).abs() < four_errors(spread), "{concentration}: {slope}, {trigamma}");
        // E z is a: the mean slope of z is 1.
        let of_mean = grad(&log.exp().mean_all(), &[&a]).unwrap()[0].to_scalar().unwrap();
        let terms: Vec<f64> = log.exp().to_f64().unwrap().iter().zip(&slopes).map(|(z, s)| z * s).collect();
        let spread = mean(&terms.iter().map(|t| (t - of_mean).powi(2)).collect::<Vec<_>>());
        assert!((of_mean - 1.0).abs() < four_errors(spread), "{concentration}: {of_mean}");
    }
}

#[test]
fn each_key_of_many_draws_as_it_does_alone() {
    let keys = Key::new(5).fold_in(Tensor::arange(4));
    let a = Tensor::from([0.5, 3.0]);
    let together = [
        keys.normal([2], DType::F64),
        keys.uniform([2], DType::F64),
        keys.log_gamma([2], &a),
        keys.poisson([2], &(10.0 * &a)),
        keys.binomial([2], &9.0.into(), &(&a / 5.0)),
        keys.subsample(5, 2),
    ];
    for row in 0..4_i64 {
        let key = Key::new(5).fold_in(row);
        let alone = [
            key.normal([2], DType::F64),
            key.uniform([2], DType::F64),
            key.log_gamma([2], &a),
            key.poisson([2], &(10.0 * &a)),
            key.binomial([2], &9.0.into(), &(&a / 5.0)),
            key.subsample(5, 2),
        ];
        for (together, alone) in together.iter().zip(&alone) {
            let row = together.select_index(0, row as usize);
            assert_eq!(row.to_f64().unwrap(), alone.to_f64().unwrap());
        }
    }
}

#[test]
fn a_key_draws_the_same_in_a_map_and_in_a_program() {
    let key = Key::new(9);
    let step = |key: &Tensor| {
        let key = Key::from_tensor(key.clone());
        let (left, right) = key.split();
        Ok(left.normal([3], DType::F64) + right.fold_in_name("more").uniform([], DType::F64))
    };
    let alone = step(key.tensor()).unwrap().to_f64().unwrap();
    let keys = key.fold_in(Tensor::arange(3));
    let mapped = vmap(step, keys.tensor()).unwrap();
    for row in 0..3 {
        let one = step(&keys.tensor().select_index(0, row)).unwrap();
        assert_eq!(mapped.select_index(0, row).to_f64().unwrap(), one.to_f64().unwrap());
    }
    let program = compile(trace(&Device::cpu(), step, key.tensor()).unwrap()).unwrap();
    assert_eq!(program.run(key.tensor()).unwrap().to_f64().unwrap(), alone);
    assert_ne!(program.run(Key::new(10).tensor()).unwrap().to_f64().unwrap(), alone);
}

#[test]
fn subsamples_are_distinct_and_any_is_as_likely() {
    for (population, size) in [(1, 1), (5, 0), (6, 6), (1000, 10), (1_000_000_000, 20)] {
        let chosen = Key::new(21).subsample(population, size).to_vec::<i64>().unwrap();
        assert_eq!(chosen.iter().collect::<HashSet<_>>().len(), size);
        assert!(chosen.iter().all(|&i| i >= 0 && i < population as i64));
    }
    // Each entry is in two of five places of a subsample of 2 of 5, and each first as often as last.
    let draws = Key::new(22).fold_in(Tensor::arange(COUNT)).subsample(5, 2).to_vec::<i64>().unwrap();
    for place in 0..2 {
        for entry in 0..5 {
            let count = draws.chunks_exact(2).filter(|pair| pair[place] == entry).count();
            assert!((count as f64 / COUNT as f64 - 0.2).abs() < four_errors(0.16), "{place}: {entry}");
        }
    }
}
