//! Errors are carried: they name the operation, the positional shapes, and the line that asked for it.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use ppl_suite::{Outcome, for_each, require};
use ppl_tensor::op::TriangularSolve;
use ppl_tensor::{
    Axis, DType, Device, ErrorKind, HostBackend, Op, Result, Tensor, compile, grad, trace, vmap,
};
use proptest::prelude::*;

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::new(shape, vec![0.0; shape.iter().product()]).unwrap()
}

fn message<T>(result: Result<T>) -> String {
    result.map(drop).unwrap_err().to_string()
}

/// Tensors made on lines of their own, and what their messages must contain.
macro_rules! failing {
    ($($tensor:expr => $($part:expr),+;)*) => {
        vec![$(($tensor, vec![$($part.to_string()),+])),*]
    };
}

#[test]
fn messages_name_the_operation_the_shapes_and_the_line() {
    let (x, y, v) = (&zeros(&[2, 3]), &zeros(&[4, 5]), &zeros(&[3]));
    let (flags, counts) = (&x.lt(1.0), &x.cast(DType::I64));
    let first_line = line!();
    let cases = failing! {
        x + y => "add", "[2, 3], [4, 5]";
        x * zeros(&[2]) => "mul", "[2, 3], [2]";
        x.pow(y) => "pow", "[2, 3], [4, 5]";
        x.lt(y) => "lt", "[2, 3], [4, 5]";
        flags.and(zeros(&[2]).gt(0.0)) => "and", "[2, 3], [2]";
        flags.select(x, y) => "where", "[2, 3], [2, 3], [4, 5]";
        x.matmul(y) => "matmul", "[2, 3], [4, 5]", "inner sizes 3 and 4";
        x.cholesky() => "cholesky", "[2, 3]", "square";
        x.solve_lower(y) => "triangular_solve", "[2, 3], [4, 5]";
        x.reshape([5]) => "reshape", "[2, 3], [5]";
        x.broadcast_to([4, 3]) => "broadcast_to", "[2, 3], [4, 3]";
        x.permute(&[0, 0]) => "permute", "[2, 3]", "[0, 0]";
        v.t() => "t:", "[3]";
        x.slice(1, 2..4) => "slice", "[2, 3]", "2..4";
        x.slice_by(0, 0..2, 0) => "slice", "by 0";
        x.select_index(-1, 3) => "slice", "[2, 3]", "3..4";
        x.squeeze(0) => "squeeze", "[2, 3]", "size 1";
        x.unsqueeze(4) => "unsqueeze", "[2, 3]", "4";
        x.pad(2, 1, 1) => "pad", "[2, 3]", "dimension 2 does not exist";
        x.sum(2) => "sum", "[2, 3]", "dimension 2 does not exist";
        x.max(-3) => "max", "[2, 3]", "dimension -3 does not exist";
        x.sum_dims(&[0, -2]) => "sum", "[2, 3]", "twice";
        x.mean(7) => "mean", "[2, 3]", "dimension 7 does not exist";
        x.cumsum(2) => "cumsum", "[2, 3]";
        x.argmax(2) => "argmax", "[2, 3]";
        x.argsort(2) => "argsort", "[2, 3]";
        x.sort(-3) => "sort", "[2, 3]", "dimension -3";
        x.quantile(1.5, 0) => "quantile", "1.5 is not a probability";
        x.median(2) => "quantile", "[2, 3]", "dimension 2";
        counts.median(0) => "quantile", "i64", "cast";
        zeros(&[0, 2]).median(0) => "quantile", "[0, 2]", "no entry";
        x.cumprod(2) => "cumprod", "[2, 3]";
        x.linear_recurrence(y, 0) => "linear_recurrence", "[2, 3], [4, 5]";
        x.flip(2) => "flip", "[2, 3]";
        x.take_along_dim(v, 0) => "take_along_dim", "[2, 3], [3]";
        x.eigh().1 => "eigh", "[2, 3]", "square";
        x.logdet() => "cholesky", "[2, 3]", "square";
        x.solve_upper(y) => "triangular_solve", "[2, 3], [4, 5]";
        x.logsumexp(2) => "logsumexp", "[2, 3]";
        x.softmax(2) => "softmax", "[2, 3]";
        x.atan2(y) => "atan2", "[2, 3], [4, 5]";
        counts.logaddexp(counts) => "logaddexp", "i64, i64", "cast";
        zeros(&[0, 2]).max(0) => "max", "[0, 2]", "no entry";
        Tensor::concat(&[x, y], 0) => "concat", "[2, 3], [4, 5]";
        Tensor::stack(&[x, v], 0) => "concat", "[1, 2, 3], [1, 3]";
        x.take(0, 2) => "take", "[2, 3]";
        x.at(5) => "gather";
        x.take_along_last(zeros(&[3, 1]).cast(DType::I64)) => "gather", "[2, 3], [3, 1]";
        v.scatter_add(counts, 2) => "scatter_add", "[3], [2, 3]";
        x.diagonal() => "diagonal", "[2, 3]";
        x + flags => "add", "f64, bool", "cast";
        x * counts => "mul", "f64, i64", "cast";
        counts.exp() => "exp", "i64", "cast";
        x.logical_not() => "not", "f64";
        x.at(v) => "gather", "f64, f64", "i64";
        counts + 0.5 => "add", "fraction";
        x + x.cast(DType::F32) => "add", "f64, f32";
    };
    let mut last = first_line;
    for (tensor, parts) in cases {
        let text = message(tensor.check());
        let location = tensor.error().unwrap().location().unwrap();
        assert!(
            location.file() == file!() && text.ends_with(&format!("{}:{}", file!(), location.line())),
            "{text}"
        );
        assert!((last + 1..line!()).contains(&location.line()), "`{text}` is not on the line after {last}");
        last = location.line();
        for part in parts {
            assert!(text.contains(&part), "`{text}` does not say `{part}`");
        }
    }
}

