//! Programs with passes over long arrays give what the interpreter gives.

use std::cell::Cell;

use ppl_suite::for_each;
use ppl_suite::graphs::{agrees, long_sketches, runs_as_interpreted, sketches};
use ppl_tensor::{DType, Device, HostTensor, Result, Tensor, Traced, grad};

use crate::Compiler;
use crate::plan::CHUNK;
use crate::runtime::kernels::tests::{as_portable, sizes};

thread_local! {
    static THREADS: Cell<Option<usize>> = const { Cell::new(None) };
}

/// How many threads are to share a pass, whatever its size, if a test says so.
pub(super) fn threads() -> Option<usize> {
    THREADS.get()
}

/// Miri does not run machine code.
fn compiler() -> Compiler {
    Compiler::new().machine_code(!cfg!(miri))
}

fn compiled(traced: Traced<Vec<Tensor>>, args: &Vec<Tensor>) -> Result<Vec<Tensor>> {
    compiler().compile(traced)?.run(args)
}

fn law(cases: u32, long: bool) {
    let law = |sketch: &_| runs_as_interpreted(sketch, &compiled).map(|_| ());
    let outcome =
        if long { for_each(&long_sketches(), cases, law) } else { for_each(&sketches(), cases, law) };
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "`libm` has assembly, which Miri does not run")]
fn long_programs_give_what_interpreted_ones_give() {
    law(250, true);
}

#[test]
#[cfg_attr(miri, ignore = "`libm` has assembly, which Miri does not run")]
fn portable_programs_give_what_interpreted_ones_give() {
    as_portable(|| {
        law(150, true);
        law(150, false);
    });
}

fn numbers(dtype: DType, shape: &[usize], seed: usize) -> Tensor {
    let count = shape.iter().product::<usize>();
    let values = (0..count).map(|i| ((i * 7919 + seed * 104_729) % 1009) as f64 / 504.5 - 1.0).collect();
    let host = HostTensor::from_f64(dtype, shape, values).unwrap();
    Device::cpu().upload(host).unwrap()
}

/// A regression with its gradient, for some particles or, with none of them, without their dimension: `y` and `x`
/// constants, or arguments.
fn regression(
    rows: usize,
    columns: usize,
    particles: usize,
    dtype: DType,
    constant: bool,
) -> std::result::Result<(), String> {
    let lead: &[usize] = if particles == 0 { &[] } else { &[particles] };
    let shape = |rest: &[usize]| [lead, rest].concat();
    let data = |seed| [numbers(dtype, &[rows, columns], seed), numbers(dtype, &[rows], seed + 1)];
    let known = data(1);
    let f = |args: &Vec<Tensor>| {
        let leaves: Vec<Tensor> = args[..3].iter().map(Tensor::tracked).collect();
        let [x, y] = if constant { known.clone() } else { [args[3].clone(), args[4].clone()] };
        let mean = leaves[1].unsqueeze(-1) + leaves[0].matmul(x.t());
        let residual = (&y - mean) / leaves[2].exp().unsqueeze(-1);
        let total = (residual.square().sum(-1) * -0.5 - &leaves[2] * rows as f64).sum_all();
        let slopes = grad(&total, &leaves.iter().collect::<Vec<_>>())?;
        Ok([vec![total], slopes].concat())
    };
    // A vector of coefficients is a matrix of one row.
    let weights: &[usize] = if particles == 0 { &[1, columns] } else { &[columns] };
    let lead_of_rest: Vec<usize> = if particles == 0 { vec![1] } else { shape(&[]) };
    let given = |seed: usize| {
        let parameters = [shape(weights), lead_of_rest.clone(), lead_of_rest.clone()];
        let parameters = parameters.iter().enumerate().map(|(i, shape)| numbers(dtype, shape, seed + i));
        parameters.chain(data(seed)).collect::<Vec<Tensor>>()
    };
    let device = Device::cpu().float(dtype);
    agrees(&device, &f, &given(5), &given(9), &compiled).map(|_| ())
}

