//! Random programs as small data, so that a failing one shrinks to few steps.

use ppl_tensor::op::{Binary, Compare, Logic, Unary};
use ppl_tensor::{DType, Device, HostTensor, Result, Tensor};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::cases::{all_binary, all_comparisons, all_unary};
use crate::source::Source;

/// A program: values it begins with, steps each of which adds one, and how often its results are differentiated.
#[derive(Debug, Clone)]
pub struct Sketch {
    pub(super) arguments: Vec<Leaf>,
    pub(super) constants: Vec<Leaf>,
    pub(super) steps: Vec<Step>,
    pub(super) derivatives: u8,
    pub(super) seed: u64,
}

/// A value that is given.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    pub(super) dtype: DType,
    pub(super) shape: Vec<usize>,
    /// Whether it has the same value everywhere.
    pub(super) uniform: bool,
}

/// What is done, to which of the values that fit (counted backwards), and a number that decides the rest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) what: What,
    pub(super) x: u8,
    pub(super) y: u8,
    pub(super) how: u16,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum What {
    Unary(Unary),
    Binary(Binary),
    /// With a number.
    Number(Binary),
    Compare(Compare),
    Logic(Logic),
    Select,
    Cast(DType),
    Expand,
    Reshape,
    Permute,
    Slice,
    Pad,
    Concat,
    Gather,
    Scatter,
    Sum,
    Extreme,
    Softmax,
    Truths,
    Cumulative,
    Sort,
    Matmul,
    Factor,
    Random,
    Scan,
    Custom,
}

/// Random programs.
pub fn sketches() -> impl Strategy<Value = Sketch> {
    sketches_of(frame())
}

/// Random programs on arrays long enough for a compiler to go through them in passes.
pub fn long_sketches() -> impl Strategy<Value = Sketch> {
    let frames: [&[usize]; 14] = [
        &[33],
        &[64],
        &[100],
        &[300],
        &[1000],
        &[1025],
        &[1900],
        &[300, 3],
        &[2, 300],
        &[3, 400],
        &[17, 70],
        &[200, 9],
        &[2, 3, 100],
        &[1, 500],
    ];
    sketches_of(select(frames.map(<[usize]>::to_vec).to_vec()))
}

fn sketches_of(frame: impl Strategy<Value = Vec<usize>>) -> impl Strategy<Value = Sketch> {
    let leaves = (vec(leaf(), 1..4), vec(leaf(), 0..3));
    (frame, leaves, vec(step(), 1..24), 0..3_u8, any::<u64>()).prop_map(
        |(frame, (arguments, constants), steps, derivatives, seed)| {
            let within = |leaves: Vec<Outline>| leaves.into_iter().map(|leaf| leaf.within(&frame)).collect();
            Sketch { arguments: within(arguments), constants: within(constants), steps, derivatives, seed }
        },
    )
}

/// Sizes of which shapes are made: few are long, so that programs are quick.
fn frame() -> impl Strategy<Value = Vec<usize>> {
    let size = prop_oneof![20 => select(vec![2_usize, 3, 5]), 6 => Just(1), 1 => Just(0), 3 => Just(17)];
    let small = vec(size, 0..=4);
    prop_oneof![
        12 => small,
        1 => select(vec![vec![300], vec![1000], vec![300, 3], vec![2, 300], vec![17, 17]]),
    ]
}

/// A leaf, as parts of a frame that is not known yet.
#[derive(Debug, Clone)]
struct Outline {
    dtype: DType,
    /// How many leading dimensions it lacks, at most.
    dropped: usize,
    /// Where it has size 1.
    units: Vec<bool>,
    uniform: bool,
}

fn leaf() -> impl Strategy<Value = Outline> {
    let dtype = prop_oneof![
        10 => Just(DType::F64),
        4 => Just(DType::F32),
        2 => Just(DType::I64),
        1 => Just(DType::Bool)
    ];
    let dropped = prop_oneof![2 => Just(0), 1 => 0..=4_usize];
    (dtype, dropped, vec(prop::bool::weighted(0.2), 4), prop::bool::weighted(0.2))
        .prop_map(|(dtype, dropped, units, uniform)| Outline { dtype, dropped, units, uniform })
}

