//! The effect of each rule: what is left of a program.

use ppl_suite::graphs::{Sketch, record, sketches};
use ppl_suite::{for_each, require};
use ppl_tensor::op::{Binary, Gather, Logic, Pad, RandomKind, Unary};
use ppl_tensor::{DType, Key, Op, Tensor, grad};

use crate::ir::Ir;

use super::testing::{arrays, listing, numbers, operations, outputs, simplified, simplified_of};

/// The operations, as their names and shapes, that are left of a function of arrays.
#[track_caller]
fn leaves(shapes: &[&[usize]], f: impl Fn(&[Tensor]) -> Tensor, expected: &[&str]) {
    assert_eq!(listing(&simplified(shapes, |args| vec![f(args)])), expected);
}

/// The number that a function of arrays is everywhere.
#[track_caller]
fn becomes(shapes: &[&[usize]], f: impl Fn(&[Tensor]) -> Tensor, number: f64) {
    let ir = simplified(shapes, |args| vec![f(args)]);
    assert!(operations(&ir).iter().all(|op| matches!(op, Op::Broadcast(_))), "{:?}", listing(&ir));
    assert_eq!(numbers(&ir), [number]);
}

#[test]
fn what_depends_on_constants_alone_is_computed() {
    let data = || Tensor::from([1.0, 2.0, 3.0]);
    let ir = simplified(&[&[]], |args| vec![&args[0] * data().exp().sum_all()]);
    assert_eq!(listing(&ir), ["mul []"]);
    let expected = 1_f64.exp() + 2_f64.exp() + 3_f64.exp();
    assert!((numbers(&ir)[0] - expected).abs() < 1e-14);
    // A draw from a known key is known too.
    let key = Key::new(3);
    let draw = |args: &[Tensor]| &args[0] * Key::from_tensor(key.tensor().clone()).normal([], DType::F64);
    leaves(&[&[]], draw, &["mul []"]);
}

#[test]
fn large_results_of_small_constants_are_not_kept() {
    let key = Key::new(3);
    let large = |args: &[Tensor]| &args[0] + key.normal([70_000], DType::F64);
    // Drawn eagerly, it is a constant of the graph already.
    leaves(&[&[]], large, &["add [70000]"]);
    let bits = key.tensor().clone();
    let ir = simplified_of(&[(DType::I64, &[])], |args| {
        let key = &bits + (&args[0] - &args[0]).scalar_like(0.0);
        vec![Key::from_tensor(key * args[0].scalar_like(1.0)).normal([70_000], DType::F64)]
    });
    assert!(operations(&ir).len() <= 1);
}

#[test]
fn constants_of_one_value_are_numbers() {
    leaves(&[&[3]], |args| &args[0] * Tensor::full([4, 3], 2.0), &["mul [3]", "broadcast_to [4, 3]"]);
    becomes(&[&[3]], |_| Tensor::full([4, 3], 2.0).cast(DType::F64).exp(), 2_f64.exp());
}

#[test]
fn errors_are_left_for_the_run() {
    let gather = Op::Gather(Gather { axis: 0, batch: 0 });
    let data = || Tensor::from([1.0, 2.0, 3.0]).cast(DType::F64);
    let ir = simplified(&[&[]], |args| {
        let indices = Tensor::from([5_i64, 1]);
        let first = data() + &args[0] * 0.0;
        vec![Tensor::apply(gather.clone(), &[&first, &indices])]
    });
    assert!(operations(&ir).contains(&gather));
}

#[test]
fn equal_operations_are_one() {
    leaves(
        &[&[3], &[3]],
        |a| (&a[0] + &a[1]).exp() * (&a[1] + &a[0]).exp().tanh(),
        &["add [3]", "exp [3]", "tanh [3]", "mul [3]"],
    );
    let compared = |a: &[Tensor]| a[0].gt(&a[1]).select(a[1].lt(&a[0]).select(&a[0], &a[1]), 0.0);
    leaves(&[&[3], &[3]], compared, &["lt [3]", "where [3]"]);
}

#[test]
fn what_is_not_needed_is_gone_and_arguments_keep_their_numbers() {
    let ir = simplified(&[&[2], &[2], &[2]], |a| {
        let _ = a[0].exp();
        vec![a[2].sin()]
    });
    assert_eq!((listing(&ir), ir.inputs), (vec!["sin [2]".to_owned()], 3));
    assert!(matches!(ir.nodes[0].kind, crate::ir::Kind::Input(2)));
}

