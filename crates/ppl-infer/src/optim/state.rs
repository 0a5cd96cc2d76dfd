//! What an optimiser remembers, kept by whoever iterates.

use std::hash::{Hash, Hasher};

use indexmap::IndexMap;
use ppl_core::{Error, ParamStore, Result, TensorFile};
use ppl_tensor::{DType, Device, HostData, Tensor, TensorTree, TreePath, no_grad};

use super::{Clock, Optimizer};

/// The optimiser's memory of a set of parameters: plain tensors, by parameter. Parameters that appear later are added
/// when they first do, with their own count of updates.
///
/// [`Svi`](crate::Svi) keeps one. In a loop of your own:
///
/// ```
/// use ppl_core::{Ctx, trace};
/// use ppl_infer::{OptimizerState, Sgd};
/// use ppl_tensor::grad;
///
/// let program = |ctx: &mut Ctx, _: &()| Ok((ctx.param("x", 3.0)? - 1.0).square());
/// let mut ctx = Ctx::new(0);
/// trace(&mut ctx, &program, &())?;
/// let (mut params, mut state) = (ctx.into_params(), OptimizerState::new());
/// for _ in 0..100 {
///     params.track(true);
///     let mut ctx = Ctx::new(0).with_params(params.clone());
///     let (_, loss) = trace(&mut ctx, &program, &())?;
///     let grads = grad(&loss, &[params.unconstrained("x")?])?;
///     params.track(false);
///     state.update(&Sgd::new(0.1), &mut params, &[("x", grads[0].clone())])?;
/// }
/// assert!((params.get("x")?.to_scalar()? - 1.0).abs() < 1e-9);
/// # Ok::<(), ppl_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct OptimizerState {
    /// Number of steps, none before the first.
    steps: Option<Tensor>,
    /// Numbers of updates, each of all parameters that have been updated equally often and together.
    clocks: Vec<Tensor>,
    slots: IndexMap<String, Slot>,
}

#[derive(Debug, Clone)]
struct Slot {
    clock: usize,
    tensors: Vec<Tensor>,
}

/// What a step would change.
pub(crate) struct Proposal {
    steps: Option<Tensor>,
    groups: Vec<Group>,
    moves: Vec<Move>,
}

/// Parameters of one step that share a clock.
struct Group {
    /// The state's clock; none if this is their first update.
    from: Option<usize>,
    dtype: DType,
    clock: Clock,
    members: usize,
}

struct Move {
    name: String,
    group: usize,
    next: Tensor,
    tensors: Vec<Tensor>,
}

impl OptimizerState {
    /// The state before the first step.
    pub fn new() -> Self {
        Self::default()
    }

    /// One step: updates parameters by the gradients of a loss with respect to their unconstrained values. Parameters
    /// without a gradient stay as they are.
    ///
    /// # Errors
    /// If a parameter is unknown, named twice, or of another shape than its gradient, an option is out of range, or an
    /// update is not finite. Nothing is changed then.
    pub fn update<O: Optimizer + ?Sized>(
        &mut self,
        optimizer: &O,
        params: &mut ParamStore,
        grads: &[(&str, Tensor)],
    ) -> Result<()> {
        if let Some(twice) = (1..grads.len()).find(|&i| grads[..i].iter().any(|g| g.0 == grads[i].0)) {
            return Err(Error::argument(format!("parameter `{}` has two gradients", grads[twice].0)));
        }
        let proposal = self.propose(optimizer, params, grads)?;
        if let Some(name) = proposal.offender() {
            return Err(not_finite(name, grads));
        }
        let mut next = params.clone();
        proposal.commit(&mut next, self)?;
        *params = next;
        Ok(())
    }