/// Around sizes of registers, tiles, blocks and what is worth a loop.
#[test]
fn regressions_of_all_sizes_give_what_interpreted_ones_give() {
    let all = &[1, 2, 31, 33, 64, 65, 127, 128, 129, 256, 257, 1023, 1024, 1025, 2500];
    let rows = sizes(all, &[65]);
    let columns = [1, 2, 3, 4, 5, 8, 9, 24];
    let particles = sizes(&[0, 1, 3, 40], &[0, 3]);
    for (i, &rows) in rows.iter().enumerate() {
        for (j, &particles) in particles.iter().enumerate() {
            let columns = columns[(3 * i + 5 * j) % columns.len()];
            let dtype = if (i + j) % 3 == 0 { DType::F32 } else { DType::F64 };
            let constant = (i + 2 * j) % 4 != 0;
            let result = regression(rows, columns, particles, dtype, constant);
            let result = result.and_then(|()| match i % 5 {
                0 => as_portable(|| regression(rows, columns, particles, dtype, constant)),
                _ => Ok(()),
            });
            if let Err(failure) = result {
                panic!("{rows} rows, {columns} columns, {particles} particles, {dtype}: {failure}");
            }
        }
    }
}

/// The same of so many columns that matrices are read as they are stored, more columns than rows among them.
#[test]
fn regressions_of_many_columns_give_what_interpreted_ones_give() {
    let all = &[(700, 33), (300, 65), (129, 128), (100, 101), (2500, 70), (90, 300), (1100, 40)];
    for (i, &(rows, columns)) in sizes(all, &[(9, 33)]).iter().enumerate() {
        for (j, &particles) in sizes(&[0, 1, 3, 70], &[0, 3]).iter().enumerate() {
            let dtype = if (i + j) % 3 == 0 { DType::F32 } else { DType::F64 };
            let constant = (i + 2 * j) % 4 != 0;
            let result = regression(rows, columns, particles, dtype, constant);
            if let Err(failure) = result {
                panic!("{rows} rows, {columns} columns, {particles} particles, {dtype}: {failure}");
            }
        }
    }
    let rows = if cfg!(miri) { 5 } else { 210 };
    as_portable(|| regression(rows, 66, 2, DType::F64, true)).unwrap();
}

/// Rows of a few entries, gone through by columns: a mixture's densities with their gradients, and what else reads them.
#[test]
fn short_rows_of_long_columns_give_what_interpreted_ones_give() {
    let all = &[(64, 2, DType::F64), (300, 3, DType::F32), (2000, 5, DType::F64), (700, 63, DType::F64)];
    for &(rows, columns, dtype) in sizes(all, &[(64, 2, DType::F64), (70, 3, DType::F32)]) {
        let f = |args: &Vec<Tensor>| {
            let (y, leaves) = (&args[0], args[1..].iter().map(Tensor::tracked).collect::<Vec<_>>());
            let each = (y.unsqueeze(1) - &leaves[0]) / leaves[1].exp();
            let parts = each.square() * -0.5 - &leaves[1];
            let most = parts.max(1).unsqueeze(1);
            let total = ((&parts - &most).exp().sum(1).log() + parts.max(1)).sum_all();
            let slopes = grad(&total, &[&leaves[0], &leaves[1]])?;
            let (first, sums) = (parts.slice(0, 1..4), parts.sum(0));
            Ok([vec![total, first, sums, each.t(), parts.reshape([rows * columns])], slopes].concat())
        };
        let args = |seed: usize| {
            [vec![rows], vec![columns], vec![columns]]
                .iter()
                .enumerate()
                .map(|(i, shape)| numbers(dtype, shape, seed + i))
                .collect::<Vec<_>>()
        };
        let result = agrees(&Device::cpu().float(dtype), &f, &args(1), &args(4), &compiled);
        if let Err(failure) = result {
            panic!("{rows} rows of {columns}, {dtype}: {failure}");
        }
    }
}

