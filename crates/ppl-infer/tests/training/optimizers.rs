//! Laws of every optimiser: options by name, single precision, tracing, bad options.

use ppl_core::{Ctx, Result};
use ppl_infer::{
    Adagrad, AdagradOptions, AdagradRmsProp, AdagradRmsPropOptions, Adam, AdamOptions, AdamW, AdamWOptions,
    ClippedAdam, ClippedAdamOptions, Optimizer, OptimizerState, PerParameter, RmsProp, RmsPropOptions,
    Schedule, Sgd, SgdOptions, Svi, TraceElbo, UpdateRule,
};
use ppl_tensor::{DType, Device, HostTensor, Tensor, compile, trace};

use crate::reference::{curved, optimizers};
use crate::{Boxed, descent, scalar, text};

/// Two parameters that do not see each other.
fn separate(ctx: &mut Ctx, _: &()) -> Result<()> {
    for (name, target) in [("x", 2.0), ("y", -1.0)] {
        let value = ctx.param(name, 0.5)?;
        ctx.factor(&format!("loss {name}"), -(value - target).square())?;
    }
    Ok(())
}

fn path_of<R: UpdateRule + Send + Sync>(optimizer: PerParameter<R>, name: &str) -> Vec<u64> {
    let mut svi = descent(separate, optimizer);
    let step = |_| {
        svi.step(&()).unwrap();
        scalar(svi.params(), name).to_bits()
    };
    (0..5).map(step).collect()
}

/// Each parameter moves as if the other's options were its own.
fn options_go_by_name<R: UpdateRule + Send + Sync>() {
    let rate = |name: &str| if name == "x" { 0.010 } else { 0.001 };
    for name in ["x", "y"] {
        let own = path_of(PerParameter::<R>::new(rate(name)), name);
        let by_name =
            path_of(PerParameter::<R>::by_name(move |name| R::with_learning_rate(rate(name))), name);
        assert_eq!(own, by_name, "{} {name}", R::NAME);
        assert_ne!(own, path_of(PerParameter::<R>::new(0.005), name), "{} {name}", R::NAME);
    }
}

#[test]
fn every_optimizer_takes_options_by_name() {
    options_go_by_name::<AdamOptions>();
    options_go_by_name::<AdamWOptions>();
    options_go_by_name::<ClippedAdamOptions>();
    options_go_by_name::<AdagradRmsPropOptions>();
    options_go_by_name::<SgdOptions>();
    options_go_by_name::<RmsPropOptions>();
    options_go_by_name::<AdagradOptions>();
}

#[test]
fn single_precision_stays_single_and_follows_double() {
    let narrow = Device::cpu().float(DType::F32);
    for (name, optimizer) in optimizers() {
        let (_, again) = optimizers().into_iter().find(|(other, _)| *other == name).unwrap();
        let mut wide = descent(curved, optimizer);
        let mut ctx = Ctx::on(&narrow, 0);
        ctx.param("a", Device::cpu().upload(HostTensor::from(vec![1.5f32, -0.7])).unwrap()).unwrap();
        ctx.param("b", 0.3).unwrap();
        let params = ctx.into_params();
        let mut svi = Svi::new(curved, crate::nothing::<()>, again, TraceElbo::new())
            .on(&narrow, 0)
            .with_params(params);
        for _ in 0..6 {
            wide.step(&()).unwrap();
            svi.step(&()).unwrap();
        }
        for parameter in ["a", "b"] {
            let found = svi.params().get(parameter).unwrap();
            assert_eq!(found.dtype(), DType::F32, "{name}");
            let expected = wide.params().get(parameter).unwrap().to_f64().unwrap();
            for (found, expected) in found.to_f64().unwrap().iter().zip(expected) {
                // Six steps of a few roundings, through gradients of up to 90: 1e-7 · 90 · 0.05 · 6 and some.
                assert!((found - expected).abs() < 2e-5, "{name} {parameter}: {found} {expected}");
            }
        }
    }
}

