//! A scan is the loop it stands for: values, dtypes, axes, keys and errors.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use ppl_suite::{Tolerance, compare_all};
use ppl_tensor::{
    Axis, DType, Device, Error, ErrorKind, HostBackend, HostTensor, Key, NodeKind, Op, Result, Tensor,
    TensorTree, TreePath, compile, scan, trace, vmap,
};

/// The loop itself, with operations on tensors alone.
fn unrolled<C: TensorTree, X: TensorTree>(
    length: usize,
    init: &C,
    xs: &X,
    mut body: impl FnMut(&C, &X) -> Result<(C, Tensor)>,
) -> Result<(C, Tensor)> {
    let (mut carry, mut outputs) = (init.clone(), Vec::new());
    for t in 0..length {
        let row = xs.try_map(&mut TreePath::root(), &mut |_, x| x.select_index(0, t).check().cloned())?;
        let (next, output) = body(&carry, &row)?;
        carry = next;
        outputs.push(output);
    }
    Ok((carry, Tensor::stack(&outputs.iter().collect::<Vec<_>>(), 0)))
}

fn hosts(tensors: &[&Tensor]) -> Vec<HostTensor> {
    tensors.iter().map(|x| x.to_host().unwrap()).collect()
}

/// Scan and loop agree exactly: they run the same operations.
fn agree<X: TensorTree>(
    length: usize,
    init: &Tensor,
    xs: &X,
    body: impl Fn(&Tensor, &X) -> Result<(Tensor, Tensor)>,
) {
    let (last, outputs) = scan(length, init, xs, &body).unwrap();
    let (expected, all) = unrolled(length, init, xs, &body).unwrap();
    compare_all(&hosts(&[&last, &outputs]), &hosts(&[&expected, &all]), Tolerance::EXACT).unwrap();
}

fn message<T>(result: Result<T>) -> String {
    result.map(drop).unwrap_err().to_string()
}

fn wave(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    Tensor::new(shape, (0..count).map(|i| (i as f64 * 0.7).sin()).collect()).unwrap()
}

#[test]
fn it_is_the_loop_it_stands_for() {
    let body = |c: &Tensor, x: &Tensor| {
        let c = (c * 0.5 + x).tanh();
        Ok((c.clone(), c.square().sum_all()))
    };
    for length in [1, 2, 7] {
        agree(length, &wave(&[3]), &wave(&[length, 3]), body);
    }
    // Any tree of rows, and none.
    let rows = (wave(&[4]), vec![Tensor::arange(4), wave(&[4, 2])]);
    agree(4, &wave(&[2]), &rows, |c, (x, list)| {
        let c = c * x + list[0].cast(DType::F64) * &list[1];
        Ok((c.clone(), c * 2.0))
    });
    let (last, halves) =
        scan(3, &Tensor::from([8.0]), &(), |c, ()| Ok::<_, Error>((c * 0.5, c.clone()))).unwrap();
    assert_eq!(last.to_f64().unwrap(), [1.0]);
    assert_eq!(halves.to_f64().unwrap(), [8.0, 4.0, 2.0]);
}

#[test]
fn no_steps_leave_the_first_carry() {
    let (last, outputs) =
        scan(0, &wave(&[2]), &wave(&[0, 2]), |c, x| Ok::<_, Error>((c + x, c * x))).unwrap();
    assert_eq!(last.to_f64().unwrap(), wave(&[2]).to_f64().unwrap());
    assert_eq!(outputs.shape().to_vec(), [0, 2]);
    // The form is that of any other number of steps.
    let (last, outputs) =
        scan(0, &Tensor::from(1.0), &Tensor::arange(0), |c, n| Ok::<_, Error>((c + wave(&[3]), n.clone())))
            .unwrap();
    assert_eq!(last.to_f64().unwrap(), [1.0; 3]);
    assert_eq!((outputs.shape().to_vec(), outputs.dtype()), (vec![0], DType::I64));
}