/// Softplus and its slope, and a sigmoid and its complement, in one block and in many.
#[test]
fn functions_with_a_common_exponential_give_what_interpreted_ones_give() {
    fn softplus(x: &Tensor, y: &Tensor) -> Tensor {
        x.softplus() * y
    }
    fn odds(x: &Tensor, y: &Tensor) -> Tensor {
        x.sigmoid() * y + (-x).sigmoid()
    }
    type Loss = fn(&Tensor, &Tensor) -> Tensor;
    let losses: [(Loss, &str); 2] = [(softplus, "softplus and sigmoid"), (odds, "sigmoids")];
    for ((loss, name), rows) in
        losses.iter().flat_map(|loss| sizes(&[100, 5000], &[40]).iter().map(move |&rows| (loss, rows)))
    {
        for dtype in [DType::F64, DType::F32] {
            let f = |args: &Vec<Tensor>| {
                let leaf = args[0].tracked();
                let total = loss(&leaf, &args[1]).sum_all();
                Ok([vec![total.clone()], grad(&total, &[&leaf])?].concat())
            };
            let args =
                |seed: usize| vec![numbers(dtype, &[rows], seed) * 30.0, numbers(dtype, &[rows], seed + 1)];
            let device = Device::cpu().float(dtype);
            let check = || agrees(&device, &f, &args(1), &args(4), &compiled).map(|_| ());
            if let Err(failure) = check().and_then(|()| as_portable(check)) {
                panic!("{name} of {rows} rows, {dtype}: {failure}");
            }
            let plan =
                compiler().compile(ppl_tensor::trace(&device, f, &args(1)).unwrap()).unwrap().explain();
            assert!(plan.contains(name), "{plan}");
        }
    }
}

/// Long enough for several chunks, of which the last is short, and with values that are results for each element.
#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let rows = 3 * CHUNK + 77;
    let args =
        vec![numbers(DType::F64, &[rows], 1), numbers(DType::F64, &[2, 1], 2), numbers(DType::F64, &[], 3)];
    depends_not_on_threads(&args, |args| {
        let each = args[0].exp() * &args[1] - &args[2];
        let columns = each.sum(0);
        Ok(vec![each.square().sum(1), each.max(1), (&each * &args[0]).sum_all(), columns.sum_all(), columns])
    });
}

/// So many columns that few rows are worth threads, and a matrix that is read where it is: nothing is copied.
#[test]
#[cfg_attr(miri, ignore = "work for threads is too much for Miri")]
fn rows_of_wide_matrices_are_divided_and_not_copied() {
    let (rows, columns) = (2 * 1024 + 77, 600);
    let args = vec![numbers(DType::F64, &[rows, columns], 1), numbers(DType::F64, &[columns], 2) * 0.05];
    let f = |args: &Vec<Tensor>| {
        let weights = args[1].tracked();
        let total = args[0].matmul(&weights).softplus().sum_all();
        let slopes = grad(&total, &[&weights])?;
        Ok([vec![total], slopes].concat())
    };
    let plan = compiler().compile(ppl_tensor::trace(&Device::cpu(), f, &args).unwrap()).unwrap().explain();
    let is_one_pass = plan.matches("loop").count() == 1 && plan.contains("chunks");
    assert!(is_one_pass && !plan.contains("copy") && !plan.contains("matmul"), "{plan}");
    depends_not_on_threads(&args, f);
}

fn depends_not_on_threads(args: &Vec<Tensor>, f: impl Fn(&Vec<Tensor>) -> Result<Vec<Tensor>>) {
    let bits = |threads: usize| -> Vec<Vec<u64>> {
        THREADS.set(Some(threads));
        let traced = ppl_tensor::trace(&Device::cpu(), &f, args).unwrap();
        let results = compiled(traced, args).unwrap();
        THREADS.set(None);
        results.iter().map(|x| x.to_f64().unwrap().into_iter().map(f64::to_bits).collect()).collect()
    };
    let alone = bits(1);
    assert!(bits(2) == alone && bits(5) == alone);
    agrees(&Device::cpu(), &f, args, args, &compiled).unwrap();
}
