//! What each operation means, in the fewest words: plain loops over coordinates, one element at a time.
//!
//! It shares nothing with any backend, so that an operation and its adjoint cannot be wrong together.

mod functions;
mod index;
mod linear;
mod scan;

use ppl_tensor::op::{Compare, Logic, Reduction};
use ppl_tensor::{DType, HostData, HostTensor, Op, Shape, TensorType};

use index::{Coordinates, broadcast_place, coordinates, place};

/// One element.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scalar {
    Float(f64),
    Integer(i64),
    Truth(bool),
}

use Scalar::{Float, Integer, Truth};

impl Scalar {
    fn of(x: &HostTensor, place: usize) -> Scalar {
        match x.data() {
            HostData::F64(values) => Float(values[place]),
            HostData::F32(values) => Float(f64::from(values[place])),
            HostData::I64(values) => Integer(values[place]),
            HostData::Bool(values) => Truth(values[place]),
        }
    }

    fn zero(dtype: DType) -> Scalar {
        match dtype {
            DType::F64 | DType::F32 => Float(0.0),
            DType::I64 => Integer(0),
            DType::Bool => Truth(false),
        }
    }

    fn float(self) -> f64 {
        match self {
            Float(x) => x,
            Integer(x) => x as f64,
            Truth(x) => f64::from(u8::from(x)),
        }
    }

    fn integer(self) -> i64 {
        match self {
            Float(x) => x as i64,
            Integer(x) => x,
            Truth(x) => i64::from(x),
        }
    }

    fn truth(self) -> bool {
        match self {
            Float(x) => x != 0.0,
            Integer(x) => x != 0,
            Truth(x) => x,
        }
    }

    fn plus(self, other: Scalar) -> Scalar {
        match (self, other) {
            (Integer(x), Integer(y)) => Integer(x.wrapping_add(y)),
            (x, y) => Float(x.float() + y.float()),
        }
    }

    fn times(self, other: Scalar) -> Scalar {
        match (self, other) {
            (Integer(x), Integer(y)) => Integer(x.wrapping_mul(y)),
            (x, y) => Float(x.float() * y.float()),
        }
    }

    /// Whether it is chosen over `other` as the larger; NaN is larger than all.
    fn exceeds(self, other: Scalar) -> bool {
        match (self, other) {
            (Integer(x), Integer(y)) => x > y,
            (x, y) => !other.float().is_nan() && (x.float() > y.float() || x.float().is_nan()),
        }
    }
}

fn collected(ty: &TensorType, scalars: Vec<Scalar>) -> HostTensor {
    let built = match ty.dtype {
        DType::F64 => HostTensor::new(&ty.shape, scalars.iter().map(|x| x.float()).collect()),
        DType::F32 => HostTensor::new(&ty.shape, scalars.iter().map(|x| x.float() as f32).collect()),
        DType::I64 => HostTensor::new(&ty.shape, scalars.iter().map(|x| x.integer()).collect()),
        DType::Bool => HostTensor::new(&ty.shape, scalars.iter().map(|x| x.truth()).collect()),
    };
    built.expect("one element a coordinate")
}

