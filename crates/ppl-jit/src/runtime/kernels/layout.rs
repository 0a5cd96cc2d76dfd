//! Elements moved without being changed.

use super::{Immediate, Kernel, destination, instances, source};

/// Elements at equal distances, as neighbours: `immediate[0]` is the distance in elements.
#[inline(always)]
unsafe fn strided<T: Copy>(
    dst: *mut u8,
    a: *const u8,
    _: *const u8,
    _: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    let stride = immediate[0];
    // SAFETY: as the module says; the source reaches to its last strided element.
    let (dst, a) =
        unsafe { (destination::<T>(dst, n), source::<T>(a, n.saturating_sub(1) * stride + n.min(1))) };
    for (i, d) in dst.iter_mut().enumerate() {
        *d = a[i * stride];
    }
}
instances!(strided as choose_strided<T: Copy;>);

/// Elements of `size` bytes at a distance of `immediate[0]` elements, as neighbours.
pub(crate) fn load_strided(size: usize) -> Kernel {
    match size {
        8 => choose_strided::<u64>(),
        4 => choose_strided::<u32>(),
        _ => choose_strided::<u8>(),
    }
}

/// The source's one element everywhere.
#[inline(always)]
unsafe fn filled<T: Copy>(dst: *mut u8, a: *const u8, _: *const u8, _: *const u8, n: usize, _: &Immediate) {
    // SAFETY: as the module says.
    let (dst, a) = unsafe { (destination::<T>(dst, n), source::<T>(a, 1)) };
    dst.fill(a[0]);
}
instances!(filled as choose_filled<T: Copy;>);

/// One element of `size` bytes everywhere.
pub(crate) fn fill(size: usize) -> Kernel {
    match size {
        8 => choose_filled::<u64>(),
        4 => choose_filled::<u32>(),
        _ => choose_filled::<u8>(),
    }
}

/// Two arrays of one shape with strides, in elements, outermost dimension first.
#[derive(Debug, Clone)]
pub(crate) struct Runs {
    pub(crate) sizes: Vec<usize>,
    pub(crate) to: Vec<usize>,
    pub(crate) from: Vec<usize>,
    /// Bytes of an element.
    pub(crate) bytes: usize,
    /// Bytes of all elements, if they are neighbours in the same order in both.
    neighbours: Option<usize>,
}

impl Runs {
    /// The copy between two arrays of one shape, with neighbouring dimensions that are one in both made one.
    pub(crate) fn between(shape: &[usize], to: &[usize], from: &[usize], bytes: usize) -> Self {
        let mut runs = Runs { sizes: vec![], to: vec![], from: vec![], bytes, neighbours: None };
        let sizes = shape.iter().zip(to).zip(from);
        for ((&size, &step_to), &step_from) in sizes.filter(|((size, _), _)| **size != 1) {
            match (runs.sizes.last_mut(), runs.to.last_mut(), runs.from.last_mut()) {
                (Some(last), Some(last_to), Some(last_from))
                    if *last_to == step_to * size && *last_from == step_from * size =>
                {
                    (*last, *last_to, *last_from) = (*last * size, step_to, step_from);
                }
                _ => {
                    runs.sizes.push(size);
                    runs.to.push(step_to);
                    runs.from.push(step_from);
                }
            }
        }
        runs.neighbours = match (&runs.sizes[..], &runs.to[..], &runs.from[..]) {
            ([], ..) => Some(bytes),
            ([size], [1], [1]) => Some(size * bytes),
            _ => None,
        };
        runs
    }
}

/// Copies elements from one strided array to another.
///
/// # Safety
/// Both addresses are those of the first elements of arrays that have the runs' sizes and strides and do not overlap.
#[inline]
pub(crate) unsafe fn copy(runs: &Runs, to: *mut u8, from: *const u8) {
    // SAFETY: the caller's.
    unsafe {
        match runs.neighbours {
            Some(8) => return to.cast::<u64>().write_unaligned(from.cast::<u64>().read_unaligned()),
            Some(bytes) => return std::ptr::copy_nonoverlapping(from, to, bytes),
            None => {}
        }
        match runs.bytes {
            8 => copy_of::<u64>(runs, 0, to.cast(), from.cast()),
            4 => copy_of::<u32>(runs, 0, to.cast(), from.cast()),
            _ => copy_of::<u8>(runs, 0, to, from),
        }
    }
}

unsafe fn copy_of<T: Copy>(runs: &Runs, depth: usize, to: *mut T, from: *const T) {
    let Runs { sizes, to: to_steps, from: from_steps, .. } = runs;
    // SAFETY: offsets stay below the sizes, so within both arrays.
    unsafe {
        match (&sizes[depth..], &to_steps[depth..], &from_steps[depth..]) {
            (&[size], &[step_to], &[step_from]) => copy_run(size, (to, step_to), (from, step_from)),
            // Small matrices in another order are what is copied most.
            (&[rows, size], &[row_to, step_to], &[row_from, step_from]) => {
                for i in 0..rows {
                    copy_run(size, (to.add(i * row_to), step_to), (from.add(i * row_from), step_from));
                }
            }
            (&[size, ..], &[step_to, ..], &[step_from, ..]) => {
                for i in 0..size {
                    copy_of(runs, depth + 1, to.add(i * step_to), from.add(i * step_from));
                }
            }
            _ => *to = *from,
        }
    }
}

/// # Safety
/// As [`copy`], of one dimension.
#[inline(always)]
unsafe fn copy_run<T: Copy>(
    size: usize,
    (to, step_to): (*mut T, usize),
    (from, step_from): (*const T, usize),
) {
    // SAFETY: the caller's.
    unsafe {
        match (step_to, step_from) {
            (1, 1) => std::ptr::copy_nonoverlapping(from, to, size),
            (1, 0) => std::slice::from_raw_parts_mut(to, size).fill(*from),
            (1, _) => {
                for i in 0..size {
                    *to.add(i) = *from.add(i * step_from);
                }
            }
            _ => {
                for i in 0..size {
                    *to.add(i * step_to) = *from.add(i * step_from);
                }
            }
        }
    }
}
