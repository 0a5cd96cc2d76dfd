//! Functions of each element.

use ppl_tensor::op::{Binary, Compare, Logic, Unary};
use ppl_tensor::{DType, HostTensor, Op};
use proptest::prelude::*;

use super::make::{self, Make, broadcasting, dims, float, integer, key, narrow_float, truth};
use super::{Case, Row, closed, special};
use crate::source::Source;

/// Where the inputs of a function are drawn.
#[derive(Clone, Copy)]
enum Domain {
    /// Floats.
    Floats(fn(&mut Source) -> f64),
    /// Floats and integers.
    Numbers(fn(&mut Source) -> f64),
    /// Truth values.
    Bools,
}

use Domain::{Bools, Floats, Numbers};

fn real(source: &mut Source) -> f64 {
    source.between(-2.0, 2.0)
}

fn positive(source: &mut Source) -> f64 {
    source.between(0.4, 3.0)
}

/// Inside the unit interval and its mirror image, away from its ends.
fn unit(source: &mut Source) -> f64 {
    source.between(-0.6, 0.6)
}

/// Away from zero.
fn nonzero(source: &mut Source) -> f64 {
    source.signed(0.4, 2.5)
}

/// Away from integers.
fn fractional(source: &mut Source) -> f64 {
    source.below(7) as f64 - 3.0 + source.between(0.3, 0.7)
}

closed! {
    /// Domains on which the functions are smooth.
    UNARY, unary_domain: Unary => Domain {
        Unary::Neg, [Unary::Neg] => Numbers(real);
        Unary::Abs, [Unary::Abs] => Numbers(nonzero);
        Unary::Sign, [Unary::Sign] => Numbers(nonzero);
        Unary::Floor, [Unary::Floor] => Floats(fractional);
        Unary::Reciprocal, [Unary::Reciprocal] => Floats(nonzero);
        Unary::Sqrt, [Unary::Sqrt] => Floats(positive);
        Unary::Exp, [Unary::Exp] => Floats(real);
        Unary::Expm1, [Unary::Expm1] => Floats(real);
        Unary::Log, [Unary::Log] => Floats(positive);
        Unary::Log1p, [Unary::Log1p] => Floats(|source| source.between(-0.6, 2.0));
        Unary::Sin, [Unary::Sin] => Floats(real);
        Unary::Cos, [Unary::Cos] => Floats(real);
        Unary::Asin, [Unary::Asin] => Floats(unit);
        Unary::Acos, [Unary::Acos] => Floats(unit);
        Unary::Atan, [Unary::Atan] => Floats(real);
        Unary::Sinh, [Unary::Sinh] => Floats(real);
        Unary::Cosh, [Unary::Cosh] => Floats(real);
        Unary::Tanh, [Unary::Tanh] => Floats(real);
        Unary::Asinh, [Unary::Asinh] => Floats(real);
        Unary::Acosh, [Unary::Acosh] => Floats(|source| source.between(1.5, 4.0));
        Unary::Atanh, [Unary::Atanh] => Floats(unit);
        Unary::Sigmoid, [Unary::Sigmoid] => Floats(real);
        Unary::Softplus, [Unary::Softplus] => Floats(real);
        Unary::Erf, [Unary::Erf] => Floats(real);
        Unary::Erfc, [Unary::Erfc] => Floats(real);
        Unary::Erfinv, [Unary::Erfinv] => Floats(unit);
        Unary::LnGamma, [Unary::LnGamma] => Floats(fractional);
        Unary::Polygamma(0), [Unary::Polygamma(0)] => Floats(fractional);
        Unary::Polygamma(_), [Unary::Polygamma(1), Unary::Polygamma(2), Unary::Polygamma(3)] => Floats(positive);
        Unary::IsFinite, [Unary::IsFinite] => Floats(real);
        Unary::Not, [Unary::Not] => Bools;
    }
}

/// Multiples of 1/2 and a little: never near the values of [`after_half`].
fn half(source: &mut Source) -> f64 {
    source.below(9) as f64 / 2.0 - 2.0 + source.between(0.0, 0.1)
}

fn after_half(source: &mut Source) -> f64 {
    half(source) + 0.25
}

/// A divisor such that [`fractional`] numbers are far from its multiples.
fn about_one(source: &mut Source) -> f64 {
    source.signed(1.0, 1.02)
}

/// Quantiles of standard gamma variates that are not extreme: logarithms of `z`.
fn log_variate(source: &mut Source) -> f64 {
    source.between(-2.0, 1.5)
}