#[test]
fn the_body_is_called_a_few_times() {
    for length in [0, 1, 1000] {
        let mut calls = 0;
        scan(length, &Tensor::from(0.0), &Tensor::arange(length), |c, n| {
            calls += 1;
            Ok::<_, Error>((c + n.cast(DType::F64), ()))
        })
        .unwrap();
        assert!(calls <= 3, "{calls} calls");
    }
}

#[test]
fn integers_and_truth_values_come_back_as_they_were() {
    let extremes = [i64::MIN, i64::MIN + 1, -1, 0, 1, (1 << 53) + 1, 0x0123_4567_89AB_CDEF, i64::MAX];
    let integers = Tensor::from(extremes);
    for float in [Tensor::from([0.1_f64]), Tensor::from([0.1_f32])] {
        let flags = integers.gt(0_i64);
        let init = (integers.clone(), float.clone(), flags.clone());
        let ((last, x, flipped), (all, each)) = scan(2, &init, &(), |(n, x, b), ()| {
            Ok::<_, Error>(((n.clone(), x * 2.0, b.logical_not()), (n.clone(), b.clone())))
        })
        .unwrap();
        assert_eq!(last.to_vec::<i64>().unwrap(), extremes);
        assert_eq!(all.to_vec::<i64>().unwrap(), [extremes, extremes].concat());
        assert_eq!((x.dtype(), x.to_f64().unwrap()), (float.dtype(), (&float * 4.0).to_f64().unwrap()));
        assert_eq!(flipped.to_vec::<bool>().unwrap(), flags.to_vec::<bool>().unwrap());
        assert_eq!(each.shape().to_vec(), [2, 8]);
    }
    // Without floats among them, and both floats at once.
    let (n, ()) = scan(5, &Tensor::from(0_i64), &(), |n, ()| Ok::<_, Error>((n + 1_i64, ()))).unwrap();
    assert_eq!((n.dtype(), n.to_vec::<i64>().unwrap()), (DType::I64, vec![5]));
    let (flag, ()) =
        scan(3, &Tensor::from([true]), &(), |b, ()| Ok::<_, Error>((b.logical_not(), ()))).unwrap();
    assert_eq!(flag.to_vec::<bool>().unwrap(), [false]);
    let both = (Tensor::from([0.1_f32]), Tensor::from([0.1_f64]));
    let ((narrow, wide), ()) = scan(1, &both, &(), |both, ()| Ok::<_, Error>((both.clone(), ()))).unwrap();
    assert_eq!(narrow.to_vec::<f32>().unwrap(), [0.1_f32]);
    assert_eq!(wide.to_vec::<f64>().unwrap(), [0.1_f64]);
}

#[test]
fn carries_are_as_wide_as_a_step_makes_them() {
    let xs = Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]);
    // A Rust number becomes a vector of 32-bit floats.
    let (sum, ()) = scan(2, &Tensor::from(0.0), &xs, |c, x| Ok::<_, Error>((c + x, ()))).unwrap();
    assert_eq!(sum.to_vec::<f32>().unwrap(), [4.0, 6.0]);
    // One carry after the other is widened.
    let init: Vec<Tensor> = (0..4).map(|_| Tensor::from([0.0_f32])).collect();
    let (last, _) = scan(2, &init, &xs, |c, x| {
        let next = vec![&c[0] + x, &c[0] * 1.0, &c[1] * 1.0, &c[2] * 1.0];
        Ok::<_, Error>((next.clone(), next[3].clone()))
    })
    .unwrap();
    let last: Vec<Vec<f64>> = last.iter().map(|x| x.to_f64().unwrap()).collect();
    assert_eq!(last, [[4.0, 6.0], [1.0, 2.0], [0.0, 0.0], [0.0, 0.0]]);
    // What the step forgets stays as wide as it was.
    let (last, ()) = scan(1, &wave(&[3]), &(), |_, ()| Ok::<_, Error>((Tensor::from(7.0), ()))).unwrap();
    assert_eq!(last.to_f64().unwrap(), [7.0; 3]);
    // Rust numbers that meet nothing else are floats of the device, numbers of steps integers.
    let (last, steps) =
        scan(3, &Tensor::from(1.0), &Tensor::arange(3), |c, n| Ok::<_, Error>((c * 2.0, n.clone()))).unwrap();
    assert_eq!((last.dtype(), last.to_scalar().unwrap()), (DType::F64, 8.0));
    assert_eq!(steps.to_vec::<i64>().unwrap(), [0, 1, 2]);
    let other = Device::new(HostBackend, DType::F32);
    let data = other.place(&wave(&[3])).unwrap();
    let (last, ()) =
        scan(3, &Tensor::from(0.0), &Tensor::arange(3), |c, n| Ok::<_, Error>((c + data.at(n), ()))).unwrap();
    assert!(last.device().same_as(&other) && last.dtype() == DType::F32);
}

