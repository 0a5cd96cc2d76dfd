//! Geweke's test of a kernel.

use std::fmt;

use ppl_core::{Error, Result};
use ppl_tensor::Key;

use super::{Joint, LEVEL, holm, p_text};
use crate::Kernel;
use crate::diagnostics::{ess_mean, mean, variance};

/// Geweke's joint distribution test (2004, "Getting it right: joint distribution tests of posterior simulators") of a
/// kernel's transitions.
///
/// Parameters and data are drawn from their joint distribution in two ways: independently, the parameters from the prior
/// and data given them; and by a chain, in which a transition of the kernel changes the parameters given the data, and then
/// data are drawn given the parameters. If transitions leave the posterior as it is, both have the same distribution:
/// their means of test functions are compared, first and second moments of each parameter unless others are added.
///
/// ```
/// use ppl_core::{Ctx, Result};
/// use ppl_dist::Normal;
/// use ppl_mcmc::calibration::ModelJoint;
/// use ppl_mcmc::{Geweke, Nuts};
///
/// fn model(ctx: &mut Ctx, y: &f64) -> Result<()> {
///     let mean = ctx.sample("mean", Normal::new(0.0, 1.0))?;
///     ctx.observe("y", Normal::new(mean, 1.0), *y).map(|_| ())
/// }
/// let joint = ModelJoint::new(&model, &0.0)?;
/// let report = Geweke::new(Nuts::new().step_size(0.5), joint).draws(100).run()?;
/// println!("{report}");
/// # assert_eq!(report.rows().len(), 2);
/// # Ok::<(), ppl_core::Error>(())
/// ```
///
/// The kernel begins anew after each draw of data, without a warm-up: what it would choose by looking at the density, as a
/// step size, must be given to it, or its transitions are not those of one kernel. And it must mix: of places to which a
/// right kernel does not come standard errors know nothing.
pub struct Geweke<K, J: Joint> {
    kernel: K,
    joint: J,
    draws: usize,
    transitions: usize,
    seed: u64,
    tests: Vec<Test<J>>,
}

struct Test<J: Joint> {
    name: String,
    of: Box<Function<J>>,
}

type Function<J> = dyn Fn(&[f64], &<J as Joint>::Data) -> f64;

/// The means of one test function.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GewekeRow {
    /// The test function: `x[0]`, `x[0]^2`, or the name it was given.
    pub name: String,
    /// Its mean over independent draws.
    pub independent: f64,
    /// Its mean over the chain.
    pub chain: f64,
    /// The difference, chain less independent, in its standard errors: that of the chain takes autocorrelation into
    /// account.
    pub z: f64,
    /// The probability of a difference as large, if the kernel is right.
    pub p_value: f64,
    /// The same, adjusted for the number of test functions (Holm 1979).
    pub p_adjusted: f64,
}

/// What a [`Geweke`] test found.
#[derive(Debug, Clone, PartialEq)]
pub struct GewekeReport {
    rows: Vec<GewekeRow>,
    effective: f64,
}

/// Fewest effective draws of a chain whose standard errors can be trusted.
const FEWEST_EFFECTIVE: f64 = 50.0;

impl<K: Kernel, J: Joint> Geweke<K, J> {
    /// A test of a kernel on a joint distribution, by 1000 draws in either way, seed 0.
    pub fn new(kernel: K, joint: J) -> Self {
        Self { kernel, joint, draws: 1000, transitions: 1, seed: 0, tests: Vec::new() }
    }

    /// So many draws in either way, at least 4.
    #[must_use]
    pub fn draws(mut self, draws: usize) -> Self {
        self.draws = draws;
        self
    }

    /// So many transitions between two draws of data, at least 1.
    #[must_use]
    pub fn transitions(mut self, transitions: usize) -> Self {
        self.transitions = transitions;
        self
    }

    /// Another seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Another test function, of parameters and data; it must have a variance under their joint distribution.
    #[must_use]
    pub fn test(mut self, name: &str, of: impl Fn(&[f64], &J::Data) -> f64 + 'static) -> Self {
        self.tests.push(Test { name: name.to_owned(), of: Box::new(of) });
        self
    }

