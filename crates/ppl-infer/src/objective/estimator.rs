//! How the gradient of an expectation over a site's draws is estimated: a choice for each site.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use ppl_core::{Distribution, Error, FrameKind, Message, Result, Statement, Trace};
use ppl_dist::{Delta, Expanded, Independent, Masked};
use ppl_tensor::Tensor;

/// How gradients reach the parameters of a guide's draw (a survey: Mohamed, Rosca, Figurnov and Mnih 2020).
///
/// A site's own choice is a setting of its statement in the guide, made there or by a handler
/// ([`infer_config`](ppl_core::infer_config)); the other sites follow the objective.
///
/// ```
/// use ppl_core::{ConfigureExt, Ctx, Result};
/// use ppl_dist::Bernoulli;
/// use ppl_infer::{Baseline, GradientEstimator};
///
/// fn guide(ctx: &mut Ctx, _: &()) -> Result<()> {
///     let logit = ctx.param("logit", 0.0)?;
///     let baseline = Baseline::DecayingAverage { decay: 0.9 };
///     ctx.sample("z", Bernoulli::with_logits(logit).configure(GradientEstimator::ScoreFunction { baseline }))?;
///     Ok(())
/// }
/// # assert!(guide(&mut Ctx::new(0), &()).is_ok());
/// ```
///
/// A point mass has no randomness to estimate over: gradients flow through its value whatever is chosen.
#[derive(Debug, Clone, Default)]
pub enum GradientEstimator {
    /// Pathwise where draws are differentiable, by the score function without a baseline elsewhere.
    #[default]
    Automatic,
    /// Through the draw, reparameterised or by implicit differentiation.
    Pathwise,
    /// Pathwise without the score term, whose mean is zero: no variance is left where the guide is the posterior
    /// (Roeder, Wu and Duvenaud 2017). Runs the guide a second time, with its draws held fixed.
    StickingTheLanding,
    /// For importance weighted objectives: the score term made pathwise too, so that the signal does not vanish with the
    /// number of particles (Tucker, Lawson, Gu and Maddison 2018). Runs both programs a second time.
    DoublyReparameterized,
    /// The gradient of the log density times the cost (Glynn 1990; Williams 1992), for any distribution.
    ScoreFunction {
        /// What is subtracted from the cost.
        baseline: Baseline,
    },
}

impl GradientEstimator {
    /// The score function without a baseline.
    pub fn score_function() -> Self {
        Self::ScoreFunction { baseline: Baseline::None }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Pathwise => "pathwise",
            Self::StickingTheLanding => "sticking the landing",
            Self::DoublyReparameterized => "doubly reparameterised",
            Self::ScoreFunction { .. } => "score function",
        }
    }

    /// The error of an objective that cannot use this estimator.
    pub(super) fn refused(&self, site: &str, objective: &str, instead: &str) -> Error {
        Error::argument(format!("{objective} has no {} gradient: {instead}", self.name())).at_site(site)
    }
}

/// What is subtracted from the cost that multiplies a score: a guess of the cost that does not depend on the draw, and
/// so leaves the mean of the gradient as it is.
#[derive(Clone, Default)]
pub enum Baseline {
    /// Nothing.
    #[default]
    None,
    /// The average of the site's costs in the steps before, in which older ones weigh less: `decay` is the factor a
    /// step, in `[0, 1)`. The average is kept in [`ObjectiveState`](crate::ObjectiveState) under the site's name.
    DecayingAverage {
        /// The factor of older costs.
        decay: f64,
    },
    /// The mean cost of the other particles (Kool, van Hoof and Welling 2019); for importance weighted objectives the
    /// bound with this particle's weight replaced by the geometric mean of the others' (VIMCO: Mnih and Rezende 2016).
    LeaveOneOut,
    /// The value of a `deterministic` statement of the guide, one number a row: any function of the guide's parameters
    /// and of draws before the site. It is fitted to the cost by least squares (Mnih and Gregor 2014).
    Learned {
        /// Name of the statement.
        site: String,
    },
    /// A function of the guide's trace that gives one number a row. It is not fitted.
    Function(BaselineFunction),
}