#[test]
fn an_error_passes_through_further_operations_unchanged() {
    let bad = zeros(&[2]) + zeros(&[3]);
    let text = message(bad.check());
    let x = zeros(&[2]).tracked();
    let further = (&x * bad.exp().reshape([7]) - 1.0).max(5).select_index(3, 2).matmul(&x).logsumexp(9);
    assert_eq!(message(further.to_f64()), text);
    assert_eq!(message(further.to_vec::<i64>()), text);
    assert_eq!(message(further.to_scalar()), text);
    assert_eq!(message(further.to_host()), text);
    assert_eq!(message(further.size(0)), text);
    assert_eq!(message(further.split(0, &[1])), text);
    assert_eq!(message(grad(&further, &[&x])), text);
    assert_eq!(message(grad(&x.sum_all(), &[&further])), text);
    assert_eq!(message(vmap(|row| Ok(row + &further), &zeros(&[4]))), text);
    assert_eq!(message(vmap(|row: &Tensor| Ok(row.clone()), &further)), text);
    assert_eq!(message(trace(&Device::cpu(), |x: &Tensor| Ok(x + &further), &zeros(&[2]))), text);
    assert_eq!(message(trace(&Device::cpu(), |x: &Tensor| Ok(x.clone()), &further)), text);
    let program = compile(trace(&Device::cpu(), |x: &Tensor| Ok(x.clone()), &zeros(&[2])).unwrap()).unwrap();
    assert_eq!(message(program.run(&further)), text);
    assert!(format!("{further:?}").contains("add"));
    for moved in
        [further.tracked(), further.detach(), further.zeros_like(), further.to_device(&Device::cpu())]
    {
        assert_eq!(message(moved.check()), text);
    }
}

#[test]
fn in_a_map_messages_speak_of_one_row() {
    let (x, y) = (zeros(&[5, 2, 3]), zeros(&[5, 7]));
    let text = message(vmap(|(x, y): &(Tensor, Tensor)| Ok(x.matmul(y.unsqueeze(0))), &(x.clone(), y)));
    assert!(text.contains("matmul: inner sizes 3 and 1 differ (shapes [2, 3], [1, 7])"), "{text}");
    assert!(text.contains(file!()), "{text}");
    // One row of a square matrix is a vector, and has no factor.
    let text = message(vmap(|row: &Tensor| Ok(row.cholesky()), &zeros(&[3, 3])));
    assert!(text.contains("cholesky") && text.contains("[3]"), "{text}");
    let solve = Op::TriangularSolve(TriangularSolve { upper: false, transpose: false });
    let text =
        message(vmap(|row: &Tensor| Ok(Tensor::apply(solve, &[row, &zeros(&[1, 2])])), &zeros(&[3, 1])));
    assert!(text.contains("triangular_solve") && text.contains("[1], [1, 2]"), "{text}");
    let text = message(vmap(|row: &Tensor| Ok(row.sum(1)), &zeros(&[3, 1])));
    assert!(text.contains("sum") && text.contains("dimension 1") && text.contains("[1]"), "{text}");
    let text = message(vmap(|(x, y): &(Tensor, Tensor)| Ok(x + y), &(zeros(&[3]), zeros(&[4]))));
    assert!(
        text.contains("vmap") && text.contains("`1`") && text.contains('3') && text.contains('4'),
        "{text}"
    );
    let text = message(vmap(|row: &Tensor| Ok(row.clone()), &zeros(&[])));
    assert!(text.contains("rows"), "{text}");
}

