//! Which of the numbers that are kept of a draw are whose.

use std::ops::Range;

use ppl_infer::Quantity;
use ppl_tensor::Shape;

/// A site's part of them.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) range: Range<usize>,
    /// Of one draw.
    pub(super) shape: Shape,
    pub(super) plates: Vec<String>,
    pub(super) latent: bool,
    pub(super) bounds: Option<(f64, f64)>,
}

impl From<&Quantity> for Part {
    fn from(quantity: &Quantity) -> Self {
        let Quantity { name, plates, shape, range, latent, bounds, .. } = quantity.clone();
        Self { name, range, shape, plates, latent, bounds }
    }
}

impl Part {
    /// All of them, `[d]`.
    pub(super) fn vector(name: &str, d: usize) -> Self {
        let bounds = Some((f64::NEG_INFINITY, f64::INFINITY));
        let (name, shape, plates) = (name.to_owned(), Shape::from([d]), Vec::new());
        Self { name, range: 0..d, shape, plates, latent: true, bounds }
    }
}
