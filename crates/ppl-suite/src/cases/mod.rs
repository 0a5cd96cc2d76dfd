//! One table of cases for every operation: random valid inputs of all ranks, dtypes and parameters, and fixed edge cases.
//!
//! The tables match on [`Op`] and its parts without a wildcard and name an example in the line that matches it, so an
//! operation without cases does not compile.

mod custom;
mod elementwise;
mod index;
mod layout;
mod linalg;
mod make;
mod random;
mod reduce;
mod scan;
mod special;

use std::fmt;
use std::sync::Arc;

use ppl_tensor::op::{Binary, RandomKind};
use ppl_tensor::{DType, Device, HostData, HostTensor, Op, Result, Tensor};
use proptest::strategy::{BoxedStrategy, Strategy};

pub use custom::hypotenuse;
pub use elementwise::{all_binary, all_comparisons, all_unary};
pub use make::{Make, any_of, broadcasting, dims, float, index as indices, integer, key, truth};

use crate::source::Source;

/// Sets of inputs a random case has: enough for two nested maps of two rows.
pub const SETS: usize = 4;

/// One operation, and inputs that fit it.
#[derive(Clone)]
pub struct Case {
    op: Op,
    /// The operation in other floats, if it is not enough to change its parameters.
    make: Option<Arc<dyn Fn(DType) -> Op>>,
    /// Each set is valid; all have the same types. Floats in `F64`.
    sets: Vec<Vec<HostTensor>>,
    smooth: bool,
}

impl Case {
    /// A case whose inputs are made from a seed.
    pub fn drawn(op: Op, seed: u64, inputs: &[Make]) -> Case {
        let mut source = Source::new(seed);
        let mut set = || inputs.iter().map(|make| make(&mut source)).collect();
        Case { op, make: None, sets: (0..SETS).map(|_| set()).collect(), smooth: true }
    }

    /// As [`Case::drawn`], for an operation that is made for a float.
    pub fn made(make: impl Fn(DType) -> Op + 'static, seed: u64, inputs: &[Make]) -> Case {
        let drawn = Case::drawn(make(DType::F64), seed, inputs);
        Case { make: Some(Arc::new(make)), ..drawn }
    }

    /// A case of given inputs.
    pub fn fixed(op: Op, inputs: Vec<HostTensor>) -> Case {
        Case { op, make: None, sets: vec![inputs], smooth: true }
    }

    /// The case, marked as one at which central differences say nothing: a kink, a tie, an infinity, a cast.
    #[must_use]
    pub fn rough(self) -> Case {
        Case { smooth: false, ..self }
    }

    /// Whether the operation is smooth in its float inputs, within 0.05 of each.
    pub fn is_smooth(&self) -> bool {
        self.smooth
    }

    /// Whether the operation has a gradient rule. A slope that is a derivative itself has none.
    pub fn has_gradient(&self) -> bool {
        !matches!(self.op, Op::Binary(Binary::GammaQuantileSlope))
    }

    /// Number of inputs.
    pub fn arity(&self) -> usize {
        self.sets[0].len()
    }

    /// The operation, with `F64` replaced by another float.
    pub fn op(&self, float: DType) -> Op {
        if let Some(make) = self.make.as_ref().filter(|_| float != DType::F64) {
            return make(float);
        }
        let narrow = |dtype: DType| if dtype == DType::F64 { float } else { dtype };
        match &self.op {
            Op::Cast(dtype) => Op::Cast(narrow(*dtype)),
            Op::Random { kind: RandomKind::Uniform(dtype), shape } => {
                Op::Random { kind: RandomKind::Uniform(narrow(*dtype)), shape: shape.clone() }
            }
            Op::Random { kind: RandomKind::Normal(dtype), shape } => {
                Op::Random { kind: RandomKind::Normal(narrow(*dtype)), shape: shape.clone() }
            }
            other => other.clone(),
        }
    }

    /// Set number `set` of inputs, `F64` replaced by another float; sets repeat.
    pub fn inputs(&self, set: usize, float: DType) -> Vec<HostTensor> {
        self.sets[set % self.sets.len()].iter().map(|x| in_float(x, float)).collect()
    }

    /// The operation for a device, in its default float.
    pub fn op_for(&self, device: &Device) -> Op {
        self.op(device.default_float())
    }

    /// Set number `set` of inputs on a device, floats in its default float.
    ///
    /// # Errors
    /// If the device cannot hold them.
    pub fn upload(&self, set: usize, device: &Device) -> Result<Vec<Tensor>> {
        self.inputs(set, device.default_float()).into_iter().map(|x| device.upload(x)).collect()
    }
}

