//! Coordinates of elements and their places in memory.

use ppl_tensor::HostTensor;

/// One number a dimension.
pub(super) type Coordinates = Vec<usize>;

/// All coordinates of a shape, in row-major order.
pub(super) fn coordinates(shape: &[usize]) -> Vec<Coordinates> {
    let mut all = vec![Coordinates::new()];
    for &size in shape {
        all = all.iter().flat_map(|at| (0..size).map(|i| at.iter().copied().chain([i]).collect())).collect();
    }
    all
}

/// The place in row-major order.
pub(super) fn place(shape: &[usize], at: &[usize]) -> usize {
    shape.iter().zip(at).fold(0, |place, (size, i)| place * size + i)
}

/// The place of what an array of `shape` has at coordinates of a shape it broadcasts to.
pub(super) fn broadcast_place(shape: &[usize], at: &[usize]) -> usize {
    let own = &at[at.len() - shape.len()..];
    place(shape, &shape.iter().zip(own).map(|(&size, &i)| if size == 1 { 0 } else { i }).collect::<Vec<_>>())
}

/// Coordinates with one of them replaced.
pub(super) fn with(at: &[usize], axis: usize, i: usize) -> Coordinates {
    let mut at = at.to_vec();
    at[axis] = i;
    at
}

/// For coordinates of a gather's result (of a scatter's updates): those of its input (its result).
pub(super) fn chosen(at: &[usize], axis: usize, batch: usize, indices: &HostTensor) -> Coordinates {
    let count = indices.shape().rank() - batch;
    let index_at: Coordinates = at[..batch].iter().chain(&at[axis..axis + count]).copied().collect();
    let values = indices.as_slice::<i64>().expect("indices are integers");
    let index = values[place(indices.shape(), &index_at)] as usize;
    at[..axis].iter().copied().chain([index]).chain(at[axis + count..].iter().copied()).collect()
}