    /// What a step would change.
    pub(crate) fn propose<O: Optimizer + ?Sized>(
        &self,
        optimizer: &O,
        params: &ParamStore,
        grads: &[(&str, Tensor)],
    ) -> Result<Proposal> {
        no_grad(|| {
            let mut proposal = Proposal { steps: self.steps.clone(), groups: vec![], moves: vec![] };
            let transformed = optimizer.transform(grads.iter().map(|(_, grad)| grad.clone()).collect())?;
            if transformed.len() != grads.len() {
                let (name, made, given) = (optimizer.name(), transformed.len(), grads.len());
                return Err(Error::argument(format!("{name} makes {made} gradients of {given}")));
            }
            for ((name, grad), transformed) in grads.iter().zip(transformed) {
                let value = params.unconstrained(name)?.detach();
                grad.check().map_err(|error| Error::from(error).at_site(name))?;
                if !grad.dtype().is_float() {
                    let dtype = grad.dtype();
                    let reason = format!("parameter `{name}` is of floats, its gradient of {dtype}");
                    return Err(Error::Shape(reason));
                }
                if grad.shape() != value.shape() {
                    let (shape, wanted) = (grad.shape(), value.shape());
                    let reason = format!("parameter `{name}` has shape {wanted}, its gradient {shape}");
                    return Err(Error::Shape(reason));
                }
                let slot = self.slots.get(*name);
                let group = proposal.group(&self.clocks, slot.map(|slot| slot.clock), &value);
                let new;
                let state = match slot {
                    Some(slot) => &slot.tensors,
                    None => {
                        new = optimizer.init(name, &value);
                        &new
                    }
                };
                let clock = &proposal.groups[group].clock;
                let (next, tensors) = optimizer.update(clock, name, &value, &transformed, state)?;
                next.check().map_err(|error| Error::from(error).at_site(name))?;
                proposal.moves.push(Move { name: (*name).to_owned(), group, next, tensors });
            }
            proposal.steps = proposal.steps.map(|steps| steps + 1.0);
            Ok(proposal)
        })
    }

    /// Whether no step was taken yet.
    pub(crate) fn is_new(&self) -> bool {
        self.steps.is_none()
    }

    /// A tensor for each of the state's, in a fixed order.
    fn mapped(
        &self,
        f: &mut dyn FnMut(&str, &Tensor) -> ppl_tensor::Result<Tensor>,
    ) -> ppl_tensor::Result<Self> {
        let steps = self.steps.as_ref().map(|steps| f("steps", steps)).transpose()?;
        let clocks = self.clocks.iter().map(|clock| f("clock", clock)).collect::<ppl_tensor::Result<_>>()?;
        let slot = |(name, slot): (&String, &Slot)| {
            let tensors = slot.tensors.iter().map(|t| f(name, t)).collect::<ppl_tensor::Result<_>>()?;
            Ok((name.clone(), Slot { clock: slot.clock, tensors }))
        };
        Ok(Self { steps, clocks, slots: self.slots.iter().map(slot).collect::<ppl_tensor::Result<_>>()? })
    }

    /// Adds the state to a file.
    pub(crate) fn write_to(&self, file: &mut TensorFile) -> Result<()> {
        if let Some(steps) = &self.steps {
            file.insert("optimizer/steps", steps)?;
        }
        for (index, clock) in self.clocks.iter().enumerate() {
            file.insert(format!("optimizer/clock/{index}"), clock)?;
        }
        for (name, slot) in &self.slots {
            file.insert_text(format!("clock {name}"), slot.clock.to_string());
            for (index, tensor) in slot.tensors.iter().enumerate() {
                file.insert(format!("optimizer/state/{index}/{name}"), tensor)?;
            }
        }
        Ok(())
    }

    /// Reads the state of these parameters, and checks that the optimiser would have made such a one.
    pub(crate) fn read_from<O: Optimizer + ?Sized>(
        file: &TensorFile,
        optimizer: &O,
        params: &ParamStore,
        device: &Device,
    ) -> Result<Self> {
        let count = |entry: &str| -> Result<Tensor> {
            let count = file.tensor(entry, device)?;
            let fits = count.rank() == 0 && count.dtype().is_float();
            if fits { Ok(count) } else { Err(file.damaged(format!("the entry `{entry}` is not a count"))) }
        };
        let mut state = Self::new();
        if file.contains("optimizer/steps") {
            state.steps = Some(count("optimizer/steps")?);
        }
        while file.contains(&format!("optimizer/clock/{}", state.clocks.len())) {
            state.clocks.push(count(&format!("optimizer/clock/{}", state.clocks.len()))?);
        }
        for name in params.names() {
            let Ok(clock) = file.text(&format!("clock {name}")) else { continue };
            let clock = clock.parse().ok().filter(|&clock: &usize| clock < state.clocks.len());
            let clock = clock
                .ok_or_else(|| file.damaged(format!("the step count of parameter `{name}` is missing")))?;
            let mut tensors = Vec::new();
            while file.contains(&format!("optimizer/state/{}/{name}", tensors.len())) {
                tensors.push(file.tensor(&format!("optimizer/state/{}/{name}", tensors.len()), device)?);
            }
            let wanted = optimizer.init(name, params.unconstrained(name)?);
            let types = |tensors: &[Tensor]| {
                let types: Vec<String> =
                    tensors.iter().map(|t| format!("{} {}", t.dtype(), t.shape())).collect();
                if types.is_empty() { "nothing".to_owned() } else { types.join(", ") }
            };
            if types(&wanted) != types(&tensors) {
                return Err(file.damaged(format!(
                    "of parameter `{name}` the optimiser {} remembers {} with these options, the file has {}",
                    optimizer.name(),
                    types(&wanted),
                    types(&tensors),
                )));
            }
            state.slots.insert(name.clone(), Slot { clock, tensors });
        }
        Ok(state)
    }
}

