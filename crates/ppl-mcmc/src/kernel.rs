//! What makes a chain.

use ppl_core::{Error, Result, TensorFile};
use ppl_tensor::KeyStream;

use crate::{LogDensity, Metric};

/// One way to make a Markov chain: how its state begins, and how one transition changes it.
///
/// A kernel holds options, and memory that transitions use again. All that a chain remembers, its random stream and its
/// adaptation included, is its state, plain data: a clone of it goes on with the same draws.
///
/// ```
/// use ppl_core::Result;
/// use ppl_mcmc::{Kernel, LogDensity, Mcmc, Transition};
/// use ppl_tensor::KeyStream;
///
/// /// A fixed Gaussian step from the last draw, accepted as Metropolis says.
/// #[derive(Clone)]
/// struct Metropolis(f64);
///
/// #[derive(Clone)]
/// struct Place(Vec<f64>, f64, KeyStream);
///
/// impl Kernel for Metropolis {
///     type State = Place;
///
///     fn init(&mut self, density: &mut dyn LogDensity, x: &[f64], _: usize, stream: KeyStream) -> Result<Place> {
///         let log_density = density.value_and_gradient(x, &mut vec![0.0; x.len()])?;
///         Ok(Place(x.to_vec(), log_density, stream))
///     }
///
///     fn step(&mut self, density: &mut dyn LogDensity, Place(x, log_density, stream): &mut Place) -> Result<Transition> {
///         let proposal: Vec<f64> = x.iter().map(|x| x + self.0 * stream.normal()).collect();
///         let proposed = density.value_and_gradient(&proposal, &mut vec![0.0; x.len()])?;
///         let acceptance = (proposed - *log_density).exp().min(1.0);
///         if stream.uniform() < acceptance {
///             (*x, *log_density) = (proposal, proposed);
///         }
///         Ok(Transition { acceptance, log_density: *log_density, step_size: self.0, ..Transition::default() })
///     }
///
///     fn position(state: &Place) -> &[f64] {
///         &state.0
///     }
/// }
///
/// struct Normal;
///
/// impl LogDensity for Normal {
///     fn dimension(&self) -> usize {
///         1
///     }
///
///     fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
///         gradient[0] = -x[0];
///         Ok(-0.5 * x[0] * x[0])
///     }
/// }
///
/// let chains = Mcmc::new(Metropolis(2.4)).draws(2000).sample(|| Normal, &[vec![0.0], vec![1.0]])?;
/// println!("{}", chains.summary()?);
/// let mean = chains.get("x")?.mean_all().to_scalar()?;
/// # assert!(mean.abs() < 0.3, "{mean}");
/// # Ok::<(), ppl_core::Error>(())
/// ```
pub trait Kernel: Clone + Send {
    /// All that a chain remembers.
    type State: Clone + Send;

    /// The kernel and its options in words, for reports, and for chains that are stored: they go on with a kernel of the same
    /// words alone. By default the type's name, which says nothing of options.
    fn describe(&self) -> String {
        type_name::<Self>()
    }

    /// Whether the options make sense.
    ///
    /// # Errors
    /// If one is out of range; the message names it.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The deepest tree of a trajectory; `None` of a kernel without trees.
    fn deepest_tree(&self) -> Option<u32> {
        None
    }

    /// The state at `position` `[d]`, of a chain whose first `warmup` transitions may adapt it.
    ///
    /// # Errors
    /// If the density cannot be computed, or no transition can be made from there.
    fn init(
        &mut self,
        density: &mut dyn LogDensity,
        position: &[f64],
        warmup: usize,
        stream: KeyStream,
    ) -> Result<Self::State>;

    /// One transition.
    ///
    /// # Errors
    /// If the density cannot be computed, or adaptation finds that there is nothing to sample from.
    fn step(&mut self, density: &mut dyn LogDensity, state: &mut Self::State) -> Result<Transition>;

    /// The position `[d]` of a chain in this state.
    fn position(state: &Self::State) -> &[f64];

