//! Labels of the places along a dimension.

use std::collections::HashSet;

use ppl_core::{Error, Result};
use ppl_tensor::Tensor;

/// Labels of the places along a dimension: names, or numbers (a tensor `[n]`). Made from arrays, vectors and tensors.
#[derive(Debug, Clone)]
pub struct Labels(pub(super) Kind);

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Names(Vec<String>),
    Numbers(Tensor),
}

impl Labels {
    /// Whether they can label so many places.
    pub(super) fn check(&self, size: usize) -> Result<()> {
        let twice = match &self.0 {
            Kind::Names(names) => {
                fits(names.len(), size)?;
                let mut known = HashSet::new();
                names.iter().find(|name| !known.insert(name.as_str())).cloned()
            }
            Kind::Numbers(numbers) => {
                let shape = numbers.check()?.shape();
                if shape.len() != 1 {
                    return Err(Error::Shape(format!("labels have shape {shape}, must be [{size}]")));
                }
                fits(shape[0], size)?;
                let mut known = HashSet::new();
                let numbers = numbers.to_f64()?;
                numbers.iter().find(|number| !known.insert(number.to_bits())).map(f64::to_string)
            }
        };
        twice.map_or(Ok(()), |label| Err(Error::argument(format!("the label `{label}` is given twice"))))
    }
}

fn fits(labels: usize, size: usize) -> Result<()> {
    if labels == size {
        return Ok(());
    }
    Err(Error::Shape(format!("there are {labels} labels, the dimension has size {size}")))
}

macro_rules! names {
    ($(impl $(<const $n:ident: usize>)? for $type:ty;)*) => {$(
        impl $(<const $n: usize>)? From<$type> for Labels {
            fn from(names: $type) -> Self {
                Self(Kind::Names(names.iter().map(|name| (*name).to_string()).collect()))
            }
        }
    )*};
}

names! {
    impl<const N: usize> for [&str; N];
    impl<const N: usize> for [String; N];
    impl for Vec<&str>;
    impl for Vec<String>;
    impl for &[&str];
    impl for &[String];
}

macro_rules! numbers {
    ($(impl $(<const $n:ident: usize>)? for $type:ty;)*) => {$(
        impl $(<const $n: usize>)? From<$type> for Labels {
            fn from(numbers: $type) -> Self {
                Self(Kind::Numbers(numbers.into()))
            }
        }
    )*};
}

numbers! {
    impl<const N: usize> for [f64; N];
    impl<const N: usize> for [i64; N];
    impl for Vec<f64>;
    impl for Vec<i64>;
    impl for &[f64];
    impl for &[i64];
    impl for Tensor;
    impl for &Tensor;
}
