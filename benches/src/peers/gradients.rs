//! Log densities with their gradients, on unconstrained space.

use ppl::core::Result;
use ppl::infer::Compiler;
use ppl::tensor::DType;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use serde_json::{Value, json};

use super::{BY_HAND, Contest, EVERY_ROW, OURS, Session, System};
use crate::harness::{CompileTime, Group};
use crate::posteriors::{Entry, GRADIENTS, POSTERIORS, Posterior, Site, reads_less};

const PEERS: [System; 4] = [
    System::NumPyro { one_thread: true },
    System::NumPyro { one_thread: false },
    System::Nutpie,
    System::Stan,
];

/// Largest difference between two systems, relative to the numbers compared.
const TOLERANCE: f64 = 1e-6;

/// Log densities and gradients at a few points.
#[derive(Debug, Clone)]
struct Evaluations {
    values: Vec<f64>,
    gradients: Vec<Vec<f64>>,
}

/// All posteriors that the filter admits.
pub(super) fn run(session: &mut Session<'_>) -> Result<()> {
    for entry in &POSTERIORS[..GRADIENTS] {
        let name = format!("gradient/{}", entry.name);
        if !session.wants(&name) {
            continue;
        }
        match (entry.load)(&session.peers.data()) {
            Ok(posterior) => compare(session, name, entry, posterior)?,
            Err(error) => session.notes.push(format!("{name} is left out: {error}")),
        }
    }
    Ok(())
}

fn compare(session: &mut Session<'_>, name: String, entry: &Entry, posterior: Posterior) -> Result<()> {
    let Posterior { program, by_hand, .. } = posterior;
    let mut potential = program.potential()?;
    let mut every_row = program.potential_by(&Compiler::new().sufficient_statistics(false))?;
    let reads_less = reads_less(&potential);
    let compile = [&potential, &every_row].map(|potential| CompileTime::new(potential.compile_time().into()));
    let [compile, compile_every_row] = compile;
    let sites: Vec<Site> =
        potential.sites().iter().map(|site| (site.name.clone(), site.range.len())).collect();
    let dim = potential.dimension();
    let points = points(dim);
    let mut gradient = vec![0.0; dim];
    let mut own = Evaluations { values: Vec::new(), gradients: Vec::new() };
    for point in &points {
        own.values.push(potential.value_and_gradient(point, &mut gradient)?);
        own.gradients.push(gradient.clone());
    }
    let request = json!({ "do": "gradient", "work": entry.program(), "data": program.data.file, "sites": sites, "points": points });
    let at = points.into_iter().next().unwrap_or_default();
    let (other_at, mut other) = (at.clone(), gradient.clone());
    let mut group = Group::new(name.as_str(), "evaluation", 1)
        .case(OURS, move || potential.value_and_gradient(std::hint::black_box(&at), &mut gradient))
        .compiled_in(compile);
    if reads_less {
        group = group
            .case(EVERY_ROW, move || {
                every_row.value_and_gradient(std::hint::black_box(&other_at), &mut other)
            })
            .compiled_in(compile_every_row);
    }
    if let Some(by_hand) = by_hand {
        group = group.case(&format!("{BY_HAND} by hand, likelihood"), by_hand);
    }
    let mut contest = Contest::new(group);
    let before = session.disagreements.len();
    for system in PEERS {
        let answer;
        (contest, answer) = contest.peer(&mut session.peers, system, DType::F64, &request);
        let Some(answer) = answer else { continue };
        if let Some(difference) = disagreement(&own, &evaluations(&answer)) {
            session.disagreements.push(format!("{name}, {}: {difference}", system.name()));
        }
    }
    if session.disagreements.len() > before {
        return Ok(());
    }
    session.measure(contest, Some(0.5))
}

/// Two points near the middle of unconstrained space, the same in every run.
fn points(dim: usize) -> [Vec<f64>; 2] {
    let mut rng = SmallRng::seed_from_u64(dim as u64);
    std::array::from_fn(|_| (0..dim).map(|_| 0.3 * rng.sample::<f64, _>(StandardNormal)).collect())
}

fn evaluations(answer: &Value) -> Evaluations {
    let numbers = |list: &Value| -> Vec<f64> {
        list.as_array().into_iter().flatten().map(|number| number.as_f64().unwrap_or(f64::NAN)).collect()
    };
    let gradients = answer["gradients"].as_array().into_iter().flatten().map(numbers).collect();
    Evaluations { values: numbers(&answer["values"]), gradients }
}

/// The first number on which two systems differ by more than the tolerance. Constants of log densities are free, so it is
/// their difference between two points that counts.
fn disagreement(own: &Evaluations, other: &Evaluations) -> Option<String> {
    if other.values.len() != own.values.len() || other.gradients.len() != own.gradients.len() {
        return Some(format!("{} values and {} gradients", other.values.len(), other.gradients.len()));
    }
    let rise =
        |found: &Evaluations| found.values.last().zip(found.values.first()).map(|(last, first)| last - first);
    let (expected, found) = (rise(own)?, rise(other)?);
    let size = own.values.iter().fold(0.0, |size: f64, value| size.max(value.abs()));
    if !close(expected, found, size) {
        return Some(format!("the log density rises by {found}, here by {expected}"));
    }
    for (point, (expected, found)) in own.gradients.iter().zip(&other.gradients).enumerate() {
        if expected.len() != found.len() {
            return Some(format!("{} unconstrained numbers, here {}", found.len(), expected.len()));
        }
        let size = expected.iter().fold(0.0, |size: f64, slope| size.max(slope.abs()));
        for (i, (&expected, &found)) in expected.iter().zip(found).enumerate() {
            if !close(expected, found, size) {
                return Some(format!("gradient[{i}] at point {point} is {found}, here {expected}"));
            }
        }
    }
    None
}

/// Whether two numbers agree, relative to themselves or, where they are sums of terms that cancel, to a thousandth of the
/// size of the vector they belong to. Never of NaN.
fn close(a: f64, b: f64, size: f64) -> bool {
    (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1e-3 * size)
}

#[cfg(test)]
mod tests {
    use super::{Evaluations, disagreement};

    fn found(values: [f64; 2], slope: f64) -> Evaluations {
        Evaluations { values: values.into(), gradients: vec![vec![slope, 100.0], vec![2.0, 3.0]] }
    }

    #[test]
    fn constants_are_free_and_differences_are_not() {
        let own = found([1.0, 4.0], 5.0);
        assert_eq!(disagreement(&own, &found([11.0, 14.0], 5.0)), None);
        assert_eq!(disagreement(&own, &found([1.0, 4.0], 5.0 + 4e-6)), None);
        let slope = disagreement(&own, &found([1.0, 4.0], 5.0 + 6e-6));
        assert!(slope.unwrap().starts_with("gradient[0] at point 0 is 5.000006"));
        assert!(disagreement(&own, &found([1.0, 4.001], 5.0)).unwrap().contains("rises by"));
        assert!(disagreement(&own, &found([1.0, f64::NAN], 5.0)).is_some());
        assert!(disagreement(&own, &found([1.0, 4.0], f64::NAN)).is_some());
        assert!(disagreement(&own, &Evaluations { values: vec![], gradients: vec![] }).is_some());
    }
}
