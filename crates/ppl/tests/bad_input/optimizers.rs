//! Optimisers and schedules: options, gradients and states that do not fit.

use ppl::infer::{AdagradOptions, AdamWOptions, Clock, RmsPropOptions, Updated};
use ppl::prelude::*;

use crate::{Refusals, bits};

fn params() -> ParamStore {
    let mut ctx = Ctx::new(0);
    ctx.param("w", Tensor::from([1.0, 2.0])).unwrap();
    ctx.into_params()
}

/// One update by a gradient of ones; nothing is changed if it fails.
fn update(optimizer: &dyn Optimizer) -> Result<()> {
    let (mut params, mut state) = (params(), OptimizerState::new());
    let before = (bits(&params), format!("{state:?}"));
    let result = state.update(optimizer, &mut params, &[("w", Tensor::ones([2]))]);
    if result.is_err() {
        assert_eq!((bits(&params), format!("{state:?}")), before);
    }
    result
}

/// The learning rate of every optimiser, and one other option of those that have it.
#[test]
fn options() {
    let nan = f64::NAN;
    let mut refusals = Refusals::default();
    let rates: [(&str, Box<dyn Optimizer>); 8] = [
        ("Adam", Box::new(Adam::new(0.0))),
        ("AdamW", Box::new(AdamW::new(0.0))),
        ("ClippedAdam", Box::new(ClippedAdam::new(0.0))),
        ("AdagradRmsProp", Box::new(AdagradRmsProp::new(0.0))),
        ("RmsProp", Box::new(RmsProp::new(0.0))),
        ("Adagrad", Box::new(Adagrad::new(0.0))),
        ("Sgd", Box::new(Sgd::new(0.0))),
        ("Adam", Box::new(Box::new(Adam::new(0.0)) as Box<dyn Optimizer>)),
    ];
    for (name, optimizer) in rates {
        refusals.of(&format!("{name} for parameter `w`: learning_rate is 0, must be positive"), || {
            update(&*optimizer)
        });
    }
    refusals
        .of("AdamW for parameter `w`: weight_decay is NaN, must be at least 0", || {
            update(&AdamW::with(AdamWOptions { weight_decay: nan, ..AdamWOptions::default() }))
        })
        .of("RmsProp for parameter `w`: epsilon is -1, must be positive", || {
            update(&RmsProp::with(RmsPropOptions { epsilon: -1.0, ..RmsPropOptions::default() }))
        })
        .of("Adagrad for parameter `w`: epsilon is NaN, must be positive", || {
            update(&Adagrad::with(AdagradOptions { epsilon: nan, ..AdagradOptions::default() }))
        })
        .of("Sgd for parameter `w`: momentum is NaN, must be in [0, 1)", || {
            update(&Sgd::with(SgdOptions { momentum: nan, ..SgdOptions::default() }))
        })
        .of(
            "the update of parameter `w` is not finite: its gradient is Tensor(f64 [2]: \
             [1.0, 1.0])",
            || update(&Sgd::new(1e300).schedule(Schedule::custom(|_| Tensor::from(1e300)))),
        )
        .of(
            "the update of parameter `w` is not finite: its gradient is Tensor(f64 [2]: \
             [1.0, 1.0])",
            || update(&Sgd::new(0.1).schedule(Schedule::custom(|_| Tensor::from(f64::NAN)))),
        )
        .of("Sgd for parameter `w`: a schedule's factor is a scalar, found shape [3]", || {
            update(&Sgd::new(0.1).schedule(Schedule::custom(|_| Tensor::zeros([3]))))
        })
        .of("Sgd for parameter `w`: a schedule's factor is a scalar, found shape [2]", || {
            update(&Sgd::new(0.1).schedule(Schedule::custom(|_| Tensor::zeros([2]))))
        })
        .of("Adam clipped by norm: the limit is 0, must be positive", || {
            update(&Adam::new(0.1).clip_norm(0.0))
        })
        .of("the schedule: floor is NaN, must be in [0, 1]", || {
            Schedule::cosine(3, nan).factor(&Tensor::from(0.0))
        })
        .of("the schedule: to is inf, must be at least 0", || {
            Schedule::linear(3, 0.0, f64::INFINITY).factor(&Tensor::from(0.0))
        });
}