#[test]
fn neutral_elements_go() {
    for f in [
        |x: &Tensor| x + 0.0,
        |x: &Tensor| x - 0.0,
        |x: &Tensor| x * 1.0,
        |x: &Tensor| x / 1.0,
        |x: &Tensor| -(-x),
        |x: &Tensor| x.exp().log(),
        |x: &Tensor| x.expm1().log1p(),
        |x: &Tensor| x.pow(1.0),
        |x: &Tensor| x.cast(DType::F64),
        |x: &Tensor| x.reshape([3, 2]).reshape([2, 3]),
        |x: &Tensor| x.t().t(),
        |x: &Tensor| x.permute(&[0, 1]),
        |x: &Tensor| x.slice(0, 0..2),
        |x: &Tensor| x.pad(0, 0, 0),
        |x: &Tensor| x.unsqueeze(0).sum(0),
        |x: &Tensor| x.maximum(x),
        |x: &Tensor| Tensor::concat(&[&x.slice(0, 0..1), &x.slice(0, 1..2)], 0),
        |x: &Tensor| x.pad(1, 2, 1).slice(1, 2..5),
    ] {
        leaves(&[&[2, 3]], |a| f(&a[0]), &[]);
    }
}

#[test]
fn signals_stay() {
    for (f, op) in [
        ((|x: &Tensor| x / x) as fn(&Tensor) -> Tensor, "div [3]"),
        (|x| x - x, "sub [3]"),
        (|x| x * 0.0, "mul [3]"),
        (|x| x.scalar_like(0.0) / x, "div [3]"),
        (|x| x.eq(x), "eq [3]"),
    ] {
        leaves(&[&[3]], |a| f(&a[0]), &[op]);
    }
    // A sum of infinities of both signs is NaN.
    leaves(&[&[3]], |a| (&a[0] / 0.0).sum_all(), &["div [3]", "sum []"]);
    leaves(&[&[3]], |a| (&a[0] * f64::INFINITY).sum_all(), &["mul [3]", "sum []"]);
    leaves(&[&[3]], |a| a[0].log().exp(), &["log [3]", "exp [3]"]);
    leaves(&[&[3]], |a| a[0].sqrt().square(), &["sqrt [3]", "mul [3]"]);
    leaves(&[&[3]], |a| a[0].pow(0.5), &["pow [3]"]);
}

#[test]
fn signs_are_absorbed() {
    leaves(&[&[3], &[3]], |a| &a[0] + -&a[1], &["sub [3]"]);
    leaves(&[&[3], &[3]], |a| -&a[0] + &a[1], &["sub [3]"]);
    leaves(&[&[3], &[3]], |a| &a[0] - -&a[1], &["add [3]"]);
    leaves(&[&[3], &[3]], |a| -(&a[0] - &a[1]), &["sub [3]"]);
    leaves(&[&[3], &[3]], |a| -&a[0] * -&a[1], &["mul [3]"]);
    leaves(&[&[3], &[3]], |a| -&a[0] * &a[1], &["mul [3]", "neg [3]"]);
    leaves(&[&[3], &[3]], |a| -&a[0] / -&a[1], &["div [3]"]);
    leaves(&[&[3]], |a| &a[0] * -1.0, &["neg [3]"]);
    leaves(&[&[3]], |a| 0.0 - &a[0], &["neg [3]"]);
    leaves(&[&[3]], |a| (-&a[0]).abs(), &["abs [3]"]);
    leaves(&[&[3]], |a| -(&a[0] * 2.0 + 1.0), &["mul [3]", "sub [3]"]);
}

