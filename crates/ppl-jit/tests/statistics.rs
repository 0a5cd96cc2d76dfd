//! Sums over the rows of known data are what they are when each row is read.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_jit::Compiler;
use ppl_suite::{Outcome, for_each, require};
use ppl_tensor::{DType, Device, Key, Program, Result, Tensor, grad, trace};
use proptest::prelude::*;

/// What tells that rows are not read.
const NOTE: &str = "rows stand for them";

fn data(shape: &[usize], seed: u64, dtype: DType) -> Tensor {
    let uniform = Key::new(seed).uniform(shape.to_vec(), DType::F64) * 2.0 - 1.0;
    // As a value of the CPU that no trace sees the making of.
    Device::cpu().upload(uniform.cast(dtype).to_host().unwrap()).unwrap()
}

fn program(
    read_rows: bool,
    args: &Vec<Tensor>,
    f: impl FnMut(&Vec<Tensor>) -> Result<Vec<Tensor>>,
) -> Program<Vec<Tensor>> {
    let traced = trace(&Device::cpu(), f, args).unwrap();
    Compiler::new().sufficient_statistics(!read_rows).compile(traced).unwrap()
}

/// A value that is linear in each row of the data.
#[derive(Debug, Clone)]
enum Linear {
    /// All columns of a matrix, each with its factor.
    Product,
    /// One column, times a number.
    Column(usize),
    /// The same number in each row.
    Level,
    Negated(Box<Linear>),
    Scaled(Box<Linear>),
    Divided(Box<Linear>),
    Sum(Box<Linear>, Box<Linear>),
    Difference(Box<Linear>, Box<Linear>),
}

fn linear() -> impl Strategy<Value = Linear> {
    let leaf = prop_oneof![Just(Linear::Product), (0..3_usize).prop_map(Linear::Column), Just(Linear::Level)];
    leaf.prop_recursive(3, 10, 2, |inner| {
        let one = || inner.clone().prop_map(Box::new);
        prop_oneof![
            one().prop_map(Linear::Negated),
            one().prop_map(Linear::Scaled),
            one().prop_map(Linear::Divided),
            (one(), one()).prop_map(|(x, y)| Linear::Sum(x, y)),
            (one(), one()).prop_map(|(x, y)| Linear::Difference(x, y)),
        ]
    })
}

/// Data of so many rows, and what is not known: a factor for each column, a level, and a scale, each once for each of
/// several points.
struct Case {
    matrix: Tensor,
    columns: [Tensor; 3],
    outcome: Tensor,
}

impl Case {
    fn new(rows: usize, seed: u64, dtype: DType) -> Self {
        let one = |i| data(&[rows], seed + i, dtype);
        Self { matrix: data(&[rows, 3], seed, dtype), columns: [one(1), one(2), one(3)], outcome: one(4) }
    }

    /// Rows are the last dimension, points the first.
    fn value(&self, of: &Linear, given: &[Tensor]) -> Tensor {
        let [factors, level, scale] = given else { return Tensor::from(0.0) };
        let points = level.shape()[0];
        let each = |x: &Tensor| x.reshape([points, 1]);
        match of {
            Linear::Product => factors.matmul(self.matrix.t()),
            Linear::Column(i) => each(&factors.select_index(1, *i)) * &self.columns[*i],
            Linear::Level => each(level).broadcast_to([points, self.outcome.shape()[0]]),
            Linear::Negated(x) => -self.value(x, given),
            Linear::Scaled(x) => self.value(x, given) * each(scale),
            Linear::Divided(x) => self.value(x, given) / each(scale),
            Linear::Sum(x, y) => self.value(x, given) + self.value(y, given),
            Linear::Difference(x, y) => self.value(x, given) - self.value(y, given),
        }
    }

