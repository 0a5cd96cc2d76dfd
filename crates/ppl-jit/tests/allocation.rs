//! A compiled function on slices allocates nothing when it is called, and steps of an iteration allocate nothing.

// The counting allocator is one; a test ends where something is wrong.
#![allow(unsafe_code, clippy::unwrap_used, clippy::panic)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use ppl_jit::Compiler;
use ppl_suite::{Case, Family, Outcome, for_each_case, require};
use ppl_tensor::{DType, Device, Error, Key, Op, Result, Tensor, grad, scan, trace};

struct Counting;

thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.set(ALLOCATED.get() + 1);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Checks that value and gradient of a function of a vector are computed without allocation.
fn check(size: usize, f: fn(&Tensor) -> Result<Tensor>) {
    check_most(size, 0, f);
}

/// The same with so many allocations, at most.
fn check_most(size: usize, most: usize, f: fn(&Tensor) -> Result<Tensor>) {
    check_in(DType::F64, size, most, f);
}

/// The same of floats of a dtype.
fn check_in(dtype: DType, size: usize, most: usize, f: fn(&Tensor) -> Result<Tensor>) {
    let with_gradient = |x: &Tensor| {
        let x = x.tracked();
        let value = f(&x)?;
        let gradient = grad(&value, &[&x])?.swap_remove(0);
        Ok((value, gradient))
    };
    let x: Vec<f64> = (0..size).map(|i| 0.1 + 0.05 * i as f64).collect();
    let traced = trace(&Device::cpu(), with_gradient, &Tensor::from(x.clone()).cast(dtype)).unwrap();
    let (mut function, program) = Compiler::new().compile_function(traced).unwrap();
    let (mut value, mut gradient) = ([0.0], vec![0.0; size]);
    let mut outputs: [&mut [f64]; 2] = [&mut value, &mut gradient];
    // The first call makes room for the argument.
    function.call(&[&x], &mut outputs).unwrap();
    let before = ALLOCATED.get();
    function.call(&[&x], &mut outputs).unwrap();
    let allocated = ALLOCATED.get() - before;
    assert!(allocated <= most, "{dtype}: {allocated} allocations: {}", program.explain());
}

#[test]
fn loops_over_time_in_place() {
    check(3, |x| {
        let (k, rows) = (x.clone(), Tensor::arange(50).cast(DType::F64) * 0.1);
        let (last, path) = scan(50, &k.select_index(0, 0), &rows, |c, row| {
            let next = (c * k.select_index(0, 1) + row).tanh() * k.select_index(0, 2);
            Ok::<_, Error>((next.clone(), next.square()))
        })?;
        Ok(last + path.sum_all())
    });
    check(4, |x| {
        let (last, ()) = scan(9, x, &(), |outer, ()| {
            let (inner, ()) = scan(3, outer, &(), |c, ()| Ok::<_, Error>(((c * x).sin() + outer, ())))?;
            Ok::<_, Error>((inner, ()))
        })?;
        Ok(last.sum_all())
    });
}

/// Passes of which no two dimensions are one: each is a turn that is counted.
#[test]
fn passes_over_many_dimensions() {
    let many = |x: &Tensor| {
        let (a, b) = (x.slice(0, 0..16).reshape([2, 1, 2, 1, 2, 1, 2, 1]), x.slice(0, 16..43));
        let each =
            (a + b.reshape([1, 3, 1, 3, 1, 3, 1, 1]) * Tensor::arange(50).cast(DType::F64).sin()).tanh();
        Ok(each.square().sum_all())
    };
    check(43, many);
    check_in(DType::F32, 43, 0, many);
    // It is such a pass.
    let traced = trace(&Device::cpu(), many, &Tensor::zeros([43])).unwrap();
    let plan = Compiler::new().compile(traced).unwrap().explain();
    assert!(plan.contains("loop 2 x 3 x 2 x 3 x 2 x 3 x 2 x 50 in"), "{plan}");
}

/// What `gemm` itself allocates for a product, at most: a place for packed blocks, and notes which are packed. A call of the host
/// backend would allocate more: each operand, the result, and their shapes.
const BY_GEMM: usize = 2;

/// Matrices that are too large for plain loops.
#[test]
fn products_and_factors_of_large_matrices() {
    check_most(80, 4 * BY_GEMM, |x| {
        let covariance = x.unsqueeze(-1).matmul(x.unsqueeze(0)) * 0.01 + Tensor::eye(80);
        let factor = covariance.cholesky();
        let root = factor.solve_lower(x.unsqueeze(-1));
        Ok((factor.matmul(&covariance).sin().sum_all()) + root.square().sum_all())
    });
    let batch = |x: &Tensor| {
        let matrices = x.reshape([2, 65, 1]) * Tensor::arange(70).cast(DType::F64).sin();
        let squares = matrices.sin().matmul(matrices.cos().permute(&[0, 2, 1]));
        Ok(squares.matmul(&squares).tanh().sum_all())
    };
    check_most(130, 2 * 6 * BY_GEMM, batch);
    // Of few rows: no product is large, and nothing is allocated.
    check(120, |x| {
        let matrices = x.reshape([6, 20, 1]) * Tensor::arange(20).cast(DType::F64).sin();
        Ok(matrices.matmul(matrices.sin().t()).tanh().sum_all())
    });
}