/// Steps of a traced program are those of the eager one: states are tensors, schedules are operations.
#[test]
fn a_traced_step_is_the_eager_step() {
    let scheduled = Adam::new(0.1).schedule(Schedule::linear(3, 0.1, 1.0).then(3, Schedule::cosine(9, 0.0)));
    let cases = optimizers().into_iter().chain([("Adam with a schedule", Box::new(scheduled) as Boxed)]);
    for (name, optimizer) in cases {
        let mut ctx = Ctx::new(0);
        ctx.param("x", Tensor::from([0.3, -2.0])).unwrap();
        ctx.param("y", 1.0).unwrap();
        let mut params = ctx.into_params();
        let grads = |x: &Tensor, y: &Tensor| [("x", x * 2.0 + y), ("y", y - x.sum_all())];
        let step = |params: &mut ppl_core::ParamStore, state: &mut OptimizerState| -> Result<()> {
            let (x, y) = (params.unconstrained("x")?.clone(), params.unconstrained("y")?.clone());
            state.update(&optimizer, params, &grads(&x, &y))
        };
        let mut state = OptimizerState::new();
        step(&mut params, &mut state).unwrap();
        let store = params.clone();
        let whole = |((x, y), state): &((Tensor, Tensor), OptimizerState)| {
            let mut params = store.clone();
            let mut state = state.clone();
            let moved = params
                .set_unconstrained("x", x.clone())
                .and_then(|()| params.set_unconstrained("y", y.clone()))
                .and_then(|()| step(&mut params, &mut state));
            moved.map_err(|error| ppl_tensor::Error::argument("step", error.to_string()))?;
            let values = |name| params.unconstrained(name).cloned().unwrap();
            Ok(((values("x"), values("y")), state))
        };
        let values = |params: &ppl_core::ParamStore| {
            ["x", "y"].map(|name| params.unconstrained(name).unwrap().clone()).into()
        };
        let mut compiled: ((Tensor, Tensor), OptimizerState) = (values(&params), state.clone());
        let program = compile(trace(&Device::cpu(), whole, &compiled).unwrap()).unwrap();
        for _ in 0..8 {
            step(&mut params, &mut state).unwrap();
            compiled = program.run(&compiled).unwrap();
        }
        let (x, y): (Tensor, Tensor) = values(&params);
        assert_eq!(compiled.0.0.to_f64().unwrap(), x.to_f64().unwrap(), "{name}");
        assert_eq!(compiled.0.1.to_f64().unwrap(), y.to_f64().unwrap(), "{name}");
    }
}