closed! {
    /// Domains of both inputs on which the functions are smooth.
    BINARY, binary_domain: Binary => (Domain, Domain) {
        Binary::Add, [Binary::Add] => (Numbers(real), Numbers(real));
        Binary::Sub, [Binary::Sub] => (Numbers(real), Numbers(real));
        Binary::Mul, [Binary::Mul] => (Numbers(real), Numbers(real));
        Binary::Div, [Binary::Div] => (Numbers(real), Numbers(nonzero));
        Binary::Rem, [Binary::Rem] => (Numbers(fractional), Numbers(about_one));
        Binary::Pow, [Binary::Pow] => (Numbers(positive), Numbers(real));
        Binary::Max, [Binary::Max] => (Numbers(half), Numbers(after_half));
        Binary::Min, [Binary::Min] => (Numbers(half), Numbers(after_half));
        Binary::Atan2, [Binary::Atan2] => (Floats(nonzero), Floats(nonzero));
        Binary::LogAddExp, [Binary::LogAddExp] => (Floats(real), Floats(real));
        Binary::GammaQuantileSlope, [Binary::GammaQuantileSlope] => (Floats(positive), Floats(log_variate));
    }
}

closed! {
    /// All comparisons.
    COMPARE, compare_op: Compare => Op {
        Compare::Eq, [Compare::Eq] => Op::Compare(Compare::Eq);
        Compare::Ne, [Compare::Ne] => Op::Compare(Compare::Ne);
        Compare::Lt, [Compare::Lt] => Op::Compare(Compare::Lt);
        Compare::Le, [Compare::Le] => Op::Compare(Compare::Le);
        Compare::Gt, [Compare::Gt] => Op::Compare(Compare::Gt);
        Compare::Ge, [Compare::Ge] => Op::Compare(Compare::Ge);
    }
}

closed! {
    /// All connectives.
    LOGIC, logic_op: Logic => Op {
        Logic::And, [Logic::And] => Op::Logic(Logic::And);
        Logic::Or, [Logic::Or] => Op::Logic(Logic::Or);
    }
}

closed! {
    /// All dtypes, and what is converted to them: floats that are inside their range.
    DTYPES, convertible: DType => fn(&mut Source) -> f64 {
        DType::F64, [DType::F64] => real;
        DType::F32, [DType::F32] => real;
        DType::I64, [DType::I64] => |source| source.signed(0.0, 9.0);
        DType::Bool, [DType::Bool] => |source| source.below(3) as f64 - 1.0;
    }
}

/// Every function of one element; polygamma functions of the orders 0 to 3.
pub fn all_unary() -> &'static [Unary] {
    UNARY
}

/// Every function of two elements.
pub fn all_binary() -> &'static [Binary] {
    BINARY
}

/// Every comparison.
pub fn all_comparisons() -> &'static [Compare] {
    COMPARE
}

fn input(domain: Domain, integers: bool, shape: &[usize]) -> Make {
    match domain {
        Bools => truth(shape),
        Numbers(_) if integers => integer(shape),
        Floats(value) | Numbers(value) => float(shape, value),
    }
}

/// Shapes worth a fixed case: a scalar, one element, none.
const SHAPES: &[&[usize]] = &[&[], &[1], &[0], &[1, 1, 1], &[2, 0, 3], &[3]];

pub(super) fn unary() -> Vec<Row> {
    let row = |&unary: &Unary| {
        let (op, domain) = (Op::Unary(unary), unary_domain(unary));
        let random = {
            let op = op.clone();
            (dims(0..=4), any::<u64>(), 0..4_u8).prop_map(move |(shape, seed, kind)| {
                Case::drawn(op.clone(), seed, &[input(domain, kind == 0, &shape)])
            })
        };
        let mut fixed: Vec<Case> =
            SHAPES.iter().map(|shape| Case::drawn(op.clone(), 1, &[input(domain, false, shape)])).collect();
        if !matches!(domain, Bools) {
            // Of higher polygammas at great negative numbers nobody says anything.
            let moderate: fn(f64) -> bool = |x| x > -100.0 || x.is_nan();
            let fit = if matches!(unary, Unary::Polygamma(1..)) { moderate } else { |_| true };
            fixed.push(Case::fixed(op.clone(), vec![special::vector(fit)]).rough());
        }
        if matches!(domain, Numbers(_)) {
            let extremes = vec![i64::MIN, i64::MAX, 0, -1];
            fixed.push(Case::fixed(op.clone(), vec![HostTensor::new([4], extremes).expect("a vector")]));
        }
        Row::new(&op, random, fixed)
    };
    UNARY.iter().map(row).collect()
}