#[test]
fn numbers_meet() {
    let ir = simplified(&[&[3]], |a| vec![((&a[0] + 1.0) - 3.0 + 0.5) * 2.0 / 4.0 * 3.0]);
    assert_eq!(
        (listing(&ir), numbers(&ir)),
        (vec!["add [3]".to_owned(), "mul [3]".to_owned()], vec![-1.5, 1.5])
    );
    let ir = simplified(&[&[3], &[3]], |a| vec![(&a[0] * 2.0) * (&a[1] * 3.0)]);
    assert_eq!((listing(&ir), numbers(&ir)), (vec!["mul [3]".to_owned(), "mul [3]".to_owned()], vec![6.0]));
    let ir = simplified(&[&[3], &[3]], |a| vec![(&a[0] + 2.0) + (&a[1] + 3.0)]);
    assert_eq!((listing(&ir), numbers(&ir)), (vec!["add [3]".to_owned(), "add [3]".to_owned()], vec![5.0]));
    let ir = simplified(&[&[3]], |a| vec![(2.0 / (&a[0] * 4.0)) * 6.0]);
    assert_eq!((listing(&ir), numbers(&ir)), (vec!["div [3]".to_owned()], vec![3.0]));
    // Not where they overflow on the way.
    assert_eq!(listing(&simplified(&[&[3]], |a| vec![&a[0] * 1e200 * 1e200])).len(), 2);
    // What a number is added to once is not computed twice.
    let twice = |a: &[Tensor]| vec![(&a[0] * 3.0) * &a[1], &a[0] * 3.0];
    assert_eq!(listing(&simplified(&[&[3], &[3]], twice)).len(), 2);
}

#[test]
fn powers_are_products_and_roots() {
    leaves(&[&[3]], |a| a[0].pow(2.0), &["mul [3]"]);
    leaves(&[&[3]], |a| a[0].pow(3.0), &["mul [3]", "mul [3]"]);
    leaves(&[&[3]], |a| a[0].pow(4.0), &["mul [3]", "mul [3]"]);
    leaves(&[&[3]], |a| a[0].pow(-1.0), &["reciprocal [3]"]);
    leaves(&[&[3]], |a| a[0].pow(-2.0), &["mul [3]", "reciprocal [3]"]);
    leaves(&[&[3]], |a| a[0].exp().pow(0.5), &["exp [3]", "sqrt [3]"]);
    leaves(&[&[3]], |a| a[0].pow(2.5), &["pow [3]"]);
    becomes(&[&[3]], |a| a[0].pow(0.0), 1.0);
    leaves(&[&[3]], |a| 1.0 / &a[0], &["reciprocal [3]"]);
    leaves(&[&[3]], |a| &a[0] + &a[0], &["mul [3]"]);
}

#[test]
fn few_numbers_are_divided_by_once() {
    leaves(&[&[20], &[]], |a| &a[0] / &a[1], &["reciprocal []", "mul [20]"]);
    leaves(&[&[4], &[]], |a| &a[0] / &a[1], &["div [4]"]);
    leaves(&[&[20], &[]], |a| &a[0] * &a[1] * &a[1], &["mul []", "mul [20]"]);
}

#[test]
fn choices_that_are_known_are_made() {
    let truth = || Tensor::from(vec![true; 3]);
    leaves(&[&[3], &[3]], |a| truth().select(&a[0], &a[1]), &[]);
    leaves(&[&[3], &[3]], |a| a[0].lt(&a[1]).select(&a[0], &a[0]), &[]);
    let not = |a: &[Tensor]| Tensor::apply(Op::Unary(Unary::Not), &[&a[0].lt(&a[1])]).select(&a[0], &a[1]);
    leaves(&[&[3], &[3]], not, &["lt [3]", "where [3]"]);
    let again = |a: &[Tensor]| {
        a[0].lt(0.0).select(a[0].lt(0.0).select(&a[0], &a[1]), a[0].lt(0.0).select(1.0, &a[1]))
    };
    leaves(&[&[3], &[3]], again, &["lt [3]", "where [3]"]);
    let with_truth =
        |kind: Logic| move |a: &[Tensor]| Tensor::apply(Op::Logic(kind), &[&a[0].lt(0.0), &truth()]);
    leaves(&[&[3]], with_truth(Logic::And), &["lt [3]"]);
    becomes(&[&[3]], with_truth(Logic::Or), 1.0);
    // A function of one of two numbers.
    let ir = simplified(&[&[3]], |a| vec![a[0].lt(0.0).select(2.0, a[0].scalar_like(3.0)) * 5.0]);
    assert_eq!(listing(&ir), ["lt [3]", "where [3]"]);
    assert_eq!(numbers(&ir), [0.0, 10.0, 15.0]);
}