    /// A normal log density with its gradients, and sums of residuals with another value.
    fn results(&self, of: &Linear, other: &Linear, args: &[Tensor]) -> Result<Vec<Tensor>> {
        let given: Vec<Tensor> = args.iter().map(Tensor::tracked).collect();
        let scale = given[2].reshape([given[2].shape()[0], 1]);
        let residual = &self.outcome - self.value(of, &given);
        let density = ((&residual / &scale).square() * -0.5 - scale.log()).sum_all();
        let mut results = grad(&density, &given.iter().collect::<Vec<_>>())?;
        let other = self.value(other, &given);
        results.extend([density, (&residual * &other).sum(1), other.matmul(&self.matrix), other.sum(1)]);
        Ok(results.iter().map(Tensor::detach).collect())
    }
}

#[test]
fn sums_over_rows_are_what_they_are_when_rows_are_read() {
    let strategy = (linear(), linear(), 36..700_usize, 1..4_usize, any::<u32>(), any::<bool>());
    let law =
        |(of, other, rows, points, seed, single): &(Linear, Linear, usize, usize, u32, bool)| -> Outcome {
            let (dtype, digits) = if *single { (DType::F32, 6e-8) } else { (DType::F64, 1.2e-16) };
            let seed = 16 * u64::from(*seed);
            let case = Case::new(*rows, seed, dtype);
            let args = vec![
                data(&[*points, 3], seed + 5, dtype),
                data(&[*points], seed + 6, dtype),
                // A half to one and a half.
                data(&[*points], seed + 7, dtype) * 0.5 + 1.0,
            ];
            let f = |args: &Vec<Tensor>| case.results(of, other, args);
            let (short, long) = (program(false, &args, f), program(true, &args, f));
            require(short.explain().contains(NOTE), || format!("rows are read:\n{}", short.explain()))?;
            require(!long.explain().contains(NOTE), || "rows are not read".to_owned())?;
            let (short, long) = (short.run(&args).unwrap(), long.run(&args).unwrap());
            for (number, (short, long)) in short.iter().zip(&long).enumerate() {
                let (short, long) = (short.to_f64().unwrap(), long.to_f64().unwrap());
                for (found, wanted) in short.iter().zip(&long) {
                    // Entries of a row are below 40, with at most ten terms; gradients by the scale have its third power.
                    let bound = digits * 100.0 * 40.0 * 40.0 * *rows as f64;
                    let explain = || format!("result {number} is {found} instead of {wanted}");
                    require((found - wanted).abs() <= bound, explain)?;
                }
            }
            Ok(())
        };
    if let Err(failure) = for_each(&strategy, 120, law) {
        panic!("{failure}");
    }
}

/// Whether rows of a function of one vector are still read.
fn reads_rows(f: impl Fn(&Tensor) -> Tensor) -> bool {
    let args = vec![data(&[4], 9, DType::F64)];
    !program(false, &args, |args| Ok(vec![f(&args[0])])).explain().contains(NOTE)
}

#[test]
fn rows_that_are_needed_one_by_one_are_read() {
    let (x, y) = (data(&[400, 4], 1, DType::F64), data(&[400], 2, DType::F64));
    let residual = |w: &Tensor| &y - x.matmul(w);
    assert!(!reads_rows(|w| residual(w).square().sum_all()));
    // Not quadratic, wanted as they are, of too few rows, or with an unknown of each row.
    assert!(reads_rows(|w| residual(w).exp().sum_all()));
    assert!(reads_rows(|w| residual(w).square().square().sum_all()));
    assert!(reads_rows(|w| residual(w).abs().sum_all()));
    assert!(reads_rows(|w| residual(w).square()));
    assert!(reads_rows(|w| residual(w).square().max(0)));
    assert!(reads_rows(|w| (y.slice(0, 0..12) - x.slice(0, 0..12).matmul(w)).square().sum_all()));
    assert!(reads_rows(|w| {
        let own = Key::from_tensor(w.sum_all().cast(DType::I64).reshape([1]).broadcast_to([2]));
        (residual(w) - own.normal([400], DType::F64)).square().sum_all()
    }));
    // Rows that something else reads are read once, by all.
    assert!(reads_rows(|w| residual(w).square().sum_all() + residual(w).exp().sum_all()));
}

