//! `+ - * / %`, negation and `!`, on tensors and references, with Rust numbers on either side.
//!
//! One float type alone: with two, the type of `(1.0 - &x).exp()` could not be inferred.

use std::ops::{Add, Div, Mul, Neg, Not, Rem, Sub};

use crate::op::{Binary, Unary};
use crate::{Op, Tensor};

macro_rules! operator {
    ($trait:ident, $method:ident, $op:expr; $($number:ty),*) => {
        operator!(@ $trait, $method, $op; Tensor, Tensor);
        operator!(@ $trait, $method, $op; &Tensor, Tensor);
        operator!(@ $trait, $method, $op; Tensor, &Tensor);
        operator!(@ $trait, $method, $op; &Tensor, &Tensor);
        $(
            operator!(@ $trait, $method, $op; Tensor, $number);
            operator!(@ $trait, $method, $op; &Tensor, $number);
            operator!(@ $trait, $method, $op; $number, Tensor);
            operator!(@ $trait, $method, $op; $number, &Tensor);
        )*
    };
    (@ $trait:ident, $method:ident, $op:expr; $left:ty, $right:ty) => {
        impl $trait<$right> for $left {
            type Output = Tensor;

            #[track_caller]
            fn $method(self, right: $right) -> Tensor {
                Tensor::apply(Op::Binary($op), &[&Tensor::from(self), &Tensor::from(right)])
            }
        }
    };
}

operator!(Add, add, Binary::Add; f64, i64);
operator!(Sub, sub, Binary::Sub; f64, i64);
operator!(Mul, mul, Binary::Mul; f64, i64);
operator!(Div, div, Binary::Div; f64, i64);
operator!(Rem, rem, Binary::Rem; f64, i64);

macro_rules! unary_operator {
    ($trait:ident, $method:ident, $op:expr) => {
        impl $trait for Tensor {
            type Output = Tensor;

            #[track_caller]
            fn $method(self) -> Tensor {
                Tensor::apply(Op::Unary($op), &[&self])
            }
        }

        impl $trait for &Tensor {
            type Output = Tensor;

            #[track_caller]
            fn $method(self) -> Tensor {
                Tensor::apply(Op::Unary($op), &[self])
            }
        }
    };
}

unary_operator!(Neg, neg, Unary::Neg);
unary_operator!(Not, not, Unary::Not);
