//! Laws of the log densities.

use std::path::PathBuf;

use ppl::infer::{Compiler, Potential};

use super::{POSTERIORS, Posterior, reads_less};

/// All posteriors whose data are there, and the folder of those that are made.
fn posteriors(folder: &str) -> (PathBuf, Vec<(&'static str, Posterior)>) {
    let folder = std::env::temp_dir().join(format!("{folder}-{}", std::process::id()));
    let mut found = Vec::new();
    for entry in &POSTERIORS {
        match (entry.load)(&folder) {
            Ok(posterior) => found.push((entry.name, posterior)),
            Err(error) if error.to_string().contains("there is no file") => {}
            Err(error) => panic!("{}: {error}", entry.name),
        }
    }
    (folder, found)
}

/// A point near the middle of unconstrained space.
fn middle(potential: &Potential) -> Vec<f64> {
    (0..potential.dimension()).map(|i| 0.3 * (i as f64 + 1.0).sin()).collect()
}

#[test]
fn gradients_are_those_of_the_values() {
    let (folder, posteriors) = posteriors("ppl-gradients");
    for (name, posterior) in posteriors {
        let mut potential = posterior.program.potential().unwrap();
        let at = middle(&potential);
        let dim = at.len();
        let mut gradient = vec![0.0; dim];
        let value = potential.value_and_gradient(&at, &mut gradient).unwrap();
        assert!(value.is_finite(), "{name}");
        let step = 1e-5;
        let mut unused = vec![0.0; dim];
        for i in 0..dim {
            let mut moved = |by: f64| {
                let mut at = at.clone();
                at[i] += by;
                potential.value_and_gradient(&at, &mut unused).unwrap()
            };
            let difference = (moved(step) - moved(-step)) / (2.0 * step);
            // Rounding of the values, divided by the step, and the third derivative times its square.
            let tolerance = 1e-6 * gradient[i].abs() + 1e-9 * value.abs() + 1e-4;
            let found = gradient[i];
            assert!((difference - found).abs() < tolerance, "{name} [{i}]: {found}, not {difference}");
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn regressions_with_normal_errors_do_not_read_their_rows() {
    let regressions = "rugged linreg diamonds arK blr kidscore logearn mesquite nes";
    let (folder, posteriors) = posteriors("ppl-rows");
    for (name, posterior) in posteriors {
        let mut short = posterior.program.potential().unwrap();
        let mut long = posterior.program.potential_by(&Compiler::new().sufficient_statistics(false)).unwrap();
        let is_regression = regressions.split(' ').any(|part| name.contains(part));
        assert_eq!(reads_less(&short), is_regression, "{name}\n{}", short.explain());
        assert!(!reads_less(&long), "{name}\n{}", long.explain());
        let at = middle(&short);
        let (mut gradient, mut expected) = (at.clone(), at.clone());
        let value = short.value_and_gradient(&at, &mut gradient).unwrap();
        let wanted = long.value_and_gradient(&at, &mut expected).unwrap();
        // Residuals are of any sizes here: sums over thousands of rows keep eleven digits of their largest terms.
        let size = expected.iter().fold(wanted.abs(), |size, slope| size.max(slope.abs()));
        for (found, wanted) in gradient.iter().zip(&expected).chain([(&value, &wanted)]) {
            assert!((found - wanted).abs() <= 1e-11 * size, "{name}: {found}, not {wanted}");
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
