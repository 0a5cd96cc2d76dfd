//! Schedules: those of PyTorch 2.15.0 (`torch.optim.lr_scheduler`), and laws.

use ppl_core::{Ctx, Result};
use ppl_infer::{Schedule, Sgd};
use ppl_tensor::{DType, Device, HostTensor, Tensor};
use proptest::prelude::*;

use crate::{descent, scalar, text};

fn factors(schedule: &Schedule, steps: std::ops::Range<usize>) -> Vec<f64> {
    let factor = |step: usize| {
        let step = Device::cpu().upload(HostTensor::scalar(step as f64)).unwrap();
        schedule.factor(&step).unwrap().to_scalar().unwrap()
    };
    steps.map(factor).collect()
}

fn warm_up() -> Schedule {
    Schedule::linear(4, 0.25, 1.0).then(4, Schedule::cosine(10, 0.1))
}

#[test]
fn factors_are_those_of_another_implementation() {
    let schedules = [
        Schedule::step(4, 0.3),
        Schedule::multi_step([2, 3, 9], 0.5),
        Schedule::exponential(0.9),
        Schedule::cosine(13, 0.1),
        Schedule::warm_restarts(5, 1, 0.05),
        Schedule::warm_restarts(2, 2, 0.05),
        Schedule::warm_restarts(1, 3, 0.0),
        Schedule::linear(6, 0.25, 1.0),
        Schedule::one_cycle(14),
        warm_up(),
        Schedule::custom(|step| (1.0 - step / 10.0).maximum(0.0)),
    ];
    assert_eq!(schedules.len(), REFERENCE.len());
    for (schedule, (name, expected)) in schedules.iter().zip(REFERENCE) {
        for (step, (found, expected)) in factors(schedule, 0..14).iter().zip(*expected).enumerate() {
            assert!((found - expected).abs() < 1e-14, "{name}, step {step}: {found} {expected}");
        }
    }
}

#[test]
fn a_schedule_stays_where_it_ends() {
    let ends = [
        (Schedule::cosine(13, 0.1), 0.1),
        (Schedule::linear(6, 0.25, 0.75), 0.75),
        (Schedule::one_cycle(14), 4e-6),
        (warm_up(), 0.1),
        (Schedule::constant(), 1.0),
    ];
    for (schedule, end) in ends {
        assert!(factors(&schedule, 14..40).iter().all(|x| (x - end).abs() < 1e-15), "{schedule:?}");
    }
}

#[test]
fn a_step_moves_by_the_scheduled_rate() {
    // A slope of 1: descent at rate 1 moves by the factor.
    fn slope(ctx: &mut Ctx, _: &()) -> Result<()> {
        let x = ctx.param("x", 0.0)?;
        ctx.factor("loss", -x)
    }
    let mut svi = descent(slope, Sgd::new(1.0).schedule(warm_up()));
    let mut moved = 0.0;
    for factor in factors(&warm_up(), 0..14) {
        svi.step(&()).unwrap();
        moved -= factor;
        assert!((scalar(svi.params(), "x") - moved).abs() < 1e-14);
    }
}

#[test]
fn factors_keep_the_type_of_the_count() {
    let step = Device::cpu().upload(HostTensor::scalar(3.0f32)).unwrap();
    for schedule in
        [Schedule::one_cycle(14), Schedule::warm_restarts(2, 2, 0.0), Schedule::multi_step([2], 0.5)]
    {
        let factor = schedule.factor(&step).unwrap();
        assert_eq!(factor.dtype(), DType::F32, "{schedule:?}");
        let wide = factors(&schedule, 3..4)[0];
        assert!((factor.to_scalar().unwrap() - wide).abs() < 1e-6, "{schedule:?}");
    }
}

proptest! {
    #[test]
    fn restarts_begin_where_counting_says(period in 1usize..20, growth in 1usize..5, step in 0usize..5000) {
        let (mut start, mut length) = (0, period);
        while step >= start + length {
            start += length;
            length *= growth;
        }
        let share = (step - start) as f64 / length as f64;
        let expected = 0.2 + 0.4 * (1.0 + (std::f64::consts::PI * share).cos());
        let found = factors(&Schedule::warm_restarts(period, growth, 0.2), step..step + 1)[0];
        prop_assert!((found - expected).abs() < 1e-11, "{found} {expected}");
    }
}