#[test]
fn implicit_axes_in_the_carry_the_rows_and_around() {
    let body = |scale: Tensor| {
        move |c: &Tensor, x: &Tensor| {
            let c = (c * &scale + x).tanh();
            Ok::<_, Error>((c.clone(), c.exp()))
        }
    };
    let tree = |(last, path): (Tensor, Tensor)| Ok(vec![last, path]);
    let (inits, rows, scales) = (wave(&[4, 2]), wave(&[4, 3, 2]), wave(&[4]));
    let row = |i: usize, which: usize| {
        let pick = |x: &Tensor, mapped: bool| x.select_index(0, if mapped { i } else { 0 });
        let parts = [(&inits, 1), (&rows, 2), (&scales, 4)].map(|(x, bit)| pick(x, which & bit != 0));
        let [init, xs, scale] = parts;
        scan(3, &init, &xs, body(scale)).and_then(tree).unwrap()
    };
    for which in 1..8 {
        let whole = |x: &Tensor, bit: usize| if which & bit == 0 { x.select_index(0, 0) } else { x.clone() };
        let all = [whole(&inits, 1), whole(&rows, 2), whole(&scales, 4)];
        let mapped: Vec<Tensor> = (0..3).filter(|i| which >> i & 1 == 1).map(|i| all[i].clone()).collect();
        let result = vmap(
            |each: &Vec<Tensor>| {
                let mut each = each.iter();
                let mut next =
                    |i: usize| if which >> i & 1 == 1 { each.next().unwrap() } else { &all[i] }.clone();
                let (init, xs, scale) = (next(0), next(1), next(2));
                scan(3, &init, &xs, body(scale)).and_then(tree)
            },
            &mapped,
        )
        .unwrap();
        for i in 0..4 {
            let actual: Vec<Tensor> = result.iter().map(|x| x.select_index(0, i)).collect();
            let actual = hosts(&actual.iter().collect::<Vec<_>>());
            let expected = row(i, which);
            compare_all(&actual, &hosts(&expected.iter().collect::<Vec<_>>()), Tolerance::EXACT).unwrap();
        }
    }
}

#[test]
fn a_carry_may_get_the_axis_of_a_plate_only_inside() {
    let plate = Axis::named("scan_plate", 3);
    let rates = Tensor::from([1.0, 2.0, 3.0]).to_implicit(plate.id).unwrap();
    let (last, path) =
        scan(2, &Tensor::from(1.0), &(), |c, ()| Ok::<_, Error>((c * &rates, c.clone()))).unwrap();
    assert_eq!(last.axes().to_vec(), [plate]);
    assert_eq!(last.to_positional(plate).to_f64().unwrap(), [1.0, 4.0, 9.0]);
    assert_eq!(path.shape().to_vec(), [2]);
    assert_eq!(path.to_positional(plate).to_f64().unwrap(), [1.0, 1.0, 1.0, 2.0, 1.0, 3.0]);
    // Another number of rows of the same plate.
    let few = Tensor::from([1.0, 2.0]).to_implicit(plate.id).unwrap();
    let text = message(scan(2, &few, &(), |_, ()| Ok::<_, Error>((rates.clone(), ()))));
    assert!(text.contains("carry `value`") && text.contains("scan_plate"), "{text}");
}