#[test]
fn casts_that_lose_nothing_are_left_out() {
    let ir = simplified_of(&[(DType::F32, &[3])], |a| vec![a[0].cast(DType::F64).cast(DType::F32)]);
    assert!(listing(&ir).is_empty());
    let ir = simplified_of(&[(DType::Bool, &[3])], |a| vec![a[0].cast(DType::I64).cast(DType::F64)]);
    assert_eq!(listing(&ir), ["cast_f64 [3]"]);
    leaves(&[&[3]], |a| a[0].cast(DType::F32).cast(DType::F64), &["cast_f32 [3]", "cast_f64 [3]"]);
}

#[test]
fn layouts_in_a_row_are_one() {
    leaves(&[&[3]], |a| a[0].broadcast_to([2, 3]).broadcast_to([4, 2, 3]), &["broadcast_to [4, 2, 3]"]);
    leaves(&[&[2, 3]], |a| a[0].reshape([6]).reshape([3, 2]), &["reshape [3, 2]"]);
    leaves(&[&[2, 3, 4]], |a| a[0].permute(&[1, 2, 0]).permute(&[2, 1, 0]), &["permute [2, 4, 3]"]);
    leaves(&[&[1, 3]], |a| a[0].t(), &["reshape [3, 1]"]);
    leaves(&[&[3]], |a| a[0].broadcast_to([2, 3]).t(), &["reshape [3, 1]", "broadcast_to [3, 2]"]);
    let units = |a: &[Tensor]| a[0].reshape([2, 1, 3]).permute(&[2, 1, 0]).reshape([3, 2]);
    leaves(&[&[2, 3]], units, &["permute [3, 2]"]);
    leaves(&[&[9]], |a| a[0].slice_by(0, 1..9, 2).slice(0, 1..3), &["slice [2]"]);
    leaves(&[&[3], &[4]], |a| Tensor::concat(&[&a[0], &a[1]], 0).slice(0, 4..6), &["slice [2]"]);
    let joined = |a: &[Tensor]| Tensor::concat(&[&Tensor::concat(&[&a[0], &a[1]], 0), &a[0]], 0);
    leaves(&[&[3], &[4]], joined, &["concat [10]"]);
    becomes(&[&[3]], |a| a[0].pad(0, 4, 0).slice(0, 1..3), 0.0);
    let spread = Op::Pad(Pad { axis: 0, before: 1, after: 0, interior: 2 });
    leaves(&[&[4]], |a| Tensor::apply(spread.clone(), &[&a[0]]).slice_by(0, 4..8, 3), &["slice [2]"]);
    leaves(&[&[4]], |a| a[0].broadcast_to([5, 4]).slice(0, 1..3), &["broadcast_to [2, 4]"]);
    leaves(&[&[9]], |a| a[0].take(Tensor::from([1_i64, 3, 5]), 0), &["slice [3]"]);
    leaves(&[&[9]], |a| a[0].take(Tensor::from([1_i64, 3, 4]), 0), &["gather [3]"]);
}

#[test]
fn gradients_of_parts_are_joined() {
    let parts = |a: &[Tensor]| {
        let x = a[0].tracked();
        let y = x.slice(0, 0..2).exp().sum_all()
            + x.slice(0, 2..5).sin().sum_all()
            + x.slice(0, 7..8).exp().sum_all();
        grad(&y, &[&x]).unwrap().remove(0)
    };
    let left = listing(&simplified(&[&[8]], |a| vec![parts(a)]));
    assert_eq!(left.last().map(String::as_str), Some("concat [8]"));
    assert!(!left.iter().any(|line| line.starts_with("pad") || line.starts_with("add")), "{left:?}");
}

#[test]
fn what_is_the_same_everywhere_is_computed_once() {
    leaves(&[&[]], |a| a[0].broadcast_to([4, 3]).exp() + 1.0, &["exp []", "add []", "broadcast_to [4, 3]"]);
    leaves(&[&[3], &[4, 3]], |a| a[0].broadcast_to([4, 3]) * &a[1], &["mul [4, 3]"]);
    leaves(
        &[&[3], &[1, 1]],
        |a| a[0].broadcast_to([4, 3]).exp() * &a[1],
        &["exp [3]", "mul [1, 3]", "broadcast_to [4, 3]"],
    );
    leaves(&[&[3]], |a| (a[0].reshape([3, 1]).exp() + 1.0).reshape([3]), &["exp [3]", "add [3]"]);
    let draws = |a: &[Tensor]| {
        let kind = Op::Random { kind: RandomKind::Poisson, shape: [4].into() };
        Tensor::apply(kind, &[&a[1].cast(DType::I64), &a[0].broadcast_to([4])])
    };
    leaves(&[&[], &[]], draws, &["cast_i64 []", "random_poisson [4]"]);
}

