//! What an optimiser remembers: parameters that appear later, errors that change nothing.

use ppl_core::{Ctx, Error, Message, ParamStore, Result, block};
use ppl_infer::{Adam, Clock, Optimizer, OptimizerState, Sgd, Svi, TraceElbo};
use ppl_tensor::{DType, Device, HostTensor, Tensor};

use crate::reference::optimizers;
use crate::{bits, descent, text};

/// Which of two parameters, which do not see each other, are met.
#[derive(Clone, Copy)]
struct Met {
    early: bool,
    late: bool,
}

const BOTH: Met = Met { early: true, late: true };
const EARLY: Met = Met { early: true, late: false };
const LATE: Met = Met { early: false, late: true };

fn some(ctx: &mut Ctx, met: &Met) -> Result<()> {
    for (name, target, met) in [("early", 2.0, met.early), ("late", -1.0, met.late)] {
        if met {
            let value = ctx.param(name, 0.5)?;
            ctx.factor(&format!("loss {name}"), -(value - target).square())?;
        }
    }
    Ok(())
}

/// Steps of a parameter are a function of the steps that met it.
#[test]
fn parameters_move_as_if_steps_without_them_had_not_been() {
    let patterns: [&[Met]; 4] = [
        &[EARLY, EARLY, EARLY, BOTH, BOTH, BOTH],
        &[BOTH, EARLY, BOTH, LATE, BOTH, EARLY],
        &[EARLY, LATE, EARLY, LATE, BOTH, BOTH],
        &[BOTH, BOTH, LATE, BOTH, EARLY, BOTH],
    ];
    for pattern in patterns {
        for ((name, optimizer), (_, alone)) in optimizers().into_iter().zip(optimizers()) {
            // A common norm makes parameters see each other.
            if name == "Sgd clipped by norm" {
                continue;
            }
            let mut svi = descent(some, optimizer);
            for met in pattern {
                svi.step(met).unwrap();
            }
            let mut early = descent(some, alone);
            for _ in pattern.iter().filter(|met| met.early) {
                early.step(&EARLY).unwrap();
            }
            let (_, alone) = optimizers().into_iter().find(|(other, _)| *other == name).unwrap();
            let mut late = descent(some, alone);
            for _ in pattern.iter().filter(|met| met.late) {
                late.step(&LATE).unwrap();
            }
            let mut found = bits(svi.params());
            found.sort();
            assert_eq!(found, [bits(early.params()), bits(late.params())].concat(), "{name}");
        }
    }
}

#[test]
fn hidden_parameters_stay_as_they_are() {
    let model = |ctx: &mut Ctx, _: &()| some(ctx, &BOTH);
    let mut svi = Svi::new(
        block(model, |m: &Message| m.name.ends_with("late")),
        |_: &mut Ctx, _: &()| Ok(()),
        Sgd::new(0.1),
        TraceElbo::new(),
    );
    svi.run(3, &()).unwrap();
    assert_eq!(svi.params().get("late").unwrap().to_scalar().unwrap(), 0.5);
    assert!(svi.params().get("early").unwrap().to_scalar().unwrap() > 0.9);
}

fn store() -> ParamStore {
    let mut ctx = Ctx::new(0);
    ctx.param("x", Tensor::from([1.0, 2.0])).unwrap();
    ctx.param("y", 3.0).unwrap();
    ctx.into_params()
}

#[test]
fn an_update_that_fails_changes_nothing() {
    let x = Tensor::from([0.1, 0.2]);
    let cases: [(&[(&str, Tensor)], &str); 5] = [
        (&[("x", x.clone()), ("z", x.clone())], "there is no parameter named `z`; there are: x, y"),
        (&[("x", x.clone()), ("y", x.clone())], "parameter `y` has shape [], its gradient [2]"),
        (&[("x", x.clone()), ("x", x.clone())], "parameter `x` has two gradients"),
        (&[("x", x.clone()), ("y", Tensor::from(f64::NAN))], "the update of parameter `y` is not finite"),
        // Its square overflows: Adam would never move it again.
        (&[("x", x.clone()), ("y", Tensor::from(1e200))], "the update of parameter `y` is not finite"),
    ];
    for (grads, expected) in cases {
        let (mut params, mut state) = (store(), OptimizerState::new());
        let good = [("x", x.clone()), ("y", Tensor::from(-0.3))];
        state.update(&Adam::new(0.1), &mut params, &good).unwrap();
        let (before, memory) = (bits(&params), format!("{state:?}"));
        let message = text(state.update(&Adam::new(0.1), &mut params, grads));
        assert!(message.starts_with(expected), "{message}");
        assert_eq!((bits(&params), format!("{state:?}")), (before, memory));
    }
}

#[test]
fn an_optimizer_that_loses_gradients_is_told_so() {
    struct Losing(Sgd);
    impl Optimizer for Losing {
        fn name(&self) -> &str {
            "Losing"
        }
        fn init(&self, name: &str, value: &Tensor) -> Vec<Tensor> {
            self.0.init(name, value)
        }
        fn update(
            &self,
            clock: &Clock,
            name: &str,
            value: &Tensor,
            grad: &Tensor,
            state: &[Tensor],
        ) -> Result<(Tensor, Vec<Tensor>)> {
            self.0.update(clock, name, value, grad, state)
        }
        fn transform(&self, grads: Vec<Tensor>) -> Result<Vec<Tensor>> {
            Ok(grads.into_iter().skip(1).collect())
        }
    }
    let message = text(descent(some, Losing(Sgd::new(0.1))).step(&BOTH));
    assert_eq!(message, "Losing makes 1 gradients of 2");
}

#[test]
fn parameters_of_two_types_have_counts_of_their_own_type() {
    let mut ctx = Ctx::new(0);
    ctx.param("wide", 1.0).unwrap();
    ctx.param("narrow", Device::cpu().upload(HostTensor::scalar(1.0f32)).unwrap()).unwrap();
    let mut params = ctx.into_params();
    let narrow = |x: f32| Device::cpu().upload(HostTensor::scalar(x)).unwrap();
    for (_, optimizer) in optimizers() {
        let mut state = OptimizerState::new();
        for _ in 0..3 {
            let grads = [("wide", Tensor::from(0.5)), ("narrow", narrow(0.5))];
            state.update(&optimizer, &mut params, &grads).unwrap();
        }
        assert_eq!(params.get("narrow").unwrap().dtype(), DType::F32);
        let values = ["wide", "narrow"].map(|name| params.get(name).unwrap().to_scalar().unwrap());
        assert!((values[0] - values[1]).abs() < 1e-5, "{values:?}");
    }
}

#[test]
fn a_fit_without_parameters_is_an_error_and_a_step_without_them_is_not() {
    let none = Met { early: false, late: false };
    let message = text(descent(some, Sgd::new(0.1)).step(&none));
    assert_eq!(message, "neither model nor guide has a parameter: there is nothing to fit");
    let mut svi = descent(some, Sgd::new(0.1));
    svi.step(&EARLY).unwrap();
    let before = bits(svi.params());
    svi.step(&none).unwrap();
    assert_eq!(bits(svi.params()), before);
    assert!(matches!(svi.params().get("late"), Err(Error::Unknown { .. })));
}