#[test]
fn axes_must_agree_and_be_gone_before_reading() {
    let (many, few) = (Axis::named("errors_rows", 3), Axis::named("errors_rows", 2));
    let x = zeros(&[3]).to_implicit(many.id).unwrap();
    let y = zeros(&[2]).to_implicit(few.id).unwrap();
    let text = message((&x + &y).check());
    assert!(
        text.contains("`errors_rows` (3)") && text.contains("`errors_rows` (2)") && text.contains(file!()),
        "{text}"
    );
    let text = message(x.to_f64());
    assert!(text.contains("to_f64") && text.contains("`errors_rows` (3)"), "{text}");
    let text = message(x.to_positional(few).check());
    assert!(text.contains("errors_rows") && text.contains(file!()), "{text}");
    assert!(
        message(zeros(&[3, 3]).to_implicit(many.id).unwrap().to_implicit(many.id)).contains("errors_rows")
    );
}

#[test]
fn reading_a_traced_value_is_an_error_that_says_so() {
    let read = |x: &Tensor| if x.sum_all().to_scalar()? > 0.0 { Ok(x.exp()) } else { Ok(x.clone()) };
    let error = trace(&Device::cpu(), read, &zeros(&[2])).map(drop).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::TracedRead { op } if op == "to_scalar"), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("this program's structure depends on a value; run it without the compiler"),
        "{text}"
    );
    assert!(text.contains(file!()), "{text}");
}

#[test]
fn traced_tensors_belong_to_their_trace() {
    let cpu = Device::cpu();
    let mut escaped = None;
    trace(&cpu, |x: &Tensor| Ok(escaped.insert(x.exp()).clone()), &zeros(&[2])).unwrap();
    let escaped = escaped.unwrap();
    let text = message((&escaped + 1.0).check());
    assert!(text.contains("after its trace ended"), "{text}");
    let text = message(trace(&cpu, |x: &Tensor| Ok(x + &escaped), &zeros(&[2])));
    assert!(text.contains("two traces"), "{text}");
    let text = message(trace(&cpu, |_: &Tensor| Ok(escaped.clone()), &zeros(&[2])));
    assert!(text.contains("another trace"), "{text}");
}

#[test]
fn devices_do_not_mix() {
    let other = Device::new(HostBackend, DType::F64);
    let (x, y) = (zeros(&[2]), zeros(&[2]).to_device(&other));
    let text = message((&x + &y).check());
    assert!(text.contains("add") && text.contains("to_device") && text.contains(file!()), "{text}");
    assert!(message(trace(&other, |x: &Tensor| Ok(x + 1.0), &x)).contains("device"));
    assert!(message(trace(&other, |y: &Tensor| Ok(y + &x), &y)).contains("device"));
    assert_eq!((&x + y.to_device(&Device::cpu())).to_f64().unwrap(), [0.0, 0.0]);
    assert!(x.tracked().to_device(&other).error().is_some());
}

#[test]
fn gradients_are_of_tracked_inputs_and_a_float_scalar() {
    let x = zeros(&[2]).tracked();
    assert!(message(grad(&x.exp(), &[&x])).contains("sum it first"));
    assert!(message(grad(&x.lt(1.0).cast(DType::I64).sum_all(), &[&x])).contains("sum it first"));
    assert!(message(grad(&x.sum_all(), &[&zeros(&[2])])).contains("not tracked"));
    let w = zeros(&[]).tracked();
    let text = message(vmap(|row: &Tensor| grad(&(row * &w), &[&w]), &zeros(&[3])));
    assert!(text.contains("per row") && text.contains("sum"), "{text}");
    let slope = Op::Binary(ppl_tensor::op::Binary::GammaQuantileSlope);
    let text = message(grad(&Tensor::apply(slope, &[&w + 1.0, w.clone()].each_ref()), &[&w]));
    assert!(text.contains("gamma_quantile_slope"), "{text}");
    let text = message(grad(&(&w + 1.0).polygamma(255), &[&w]));
    assert!(text.contains("polygamma_255") && text.contains("order 256"), "{text}");
}