    /// What adaptation has come to in this state; `None` of a kernel without a Hamiltonian.
    fn adapted(_state: &Self::State) -> Option<Adapted> {
        None
    }

    /// Adds a state to a file, from which [`Kernel::read_state`] gives it back bit for bit: for chains that are stored. A
    /// chain goes on where the log density is still what its last [`Transition`] told.
    ///
    /// ```
    /// use ppl_core::{Result, TensorFile};
    /// use ppl_tensor::{Device, KeyStream, Tensor};
    ///
    /// /// Position and log density, and the random stream.
    /// struct Place(Vec<f64>, f64, KeyStream);
    ///
    /// fn write_state(Place(x, log_density, stream): &Place, file: &mut TensorFile) -> Result<()> {
    ///     file.insert("x", &Tensor::from(x.clone()))?;
    ///     file.insert("log density", &Tensor::from(*log_density))?;
    ///     let (key, taken) = stream.state();
    ///     file.insert("stream", &Tensor::from([key, taken.cast_signed()]))
    /// }
    ///
    /// fn read_state(file: &TensorFile) -> Result<Place> {
    ///     let tensor = |name| file.tensor(name, &Device::cpu());
    ///     let (x, log_density) = (tensor("x")?.to_vec()?, tensor("log density")?.to_scalar()?);
    ///     let [key, taken] = tensor("stream")?.to_vec::<i64>()?[..] else {
    ///         return Err(file.damaged("a random stream is two numbers"));
    ///     };
    ///     Ok(Place(x, log_density, KeyStream::resume((key, taken.cast_unsigned()))))
    /// }
    /// # let mut stream = ppl_tensor::Key::new(1).stream()?;
    /// # stream.normal();
    /// # let mut file = TensorFile::new();
    /// # write_state(&Place(vec![1.0, 0.1], -0.3, stream.clone()), &mut file)?;
    /// # let Place(x, log_density, mut read) = read_state(&file)?;
    /// # assert_eq!((x, log_density, read.normal()), (vec![1.0, 0.1], -0.3, stream.normal()));
    /// # Ok::<(), ppl_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As of this default, if the kernel cannot do that.
    fn write_state(_state: &Self::State, _file: &mut TensorFile) -> Result<()> {
        Err(unstored())
    }

    /// The state in a file.
    ///
    /// # Errors
    /// If there is none, it is damaged, or the kernel cannot do that.
    fn read_state(_file: &TensorFile) -> Result<Self::State> {
        Err(unstored())
    }
}

/// The last part of a type's name, without its parameters.
pub(crate) fn type_name<T: ?Sized>() -> String {
    let name = std::any::type_name::<T>();
    let path = name.split('<').next().unwrap_or(name);
    path.rsplit("::").next().unwrap_or(path).to_owned()
}

fn unstored() -> Error {
    Error::Unsupported {
        what: "storing chains".into(),
        of: "this kernel: it does not write its state".into(),
    }
}

/// What the adaptation of a kernel with a Hamiltonian has come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapted {
    /// The step size, before it is varied.
    pub step_size: f64,
    /// The inverse mass matrix.
    pub metric: Metric,
}

/// What is known of one transition.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Transition {
    /// The log density at the draw, on unconstrained space, in nats.
    pub log_density: f64,
    /// Mean probability of acceptance over the points of the trajectory.
    pub acceptance: f64,
    /// The step size used.
    pub step_size: f64,
    /// Number of doublings of the trajectory.
    pub tree_depth: u32,
    /// Number of leapfrog steps: of gradients.
    pub leapfrogs: u32,
    /// Whether the trajectory ended because the integrator failed.
    pub divergent: bool,
    /// Whether the trajectory ended because it was as long as is allowed.
    pub saturated: bool,
    /// The Hamiltonian at the draw, in nats; `None` of a kernel that has none. What diagnoses by energies leaves its chains out.
    pub energy: Option<f64>,
}
