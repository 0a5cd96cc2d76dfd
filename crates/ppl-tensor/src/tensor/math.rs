//! Functions of each element, as methods.

use crate::op::{Binary, Compare, Logic, Unary};
use crate::{Op, Tensor};

macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident => $unary:expr;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            #[track_caller]
            pub fn $name(&self) -> Tensor {
                Tensor::apply(Op::Unary($unary), &[self])
            }
        )*}
    };
}

unary! {
    /// `|x|`.
    abs => Unary::Abs;
    /// `-1`, `0` or `1`; NaN for NaN.
    sign => Unary::Sign;
    /// Largest integer not above `x`.
    floor => Unary::Floor;
    /// `1/x`.
    reciprocal => Unary::Reciprocal;
    /// Square root; NaN below 0.
    sqrt => Unary::Sqrt;
    /// `eˣ`.
    exp => Unary::Exp;
    /// `eˣ - 1`, exact near 0.
    expm1 => Unary::Expm1;
    /// Natural logarithm; `-∞` at 0, NaN below.
    log => Unary::Log;
    /// `ln(1 + x)`, exact near 0.
    log1p => Unary::Log1p;
    /// Sine, of radians.
    sin => Unary::Sin;
    /// Cosine, of radians.
    cos => Unary::Cos;
    /// Inverse sine, in `[-π/2, π/2]`; NaN outside `[-1, 1]`.
    asin => Unary::Asin;
    /// Inverse cosine, in `[0, π]`; NaN outside `[-1, 1]`.
    acos => Unary::Acos;
    /// Inverse tangent, in `[-π/2, π/2]`.
    atan => Unary::Atan;
    /// Hyperbolic sine.
    sinh => Unary::Sinh;
    /// Hyperbolic cosine.
    cosh => Unary::Cosh;
    /// Hyperbolic tangent.
    tanh => Unary::Tanh;
    /// Inverse hyperbolic sine.
    asinh => Unary::Asinh;
    /// Inverse hyperbolic cosine, not negative; NaN below 1.
    acosh => Unary::Acosh;
    /// Inverse hyperbolic tangent; `±∞` at `±1`, NaN beyond.
    atanh => Unary::Atanh;
    /// Logistic function `1 / (1 + e⁻ˣ)`.
    sigmoid => Unary::Sigmoid;
    /// `ln(1 + eˣ)`.
    softplus => Unary::Softplus;
    /// Error function `2/√π ∫₀ˣ exp(-t²) dt`.
    erf => Unary::Erf;
    /// `1 - erf(x)`, to full relative accuracy also where it is small.
    erfc => Unary::Erfc;
    /// The inverse of the error function; `±∞` at `±1`, NaN beyond.
    erfinv => Unary::Erfinv;
    /// `ln |Γ(x)|`.
    lgamma => Unary::LnGamma;
    /// `d ln Γ(x) / dx`.
    digamma => Unary::Polygamma(0);
    /// `Bool`: neither infinite nor NaN.
    is_finite => Unary::IsFinite;
    /// Negation of a `Bool`.
    logical_not => Unary::Not;
}

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident => $op:expr;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            #[track_caller]
            pub fn $name(&self, other: impl Into<Tensor>) -> Tensor {
                Tensor::apply($op, &[self, &other.into()])
            }
        )*}
    };
}

binary! {
    /// `xʸ`. The derivative by the base is 0 where `y` is 0; that by the exponent is 0 where `x` is 0 and `y` positive,
    /// and NaN below 0, where neighbouring exponents have no power.
    pow => Op::Binary(Binary::Pow);
    /// The larger of each pair; NaN if either is.
    maximum => Op::Binary(Binary::Max);
    /// The smaller of each pair; NaN if either is.
    minimum => Op::Binary(Binary::Min);
    /// Angle of the point `(other, self)`, in `[-π, π]`.
    atan2 => Op::Binary(Binary::Atan2);
    /// `ln(eˣ + eʸ)`, without overflow; `-∞` of two `-∞`, which share a gradient equally.
    logaddexp => Op::Binary(Binary::LogAddExp);
    /// `Bool`: equal.
    eq => Op::Compare(Compare::Eq);
    /// `Bool`: not equal.
    ne => Op::Compare(Compare::Ne);
    /// `Bool`: less.
    lt => Op::Compare(Compare::Lt);
    /// `Bool`: less or equal.
    le => Op::Compare(Compare::Le);
    /// `Bool`: greater.
    gt => Op::Compare(Compare::Gt);
    /// `Bool`: greater or equal.
    ge => Op::Compare(Compare::Ge);
    /// Both truth values.
    and => Op::Logic(Logic::And);
    /// At least one of two truth values.
    or => Op::Logic(Logic::Or);
}

impl Tensor {
    /// Tangent, of radians.
    #[track_caller]
    pub fn tan(&self) -> Tensor {
        self.sin() / self.cos()
    }

    /// `1/√x`.
    #[track_caller]
    pub fn rsqrt(&self) -> Tensor {
        self.sqrt().reciprocal()
    }

    /// `ln(1 / (1 + e⁻ˣ))`, without overflow.
    #[track_caller]
    pub fn log_sigmoid(&self) -> Tensor {
        -(-self).softplus()
    }

    /// Polygamma function of order `n`: digamma for 0, trigamma for 1. That of order 255 has no gradient.
    #[track_caller]
    pub fn polygamma(&self, n: u8) -> Tensor {
        Tensor::apply(Op::Unary(Unary::Polygamma(n)), &[self])
    }

    /// `x²`.
    #[track_caller]
    pub fn square(&self) -> Tensor {
        Tensor::apply(Op::Binary(Binary::Mul), &[self, self])
    }

    /// `x` where this truth value holds, `y` elsewhere; all three broadcast.
    #[track_caller]
    pub fn select(&self, x: impl Into<Tensor>, y: impl Into<Tensor>) -> Tensor {
        Tensor::apply(Op::Select, &[self, &x.into(), &y.into()])
    }
}
