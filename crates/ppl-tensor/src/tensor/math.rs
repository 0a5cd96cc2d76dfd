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
    /// Hyperbolic tangent.
    tanh => Unary::Tanh;
    /// Logistic function `1 / (1 + e⁻ˣ)`.
    sigmoid => Unary::Sigmoid;
    /// `ln(1 + eˣ)`.
    softplus => Unary::Softplus;
    /// Error function.
    erf => Unary::Erf;
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
    /// `xʸ`.
    pow => Op::Binary(Binary::Pow);
    /// The larger of each pair; NaN if either is.
    maximum => Op::Binary(Binary::Max);
    /// The smaller of each pair; NaN if either is.
    minimum => Op::Binary(Binary::Min);
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
    /// Polygamma function of order `n`: digamma for 0, trigamma for 1.
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