#[test]
fn gradients() {
    let (mut params, mut state) = (params(), OptimizerState::new());
    let adam = Adam::new(0.1);
    state.update(&adam, &mut params, &[("w", Tensor::from([0.5, -1.0]))]).unwrap();
    let before = (bits(&params), format!("{state:?}"));
    let failed = Tensor::zeros([2]) + Tensor::zeros([3]);
    let ones = Tensor::ones([2]);
    let mut update = |grads: &[(&str, Tensor)]| state.update(&adam, &mut params, grads);
    Refusals::default()
        .of("there is no parameter named `v`; there are: w", || update(&[("v", ones.clone())]))
        .of("parameter `w` has two gradients", || update(&[("w", ones.clone()), ("w", ones.clone())]))
        .of("parameter `w` has shape [2], its gradient [3]", || update(&[("w", Tensor::ones([3]))]))
        .of("site `w`: add: shapes do not broadcast (shapes [2], [3]), at …", || update(&[("w", failed)]))
        .of(
            "the update of parameter `w` is not finite: its gradient is Tensor(f64 [2]: \
             [1.0, NaN])",
            || update(&[("w", Tensor::from([1.0, f64::NAN]))]),
        )
        .of("parameter `w` is of floats, its gradient of i64", || update(&[("w", Tensor::from([1_i64, 2]))]));
    assert_eq!((bits(&params), format!("{state:?}")), before);
}

/// An optimiser that makes what it should not.
struct Wrong {
    next: fn() -> Tensor,
    grads: fn(Vec<Tensor>) -> Vec<Tensor>,
}

impl Optimizer for Wrong {
    fn name(&self) -> &str {
        "Wrong"
    }

    fn init(&self, _: &str, _: &Tensor) -> Vec<Tensor> {
        vec![]
    }

    fn update(&self, _: &Clock, _: &str, _: &Tensor, _: &Tensor, _: &[Tensor]) -> Result<Updated> {
        Ok(((self.next)(), vec![]))
    }

    fn transform(&self, grads: Vec<Tensor>) -> Result<Vec<Tensor>> {
        Ok((self.grads)(grads))
    }
}

#[test]
fn optimisers_of_ones_own() {
    let wrong = |next: fn() -> Tensor| Wrong { next, grads: |grads| grads };
    Refusals::default()
        .of("parameter `w` has shape [2], the new value [3]", || update(&wrong(|| Tensor::zeros([3]))))
        .of(
            "the update of parameter `w` is not finite: its gradient is Tensor(f64 [2]: \
             [1.0, 1.0])",
            || update(&wrong(|| Tensor::from(f64::INFINITY).broadcast_to([2]))),
        )
        .of("site `w`: add: shapes do not broadcast (shapes [2], [3]), at …", || {
            update(&wrong(|| Tensor::zeros([2]) + Tensor::zeros([3])))
        })
        .of("parameter `w` is of floats, the new value of i64", || {
            update(&wrong(|| Tensor::from([1_i64, 2])))
        })
        .of("Wrong makes 0 gradients of 1", || {
            update(&Wrong { next: || Tensor::zeros([2]), grads: |_| vec![] })
        });
}

#[test]
fn minima() {
    let mut store = params();
    let before = bits(&store);
    let failing = |_: &ParamStore| Err(Error::argument("no loss today"));
    Refusals::default()
        .of("no loss today", || Lbfgs::default().minimize(&mut store, failing))
        .of("grad: gradients are of a float scalar: sum it first (shapes [2])", || {
            Lbfgs::default().minimize(&mut store, |params| Ok(params.unconstrained("w")?.clone()))
        })
        .of("add: shapes do not broadcast (shapes [2], [3]), at …", || {
            Lbfgs::default().minimize(&mut store, |_| Ok(Tensor::zeros([2]) + Tensor::zeros([3])))
        })
        .of("lost on the way", || {
            let mut calls = 0;
            Lbfgs::default().minimize(&mut store, |params| {
                calls += 1;
                match calls {
                    1 => Ok(params.unconstrained("w")?.square().sum_all()),
                    _ => Err(Error::argument("lost on the way")),
                }
            })
        });
    assert_eq!(bits(&store), before);
}