#[test]
fn loops_in_loops_and_in_programs() {
    let table = wave(&[3, 4]);
    let double = |start: &Tensor| {
        scan(3, start, &table, |c, row| {
            scan(4, c, row, |c, x| Ok::<_, Error>(((c * 0.9 + x).sin(), c * start)))
        })
    };
    let start = Tensor::from([0.3]);
    let (last, path) = double(&start).unwrap();
    assert_eq!(path.shape().to_vec(), [3, 4, 1]);
    let mut c = start.clone();
    for i in 0..12 {
        c = (&c * 0.9 + table.flatten().select_index(0, i)).sin();
    }
    assert_eq!(last.to_f64().unwrap(), c.to_f64().unwrap());

    let traced = trace(&Device::cpu(), double, &start).unwrap();
    traced.graph().check().unwrap();
    let loops = traced.graph().nodes().iter();
    let loops = loops.filter(|node| matches!(node.kind, NodeKind::Op { op: Op::Scan(_), .. })).count();
    assert_eq!(loops, 1, "{}", traced.graph());
    let program = compile(traced).unwrap();
    for start in [start, Tensor::from([-1.1])] {
        let (actual, expected) = (program.run(&start).unwrap(), double(&start).unwrap());
        let [actual, expected] = [actual, expected].map(|(last, path)| hosts(&[&last, &path]));
        compare_all(&actual, &expected, Tolerance::EXACT).unwrap();
    }
}

#[test]
fn draws_are_those_of_a_loop() {
    let key = Key::new(5);
    let walk = |key: &Key, c: &Tensor, n: &Tensor| {
        let c = c + key.fold_in(n).normal([2], DType::F64);
        Ok::<_, Error>((c.clone(), c))
    };
    agree(4, &wave(&[2]), &Tensor::arange(4), |c, n| walk(&key, c, n));
    // A key that is carried along keeps its 64 bits.
    let carried = |(c, key): &(Tensor, Tensor), _: &()| {
        let (now, next) = Key::from_tensor(key.clone()).split();
        let c = c + now.normal([], DType::F64);
        Ok::<_, Error>(((c.clone(), next.tensor().clone()), c))
    };
    let init = (Tensor::from([0.0]), key.tensor().clone());
    let ((last, key_after), path) = scan(6, &init, &(), carried).unwrap();
    let (mut state, mut draws) = (init, Vec::new());
    for _ in 0..6 {
        let (next, draw) = carried(&state, &()).unwrap();
        state = next;
        draws.extend(draw.to_f64().unwrap());
    }
    assert_eq!(path.to_f64().unwrap(), draws);
    assert_eq!(last.to_f64().unwrap(), state.0.to_f64().unwrap());
    assert_eq!(key_after.to_vec::<i64>().unwrap(), state.1.to_vec::<i64>().unwrap());
    // A program draws anew when its key is an argument.
    let program = |bits: &Tensor| {
        let key = Key::from_tensor(bits.clone());
        Ok(scan(3, &Tensor::from([0.0, 0.0]), &Tensor::arange(3), |c, n| walk(&key, c, n))?.1)
    };
    let compiled = compile(trace(&Device::cpu(), program, key.tensor()).unwrap()).unwrap();
    for seed in [5, 6] {
        let bits = Key::new(seed).tensor().clone();
        let [actual, expected] = [compiled.run(&bits), program(&bits)].map(|x| x.unwrap().to_f64().unwrap());
        assert_eq!(actual, expected);
    }
}