/// The result of an operation on inputs that fit it; `None` for random numbers, keys and users' operations, which have
/// no shorter definition than their implementation.
pub(crate) fn evaluate(op: &Op, inputs: &[HostTensor]) -> Option<HostTensor> {
    let types: Vec<TensorType> = inputs.iter().map(HostTensor::tensor_type).collect();
    let ty = op.output_type(&types.iter().collect::<Vec<_>>()).expect("a valid case");
    let x = inputs.first()?;
    let shape = &ty.shape;
    // The element of an input at coordinates of the result, to which it broadcasts.
    let spread = |i: usize, at: &Coordinates| Scalar::of(&inputs[i], broadcast_place(inputs[i].shape(), at));
    let each = |f: &dyn Fn(&Coordinates) -> Scalar| coordinates(shape).iter().map(f).collect();
    let moved = |source: &dyn Fn(&Coordinates) -> Coordinates| {
        each(&|at| Scalar::of(x, place(x.shape(), &source(at))))
    };
    let scalars: Vec<Scalar> = match op {
        Op::Unary(unary) => each(&|at| functions::unary(*unary, spread(0, at))),
        Op::Binary(binary) => each(&|at| functions::binary(*binary, spread(0, at), spread(1, at))),
        Op::Compare(compare) => each(&|at| Truth(compared(*compare, spread(0, at), spread(1, at)))),
        Op::Logic(logic) => each(&|at| {
            let (x, y) = (spread(0, at).truth(), spread(1, at).truth());
            Truth(match logic {
                Logic::And => x && y,
                Logic::Or => x || y,
            })
        }),
        Op::Select => each(&|at| if spread(0, at).truth() { spread(1, at) } else { spread(2, at) }),
        Op::Cast(_) | Op::Broadcast(_) => each(&|at| spread(0, at)),
        Op::Reshape(_) => (0..shape.elements()).map(|i| Scalar::of(x, i)).collect(),
        Op::Permute(permutation) => moved(&|at| {
            let mut source = at.clone();
            for (to, &from) in permutation.iter().enumerate() {
                source[from] = at[to];
            }
            source
        }),
        Op::Slice(slice) => {
            moved(&|at| index::with(at, slice.axis, slice.start + at[slice.axis] * slice.step))
        }
        Op::Pad(pad) => each(&|at| {
            let stride = pad.interior + 1;
            let inside = at[pad.axis].checked_sub(pad.before).filter(|i| i % stride == 0).map(|i| i / stride);
            match inside.filter(|&i| i < x.shape()[pad.axis]) {
                Some(i) => Scalar::of(x, place(x.shape(), &index::with(at, pad.axis, i))),
                None => Scalar::zero(ty.dtype),
            }
        }),
        Op::Concat { axis } => each(&|at| {
            let mut along = at[*axis];
            let part = inputs.iter().find(|part| {
                let inside = along < part.shape()[*axis];
                along -= if inside { 0 } else { part.shape()[*axis] };
                inside
            });
            let part = part.expect("the sizes add up");
            Scalar::of(part, place(part.shape(), &index::with(at, *axis, along)))
        }),
        Op::Gather(gather) => each(&|at| {
            let source = index::chosen(at, gather.axis, gather.batch, &inputs[1]);
            Scalar::of(x, place(x.shape(), &source))
        }),
        Op::ScatterAdd(scatter) => {
            let mut sums = vec![Scalar::zero(ty.dtype); shape.elements()];
            for (i, at) in coordinates(x.shape()).iter().enumerate() {
                let target = index::chosen(at, scatter.axis, scatter.batch, &inputs[1]);
                let sum = &mut sums[place(shape, &target)];
                *sum = sum.plus(Scalar::of(x, i));
            }
            sums
        }
        Op::Reduce { kind, axes } => each(&|at| reduced(*kind, x, &along(x.shape(), axes, at))),
        Op::CumulativeSum { axis, reverse } => each(&|at| {
            let range = if *reverse { at[*axis]..shape[*axis] } else { 0..at[*axis] + 1 };
            let terms = range.map(|i| Scalar::of(x, place(x.shape(), &index::with(at, *axis, i))));
            terms.fold(Scalar::zero(ty.dtype), Scalar::plus)
        }),
        Op::LinearRecurrence { axis, reverse } => each(&|at| {
            let upto = if *reverse { shape[*axis] - 1 - at[*axis] } else { at[*axis] };
            let entry = |input: &HostTensor, step: usize| {
                let i = if *reverse { shape[*axis] - 1 - step } else { step };
                Scalar::of(input, place(shape, &index::with(at, *axis, i)))
            };
            let first = entry(&inputs[1], 0);
            (1..=upto).fold(first, |y, i| entry(x, i).times(y).plus(entry(&inputs[1], i)))
        }),
        Op::ArgSort { axis } => each(&|at| {
            // Entry i has the place that the number of entries before it says.
            let line: Vec<Scalar> =
                (0..shape[*axis]).map(|i| Scalar::of(x, place(shape, &index::with(at, *axis, i)))).collect();
            let before = |i: usize, j: usize| line[j].exceeds(line[i]) || !line[i].exceeds(line[j]) && i < j;
            let rank = |j: usize| (0..line.len()).filter(|&i| before(i, j)).count();
            Integer((0..line.len()).find(|&j| rank(j) == at[*axis]).expect("each has a place") as i64)
        }),
        Op::ArgMax { axis } => each(&|at| {
            let entries: Vec<Scalar> =
                along(x.shape(), &[*axis], at).iter().map(|&i| Scalar::of(x, i)).collect();
            let mut best = 0;
            for (i, entry) in entries.iter().enumerate() {
                if entry.exceeds(entries[best]) {
                    best = i;
                }
            }
            Integer(best as i64)
        }),
        Op::Matmul => linear::matmul(x, &inputs[1], shape),
        Op::Cholesky => linear::cholesky(x),
        Op::SymmetricEigen => linear::symmetric_eigen(x),
        Op::TriangularSolve(solve) => linear::triangular_solve(*solve, x, &inputs[1], shape),
        Op::Scan(body) => scan::scan(body, inputs, &ty)?,
        Op::FoldIn | Op::Random { kind: _, shape: _ } | Op::Custom(_) => return None,
    };
    Some(collected(&ty, scalars))
}

fn compared(compare: Compare, x: Scalar, y: Scalar) -> bool {
    let order = match (x, y) {
        (Float(x), Float(y)) => x.partial_cmp(&y),
        (Integer(x), Integer(y)) => Some(x.cmp(&y)),
        (x, y) => Some(x.truth().cmp(&y.truth())),
    };
    match compare {
        Compare::Eq => order.is_some_and(|order| order.is_eq()),
        Compare::Ne => order.is_none_or(|order| order.is_ne()),
        Compare::Lt => order.is_some_and(|order| order.is_lt()),
        Compare::Le => order.is_some_and(|order| order.is_le()),
        Compare::Gt => order.is_some_and(|order| order.is_gt()),
        Compare::Ge => order.is_some_and(|order| order.is_ge()),
    }
}

/// Places of all elements that a reduction over `axes` folds into the one at `at`.
fn along(shape: &Shape, axes: &[usize], at: &Coordinates) -> Vec<usize> {
    let kept: Vec<usize> = (0..shape.rank()).filter(|d| !axes.contains(d)).collect();
    let belongs = |source: &&Coordinates| kept.iter().zip(at).all(|(&d, &i)| source[d] == i);
    coordinates(shape).iter().filter(belongs).map(|source| place(shape, source)).collect()
}

fn reduced(kind: Reduction, x: &HostTensor, places: &[usize]) -> Scalar {
    let mut entries = places.iter().map(|&place| Scalar::of(x, place));
    match kind {
        Reduction::Sum => entries.fold(Scalar::zero(x.dtype()), Scalar::plus),
        Reduction::All => Truth(entries.all(Scalar::truth)),
        Reduction::Any => Truth(entries.any(Scalar::truth)),
        Reduction::Max => entries.reduce(|x, y| if y.exceeds(x) { y } else { x }).expect("not empty"),
        Reduction::Min => {
            let less = |x: Scalar, y: Scalar| y.float().is_nan() || !x.float().is_nan() && x.exceeds(y);
            entries.reduce(|x, y| if less(x, y) { y } else { x }).expect("not empty")
        }
    }
}