#[test]
fn options_out_of_range_name_themselves() {
    let cases = [
        (Schedule::step(0, 0.5), "every is 0, must be at least 1"),
        (Schedule::step(3, -0.5), "factor is -0.5, must be positive"),
        (Schedule::multi_step([3, 3], 0.5), "milestones are [3, 3], must increase"),
        (Schedule::exponential(f64::NAN), "factor is NaN, must be positive"),
        (Schedule::linear(0, 0.1, 1.0), "steps is 0, must be at least 1"),
        (Schedule::linear(5, -0.1, 1.0), "from is -0.1, must be at least 0"),
        (Schedule::cosine(5, 1.5), "floor is 1.5, must be in [0, 1]"),
        (Schedule::warm_restarts(5, 0, 0.0), "growth is 0, must be at least 1"),
        (Schedule::one_cycle(3), "steps is 3, must be at least 4"),
        (Schedule::constant().then(5, Schedule::cosine(0, 0.0)), "steps is 0, must be at least 1"),
    ];
    for (schedule, expected) in cases {
        let mut svi = descent(crate::reference::curved, Sgd::new(0.1).schedule(schedule));
        let message = text(svi.step(&()));
        assert_eq!(message, format!("Sgd for parameter `a`: the schedule: {expected}"));
        assert!(svi.losses().is_empty());
    }
    let failing = Schedule::custom(|step| step + Tensor::zeros([2]).matmul(Tensor::zeros([3])));
    let message = text(descent(crate::reference::curved, Sgd::new(0.1).schedule(failing)).step(&()));
    assert!(message.starts_with("Sgd for parameter `a`: matmul: "), "{message}");
}

/// The learning rate before each of 14 steps, of a rate of 1.
#[rustfmt::skip]
const REFERENCE: &[(&str, &[f64])] = &[
    ("step", &[1.0, 1.0, 1.0, 1.0, 0.3, 0.3, 0.3, 0.3, 0.09, 0.09, 0.09, 0.09, 0.027, 0.027]),
    ("multi_step", &[1.0, 1.0, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.125, 0.125]),
    ("exponential", &[1.0, 0.9, 0.81, 0.7290000000000001, 0.6561000000000001, 0.5904900000000002, 0.5314410000000002,
        0.47829690000000014, 0.43046721000000016, 0.38742048900000015, 0.34867844010000015, 0.31381059609000017,
        0.28242953648100017, 0.25418658283290013]),
    ("cosine", &[1.0, 0.9869238178417234, 0.9484552115439445, 0.8868298366769956, 0.8056291360290202,
        0.709572199169141, 0.6042415061148954, 0.49575849388510473, 0.39042780083085915, 0.29437086397098,
        0.21317016332300448, 0.1515447884560557, 0.11307618215827661, 0.1]),
    ("cosine_restarts_even", &[1.0, 0.9092830723281, 0.6717830723281001, 0.37821692767189996, 0.14071692767190003,
        1.0, 0.9092830723281, 0.6717830723281001, 0.37821692767189996, 0.14071692767190003, 1.0, 0.9092830723281,
        0.6717830723281001, 0.37821692767189996]),
    ("cosine_restarts_growing", &[1.0, 0.525, 1.0, 0.8608757210636101, 0.525, 0.18912427893638994, 1.0,
        0.9638427779428612, 0.8608757210636101, 0.7067746303734177, 0.525, 0.34322536962658234, 0.18912427893638994,
        0.0861572220571388]),
    ("cosine_restarts_tripling", &[1.0, 1.0, 0.75, 0.2500000000000001, 1.0, 0.9698463103929542, 0.883022221559489,
        0.75, 0.5868240888334653, 0.41317591116653485, 0.2500000000000001, 0.11697777844051105, 0.03015368960704584, 1.0]),
    ("linear", &[0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ("one_cycle", &[0.040000000000000036, 0.253326288150591, 0.703688047535243, 0.9907769345935507,
        0.9836474969297887, 0.9190443762697106, 0.8117456539497631, 0.6726838364805451, 0.5160277246826726,
        0.35773877573965707, 0.21394481417223551, 0.0992967918932656, 0.025476024606159702, 4e-06]),
    ("warm_up_then_cosine", &[0.25, 0.4375, 0.625, 0.8125, 1.0, 0.9779754323328191, 0.9140576474687263,
        0.8145033635316129, 0.6890576474687263, 0.55, 0.41094235253127376, 0.2854966364683872, 0.18594235253127372,
        0.12202456766718092]),
    ("polynomial", &[1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.30000000000000004, 0.19999999999999996,
        0.09999999999999998, 0.0, 0.0, 0.0, 0.0]),
];
