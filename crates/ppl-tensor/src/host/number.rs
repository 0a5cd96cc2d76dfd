//! Arithmetic of the element types as the operation table defines it: where NaN goes, which sign a remainder has,
//! what integer division by zero is.

use super::erf_inverse::erfinv;
use super::special;
use crate::data::Element;

/// An element type with a zero (`false` for truth values).
pub(crate) trait Zero: Element {
    const ZERO: Self;
}

impl Zero for bool {
    const ZERO: Self = false;
}

/// The arithmetic that floats and integers share. Integers wrap around on overflow.
pub(crate) trait Number: Zero {
    fn plus(self, y: Self) -> Self;
    fn minus(self, y: Self) -> Self;
    fn times(self, y: Self) -> Self;
    fn over(self, y: Self) -> Self;
    /// Remainder of floored division.
    fn modulo(self, y: Self) -> Self;
    fn power(self, y: Self) -> Self;
    /// The larger; NaN if either is NaN.
    fn larger(self, y: Self) -> Self;
    /// The smaller; NaN if either is NaN.
    fn smaller(self, y: Self) -> Self;
    fn negated(self) -> Self;
    fn magnitude(self) -> Self;
    fn sign(self) -> Self;
    /// Whether this is larger than `y` in an order with NaN at the top.
    fn exceeds(self, y: Self) -> bool;
}

/// Functions of floats.
pub(crate) trait Float: Number {
    const ONE: Self;
    /// The same number in double precision.
    fn wide(self) -> f64;
    /// The nearest number of this type.
    fn narrow(wide: f64) -> Self;
    fn floor(self) -> Self;
    fn sqrt(self) -> Self;
    fn exp(self) -> Self;
    fn exp_m1(self) -> Self;
    fn ln(self) -> Self;
    fn ln_1p(self) -> Self;
    fn sin(self) -> Self;
    fn cos(self) -> Self;
    fn tanh(self) -> Self;
    /// `1 / (1 + e⁻ˣ)`.
    fn sigmoid(self) -> Self;
    /// `ln(1 + eˣ)`.
    fn softplus(self) -> Self;
    fn is_finite(self) -> bool;

    /// `ln |Γ(x)|`.
    #[inline]
    fn ln_gamma(self) -> Self {
        Self::narrow(libm::lgamma(self.wide()))
    }

    #[inline]
    fn erf(self) -> Self {
        Self::narrow(libm::erf(self.wide()))
    }

    #[inline]
    fn erfc(self) -> Self {
        Self::narrow(libm::erfc(self.wide()))
    }

    #[inline]
    fn erfinv(self) -> Self {
        Self::narrow(erfinv(self.wide()))
    }

    #[inline]
    fn asin(self) -> Self {
        Self::narrow(self.wide().asin())
    }

    #[inline]
    fn acos(self) -> Self {
        Self::narrow(self.wide().acos())
    }

    #[inline]
    fn atan(self) -> Self {
        Self::narrow(self.wide().atan())
    }

    #[inline]
    fn sinh(self) -> Self {
        Self::narrow(self.wide().sinh())
    }

    #[inline]
    fn cosh(self) -> Self {
        Self::narrow(self.wide().cosh())
    }

    #[inline]
    fn asinh(self) -> Self {
        Self::narrow(libm::asinh(self.wide()))
    }

    /// The standard library's loses half the digits near 1; libm's has values far below it.
    #[inline]
    fn acosh(self) -> Self {
        let x = self.wide();
        Self::narrow(if x < 1.0 { f64::NAN } else { libm::acosh(x) })
    }

    #[inline]
    fn atanh(self) -> Self {
        Self::narrow(libm::atanh(self.wide()))
    }

    /// Angle of the point `(x, self)`.
    #[inline]
    fn atan2(self, x: Self) -> Self {
        Self::narrow(self.wide().atan2(x.wide()))
    }

    /// `ln(eˣ + eʸ)`.
    #[inline]
    fn log_add_exp(self, y: Self) -> Self {
        let (x, y) = (self.wide(), y.wide());
        // Of two equal infinities the difference is NaN.
        let sum =
            if x == y { x + std::f64::consts::LN_2 } else { x.larger(y) + (-(x - y).abs()).exp().ln_1p() };
        Self::narrow(sum)
    }

    #[inline]
    fn polygamma(self, order: u8) -> Self {
        Self::narrow(special::polygamma(order, self.wide()))
    }
}

