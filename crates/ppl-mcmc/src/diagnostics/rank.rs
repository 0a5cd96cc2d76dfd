//! Normal scores of ranks, and R̂.

use ppl_tensor::Tensor;

use super::{cut, halves, mean, sorted, valid, variance};

/// Ranks of all numbers, counted from 1; ties share their mean rank.
pub fn ranks(all: &[f64]) -> Vec<f64> {
    let n = all.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_unstable_by(|&i, &j| all[i].total_cmp(&all[j]));
    let mut ranks = vec![0.0; n];
    let mut begin = 0;
    while begin < n {
        let ties = order[begin..].iter().take_while(|&&i| all[i] == all[order[begin]]).count().max(1);
        let rank = begin as f64 + (ties + 1) as f64 / 2.0;
        for &i in &order[begin..begin + ties] {
            ranks[i] = rank;
        }
        begin += ties;
    }
    ranks
}

/// Normal scores of the ranks of all numbers; the offset is Blom's (1958).
pub(super) fn normal_scores(all: &[f64]) -> Vec<f64> {
    let n = all.len() as f64;
    let probability: Vec<f64> = ranks(all).iter().map(|rank| (rank - 0.375) / (n + 0.25)).collect();
    let scores = (Tensor::from(probability) * 2.0 - 1.0).erfinv() * std::f64::consts::SQRT_2;
    // Of numbers between -1 and 1 the operation cannot fail.
    scores.to_f64().unwrap_or_default()
}

/// R̂ of chains as they are.
fn plain(chains: &[&[f64]]) -> f64 {
    let n = chains.first().map_or(0, |chain| chain.len()) as f64;
    let means: Vec<f64> = chains.iter().map(|chain| mean(chain)).collect();
    let within = chains.iter().map(|chain| variance(chain)).sum::<f64>() / chains.len() as f64;
    ((n * variance(&means) / within + n - 1.0) / n).sqrt()
}

/// The mean of the two numbers in the middle: so rounded both are as far from it, and share their rank.
fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
}

/// The larger of the rank-normalised R̂ of the halves of chains, and that of their distances from the median: how much
/// wider all draws spread than those of one half. Below 1.01 for chains that agree. NaN if all draws are equal.
pub fn r_hat(chains: &[&[f64]]) -> f64 {
    if !valid(chains) {
        return f64::NAN;
    }
    let halves = halves(chains);
    let of_scores = |all: &[f64]| {
        let scores = normal_scores(all);
        plain(&cut(&scores, halves.len()))
    };
    let all = halves.concat();
    let median = median(&sorted(&halves));
    let folded: Vec<f64> = all.iter().map(|x| (x - median).abs()).collect();
    let (bulk, tail) = (of_scores(&all), of_scores(&folded));
    if bulk.is_nan() { bulk } else { bulk.max(tail) }
}
