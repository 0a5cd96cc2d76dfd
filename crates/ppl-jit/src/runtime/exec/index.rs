//! Entries of arrays, by indices that are known when the program runs.

use ppl_tensor::{DType, Error, Result};

use crate::code::Index;

/// Takes entries of an array by indices, or adds to them.
///
/// # Safety
/// The addresses are those of the arrays that `index` says.
pub(super) unsafe fn run_index(index: &Index, values: *mut u8, indices: *mut u8, to: *mut u8) -> Result<()> {
    let count = index.batch * index.chosen;
    let indices: &[i64] = match count {
        0 => &[],
        // SAFETY: the caller's.
        _ => unsafe { std::slice::from_raw_parts(indices.cast(), count) },
    };
    if let Some(outside) = indices.iter().find(|&&i| i as u64 >= index.size as u64) {
        let name = if index.adds { "scatter_add" } else { "gather" };
        return Err(Error::argument(name, format!("index {outside} is outside 0..{}", index.size)));
    }
    // SAFETY: the caller's; the indices are within the dimension.
    unsafe {
        match (index.adds, index.dtype) {
            (false, DType::F64 | DType::I64) => pick::<u64>(index, values.cast(), indices, to.cast()),
            (false, DType::F32) => pick::<u32>(index, values.cast(), indices, to.cast()),
            (false, DType::Bool) => pick::<u8>(index, values, indices, to),
            (true, DType::F64) => add::<f64>(index, values.cast(), indices, to.cast(), |x, y| x + y),
            (true, DType::F32) => add::<f32>(index, values.cast(), indices, to.cast(), |x, y| x + y),
            (true, _) => add::<i64>(index, values.cast(), indices, to.cast(), i64::wrapping_add),
        }
    }
    Ok(())
}

/// # Safety
/// The arrays have the sizes that `index` says, and the indices are within them.
unsafe fn pick<T: Copy>(index: &Index, values: *const T, indices: &[i64], to: *mut T) {
    let &Index { batch, middle, size, inner, chosen, .. } = index;
    for row in 0..batch {
        for block in row * middle..(row + 1) * middle {
            for (place, &entry) in indices[row * chosen..][..chosen].iter().enumerate() {
                // SAFETY: the caller's.
                unsafe {
                    let from = values.add((block * size + entry as usize) * inner);
                    std::ptr::copy_nonoverlapping(from, to.add((block * chosen + place) * inner), inner);
                }
            }
        }
    }
}

/// # Safety
/// The arrays have the sizes that `index` says, and the indices are within them.
unsafe fn add<T: Copy>(
    index: &Index,
    values: *const T,
    indices: &[i64],
    to: *mut T,
    plus: impl Fn(T, T) -> T,
) {
    let &Index { batch, middle, size, inner, chosen, .. } = index;
    for row in 0..batch {
        for block in row * middle..(row + 1) * middle {
            for (place, &entry) in indices[row * chosen..][..chosen].iter().enumerate() {
                for i in 0..inner {
                    // SAFETY: the caller's.
                    unsafe {
                        let sum = to.add((block * size + entry as usize) * inner + i);
                        *sum = plus(*sum, *values.add((block * chosen + place) * inner + i));
                    }
                }
            }
        }
    }
}
