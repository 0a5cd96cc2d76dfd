//! The triangular factor of a tall matrix: as many rows as columns, and the same products of columns.

/// Rows that are folded into the factor at once: they stay in the second cache.
const BLOCK: usize = 256;

/// `R`, upper triangular, row by row, of the decomposition `A = QR` of a matrix of `rows` rows and `columns` columns: so
/// `RᵀR = AᵀA`. `read(column, start, to)` writes entries from row `start` on.
///
/// Householder's reflections, of a block of rows at a time against the factor of those before (as in "TSQR", Demmel and others
/// 2012). Backward stable by columns, whatever their rank: `R` is the factor of a matrix whose columns differ from those
/// given by rounding (Golub and Van Loan 2013, section 5.2).
pub(super) fn factor(rows: usize, columns: usize, read: impl Fn(usize, usize, &mut [f64])) -> Vec<f64> {
    let mut r = vec![0.0; columns * columns];
    let mut block = vec![0.0; BLOCK.min(rows) * columns];
    for start in (0..rows).step_by(BLOCK) {
        let height = BLOCK.min(rows - start);
        let block = &mut block[..height * columns];
        for (column, to) in block.chunks_exact_mut(height).enumerate() {
            read(column, start, to);
        }
        fold(&mut r, block, columns, height);
    }
    r
}

/// The factor of `[R; B]` in place of `R`, of a block `B` given by columns, which is used up.
fn fold(r: &mut [f64], block: &mut [f64], columns: usize, height: usize) {
    for pivot in 0..columns {
        let (head, rest) = block[pivot * height..].split_at_mut(height);
        let below = dot(head, head);
        if below == 0.0 {
            continue;
        }
        let Some((corner, row)) = r[pivot * columns + pivot..(pivot + 1) * columns].split_first_mut() else {
            continue;
        };
        let length = corner.hypot(below.sqrt());
        // Of the two reflections the one without cancellation.
        let image = if *corner > 0.0 { -length } else { length };
        let first = *corner - image;
        let scale = -first / image;
        *corner = image;
        head.iter_mut().for_each(|x| *x /= first);
        for (entry, column) in row.iter_mut().zip(rest.chunks_exact_mut(height)) {
            let along = scale * (*entry + dot(head, column));
            *entry -= along;
            subtract(column, along, head);
        }
    }
}

/// `x - along · v` in place of `x`. Not inlined: within the loops above LLVM 22.1 makes an endless loop of it.
#[inline(never)]
fn subtract(x: &mut [f64], along: f64, v: &[f64]) {
    x.iter_mut().zip(v).for_each(|(x, v)| *x -= along * v);
}

/// In eight sums, so that it vectorises.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    let mut sums = [0.0; 8];
    for (x, y) in a.zip(b) {
        for ((sum, x), y) in sums.iter_mut().zip(x).zip(y) {
            *sum += x * y;
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, factor};
    use ppl_suite::{for_each, require};
    use proptest::prelude::*;

    /// Products of columns, and the products of their lengths.
    fn products(matrix: &[f64], rows: usize, columns: usize) -> Vec<(f64, f64)> {
        let entry = |row: usize, column: usize| matrix[row * columns + column];
        let product = |a: usize, b: usize| (0..rows).map(|row| entry(row, a) * entry(row, b)).sum::<f64>();
        let pairs = (0..columns).flat_map(|a| (0..columns).map(move |b| (a, b)));
        pairs.map(|(a, b)| (product(a, b), (product(a, a) * product(b, b)).sqrt())).collect()
    }

    #[test]
    fn products_of_columns_are_kept_whatever_their_sizes_and_rank() {
        let sizes = prop_oneof![Just(0.0), Just(1e-9), Just(1.0), Just(1e9)];
        let columns = prop::collection::vec((sizes, any::<bool>()), 1..6);
        let strategy = (1..700_usize, columns, any::<u64>());
        let law = |(rows, columns, seed): &(usize, Vec<(f64, bool)>, u64)| {
            let (rows, width) = (*rows, columns.len());
            let noise = |i: usize| {
                let bits = (i as u64 ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                (bits ^ (bits >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) as f64 / u64::MAX as f64 - 0.4
            };
            // Some columns are multiples of the first.
            let entry = |row: usize, column: usize| {
                let (size, is_own) = columns[column];
                size * noise(row * width + if is_own { column } else { 0 })
            };
            let matrix: Vec<f64> = (0..rows * width).map(|i| entry(i / width, i % width)).collect();
            let r = factor(rows, width, |column, start, to| {
                to.iter_mut().enumerate().for_each(|(i, x)| *x = entry(start + i, column));
            });
            require((0..width).all(|i| (0..i).all(|j| r[i * width + j] == 0.0)), || "not triangular".into())?;
            let pairs = products(&matrix, rows, width).into_iter().zip(products(&r, width, width));
            for ((wanted, scale), (found, _)) in pairs {
                // Rounding of a block's products, once for each block and column.
                let bound = 1e-14 * (width * rows.div_ceil(BLOCK)) as f64 * scale;
                require((found - wanted).abs() <= bound, || format!("{found} for {wanted}, of {scale}"))?;
            }
            Ok(())
        };
        for_each(&strategy, 48, law).unwrap();
    }
}