#[test]
fn a_program_names_the_argument_that_differs() {
    let cpu = Device::cpu();
    let args = (zeros(&[2]), vec![zeros(&[3]), zeros(&[])]);
    let f = |(x, list): &(Tensor, Vec<Tensor>)| Ok(x.sum_all() + list[0].sum_all() * &list[1]);
    let program = compile(trace(&cpu, f, &args).unwrap()).unwrap();
    let text = message(program.run(&(zeros(&[2]), vec![zeros(&[4]), zeros(&[])])));
    assert!(text.contains("`1.0`") && text.contains("[4]") && text.contains("[3]"), "{text}");
    let text = message(program.run(&(zeros(&[2]), vec![zeros(&[3]), zeros(&[]).cast(DType::F32)])));
    assert!(text.contains("`1.1`") && text.contains("f32") && text.contains("f64"), "{text}");
    assert!(
        message(program.run(&(zeros(&[2]), vec![zeros(&[3])]))).contains("takes 3 tensors, 2 were given")
    );
    assert!(
        message(program.run(&(zeros(&[2]), vec![zeros(&[3]), zeros(&[]), zeros(&[])]))).contains("`1.2`")
    );
}

/// Numbers a user may pass where a dimension, an index or a size is wanted.
fn any_dim() -> impl Strategy<Value = isize> {
    prop_oneof![8 => -6..6_isize, 1 => Just(isize::MIN), 1 => Just(isize::MAX)]
}

fn any_size() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 0..6_usize, 1 => Just(usize::MAX), 1 => Just(usize::MAX / 2 + 1)]
}

#[test]
fn methods_take_any_dimension_without_panicking() {
    let arguments = (ppl_suite::cases::dims(0..=4), any_dim(), any_dim(), any_size(), any_size(), any_size());
    let law = |(shape, a, b, m, n, k): &(Vec<usize>, isize, isize, usize, usize, usize)| -> Outcome {
        let (a, b, m, n, k) = (*a, *b, *m, *n, *k);
        let x = &zeros(shape);
        let all = [
            x.sum(a),
            x.sum_dims(&[a, b]),
            x.mean(a),
            x.max(a),
            x.min(b),
            x.argmax(a),
            x.cumsum(a),
            x.cumprod(a),
            x.linear_recurrence(x, b),
            x.argsort(a),
            x.sort(a),
            x.median(b),
            x.quantiles(&[0.0, 0.4], a),
            x.flip(a),
            x.take_along_dim(x.argsort(b), b),
            x.one_hot(m),
            x.eigh().0,
            x.eigh().1,
            x.logdet(),
            x.trace(),
            x.solve_upper(x),
            x.logsumexp(a),
            x.logsumexp_dims(&[a, b]),
            x.softmax(b),
            x.log_softmax(a),
            x.lt(1.0).all(a),
            x.lt(1.0).any(b),
            x.unsqueeze(a),
            x.squeeze(a),
            x.slice(a, m..n),
            x.slice_by(a, m..n, k),
            x.select_index(a, m),
            x.pad(a, m, n),
            x.permute(&[m, n]),
            x.reshape([m, n]),
            x.broadcast_to([m, n, k]),
            Tensor::concat(&[x, x], a),
            Tensor::stack(&[x, x], b),
            Tensor::concat(&[], a),
            Tensor::stack(&[], a),
            x.take(m as i64, a),
            x.at(n as i64),
            x.take_along_last(m as i64),
            x.scatter_add(Tensor::from([0_i64, 1, 2]), m),
            x.t(),
            x.diagonal(),
            x.diagonal_matrix(),
            x.tril(a),
            x.matmul(x),
            x.cholesky(),
            x.solve_lower(x),
            x.flatten(),
            Tensor::full([m, n, k], 1.0),
            Tensor::lower_triangle(k, a),
            Tensor::eye(k),
            Tensor::arange(k),
        ];
        let _ = (x.split(a, &[m, n, k]), x.size(a), x.clone().to_implicit(ppl_tensor::AxisId::fresh()));
        for (number, tensor) in all.iter().enumerate() {
            let checked = tensor.check().and_then(|tensor| tensor.to_host());
            let located = checked.err().is_none_or(|error| error.to_string().contains("tests/errors.rs:"));
            require(located, || format!("method {number}: {tensor:?} does not name this file"))?;
        }
        Ok(())
    };
    for_each(&arguments, 2000, law).unwrap();
}