impl Outline {
    /// The leaf, of a shape that broadcasts to the frame.
    fn within(self, frame: &[usize]) -> Leaf {
        let sizes = frame.iter().zip(self.units).skip(self.dropped);
        let shape = sizes.map(|(&size, unit)| if unit { 1 } else { size }).collect();
        Leaf { dtype: self.dtype, shape, uniform: self.uniform }
    }
}

fn step() -> impl Strategy<Value = Step> {
    (what(), 0..8_u8, 0..8_u8, any::<u16>()).prop_map(|(what, x, y, how)| Step { what, x, y, how })
}

fn what() -> impl Strategy<Value = What> {
    // What is usual in programs comes more often.
    let usual = [Unary::Neg, Unary::Exp, Unary::Log];
    let unary = select(all_unary().iter().copied().chain(usual).collect::<Vec<_>>());
    // Slopes of quantiles are met in gradients of draws; they have none themselves.
    let binary = all_binary().iter().copied().filter(|&kind| kind != Binary::GammaQuantileSlope);
    let usual = [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div];
    let arithmetic = select(binary.chain(usual).collect::<Vec<_>>());
    let layout = vec![
        What::Expand,
        What::Reshape,
        What::Permute,
        What::Slice,
        What::Slice,
        What::Pad,
        What::Concat,
        What::Gather,
        What::Scatter,
    ];
    let reductions = vec![
        What::Sum,
        What::Sum,
        What::Sum,
        What::Extreme,
        What::Softmax,
        What::Truths,
        What::Cumulative,
        What::Sort,
    ];
    let heavy = vec![
        What::Matmul,
        What::Matmul,
        What::Factor,
        What::Random,
        What::Random,
        What::Scan,
        What::Scan,
        What::Custom,
    ];
    let dtypes = vec![DType::F64, DType::F64, DType::F32, DType::I64, DType::Bool];
    prop_oneof![
        6 => unary.prop_map(What::Unary),
        8 => arithmetic.clone().prop_map(What::Binary),
        5 => arithmetic.prop_map(What::Number),
        1 => select(all_comparisons()).prop_map(What::Compare),
        1 => select(vec![Logic::And, Logic::Or]).prop_map(What::Logic),
        2 => Just(What::Select),
        1 => select(dtypes).prop_map(What::Cast),
        8 => select(layout),
        6 => select(reductions),
        4 => select(heavy),
    ]
}

impl Sketch {
    /// Arguments of set number `set`; all sets have the same types. The first is a random key.
    pub(super) fn arguments(&self, set: u64) -> Vec<Result<Tensor>> {
        let mut source = Source::new(self.seed ^ set.wrapping_mul(0x2545_F491_4F6C_DD1D));
        let key = HostTensor::scalar(source.bits().cast_signed());
        let leaves = self.arguments.iter().map(|leaf| leaf.value(&mut source));
        std::iter::once(key)
            .chain(leaves.collect::<Vec<_>>())
            .map(|value| Device::cpu().upload(value))
            .collect()
    }

    /// The constants: numbers that rules know among them.
    pub(super) fn constants(&self) -> Result<Vec<Tensor>> {
        let mut source = Source::new(!self.seed);
        self.constants.iter().map(|leaf| Device::cpu().upload(leaf.value(&mut source))).collect()
    }
}

impl Leaf {
    fn value(&self, source: &mut Source) -> HostTensor {
        let count = self.shape.iter().product();
        let special = [0.0, 1.0, -1.0, 2.0, 0.5];
        let mut draw = || match source.below(10) {
            0 => special[source.below(special.len())],
            _ => source.signed(0.1, 2.5),
        };
        let whole = self.dtype == DType::I64;
        let mut entry = || if whole { draw().round() } else { draw() };
        let values: Vec<f64> = match self.uniform {
            true => vec![entry(); count],
            false => std::iter::repeat_with(entry).take(count).collect(),
        };
        let values = match self.dtype {
            DType::Bool => values.iter().map(|&x| f64::from(u8::from(x > 0.0))).collect(),
            _ => values,
        };
        HostTensor::from_f64(self.dtype, &self.shape[..], values).expect("as many values as the shape has")
    }
}