#[test]
fn reductions_of_broadcasts_are_of_what_is_broadcast() {
    let ir = simplified(&[&[3]], |a| vec![a[0].broadcast_to([4, 3]).sum(0)]);
    assert_eq!((listing(&ir), numbers(&ir)), (vec!["mul [3]".to_owned()], vec![4.0]));
    leaves(&[&[3]], |a| a[0].broadcast_to([4, 3]).max(0), &[]);
    leaves(&[&[3]], |a| a[0].broadcast_to([4, 3]).sum(1), &["sum []", "broadcast_to [4]"]);
    leaves(&[&[4, 1, 3]], |a| a[0].sum(1), &["reshape [4, 3]"]);
    leaves(&[&[4, 5, 3]], |a| a[0].sum(2).sum(0), &["sum [5]"]);
    leaves(&[&[4, 5, 3]], |a| a[0].max(2).sum(0), &["max [4, 5]", "sum [5]"]);
    leaves(&[&[4, 5]], |a| a[0].t().sum(0), &["sum [4]"]);
    leaves(&[&[4, 5]], |a| a[0].reshape([2, 10]).sum_all(), &["sum []"]);
    leaves(&[&[4, 5]], |a| a[0].reshape([4, 1, 5]).sum(0), &["sum [5]", "broadcast_to [1, 5]"]);
    leaves(&[&[4]], |a| a[0].pad(0, 3, 2).sum(0), &["sum []"]);
}

#[test]
fn factors_and_terms_leave_sums() {
    leaves(&[&[9], &[]], |a| (&a[0] * &a[1]).sum_all(), &["sum []", "mul []"]);
    leaves(&[&[9], &[]], |a| (&a[0] / &a[1]).sum_all(), &["reciprocal []", "sum []", "mul []"]);
    leaves(&[&[9]], |a| (-&a[0]).sum_all(), &["sum []", "neg []"]);
    leaves(&[&[9], &[]], |a| (&a[0] + &a[1]).sum_all(), &["sum []", "mul []", "add []"]);
    leaves(&[&[9, 1], &[4]], |a| (&a[0] * &a[1]).sum_all(), &["sum [1]", "sum []", "reshape []", "mul []"]);
    // A standardised square: one subtraction, one square and one sum over the data.
    let squares = |a: &[Tensor]| ((&a[0] - &a[1]) / &a[2]).square().sum_all() * -0.5 - a[2].log();
    let ir = simplified(&[&[90], &[], &[]], |a| vec![squares(a)]);
    assert_eq!(listing(&ir).iter().filter(|line| line.ends_with("[90]")).count(), 2);
    // Known data are summed now, and multiples of them.
    let known = Tensor::new([40], (0..40).map(f64::from).collect()).unwrap();
    leaves(&[&[40], &[]], |a| (&a[0] + &a[1] * &known).sum_all(), &["sum []", "mul []", "add []"]);
    let data = Tensor::from([1.0, 2.0, 4.0]);
    let ir = simplified(&[&[]], |a| vec![(&data - &a[0]).sum_all()]);
    assert_eq!((listing(&ir).len(), numbers(&ir)), (2, vec![7.0, 3.0]));
}

#[test]
fn products_of_vectors_are_elementwise_and_batches_are_folded() {
    leaves(&[&[4, 1], &[1, 3]], |a| a[0].matmul(&a[1]), &["mul [4, 3]"]);
    leaves(
        &[&[5, 4, 2], &[2, 3]],
        |a| a[0].matmul(&a[1]),
        &["reshape [20, 2]", "matmul [20, 3]", "reshape [5, 4, 3]"],
    );
    leaves(&[&[5, 4, 2], &[5, 2, 3]], |a| a[0].matmul(&a[1]), &["matmul [5, 4, 3]"]);
    let batch = |a: &[Tensor]| a[0].broadcast_to([6, 4, 2]).matmul(a[1].broadcast_to([6, 2, 3]));
    leaves(&[&[4, 2], &[2, 3]], batch, &["matmul [4, 3]", "broadcast_to [6, 4, 3]"]);
    leaves(
        &[&[4, 2], &[2, 3]],
        |a| a[0].matmul(&a[1]).t(),
        &["permute [2, 4]", "permute [3, 2]", "matmul [3, 4]"],
    );
    let scaled = |a: &[Tensor]| a[0].matmul(-(&a[1] * &a[2]));
    leaves(&[&[4, 90], &[90, 1], &[]], scaled, &["matmul [4, 1]", "mul [4, 1]", "neg [4, 1]"]);
}

