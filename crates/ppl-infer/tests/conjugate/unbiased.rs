//! The mean of many gradients is the gradient of the loss.

use ppl_infer::{GradientProbe, GradientReport, ObjectiveState};
use ppl_tensor::Tensor;

use crate::cases::{self, Case};
use crate::exact;
use crate::families::{self, Family};

const REPLICATES: usize = 1500;

/// Some 900 comparisons (4 families × 42 cases × 2 points × 2 to 4 parameters) with a false alarm of 5.7e-7 each at five
/// standard errors: 5e-4 in all, if the means are normal. Seeds are fixed.
const STANDARD_ERRORS: f64 = 5.0;

fn flat(family: &Family, report: &GradientReport, of: impl Fn(&GradientReport, &str) -> Tensor) -> Vec<f64> {
    let names = family.parameters.iter().map(|(name, _)| name);
    names.flat_map(|name| of(report, name).to_f64().unwrap()).collect()
}

fn report(family: &Family, case: &Case, at: &[f64]) -> GradientReport {
    // Averages of costs as earlier steps might have left them: mean 3 of weight a half.
    let state = ObjectiveState::from([("z".to_owned(), Tensor::from([1.5, 0.5]))]);
    let guide = family.guide_with_baseline(at);
    let probe = GradientProbe::new(&*case.objective).state(&state).seed(11).replicates(REPLICATES);
    probe.run(&family.model, &guide, &()).unwrap()
}

fn check(family: &Family) {
    let mut wrong = Vec::new();
    let (mut telling, mut all) = (0, 0);
    for at in [&family.start, &family.posterior] {
        let mut known: Vec<(exact::Loss, Vec<f64>)> = Vec::new();
        for case in cases::all() {
            if known.iter().all(|(loss, _)| *loss != case.loss) {
                known.push((case.loss, exact::gradient(family, case.loss, at)));
            }
            let exact = &known.iter().find(|(loss, _)| *loss == case.loss).unwrap().1;
            let report = report(family, &case, at);
            let means = flat(family, &report, |r, name| r.get(name).unwrap().mean.clone());
            let variances = flat(family, &report, |r, name| r.get(name).unwrap().variance.clone());
            let errors: Vec<f64> = variances.iter().map(|v| (v / REPLICATES as f64).sqrt()).collect();
            // Where there is no variance, the error of quadrature and differences remains.
            let far = |i: usize| (means[i] - exact[i]).abs() > STANDARD_ERRORS * errors[i] + 1e-5;
            if std::ptr::eq(at, &family.start) {
                let would_tell = |i: usize| exact[i].abs() > 2.0 * STANDARD_ERRORS * errors[i];
                (telling, all) = (telling + usize::from((0..exact.len()).any(would_tell)), all + 1);
            }
            if (0..exact.len()).any(far) {
                wrong.push(format!("{} at {at:?}: {means:?} ± {errors:?}, exactly {exact:?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", family.name, wrong.join("\n"));
    // Away from the posterior most estimators are precise enough to tell half the gradient, or its opposite, from it; a
    // score without a fitting baseline is not, and shares its code with those that are.
    assert!(2 * telling > all, "{}: {telling} of {all}", family.name);
}

#[test]
fn gradients_of_normal_means() {
    check(&families::all()[0]);
}

#[test]
fn gradients_of_a_coin() {
    check(&families::all()[1]);
}

#[test]
fn gradients_of_a_rate() {
    check(&families::all()[2]);
}

#[test]
fn gradients_of_proportions() {
    check(&families::all()[3]);
}

/// Where the guide is the posterior, every path gradient without the score term is zero, draw by draw.
#[test]
fn paths_without_the_score_term_have_no_variance_at_the_posterior() {
    for family in families::all() {
        for case in cases::all() {
            if !(case.name.contains("StickingTheLanding") || case.name.contains("DoublyReparameterized"))
                || case.name.starts_with("TraceMeanField")
            {
                continue;
            }
            let report = report(&family, &case, &family.posterior);
            let variances = flat(&family, &report, |r, name| r.get(name).unwrap().variance.clone());
            assert!(variances.iter().all(|v| *v < 1e-16), "{} {}: {variances:?}", family.name, case.name);
        }
    }
}