#[test]
fn products_of_long_columns_are_columns() {
    let rows = 300_000;
    let (x, z, y) =
        (data(&[rows], 1, DType::F64), data(&[rows], 2, DType::F64), data(&[rows], 3, DType::F64));
    let mean = |w: &Tensor| w.select_index(0, 0) * &x + w.select_index(0, 1) * &x * &z;
    assert!(!reads_rows(|w| (&y - mean(w)).square().sum_all()));
}

#[test]
fn what_is_no_number_stays() {
    for strange in [f64::NAN, f64::INFINITY, 1e150] {
        let x = data(&[400, 4], 1, DType::F64);
        let mut y = vec![0.5; 400];
        y[7] = strange;
        let y = Tensor::new([400], y).unwrap();
        assert!(reads_rows(|w| (&y - x.matmul(w)).square().sum_all()), "{strange}");
    }
    // A point that is no number has no density.
    let (x, y) = (data(&[400, 4], 1, DType::F64), data(&[400], 2, DType::F64));
    for strange in [f64::NAN, f64::INFINITY] {
        let args = vec![Tensor::from([0.1, strange, 0.2, 0.3])];
        let f = |args: &Vec<Tensor>| Ok(vec![(&y - x.matmul(&args[0])).square().sum_all()]);
        let found = program(false, &args, f).run(&args).unwrap()[0].to_f64().unwrap()[0];
        assert!(!found.is_finite(), "{found}");
    }
}

#[test]
fn columns_without_rank_or_of_all_sizes_are_no_difficulty() {
    let x = data(&[500, 1], 1, DType::F64);
    let y = data(&[500], 2, DType::F64) + 1e6;
    // The same column twice and a multiple, one of zeros, and one of a thousandth of a millionth.
    let zeros = &x * 0.0;
    let tiny = data(&[500, 1], 3, DType::F64) * 1e-9;
    let wide = Tensor::concat(&[&x, &x, &(&x * 1e3), &zeros, &tiny], 1);
    let wide = Device::cpu().upload(wide.to_host().unwrap()).unwrap();
    let y = Device::cpu().upload(y.to_host().unwrap()).unwrap();
    let args = vec![Tensor::from([0.3, -0.2, 1e-3, 7.0, 1e9]), Tensor::from(1e6)];
    let f = |args: &Vec<Tensor>| {
        let given: Vec<Tensor> = args.iter().map(Tensor::tracked).collect();
        let sum = (&y - (wide.matmul(&given[0]) + &given[1])).square().sum_all();
        let mut results = grad(&sum, &[&given[0], &given[1]])?;
        results.push(sum);
        Ok(results.iter().map(Tensor::detach).collect())
    };
    let (short, long) = (program(false, &args, f), program(true, &args, f));
    assert!(short.explain().contains("500 rows of 6 known columns"), "{}", short.explain());
    let lengths = [13.0, 13.0, 13e3, 1.0, 13e-9];
    let (short, long) = (short.run(&args).unwrap(), long.run(&args).unwrap());
    // Residuals are about 1, of numbers of a million: ten digits are left of each, and of sums.
    for ((found, wanted), length) in
        short[0].to_f64().unwrap().iter().zip(long[0].to_f64().unwrap()).zip(lengths)
    {
        assert!((found - wanted).abs() <= 1e-7 * length, "{found} {wanted}");
    }
    for (found, wanted) in short.iter().zip(&long).skip(1) {
        let (found, wanted) = (found.to_scalar().unwrap(), wanted.to_scalar().unwrap());
        assert!((found - wanted).abs() <= 1e-6 * 500.0_f64.sqrt(), "{found} {wanted}");
    }
}