/// A user's baseline.
pub type BaselineFunction = Arc<dyn Fn(&Trace) -> Result<Tensor> + Send + Sync>;

impl Baseline {
    /// A function of the guide's trace.
    pub fn function(f: impl Fn(&Trace) -> Result<Tensor> + Send + Sync + 'static) -> Self {
        Self::Function(Arc::new(f))
    }

    fn check(&self) -> Result<()> {
        match self {
            Self::DecayingAverage { decay } if !(0.0..1.0).contains(decay) => {
                Err(Error::argument(format!("decay is {decay}, must be at least 0 and below 1")))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::DecayingAverage { decay } => write!(f, "DecayingAverage({decay})"),
            Self::LeaveOneOut => f.write_str("LeaveOneOut"),
            Self::Learned { site } => write!(f, "Learned({site})"),
            Self::Function(_) => f.write_str("Function"),
        }
    }
}

/// The choice of an estimator for the sites that make none themselves.
#[derive(Clone, Default)]
pub struct Estimators(Option<Choice>);

type Choice = Arc<dyn Fn(&Message) -> GradientEstimator + Send + Sync>;

impl Estimators {
    /// The same for every site.
    pub fn all(estimator: GradientEstimator) -> Self {
        Self::by_site(move |_| estimator.clone())
    }

    /// By a function of the site's statement in the guide.
    pub fn by_site(choose: impl Fn(&Message) -> GradientEstimator + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(choose)))
    }

    /// The estimator of a latent site, never [`GradientEstimator::Automatic`].
    ///
    /// # Errors
    /// If it is impossible for the site's distribution, or has an option out of range.
    pub(super) fn resolve(&self, message: &Message) -> Result<GradientEstimator> {
        let Statement::Sample { distribution, .. } = &message.statement else {
            return Ok(GradientEstimator::Pathwise);
        };
        let chosen = match (message.config.get(), &self.0) {
            (Some(of_site), _) => GradientEstimator::clone(of_site),
            (None, Some(choose)) => choose(message),
            (None, None) => GradientEstimator::Automatic,
        };
        let differentiable = distribution.has_rsample();
        match chosen {
            GradientEstimator::Automatic if differentiable => Ok(GradientEstimator::Pathwise),
            GradientEstimator::Automatic => Ok(GradientEstimator::score_function()),
            GradientEstimator::ScoreFunction { baseline } => {
                baseline.check()?;
                if differentiable && message.frames.iter().any(|frame| frame.kind == FrameKind::Scan) {
                    let reason = "steps of a scan pass on differentiable draws with their gradient: there is no score \
                                  function for them";
                    return Err(Error::argument(reason));
                }
                match is_point_mass(&**distribution) {
                    true => Ok(GradientEstimator::Pathwise),
                    false => Ok(GradientEstimator::ScoreFunction { baseline }),
                }
            }
            pathwise if differentiable => Ok(pathwise),
            pathwise => {
                let (asked, of) = (pathwise.name(), distribution.name());
                let reason =
                    format!("a {asked} gradient is impossible: draws of {of} are not differentiable");
                Err(Error::argument(reason))
            }
        }
    }
}

impl From<GradientEstimator> for Estimators {
    fn from(estimator: GradientEstimator) -> Self {
        Self::all(estimator)
    }
}

impl fmt::Debug for Estimators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Estimators(chosen)" } else { "Estimators(automatic)" })
    }
}

fn is_point_mass(distribution: &dyn Distribution) -> bool {
    let any = distribution as &dyn Any;
    let inside = (any.downcast_ref().map(Independent::base))
        .or_else(|| any.downcast_ref().map(Expanded::base))
        .or_else(|| any.downcast_ref().map(Masked::base));
    match inside {
        Some(inside) => is_point_mass(&**inside),
        None => any.is::<Delta>(),
    }
}
