//! Compiled programs: steps iterated in place, arguments with implicit axes, results that are arguments or constants.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use ppl_tensor::{
    Axis, DType, Device, HostBackend, Key, NodeKind, Op, Result, Tensor, compile, grad, trace, vmap,
};

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_f64().unwrap()
}

type State = (Tensor, Tensor);

/// Gradient descent with noise: the state is a position and a key.
fn step((state, target): &(State, Tensor)) -> Result<(State, Tensor)> {
    let (position, key) = state;
    let key = Key::from_tensor(key.clone());
    let (now, next) = key.split();
    let x = position.tracked();
    let loss = (&x - target).square().sum_all();
    let slope = &grad(&loss, &[&x])?[0];
    let noise = now.normal(position.shape(), position.dtype());
    Ok(((position - 0.1 * slope + 0.01 * noise, next.tensor().clone()), loss.detach()))
}

fn start(device: &Device) -> (State, Tensor) {
    let state = device.place(&Tensor::from([5.0, -3.0])).unwrap();
    ((state, Key::on(device, 4).tensor().clone()), device.place(&Tensor::from([1.0, 2.0])).unwrap())
}

#[test]
fn iterated_steps_are_a_loop() {
    for device in [Device::cpu(), Device::cpu().float(DType::F32), Device::new(HostBackend, DType::F64)] {
        let (mut state, target) = start(&device);
        let program = compile(trace(&device, step, &(state.clone(), target.clone())).unwrap()).unwrap();
        let mut by_hand = state.clone();
        let mut losses = Vec::new();
        for _ in 0..20 {
            let (next, loss) = step(&(by_hand, target.clone())).unwrap();
            by_hand = next;
            losses.extend(values(&loss));
        }
        let mut seen = Vec::new();
        for (steps, accepted) in [(13, 13), (0, 0), (9, 7)] {
            let accept = |results: &[f64]| {
                seen.extend_from_slice(results);
                seen.len() <= 20
            };
            assert_eq!(program.run_state(&mut state, &target, steps, accept).unwrap(), accepted);
        }
        assert_eq!(seen[..20], losses);
        assert_eq!(values(&state.0), values(&by_hand.0));
        assert_eq!(state.1.to_vec::<i64>().unwrap(), by_hand.1.to_vec::<i64>().unwrap());
        assert_eq!(state.0.dtype(), device.default_float());
    }
}

#[test]
fn a_failing_step_leaves_the_state_of_the_last_one() {
    // Entry number `n` of three, and one more each step: the fourth step asks for what is not there.
    let step = |(n, list): &(Tensor, Tensor)| Ok((n + 1_i64, list.at(n)));
    let list = Tensor::from([1.0, 2.0, 3.0]);
    let mut state = Tensor::new([], vec![0_i64]).unwrap();
    let program = compile(trace(&Device::cpu(), step, &(state.clone(), list.clone())).unwrap()).unwrap();
    let error = program.run_state(&mut state, &list, 10, |_| true).unwrap_err().to_string();
    assert!(error.contains("gather"), "{error}");
    assert_eq!(state.to_vec::<i64>().unwrap(), [3]);
}

#[test]
fn results_may_be_arguments_constants_or_the_same_twice() {
    let constant = Tensor::from([7.0, 8.0]);
    let f = |x: &Tensor| {
        let y = x + &constant;
        Ok((x.clone(), constant.clone(), vec![y.clone(), y], constant.exp()))
    };
    let x = Tensor::from([1.0, 2.0]);
    let program = compile(trace(&Device::cpu(), f, &x).unwrap()).unwrap();
    for x in [x, Tensor::from([3.0, 4.0])] {
        let (same, fixed, sums, computed) = program.run(&x).unwrap();
        assert_eq!(values(&same), values(&x));
        assert_eq!(values(&fixed), [7.0, 8.0]);
        assert_eq!(values(&sums[0]), values(&(&x + &constant)));
        assert_eq!(values(&sums[0]), values(&sums[1]));
        assert_eq!(values(&computed), values(&constant.exp()));
    }
}

#[test]
fn what_is_not_an_argument_is_a_constant_met_once() {
    let constant = Tensor::from([1.0, 2.0]);
    let f = |(x, _): &(Tensor, Tensor)| Ok((x + &constant) * &constant - &constant);
    let traced = trace(&Device::cpu(), f, &(Tensor::from([0.5, 0.5]), Tensor::from([9.0]))).unwrap();
    let count = |wanted: fn(&NodeKind) -> bool| {
        traced.graph().nodes().iter().filter(|node| wanted(&node.kind)).count()
    };
    assert_eq!(count(|kind| matches!(kind, NodeKind::Constant(_))), 1);
    assert_eq!(count(|kind| matches!(kind, NodeKind::Op { op: Op::Binary(_), .. })), 3);
    assert_eq!(traced.graph().inputs(), 2);
    let listing = traced.graph().to_string();
    assert!(listing.contains("f64[2] = add(%0, %2)") && listing.contains("return %5"), "{listing}");
}

#[test]
fn arguments_and_results_keep_their_axes() {
    let rows = Axis::named("programs_rows", 3);
    let x = Tensor::from([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]).to_implicit(rows.id).unwrap();
    let f = |x: &Tensor| Ok((x.sum(0), x.sum_over(rows)));
    let program = compile(trace(&Device::cpu(), f, &x).unwrap()).unwrap();
    let (per_row, total) = program.run(&x).unwrap();
    assert_eq!((per_row.axes().len(), per_row.rank()), (1, 0));
    assert_eq!(values(&per_row.to_positional(rows)), [3.0, 7.0, 11.0]);
    assert_eq!(values(&total), [9.0, 12.0]);
    // The same array without its axis is another argument.
    let error = program.run(&Tensor::from([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])).map(drop).unwrap_err();
    assert!(error.to_string().contains("traced with"), "{error}");
}

#[test]
fn a_trace_inside_a_map_and_a_map_inside_a_trace() {
    let f = |x: &Tensor| Ok(x.exp().sum(0));
    let rows = Tensor::from([[0.0, 1.0], [2.0, 3.0]]);
    let program = compile(trace(&Device::cpu(), |rows: &Tensor| vmap(f, rows), &rows).unwrap()).unwrap();
    assert_eq!(values(&program.run(&rows).unwrap()), values(&vmap(f, &rows).unwrap()));
    let inside = |row: &Tensor| {
        let program = compile(trace(&Device::cpu(), f, row)?)?;
        program.run(row)
    };
    assert_eq!(values(&vmap(inside, &rows).unwrap()), values(&vmap(f, &rows).unwrap()));
}

#[test]
fn programs_run_on_many_threads_at_once() {
    let program =
        compile(trace(&Device::cpu(), |x: &Tensor| Ok(x.square()), &Tensor::from([0.0])).unwrap()).unwrap();
    std::thread::scope(|scope| {
        for start in 0..4 {
            let program = &program;
            scope.spawn(move || {
                for i in 0..100 {
                    let x = f64::from(start * 100 + i);
                    assert_eq!(values(&program.run(&Tensor::from([x])).unwrap()), [x * x]);
                }
            });
        }
    });
}
