//! Sites in other coordinates: the same joint distribution under a change of variables.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use ppl_core::{Ctx, Distribution, Reparameterize, Result, Trace, condition, reparam, substitute, trace};
use ppl_dist::{
    Cauchy, DistributionExt, Gamma, Gumbel, Laplace, LocScaleReparam, Logistic, Normal, StudentT,
    TransformReparam, TransformedDistribution, transforms,
};
use ppl_tensor::Tensor;

fn close(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-11 * (1.0 + b.abs()), "{a} {b}");
}

fn density(run: &Trace, site: &str) -> f64 {
    run.site(site).unwrap().log_prob_sum(&[]).unwrap().to_scalar().unwrap()
}

/// Three schools: an effect each, of a common location and scale.
fn schools(ctx: &mut Ctx, _: &()) -> Result<Tensor> {
    ctx.plate("schools", 3, |ctx, _| ctx.sample("theta", Normal::new(1.5, 0.4)))
}

#[test]
fn a_moved_location_and_scale_change_the_coordinates_alone() {
    for centering in [0.0, 0.3, 1.0] {
        let moved = reparam(schools, [("theta", LocScaleReparam::centered(centering))]);
        let base = Tensor::from([-0.3, 0.2, 2.0]);
        let given = substitute(moved, [("theta_decentered", base.clone())]);
        let (run, theta) = trace(&mut Ctx::new(0), &given, &()).unwrap();
        assert!(run.site("theta_decentered").unwrap().is_latent());
        assert!(!run.site("theta").unwrap().has_density());
        let stretch = 0.4f64.powf(1.0 - centering);
        for (theta, base) in theta.to_f64().unwrap().into_iter().zip(base.to_f64().unwrap()) {
            close(theta, 1.5 + stretch * (base - centering * 1.5));
        }
        let (plain, _) = trace(&mut Ctx::new(0), &condition(schools, [("theta", theta)]), &()).unwrap();
        // dθ / dx = scale^(1 - c), for each of three schools.
        close(density(&run, "theta_decentered"), density(&plain, "theta") + 3.0 * stretch.ln());
    }
}

#[test]
fn every_location_scale_family_knows_its_members() {
    let families: [Arc<dyn Distribution>; 6] = [
        Arc::new(Normal::new(1.0, 2.0)),
        Arc::new(Cauchy::new(1.0, 2.0)),
        Arc::new(Laplace::new(1.0, 2.0)),
        Arc::new(Logistic::new(1.0, 2.0)),
        Arc::new(Gumbel::new(1.0, 2.0)),
        Arc::new(StudentT::new(3.0, 1.0, 2.0)),
    ];
    for family in families {
        let known = family.loc_scale().unwrap();
        let standard = (known.with)(Tensor::from(0.0), Tensor::from(1.0));
        for x in [-3.0, 0.2, 7.0] {
            let density = |of: &dyn Distribution, x: f64| of.log_prob(&Tensor::from(x)).to_scalar().unwrap();
            close(density(&*family, 1.0 + 2.0 * x), density(&*standard, x) - 2f64.ln());
        }
    }
}

#[test]
fn a_learned_centering_is_a_parameter_of_each_row() {
    let learned = reparam(schools, [("theta", LocScaleReparam::learned())]);
    let mut ctx = Ctx::new(0);
    let (_, theta) = trace(&mut ctx, &learned, &()).unwrap();
    assert_eq!(theta.shape().to_vec(), [3]);
    assert_eq!(ctx.params().get("theta_centered").unwrap().to_f64().unwrap(), [0.5; 3]);
}

#[test]
fn dimensions_of_one_draw_move_together() {
    let loc = Tensor::from([1.0, -2.0]);
    let program = |ctx: &mut Ctx, _: &()| ctx.sample("x", Normal::new(&loc, 3.0).to_event(1));
    let moved = reparam(program, [("x", LocScaleReparam::decentered())]);
    let (run, x) = trace(&mut Ctx::new(5), &moved, &()).unwrap();
    let base = run.value("x_decentered").unwrap().to_f64().unwrap();
    assert_eq!(x.to_f64().unwrap(), [1.0 + 3.0 * base[0], -2.0 + 3.0 * base[1]]);
    let standard = |x: f64| -0.5 * x * x - 0.5 * std::f64::consts::TAU.ln();
    close(density(&run, "x_decentered"), standard(base[0]) + standard(base[1]));
}

#[test]
fn a_transformed_draw_is_drawn_before_its_transforms() {
    let program = |ctx: &mut Ctx, _: &()| {
        let transformed =
            TransformedDistribution::new(Normal::new(0.5, 2.0), vec![Arc::new(transforms::Exp)]);
        ctx.sample("x", transformed)
    };
    let (run, x) = trace(&mut Ctx::new(5), &reparam(program, [("x", TransformReparam)]), &()).unwrap();
    let base = run.value("x_base").unwrap().to_scalar().unwrap();
    let x = x.to_scalar().unwrap();
    close(x, base.exp());
    let (plain, _) = trace(&mut Ctx::new(0), &condition(program, [("x", x)]), &()).unwrap();
    close(density(&run, "x_base"), density(&plain, "x") + base);
}

#[test]
fn a_site_that_does_not_fit_is_an_error() {
    type Program = Box<dyn Fn(&mut Ctx) -> Result<Tensor>>;
    let fails = |way: Program| {
        let program = |ctx: &mut Ctx, _: &()| way(ctx);
        trace(&mut Ctx::new(0), &program, &()).err().unwrap().to_string()
    };
    fn under(way: impl Reparameterize + Clone, distribution: impl Distribution + Clone) -> Program {
        Box::new(move |ctx| {
            let distribution = distribution.clone();
            let program = move |ctx: &mut Ctx, _: &()| ctx.sample("x", distribution.clone());
            ppl_core::Model::run(&reparam(program, [("x", way.clone())]), ctx, &())
        })
    }
    assert_eq!(
        fails(under(LocScaleReparam::decentered(), Gamma::new(1.0, 1.0))),
        "site `x`: LocScaleReparam is not available for Gamma, which is not a location-scale family"
    );
    assert_eq!(
        fails(under(TransformReparam, Normal::new(0.0, 1.0))),
        "site `x`: TransformReparam is not available for Normal, which is not a TransformedDistribution"
    );
    assert_eq!(
        fails(under(LocScaleReparam::centered(1.5), Normal::new(0.0, 1.0))),
        "site `x`: centering must be in [0, 1], found 1.5"
    );
    let data = |ctx: &mut Ctx, _: &()| ctx.observe("x", Normal::new(0.0, 1.0), 0.5);
    let program = reparam(data, [("x", LocScaleReparam::decentered())]);
    assert_eq!(
        trace(&mut Ctx::new(0), &program, &()).err().unwrap().to_string(),
        "site `x`: data cannot be reparameterised"
    );
}
