//! Data of statements.

use ppl_tensor::Tensor;

/// Data of an `observe` statement: a value, all of it or some entries, or none, which leaves the site latent.
#[derive(Debug, Clone)]
pub struct Observation {
    pub(super) value: Option<Tensor>,
    pub(super) present: Option<Tensor>,
}

impl Observation {
    /// Data of which only the entries are known where `present` holds; those elsewhere may be any number. `present`
    /// broadcasts with the distribution's batch shape and has, as the data, one leading dimension for each plate around if
    /// it comes from outside of them.
    pub fn present(value: impl Into<Tensor>, present: impl Into<Tensor>) -> Self {
        Self { value: Some(value.into()), present: Some(present.into()) }
    }

    /// Data in which NaN stands for a missing number.
    pub fn nan_is_missing(value: impl Into<Tensor>) -> Self {
        let value = value.into();
        let present = value.eq(&value);
        Self { value: Some(value), present: Some(present) }
    }
}

macro_rules! observation {
    ($($type:ty),*) => {$(
        impl From<$type> for Observation {
            fn from(value: $type) -> Self {
                Self { value: Some(value.into()), present: None }
            }
        }
    )*};
}

observation!(
    Tensor,
    &Tensor,
    f64,
    f32,
    i64,
    i32,
    bool,
    Vec<f64>,
    Vec<i64>,
    Vec<bool>,
    &[f64],
    &[i64],
    &[bool]
);

impl<T: Into<Tensor>> From<Option<T>> for Observation {
    fn from(value: Option<T>) -> Self {
        Self { value: value.map(Into::into), present: None }
    }
}

impl From<&Option<Tensor>> for Observation {
    fn from(value: &Option<Tensor>) -> Self {
        Self { value: value.clone(), present: None }
    }
}