#[test]
fn errors_name_the_leaf_the_shapes_and_the_line() {
    let (x, y) = (wave(&[2]), wave(&[3]));
    let step = |c: &Tensor, x: &Tensor| Ok::<_, Error>((c + x, ()));
    let text = message(scan(3, &x, &wave(&[4, 2]), step));
    assert!(text.contains("`value`") && text.contains("3 steps") && text.contains("[4, 2]"), "{text}");
    assert!(text.contains(file!()), "{text}");
    let rows = (wave(&[3]), vec![Tensor::from(1.0)]);
    let text = message(scan(3, &x, &rows, |c, _| Ok::<_, Error>((c.clone(), ()))));
    assert!(text.contains("`1.0`") && text.contains("[]"), "{text}");

    let line = line!() + 1;
    let text = message(scan(2, &x, &(), |c, ()| Ok::<_, Error>((c + &y, ()))));
    assert!(text.starts_with("add:") && text.contains("[2], [3]"), "{text}");
    assert!(text.ends_with(&format!("{}:{line}", file!())), "{text}");

    let pair = (Tensor::from([1.0]), x.clone());
    let text = message(scan(2, &pair, &(), |(a, b), ()| {
        let longer = Tensor::concat(&[b, a], 0);
        Ok::<_, Error>(((a.clone(), longer), ()))
    }));
    assert!(text.contains("carry `1`") && text.contains("[2], [3]") && text.contains(file!()), "{text}");
    let text = message(scan(2, &x, &(), |c, ()| Ok::<_, Error>((c.unsqueeze(0), ()))));
    assert!(text.contains("carry `value` grows with every step"), "{text}");
    let text = message(scan(2, &x, &(), |c, ()| Ok::<_, Error>((c.gt(0.0), ()))));
    assert!(text.contains("carry `value`") && text.contains("f64, bool") && text.contains("cast"), "{text}");
    let list = vec![x.clone()];
    let text = message(scan(2, &list, &(), |c, ()| Ok::<_, Error>(([&c[..], &c[..]].concat(), ()))));
    assert!(text.contains("`0`") && text.contains("`0`, `1`"), "{text}");

    let text = message(scan(2, &(&x + &y), &(), |c, ()| Ok::<_, Error>((c.clone(), ()))));
    assert!(text.starts_with("add:"), "{text}");
    let text =
        message(scan(2, &x, &(), |_, ()| Err::<(Tensor, ()), _>(Error::argument("body", "has had enough"))));
    assert!(text.starts_with("body: has had enough"), "{text}");
    // Only the last step asks for what is not there.
    let text =
        message(scan(4, &Tensor::from(0.0), &Tensor::arange(4), |c, n| Ok::<_, Error>((c + y.at(n), ()))));
    assert!(text.starts_with("gather:") && text.contains(file!()), "{text}");
    let elsewhere = x.to_device(&Device::new(HostBackend, DType::F64));
    let text = message(scan(2, &x, &(), |c, ()| Ok::<_, Error>((c + &elsewhere, ()))));
    assert!(text.contains("different devices"), "{text}");
    let text = message(scan(usize::MAX, &x, &(), |c, ()| Ok::<_, Error>((c.clone(), c.clone()))));
    assert!(text.contains("no memory"), "{text}");
}

#[test]
fn the_body_cannot_depend_on_values() {
    let read = |c: &Tensor, ()| -> Result<(Tensor, ())> {
        let next = if c.to_scalar()? > 0.0 { c * 2.0 } else { c.clone() };
        Ok((next, ()))
    };
    let error = scan(2, &wave(&[]), &(), |c, ()| read(c, ())).map(drop).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ScanRead { op } if op == "to_scalar"), "{error}");
    let text = error.to_string();
    assert!(text.contains("a scan's body cannot depend on values") && text.contains(file!()), "{text}");
    // Not of the first step either, where a Rust number is still known.
    let text = message(scan(2, &Tensor::from(1.0), &(), |c, ()| read(c, ())));
    assert!(text.contains("a scan's body cannot depend on values"), "{text}");
    // What the body saw is of no use outside.
    let mut escaped = Tensor::from(0.0);
    scan(2, &wave(&[]), &(), |c, ()| {
        escaped = c.clone();
        Ok::<_, Error>((c.clone(), ()))
    })
    .unwrap();
    assert!(message((&escaped + 1.0).check()).contains("after its trace ended"));
    let text = message(scan(2, &wave(&[]), &(), |c, ()| Ok::<_, Error>((c + &escaped, ()))));
    assert!(text.contains("after its trace ended"), "{text}");
}