/// So that a step can be traced and compiled: which parameters share a count of updates is static.
impl TensorTree for OptimizerState {
    fn try_map(
        &self,
        path: &mut TreePath,
        f: &mut dyn FnMut(&TreePath, &Tensor) -> ppl_tensor::Result<Tensor>,
    ) -> ppl_tensor::Result<Self> {
        self.mapped(&mut |name, leaf| path.with(name, |path| f(path, leaf)))
    }

    fn hash_static(&self, mut hasher: &mut dyn Hasher) {
        (self.steps.is_some(), self.clocks.len()).hash(&mut hasher);
        for (name, slot) in &self.slots {
            (name, slot.clock, slot.tensors.len()).hash(&mut hasher);
        }
    }
}

impl Proposal {
    /// The group of a parameter by its clock: with one more update than the clock says, or with its first.
    fn group(&mut self, clocks: &[Tensor], from: Option<usize>, value: &Tensor) -> usize {
        let dtype = value.dtype();
        let same = |group: &Group| group.from == from && group.dtype == dtype;
        if let Some(index) = self.groups.iter().position(same) {
            self.groups[index].members += 1;
            return index;
        }
        let updates = match from.and_then(|from| clocks.get(from)) {
            Some(before) => before + 1.0,
            None => value.scalar_like(1.0),
        };
        let steps = self.steps.get_or_insert_with(|| value.scalar_like(0.0)).cast(dtype);
        self.groups.push(Group { from, dtype, clock: Clock::new(steps, updates), members: 1 });
        self.groups.len() - 1
    }

    /// The first parameter whose next value or state is not finite.
    pub(crate) fn offender(&self) -> Option<&str> {
        let finite = |step: &Move| all_finite(&step.next) && step.tensors.iter().all(all_finite);
        self.moves.iter().find(|step| !finite(step)).map(|step| step.name.as_str())
    }

    /// Whether all next values and states are finite, as a truth value of the program: for steps that are traced.
    pub(crate) fn is_finite(&self) -> Tensor {
        let tensors = self.moves.iter().flat_map(|step| std::iter::once(&step.next).chain(&step.tensors));
        let floats = tensors.filter(|tensor| tensor.dtype().is_float());
        let finite = floats.map(|tensor| tensor.is_finite().all_all());
        finite.reduce(|all, one| all.and(one)).unwrap_or_else(|| Tensor::from(true))
    }

    /// Makes the changes. After an error the parameters may have changed, the state has not.
    pub(crate) fn commit(self, params: &mut ParamStore, state: &mut OptimizerState) -> Result<()> {
        for step in &self.moves {
            params.set_unconstrained(&step.name, step.next.clone())?;
        }
        state.steps = self.steps;
        let mut clocks = Vec::with_capacity(self.groups.len());
        for group in self.groups {
            let updates = group.clock.updates().clone();
            let all_of = |from: usize| state.slots.values().filter(|slot| slot.clock == from).count();
            match group.from {
                Some(from) if all_of(from) == group.members => {
                    state.clocks[from] = updates;
                    clocks.push(from);
                }
                // New parameters, or some of those that were updated together until now.
                _ => {
                    state.clocks.push(updates);
                    clocks.push(state.clocks.len() - 1);
                }
            }
        }
        for step in self.moves {
            let slot = Slot { clock: clocks[step.group], tensors: step.tensors };
            state.slots.insert(step.name, slot);
        }
        Ok(())
    }
}

/// The error for an update that is not finite.
pub(crate) fn not_finite(name: &str, grads: &[(&str, Tensor)]) -> Error {
    let grad = grads.iter().find(|(other, _)| *other == name).map(|(_, grad)| grad);
    let grad = grad.map_or_else(String::new, |grad| format!(": its gradient is {grad:?}"));
    Error::argument(format!("the update of parameter `{name}` is not finite{grad}"))
}

/// Whether every element is finite, or traced. Host memory is read at once; elsewhere the device looks, and one number comes back.
fn all_finite(x: &Tensor) -> bool {
    if x.is_traced() {
        return true;
    }
    if x.device().same_as(&Device::cpu()) {
        return x.to_host().is_ok_and(|data| match data.data() {
            HostData::F64(values) => values.iter().all(|x| x.is_finite()),
            HostData::F32(values) => values.iter().all(|x| x.is_finite()),
            HostData::I64(_) | HostData::Bool(_) => true,
        });
    }
    x.is_finite().all_all().to_scalar().is_ok_and(|finite| finite != 0.0)
}