/// The same values, `F64` replaced by another float.
pub(crate) fn in_float(x: &HostTensor, float: DType) -> HostTensor {
    match (x.data(), float) {
        (HostData::F64(values), DType::F32) => {
            let narrowed: Vec<f32> = values.iter().map(|&x| x as f32).collect();
            HostTensor::new(x.shape(), narrowed).expect("as many values as before")
        }
        _ => x.clone(),
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of", self.op)?;
        for input in &self.sets[0] {
            write!(f, "\n  {} {} {:?}", input.dtype(), input.shape(), input.to_f64())?;
        }
        Ok(())
    }
}

/// The cases of one operation (with one choice of its discrete parameters, where each deserves its own name).
pub struct Row {
    /// Name for messages.
    pub name: String,
    /// Random cases.
    pub random: BoxedStrategy<Case>,
    /// Cases that a random search would seldom meet.
    pub fixed: Vec<Case>,
}

impl Row {
    fn new(example: &Op, random: impl Strategy<Value = Case> + 'static, fixed: Vec<Case>) -> Row {
        Row { name: example.name().into_owned(), random: random.boxed(), fixed }
    }
}

/// A match over a closed set and a list of examples of it, from the same lines: `pattern, [examples] => value`.
macro_rules! closed {
    ($(#[$doc:meta])* $list:ident, $of:ident: $type:ty => $value:ty { $($pattern:pat, [$($example:expr),+] => $result:expr;)* }) => {
        $(#[$doc])*
        const $list: &[$type] = &[$($($example),+),*];

        $(#[$doc])*
        fn $of(entry: $type) -> $value {
            match entry {
                $($pattern => $result,)*
            }
        }
    };
}
use closed;

macro_rules! families {
    ($($(#[$doc:meta])* $family:ident { $($pattern:pat => $rows:expr;)* })*) => {
        /// Operations tested together.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Family {
            $($(#[$doc])* $family,)*
        }

        impl Family {
            /// All of them.
            pub const ALL: &[Family] = &[$(Family::$family),*];

            /// The family of an operation.
            pub fn of(op: &Op) -> Family {
                match op {
                    $($($pattern => Family::$family,)*)*
                }
            }
        }

        /// The rows of a family's operations.
        pub fn rows(family: Family) -> Vec<Row> {
            match family {
                $(Family::$family => [$($rows),*].into_iter().flatten().collect(),)*
            }
        }
    };
}

families! {
    /// Functions of one element.
    Unary {
        Op::Unary(_) => elementwise::unary();
    }
    /// Functions of two elements.
    Binary {
        Op::Binary(_) => elementwise::binary();
    }
    /// Comparisons, logic, selection and conversion.
    Choice {
        Op::Compare(_) => elementwise::compare();
        Op::Logic(_) => elementwise::logic();
        Op::Select => elementwise::select();
        Op::Cast(_) => elementwise::cast();
    }
    /// Elements moved.
    Layout {
        Op::Broadcast(_) => layout::broadcast();
        Op::Reshape(_) => layout::reshape();
        Op::Permute(_) => layout::permute();
        Op::Slice(_) => layout::slice();
        Op::Pad(_) => layout::pad();
        Op::Concat { axis: _ } => layout::concat();
    }
    /// Elements chosen by index.
    Index {
        Op::Gather(_) => index::gather();
        Op::ScatterAdd(_) => index::scatter_add();
    }
    /// Reductions, running sums and sorting.
    Reduction {
        Op::Reduce { kind: _, axes: _ } => reduce::reduce();
        Op::CumulativeSum { axis: _, reverse: _ } => reduce::cumulative();
        Op::LinearRecurrence { axis: _, reverse: _ } => reduce::linear_recurrence();
        Op::ArgSort { axis: _ } => reduce::arg_sort();
        Op::ArgMax { axis: _ } => reduce::arg_max();
    }
    /// Products, factors and systems.
    Linear {
        Op::Matmul => linalg::matmul();
        Op::Cholesky => linalg::cholesky();
        Op::SymmetricEigen => linalg::symmetric_eigen();
        Op::TriangularSolve(_) => linalg::triangular_solve();
    }
    /// Loops over time.
    Loop {
        Op::Scan(_) => scan::scans();
    }
    /// Random numbers and keys.
    Random {
        Op::FoldIn => random::fold_in();
        Op::Random { kind: _, shape: _ } => random::draws();
    }
    /// Operations that users add.
    Custom {
        Op::Custom(_) => custom::custom();
    }
}