#[test]
fn known_factors_of_arrays_are_one_and_those_of_vectors_leave_matrices() {
    let (x, y) = (Tensor::from([1.0, 2.0, 0.0]), Tensor::from([3.0, -1.0, 4.0]));
    let ir = simplified(&[&[]], |a| vec![&a[0] * &x * &y]);
    assert_eq!((listing(&ir), arrays(&ir)), (vec!["mul [3]".to_owned()], vec![[3].into()]));
    // One that is near the end of the range stays.
    leaves(&[&[]], |a| &a[0] * &x * (&y * 1e200), &["mul [3]", "mul [3]"]);
    let scaled = |a: &[Tensor]| (&a[0] * &a[1]).unsqueeze(0).matmul(&a[2]);
    leaves(&[&[90], &[], &[90, 3]], scaled, &["broadcast_to [1, 90]", "matmul [1, 3]", "mul [1, 3]"]);
    let minus = |a: &[Tensor]| a[0].t().matmul((-a[1].exp()).unsqueeze(1));
    let left = ["permute [3, 90]", "exp [90]", "reshape [90, 1]", "matmul [3, 1]", "neg [3, 1]"];
    leaves(&[&[90, 3], &[90]], minus, &left);
}

#[test]
fn one_of_two_transposes_is_kept() {
    let x = Tensor::new([90, 3], (0..270).map(f64::from).collect()).unwrap();
    let both = |a: &[Tensor]| vec![x.matmul(&a[0]), x.t().matmul(&a[1])];
    let ir = simplified(&[&[3, 2], &[90, 2]], both);
    assert_eq!(arrays(&ir), [[90, 3].into()]);
    assert!(listing(&ir).contains(&"permute [3, 90]".to_owned()) || arrays(&ir).len() == 1);
    // One that is read in another order alone is kept in it.
    let alone = |a: &[Tensor]| vec![(&a[0] + x.t().cast(DType::F64)).t()];
    assert!(arrays(&simplified(&[&[3, 90]], alone)).len() == 1);
}

#[test]
fn a_second_time_nothing_is_left_to_do() {
    let f = |a: &[Tensor]| {
        let (x, y) = (a[0].tracked(), a[1].tracked());
        let z = ((&x - &y) / y.exp()).square().sum(0) + x.log_softmax(0).sum(0);
        let total = z.sum_all();
        let grads = grad(&total, &[&x, &y]).unwrap();
        [vec![total], grads].concat()
    };
    let once = simplified(&[&[6, 3], &[3]], f);
    let twice = super::simplify(once.clone()).unwrap();
    assert_eq!((listing(&once), outputs(&once)), (listing(&twice), outputs(&twice)));
}

#[test]
fn powers_and_differences_of_integers_wrap() {
    let ir = simplified_of(&[(DType::I64, &[3])], |a| {
        let c = a[0].scalar_like(3.0).cast(DType::I64);
        vec![Tensor::apply(Op::Binary(Binary::Pow), &[&a[0], &c])]
    });
    assert_eq!(listing(&ir), ["mul [3]", "mul [3]"]);
}

#[test]
fn rules_do_not_go_round_in_circles() {
    let law = |sketch: &Sketch| {
        let describe = |error: ppl_tensor::Error| error.to_string();
        let traced = record(sketch).map_err(describe)?;
        let (ir, settled) =
            super::settle(Ir::from_graph(traced.graph()).map_err(describe)?).map_err(describe)?;
        require(settled, || format!("rules still apply to\n{}", listing(&ir).join("\n")))
    };
    if let Err(failure) = for_each(&sketches(), 1000, law) {
        panic!("{failure}");
    }
}