macro_rules! float {
    ($type:ident) => {
        impl Zero for $type {
            const ZERO: Self = 0.0;
        }

        impl Number for $type {
            #[inline]
            fn plus(self, y: Self) -> Self {
                self + y
            }
            #[inline]
            fn minus(self, y: Self) -> Self {
                self - y
            }
            #[inline]
            fn times(self, y: Self) -> Self {
                self * y
            }
            #[inline]
            fn over(self, y: Self) -> Self {
                self / y
            }
            #[inline]
            fn modulo(self, y: Self) -> Self {
                let truncated = self % y;
                if truncated == 0.0 {
                    truncated.copysign(y)
                } else if (truncated < 0.0) != (y < 0.0) {
                    truncated + y
                } else {
                    truncated
                }
            }
            #[inline]
            fn power(self, y: Self) -> Self {
                // Squares are most of the powers that programs take, and a product is ten times faster.
                if y == 2.0 { self * self } else { self.powf(y) }
            }
            #[inline]
            fn larger(self, y: Self) -> Self {
                if self > y || $type::is_nan(self) { self } else { y }
            }
            #[inline]
            fn smaller(self, y: Self) -> Self {
                if self < y || $type::is_nan(self) { self } else { y }
            }
            #[inline]
            fn negated(self) -> Self {
                -self
            }
            #[inline]
            fn magnitude(self) -> Self {
                self.abs()
            }
            #[inline]
            fn sign(self) -> Self {
                if self > 0.0 {
                    1.0
                } else if self < 0.0 {
                    -1.0
                } else {
                    self
                }
            }
            #[inline]
            fn exceeds(self, y: Self) -> bool {
                self > y || ($type::is_nan(self) && !$type::is_nan(y))
            }
        }

        impl Float for $type {
            const ONE: Self = 1.0;
            #[inline]
            fn wide(self) -> f64 {
                f64::from(self)
            }
            #[inline]
            fn narrow(wide: f64) -> Self {
                wide as $type
            }
            #[inline]
            fn floor(self) -> Self {
                $type::floor(self)
            }
            #[inline]
            fn sqrt(self) -> Self {
                $type::sqrt(self)
            }
            #[inline]
            fn exp(self) -> Self {
                $type::exp(self)
            }
            #[inline]
            fn exp_m1(self) -> Self {
                $type::exp_m1(self)
            }
            #[inline]
            fn ln(self) -> Self {
                $type::ln(self)
            }
            #[inline]
            fn ln_1p(self) -> Self {
                $type::ln_1p(self)
            }
            #[inline]
            fn sin(self) -> Self {
                $type::sin(self)
            }
            #[inline]
            fn cos(self) -> Self {
                $type::cos(self)
            }
            #[inline]
            fn tanh(self) -> Self {
                $type::tanh(self)
            }
            #[inline]
            fn sigmoid(self) -> Self {
                // The exponential of a negative number cannot overflow.
                let e = $type::exp(-self.abs());
                if self >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
            }
            #[inline]
            fn softplus(self) -> Self {
                self.larger(0.0) + $type::ln_1p($type::exp(-self.abs()))
            }
            #[inline]
            fn is_finite(self) -> bool {
                $type::is_finite(self)
            }
        }
    };
}

float!(f64);
float!(f32);

impl Zero for i64 {
    const ZERO: Self = 0;
}

impl Number for i64 {
    #[inline]
    fn plus(self, y: Self) -> Self {
        self.wrapping_add(y)
    }

    #[inline]
    fn minus(self, y: Self) -> Self {
        self.wrapping_sub(y)
    }

    #[inline]
    fn times(self, y: Self) -> Self {
        self.wrapping_mul(y)
    }

    #[inline]
    fn over(self, y: Self) -> Self {
        if y == 0 { 0 } else { self.wrapping_div(y) }
    }

    #[inline]
    fn modulo(self, y: Self) -> Self {
        if y == 0 {
            return 0;
        }
        let truncated = self.wrapping_rem(y);
        if truncated != 0 && (truncated < 0) != (y < 0) { truncated + y } else { truncated }
    }

    fn power(self, y: Self) -> Self {
        if y < 0 {
            return match self {
                1 => 1,
                -1 if y % 2 == 0 => 1,
                -1 => -1,
                _ => 0,
            };
        }
        let (mut base, mut exponent, mut product) = (self, y, 1i64);
        while exponent > 0 {
            if exponent % 2 == 1 {
                product = product.wrapping_mul(base);
            }
            base = base.wrapping_mul(base);
            exponent /= 2;
        }
        product
    }

    #[inline]
    fn larger(self, y: Self) -> Self {
        self.max(y)
    }

    #[inline]
    fn smaller(self, y: Self) -> Self {
        self.min(y)
    }

    #[inline]
    fn negated(self) -> Self {
        self.wrapping_neg()
    }

    #[inline]
    fn magnitude(self) -> Self {
        self.wrapping_abs()
    }

    #[inline]
    fn sign(self) -> Self {
        self.signum()
    }

    #[inline]
    fn exceeds(self, y: Self) -> bool {
        self > y
    }
}