#[test]
fn recurrences_and_factors() {
    check(3, |x| {
        let (_, path) = scan(30, &x.select_index(0, 0), &(), |c, ()| {
            let next = c * x.select_index(0, 1).tanh() + x.select_index(0, 2);
            Ok::<_, Error>((next.clone(), next))
        })?;
        Ok(path.exp().cumsum(0).sum_all())
    });
    check(5, |x| {
        let covariance = x.unsqueeze(-1).matmul(x.unsqueeze(0)) + Tensor::eye(5);
        let factor = covariance.cholesky();
        Ok(factor.solve_lower(x.unsqueeze(-1)).square().sum_all() + factor.diagonal().log().sum_all())
    });
}

/// Also where they are not stored in their order, and where there are none.
#[test]
fn results_in_single_precision_are_read_as_doubles() {
    for sizes in [[1, 1], [3, 5], [4, 2], [0, 3]] {
        let numbers: Vec<f64> = (0..sizes[0] * sizes[1]).map(|i| f64::from(0.1 + i as f32)).collect();
        let x = Tensor::new(sizes, numbers.clone()).unwrap().cast(DType::F32);
        let f = |x: &Tensor| Ok((x.t(), -x, x.sum_all()));
        let traced = trace(&Device::cpu(), f, &x).unwrap();
        let (mut function, _) = Compiler::new().compile_function(traced).unwrap();
        let [mut turned, mut negative, mut sum] =
            [vec![0.0; numbers.len()], vec![0.0; numbers.len()], vec![0.0]];
        function.call(&[&numbers], &mut [&mut turned, &mut negative, &mut sum]).unwrap();
        assert_eq!(turned, x.t().to_f64().unwrap());
        assert_eq!(negative, (-&x).to_f64().unwrap());
        // 15 terms, each of which and each sum rounded.
        let wanted: f64 = numbers.iter().sum();
        assert!((sum[0] - wanted).abs() <= 15.0 * f64::from(f32::EPSILON) * wanted);
    }
}

/// Checks that steps of an iteration allocate nothing: each gives its state back as it was, and the sum of what an operation
/// makes of it.
fn check_steps(case: &Case, float: DType) -> Outcome {
    let (op, device) = (case.op(float), Device::cpu().float(float));
    let step = |state: &Vec<Tensor>| {
        let result = Tensor::apply(op.clone(), &state.iter().collect::<Vec<_>>());
        Ok((state.clone(), result.cast(DType::F64).sum_all()))
    };
    let in_words = |error: Error| error.to_string();
    let mut state = case.upload(0, &device).map_err(in_words)?;
    let traced = trace(&device, |(state, ()): &(Vec<Tensor>, ())| step(state), &(state.clone(), ()));
    let program = traced.and_then(|traced| Compiler::new().machine_code(false).compile_step(traced));
    let program = program.map_err(in_words)?;
    let mut allocated = |steps: usize| {
        let before = ALLOCATED.get();
        program.run_state(&mut state, &(), steps, |_| true).map_err(in_words)?;
        Ok::<_, String>(ALLOCATED.get() - before)
    };
    // The first makes the program's memory.
    allocated(1)?;
    let (few, many) = (allocated(2)?, allocated(9)?);
    require(many == few || matches!(op, Op::Custom(_)), || {
        format!("{} allocations of 7 steps: {}", many - few, program.explain())
    })
}

#[test]
fn every_operation() {
    for &family in Family::ALL {
        for_each_case(family, 20, |case| {
            check_steps(case, DType::F64)?;
            check_steps(case, DType::F32)
        });
    }
}

/// Larger than cases are.
#[test]
fn sorting_draws_and_eigenvalues() {
    let all = |x: &Tensor| {
        let noise = (x * 1e4).sin();
        let ranks = (noise.argsort(0) + noise.argmax(0)).cast(x.dtype());
        let key = Key::from_tensor((x.select_index(0, 0) * 1e6).cast(DType::I64));
        let gammas = key.log_gamma([3, 300], &x.abs()).exp().sum(0);
        let counts = key.poisson([300], x)
            + key.binomial([300], &(x * 0.0 + 40.0), &Tensor::from(0.25).cast(x.dtype()));
        let few = Tensor::concat(&[&key.subsample(300, 200), &key.subsample(1 << 40, 30)], 0);
        let chosen = few.cast(x.dtype()).sum_all() * 1e-12;
        let matrix =
            x.slice(0, 0..30).unsqueeze(1) * x.slice(0, 30..60) + x.slice(0, 60..90).diagonal_matrix();
        let (values, vectors) = matrix.eigh();
        let factor = (&vectors.matmul(vectors.t()) + Tensor::eye(30).cast(x.dtype())).cholesky();
        let vector = ranks * 1e-3 + gammas + counts + chosen;
        Ok((vector * x).sum_all() + (values * factor.diagonal()).sum_all())
    };
    check_in(DType::F64, 300, 3 * BY_GEMM, all);
    check_in(DType::F32, 300, 3 * BY_GEMM, all);
}
