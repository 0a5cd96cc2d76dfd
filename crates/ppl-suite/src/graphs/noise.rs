//! A backend whose arithmetic is wrong in the last digits, to learn how far rounding can move a program's results.

use std::f64::consts::TAU;
use std::sync::atomic::{AtomicU64, Ordering};

use ppl_tensor::op::{Binary, RandomKind, Reduction, Unary};
use ppl_tensor::{Backend, HostBackend, HostData, HostTensor, Op, Result, TensorType};

use crate::source::Source;

/// Most by which a result is moved, in units of the spacing of floats near it.
const UNITS: f64 = 4.0;

/// The host backend with random errors in the last digits of what arithmetic gives, and random signs of zeros
/// (Parker, Monte Carlo arithmetic, 1997). Sums and products of matrices have them in their terms as well.
#[derive(Debug)]
pub(super) struct Noisy(AtomicU64);

impl Noisy {
    pub(super) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// An array with errors.
    pub(super) fn blurred(&self, x: &HostTensor) -> HostTensor {
        self.shifted(x, 0.0)
    }

    /// An array with errors, of which some units are absolute.
    fn shifted(&self, x: &HostTensor, absolute: f64) -> HostTensor {
        let state = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let mut source = Source::new(state);
        let mut moved = |x: f64, spacing: f64| match x {
            0.0 => x.copysign(source.between(-1.0, 1.0)),
            _ => {
                x * (1.0 + source.between(-UNITS, UNITS) * spacing)
                    + source.between(-absolute, absolute) * spacing
            }
        };
        let data = match x.data() {
            HostData::F64(values) => {
                HostTensor::new(x.shape(), values.iter().map(|&x| moved(x, f64::EPSILON)).collect())
            }
            HostData::F32(values) => {
                let spacing = f64::from(f32::EPSILON);
                let moved = values.iter().map(|&x| moved(f64::from(x), spacing) as f32).collect();
                HostTensor::new(x.shape(), moved)
            }
            HostData::I64(_) | HostData::Bool(_) => return x.clone(),
        };
        data.unwrap_or_else(|_| x.clone())
    }
}

/// Whether errors in the terms matter more than one in the result.
fn adds_up(op: &Op) -> bool {
    matches!(
        op,
        Op::Reduce { kind: Reduction::Sum, .. }
            | Op::CumulativeSum { .. }
            | Op::LinearRecurrence { .. }
            | Op::ScatterAdd(_)
            | Op::Matmul
            | Op::Cholesky
            | Op::SymmetricEigen
            | Op::TriangularSolve(_)
    )
}

fn is_exact(op: &Op) -> bool {
    match op {
        Op::Unary(kind) => matches!(kind, Unary::Neg | Unary::Abs | Unary::Sign | Unary::Floor),
        Op::Binary(_) | Op::Random { .. } | Op::Custom(_) => false,
        op => !adds_up(op),
    }
}

impl Backend for Noisy {
    type Buffer = HostTensor;

    fn name(&self) -> &str {
        "noisy"
    }

    fn upload(&self, data: HostTensor) -> Result<HostTensor> {
        Ok(data)
    }

    fn download(&self, buffer: &HostTensor) -> Result<HostTensor> {
        Ok(buffer.clone())
    }

    fn run(&self, op: &Op, inputs: &[&HostTensor], output: &TensorType) -> Result<HostTensor> {
        if is_exact(op) {
            return HostBackend.run(op, inputs, output);
        }
        let result = if adds_up(op) {
            let blurred: Vec<HostTensor> = inputs.iter().map(|x| self.blurred(x)).collect();
            HostBackend.run(op, &blurred.iter().collect::<Vec<_>>(), output)?
        } else {
            HostBackend.run(op, inputs, output)?
        };
        let absolute = match op {
            // Where a normal draw is small, the angle that it comes from is not.
            Op::Random { kind: RandomKind::Normal(_), .. } => UNITS * TAU,
            // Of a root, of which only units of 1 are right.
            Op::Binary(Binary::LogAddExp) => 1.0,
            _ => 0.0,
        };
        Ok(self.shifted(&result, absolute))
    }
}
