//! Laws of the log densities.

use super::POSTERIORS;

#[test]
fn gradients_are_those_of_the_values() {
    let folder = std::env::temp_dir().join(format!("ppl-posteriors-{}", std::process::id()));
    for entry in &POSTERIORS {
        let posterior = match (entry.load)(&folder) {
            Ok(posterior) => posterior,
            Err(error) if error.to_string().contains("there is no file") => continue,
            Err(error) => panic!("{}: {error}", entry.name),
        };
        let mut potential = posterior.program.potential().unwrap();
        let dim = potential.dimension();
        let at: Vec<f64> = (0..dim).map(|i| 0.3 * (i as f64 + 1.0).sin()).collect();
        let mut gradient = vec![0.0; dim];
        let value = potential.value_and_gradient(&at, &mut gradient).unwrap();
        assert!(value.is_finite(), "{}", entry.name);
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
            assert!(
                (difference - found).abs() < tolerance,
                "{} [{i}]: {found}, not {difference}",
                entry.name
            );
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