    /// Draws in both ways, and compares.
    ///
    /// # Errors
    /// If an option is out of range, the joint distribution fails, a transition fails, or a test function is not finite.
    pub fn run(mut self) -> Result<GewekeReport> {
        if self.draws < 4 || self.transitions == 0 {
            let reason = format!(
                "{} draws and {} transitions between draws of data were asked for, at least 4 and 1 are needed",
                self.draws, self.transitions
            );
            return Err(Error::argument(reason));
        }
        self.kernel.check()?;
        let key = Key::new(self.seed);
        let (mut independent, mut chain) = (Vec::new(), Vec::new());
        let mut stream = key.fold_in_name("independent").stream()?;
        for _ in 0..self.draws {
            let x = self.joint.prior(&mut stream)?;
            let data = self.joint.data(&x, &mut stream)?;
            independent.push(self.tested(&x, &data)?);
        }
        let mut stream = key.fold_in_name("chain").stream()?;
        let mut x = self.joint.prior(&mut stream)?;
        let mut data = self.joint.data(&x, &mut stream)?;
        let key = key.fold_in_name("transitions");
        for number in 0..self.draws {
            let mut density = self.joint.density(&data)?;
            let mut state = self.kernel.init(&mut density, &x, 0, key.fold_in(number).stream()?)?;
            for _ in 0..self.transitions {
                self.kernel.step(&mut density, &mut state)?;
            }
            x.copy_from_slice(K::position(&state));
            data = self.joint.data(&x, &mut stream)?;
            chain.push(self.tested(&x, &data)?);
        }
        Ok(self.compare(&independent, &chain))
    }

    /// The test functions at a draw.
    fn tested(&self, x: &[f64], data: &J::Data) -> Result<Vec<f64>> {
        let moments = x.iter().flat_map(|x| [*x, x * x]);
        let values: Vec<f64> = moments.chain(self.tests.iter().map(|test| (test.of)(x, data))).collect();
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(at) => {
                let (name, value) = (self.name(at, x.len()), values[at]);
                Err(Error::argument(format!("the test function `{name}` is {value}")))
            }
        }
    }

    fn name(&self, number: usize, dimension: usize) -> String {
        match number.checked_sub(2 * dimension) {
            Some(own) => self.tests[own].name.clone(),
            None if number.is_multiple_of(2) => format!("x[{}]", number / 2),
            None => format!("x[{}]^2", number / 2),
        }
    }

    fn compare(&self, independent: &[Vec<f64>], chain: &[Vec<f64>]) -> GewekeReport {
        let count = independent.first().map_or(0, Vec::len);
        let dimension = (count - self.tests.len()) / 2;
        let (mut rows, mut least) = (Vec::new(), f64::INFINITY);
        for number in 0..count {
            let column = |draws: &[Vec<f64>]| draws.iter().map(|draw| draw[number]).collect::<Vec<f64>>();
            let (first, second) = (column(independent), column(chain));
            let effective = ess_mean(&[&second]);
            least = least.min(effective);
            let error = variance(&first) / first.len() as f64 + variance(&second) / effective;
            let (independent, chain) = (mean(&first), mean(&second));
            let difference = chain - independent;
            // Of what never changes nothing is to be said.
            let z = if difference == 0.0 { 0.0 } else { difference / error.sqrt() };
            let p_value = two_sided(z);
            let name = self.name(number, dimension);
            rows.push(GewekeRow { name, independent, chain, z, p_value, p_adjusted: 1.0 });
        }
        let adjusted = holm(&rows.iter().map(|row| row.p_value).collect::<Vec<_>>());
        rows.iter_mut().zip(adjusted).for_each(|(row, p)| row.p_adjusted = p);
        GewekeReport { rows, effective: least }
    }
}

/// Of a standard normal number, the probability of one as far from 0.
fn two_sided(z: f64) -> f64 {
    let erfc = ppl_tensor::Tensor::from(z.abs() / std::f64::consts::SQRT_2).erfc();
    erfc.to_scalar().unwrap_or(f64::NAN)
}

impl GewekeReport {
    /// The rows, a test function each.
    pub fn rows(&self) -> &[GewekeRow] {
        &self.rows
    }

    /// Whether no adjusted p-value is below 0.01, of a chain with effective draws enough for its standard errors.
    pub fn passes(&self) -> bool {
        self.effective >= FEWEST_EFFECTIVE && self.rows.iter().all(|row| row.p_adjusted >= LEVEL)
    }

    /// The fewest effective draws of the chain for any test function.
    pub fn effective_draws(&self) -> f64 {
        self.effective
    }
}

impl fmt::Display for GewekeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        writeln!(f, "{:width$}  independent       chain       z  p       adjusted", "")?;
        for row in &self.rows {
            let (p, adjusted) = (p_text(row.p_value), p_text(row.p_adjusted));
            let GewekeRow { name, independent, chain, z, .. } = row;
            writeln!(f, "{name:width$}  {independent:11.4}  {chain:10.4}  {z:6.2}  {p:6}  {adjusted}")?;
        }
        let effective = self.effective;
        if self.rows.iter().any(|row| row.p_adjusted < LEVEL) {
            writeln!(
                f,
                "the kernel does not leave the posterior as it is, or prior, data and density do not belong together"
            )
        } else if effective < FEWEST_EFFECTIVE {
            writeln!(
                f,
                "nothing can be said: the chain has {effective:.0} effective draws, too few for its standard errors"
            )
        } else {
            writeln!(f, "both ways agree, as far as {effective:.0} effective draws can tell")
        }
    }
}