pub(super) fn binary() -> Vec<Row> {
    let row = |&binary: &Binary| {
        let (op, (left, right)) = (Op::Binary(binary), binary_domain(binary));
        let pair = move |seed: u64, integers: bool, x: &[usize], y: &[usize]| {
            Case::drawn(Op::Binary(binary), seed, &[input(left, integers, x), input(right, integers, y)])
        };
        let random = (broadcasting(2), any::<u64>(), 0..4_u8)
            .prop_map(move |(shapes, seed, kind)| pair(seed, kind == 0, &shapes[0], &shapes[1]));
        let mut fixed: Vec<Case> = SHAPES.iter().map(|shape| pair(2, false, shape, shape)).collect();
        fixed.push(pair(3, false, &[2, 1, 3], &[4, 1]));
        fixed.push(pair(4, false, &[], &[2, 2]));
        fixed.push(pair(5, false, &[1, 3], &[0, 1]));
        // Of the slopes of extreme quantiles nobody says anything.
        if binary != Binary::GammaQuantileSlope {
            fixed.push(Case::fixed(op.clone(), special::row_and_column()).rough());
        }
        if matches!(left, Numbers(_)) {
            let values = vec![i64::MIN, i64::MIN + 1, -7, -2, -1, 0, 1, 2, 3, 7, 63, 64, i64::MAX];
            let shaped = |shape: [usize; 2]| HostTensor::new(shape, values.clone()).expect("a matrix");
            fixed.push(Case::fixed(op.clone(), vec![shaped([13, 1]), shaped([1, 13])]));
        }
        Row::new(&op, random, fixed)
    };
    BINARY.iter().map(row).collect()
}

pub(super) fn compare() -> Vec<Row> {
    let row = |&compare: &Compare| {
        let op = compare_op(compare);
        let random = {
            let op = op.clone();
            (broadcasting(2), any::<u64>(), 0..4_u8).prop_map(move |(shapes, seed, kind)| {
                let inputs: Vec<Make> = shapes
                    .iter()
                    .map(|shape| match kind {
                        0 => integer(shape),
                        1 => truth(shape),
                        // Few values, so that some are equal.
                        2 => float(shape, |source| source.below(3) as f64),
                        _ => float(shape, real),
                    })
                    .collect();
                Case::drawn(op.clone(), seed, &inputs)
            })
        };
        Row::new(&op, random, vec![Case::fixed(op.clone(), special::row_and_column())])
    };
    COMPARE.iter().map(row).collect()
}

pub(super) fn logic() -> Vec<Row> {
    let row = |&logic: &Logic| {
        let op = logic_op(logic);
        let random = {
            let op = op.clone();
            (broadcasting(2), any::<u64>()).prop_map(move |(shapes, seed)| {
                Case::drawn(op.clone(), seed, &[truth(&shapes[0]), truth(&shapes[1])])
            })
        };
        Row::new(&op, random, vec![Case::drawn(op.clone(), 6, &[truth(&[4, 4]), truth(&[4, 4])])])
    };
    LOGIC.iter().map(row).collect()
}

pub(super) fn select() -> Vec<Row> {
    let random = (broadcasting(3), any::<u64>(), 0..4_usize).prop_map(|(shapes, seed, kind)| {
        let branch = |shape: &[usize]| make::any_of(kind, shape);
        Case::drawn(Op::Select, seed, &[truth(&shapes[0]), branch(&shapes[1]), branch(&shapes[2])])
    });
    let fixed = |seed, shapes: [&[usize]; 3]| {
        Case::drawn(Op::Select, seed, &[truth(shapes[0]), float(shapes[1], real), float(shapes[2], real)])
    };
    let fixed = vec![
        fixed(7, [&[], &[], &[]]),
        fixed(8, [&[3], &[], &[1]]),
        fixed(9, [&[], &[2, 3], &[3]]),
        fixed(10, [&[4], &[4], &[4]]),
        fixed(11, [&[0], &[1], &[]]),
    ];
    vec![Row::new(&Op::Select, random, fixed)]
}

pub(super) fn cast() -> Vec<Row> {
    let row = |&to: &DType| {
        let op = Op::Cast(to);
        let value = convertible(to);
        let random = {
            let op = op.clone();
            (dims(0..=4), any::<u64>(), 0..DTYPES.len()).prop_map(move |(shape, seed, from)| {
                let input = match DTYPES[from] {
                    DType::F64 => float(&shape, value),
                    DType::F32 => narrow_float(&shape, value),
                    DType::I64 => integer(&shape),
                    DType::Bool => truth(&shape),
                };
                let case = Case::drawn(op.clone(), seed, &[input]);
                // A 32-bit float moves in steps wider than those of central differences.
                if DTYPES[from] == DType::F64 && to == DType::F64 { case } else { case.rough() }
            })
        };
        let mut fixed = vec![Case::drawn(op.clone(), 12, &[key(&[5])])];
        if to != DType::I64 {
            fixed.push(Case::fixed(op.clone(), vec![special::vector(|_| true)]).rough());
        }
        Row::new(&op, random, fixed)
    };
    DTYPES.iter().map(row).collect()
}
