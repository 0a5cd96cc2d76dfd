//! What runs where: one table without burn's types, so that it can be asked, and listed, without burn being compiled.

use ppl_tensor::op::{Binary, Reduction, Unary};
use ppl_tensor::{DType, Op};

/// What is known of a burn backend: which dtypes live in its memory, and how far its functions can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// The feature that it is behind.
    pub name: &'static str,
    /// Whether the device has 64-bit floats. If not, it has no tensors of them: on the host they would be slow unnoticed.
    pub f64: bool,
    /// Whether 64-bit integers live on the device. If not they live on the host, where all their arithmetic is exact, and
    /// an index goes to the device as 32 bits when it is used.
    pub i64: bool,
    /// Whether functions of floats are as accurate as the C library's. Shading languages promise much less: they may lose
    /// all digits of `log1p`, `tanh` and `erf` near zero, where other formulas are used, and bound the error of
    /// trigonometric functions by 2⁻¹¹ or not at all.
    pub libm: bool,
}

impl Profile {
    /// burn's portable backend for processors.
    pub const FLEX: Profile = Profile { name: "flex", f64: true, i64: true, libm: true };

    /// GPUs through Vulkan, Metal, DirectX 12 or WebGPU: what all of them have.
    pub const WGPU: Profile = Profile { name: "wgpu", f64: false, i64: false, libm: false };

    /// All that are known.
    pub const ALL: [Profile; 2] = [Profile::FLEX, Profile::WGPU];

    /// Whether there are tensors of a dtype at all.
    pub fn has(&self, dtype: DType) -> bool {
        dtype != DType::F64 || self.f64
    }

    /// Whether tensors of a dtype live in the device's memory; otherwise in the host's, if [there are any](Self::has).
    pub fn holds(&self, dtype: DType) -> bool {
        match dtype {
            DType::F64 => self.f64,
            DType::I64 => self.i64,
            DType::F32 | DType::Bool => true,
        }
    }

    /// Whether an operation on inputs of these dtypes runs as burn operations on the device; otherwise it runs on the
    /// host.
    pub fn runs_natively(&self, op: &Op, inputs: &[DType], output: DType) -> bool {
        let Some(&first) = inputs.first() else { return false };
        let (operands, result) = match op {
            // Indices travel.
            Op::Gather(_) | Op::ScatterAdd(_) => (&inputs[..1], output),
            Op::ArgMax { .. } => (inputs, first),
            _ => (inputs, output),
        };
        operands.iter().all(|&dtype| self.holds(dtype)) && self.holds(result) && self.computes(op, first)
    }

    /// Whether burn computes it as the host does, where the first input is of `dtype` and everything is on the device.
    fn computes(&self, op: &Op, dtype: DType) -> bool {
        // Integers wrap around, and anything divided by zero is zero: burn panics, or does as the hardware does.
        let float = dtype.is_float();
        match op {
            Op::Unary(kind) => match kind {
                Unary::Neg
                | Unary::Abs
                | Unary::Sign
                | Unary::Floor
                | Unary::Reciprocal
                | Unary::Sqrt
                | Unary::Exp
                | Unary::Expm1
                | Unary::Log
                | Unary::Log1p
                | Unary::Tanh
                | Unary::Sigmoid
                | Unary::Softplus
                | Unary::Erf
                | Unary::IsFinite
                | Unary::Not => true,
                Unary::Sin
                | Unary::Cos
                | Unary::Asin
                | Unary::Acos
                | Unary::Atan
                | Unary::Sinh
                | Unary::Cosh => self.libm,
                // burn has the inverse hyperbolic functions, but loses digits near 0 and 1.
                Unary::Asinh
                | Unary::Acosh
                | Unary::Atanh
                | Unary::Erfc
                | Unary::Erfinv
                | Unary::LnGamma
                | Unary::Polygamma(_) => false,
            },
            Op::Binary(kind) => match kind {
                Binary::Add | Binary::Sub | Binary::Mul | Binary::Div => float,
                Binary::Rem | Binary::Pow | Binary::Atan2 => float && self.libm,
                Binary::Max | Binary::Min => true,
                Binary::LogAddExp | Binary::GammaQuantileSlope => false,
            },
            Op::Reduce { kind, .. } => match kind {
                Reduction::Sum => float,
                Reduction::Max | Reduction::Min | Reduction::All | Reduction::Any => true,
            },
            Op::ScatterAdd(_) | Op::CumulativeSum { .. } => float,
            Op::Compare(_)
            | Op::Logic(_)
            | Op::Select
            | Op::Cast(_)
            | Op::Broadcast(_)
            | Op::Reshape(_)
            | Op::Permute(_)
            | Op::Slice(_)
            | Op::Pad(_)
            | Op::Concat { .. }
            | Op::Gather(_)
            | Op::ArgMax { .. }
            | Op::Matmul => true,
            Op::LinearRecurrence { .. }
            | Op::ArgSort { .. }
            | Op::Cholesky
            | Op::SymmetricEigen
            | Op::TriangularSolve(_)
            | Op::FoldIn
            | Op::Random { .. }
            // Its steps are run one by one, each operation where it runs.
            | Op::Scan(_)
            | Op::Custom(_) => false,
        }
    }
}