#[test]
fn options_out_of_range_name_parameter_and_option() {
    let adam = |betas, epsilon| Adam::with(AdamOptions { betas, epsilon, ..AdamOptions::default() });
    let betas = AdamOptions::default().betas;
    let cases: Vec<(Boxed, &str)> = vec![
        (Box::new(Adam::new(-1.0)), "Adam for parameter `a`: learning_rate is -1, must be positive"),
        (Box::new(Adam::new(f64::NAN)), "Adam for parameter `a`: learning_rate is NaN, must be positive"),
        (
            Box::new(Adam::new(f64::INFINITY)),
            "Adam for parameter `a`: learning_rate is inf, must be positive",
        ),
        (Box::new(adam((1.0, 0.9), 1e-8)), "Adam for parameter `a`: the first beta is 1, must be in [0, 1)"),
        (
            Box::new(adam((0.9, -0.1), 1e-8)),
            "Adam for parameter `a`: the second beta is -0.1, must be in [0, 1)",
        ),
        (Box::new(adam(betas, 0.0)), "Adam for parameter `a`: epsilon is 0, must be positive"),
        (
            Box::new(AdamW::with(AdamWOptions { weight_decay: -0.1, ..AdamWOptions::default() })),
            "AdamW for parameter `a`: weight_decay is -0.1, must be at least 0",
        ),
        (
            Box::new(ClippedAdam::with(ClippedAdamOptions { clip: 0.0, ..ClippedAdamOptions::default() })),
            "ClippedAdam for parameter `a`: clip is 0, must be positive",
        ),
        (
            Box::new(ClippedAdam::with(ClippedAdamOptions {
                learning_rate_decay: 1.1,
                ..ClippedAdamOptions::default()
            })),
            "ClippedAdam for parameter `a`: learning_rate_decay is 1.1, must be in (0, 1]",
        ),
        (
            Box::new(Sgd::with(SgdOptions { nesterov: true, ..SgdOptions::default() })),
            "Sgd for parameter `a`: momentum is 0, must be positive for nesterov",
        ),
        (
            Box::new(Sgd::by_name(|name| SgdOptions {
                momentum: if name == "b" { 1.0 } else { 0.5 },
                ..SgdOptions::default()
            })),
            "Sgd for parameter `b`: momentum is 1, must be in [0, 1)",
        ),
        (
            Box::new(RmsProp::with(RmsPropOptions { decay: 1.0, ..RmsPropOptions::default() })),
            "RmsProp for parameter `a`: decay is 1, must be in [0, 1)",
        ),
        (
            Box::new(Adagrad::with(AdagradOptions { initial_sum: -1.0, ..AdagradOptions::default() })),
            "Adagrad for parameter `a`: initial_sum is -1, must be at least 0",
        ),
        (
            Box::new(AdagradRmsProp::with(AdagradRmsPropOptions { delta: 0.6, ..Default::default() })),
            "AdagradRmsProp for parameter `a`: delta is 0.6, must be in [0, 1/2]",
        ),
        (
            Box::new(AdagradRmsProp::with(AdagradRmsPropOptions { weight: 0.0, ..Default::default() })),
            "AdagradRmsProp for parameter `a`: weight is 0, must be in (0, 1]",
        ),
        (Box::new(Sgd::new(0.1).clip_norm(-1.0)), "Sgd clipped by norm: the limit is -1, must be positive"),
        (
            Box::new(Sgd::new(0.1).clip_value(f64::NAN)),
            "Sgd clipped by value: the limit is NaN, must be positive",
        ),
    ];
    for (optimizer, expected) in cases {
        let mut svi = descent(curved, optimizer);
        assert_eq!(text(svi.step(&())), expected);
        assert!(svi.losses().is_empty() && svi.params().is_empty());
    }
}

/// Steps of equal length against the sign of the gradient: an optimiser of a user's own, with options by name and
/// schedules like all others.
#[derive(Debug, Clone, PartialEq)]
struct SignDescent {
    learning_rate: f64,
}

impl UpdateRule for SignDescent {
    const NAME: &'static str = "SignDescent";
    type Scalars = Tensor;

    fn with_learning_rate(learning_rate: f64) -> Self {
        Self { learning_rate }
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn check(&self) -> std::result::Result<(), String> {
        Ok(())
    }

    fn init(&self, _: &Tensor) -> Vec<Tensor> {
        vec![]
    }

    fn scalars(&self, rate: Tensor, _: &Tensor) -> Tensor {
        rate
    }

    fn update(
        &self,
        rate: &Tensor,
        value: &Tensor,
        grad: &Tensor,
        _: &[Tensor],
    ) -> Option<(Tensor, Vec<Tensor>)> {
        Some((value - grad.sign() * rate, vec![]))
    }
}

#[test]
fn a_rule_of_ones_own_has_what_all_have() {
    options_go_by_name::<SignDescent>();
    let by_name =
        PerParameter::by_name(|name| SignDescent { learning_rate: if name == "x" { 0.5 } else { 0.25 } });
    let mut svi = descent(separate, by_name.schedule(Schedule::step(1, 0.5)).clip_value(1e-3));
    svi.run(2, &()).unwrap();
    // From 0.5 towards 2 and -1, by the rate and by half of it.
    assert_eq!(["x", "y"].map(|name| scalar(svi.params(), name)), [0.5 + 0.75, 0.5 - 0.375]);
}
