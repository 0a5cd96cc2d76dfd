//! Steps as compiled programs: what their state is, and the programs that were made.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use ppl_core::{Error, Model, ParamStore, Result};
use ppl_jit::Compile;
use ppl_tensor::{Axes, DType, Device, Key, Program, Shape, Tensor, TensorTree, TreePath};

use super::met::Met;
use super::{Svi, gradients, tracked};
use crate::objective::{Jit, Objective, ObjectiveState};
use crate::optim::{Optimizer, OptimizerState};
use crate::tracing::{Last, record};

/// Most programs that are kept at a time: of arguments whose shapes are always new, the oldest go.
const PROGRAMS: usize = 32;

/// All that a step changes.
#[derive(Clone)]
pub(super) struct State {
    params: ParamStore,
    optimizer: OptimizerState,
    objective: ObjectiveState,
    /// Number of steps before, `I64`: the key of a step is derived with it.
    step: Tensor,
}

impl TensorTree for State {
    fn try_map(
        &self,
        path: &mut TreePath,
        f: &mut dyn FnMut(&TreePath, &Tensor) -> ppl_tensor::Result<Tensor>,
    ) -> ppl_tensor::Result<Self> {
        Ok(Self {
            params: path.with("params", |path| self.params.try_map(path, f))?,
            optimizer: path.with("optimizer", |path| self.optimizer.try_map(path, f))?,
            objective: path.with("objective", |path| self.objective.try_map(path, f))?,
            step: path.with("step", |path| f(path, &self.step))?,
        })
    }

    fn hash_static(&self, hasher: &mut dyn Hasher) {
        self.params.hash_static(hasher);
        self.optimizer.hash_static(hasher);
        self.objective.hash_static(hasher);
    }
}

/// A step: the next state, the loss, and whether all of it is finite.
type StepProgram = Program<(State, (Tensor, Tensor))>;

/// What decides which program fits a tree: all but the numbers of its tensors.
#[derive(Debug, Clone, PartialEq)]
struct Signature {
    fixed: u64,
    leaves: Vec<(DType, Shape, Axes)>,
}

impl Signature {
    fn of<T: TensorTree>(tree: &T, device: &Device) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        std::any::type_name::<T>().hash(&mut hasher);
        tree.hash_static(&mut hasher);
        let mut leaves = Vec::new();
        tree.visit(&mut |leaf| {
            let leaf = leaf.check()?;
            // A program makes Rust numbers tensors of its device.
            let dtype = leaf.dtype();
            let dtype = if leaf.is_weak() { device.dtype_of_weak(dtype) } else { dtype };
            leaves.push((dtype, leaf.shape(), leaf.axes().clone()));
            Ok(())
        })?;
        Ok(Self { fixed: hasher.finish(), leaves })
    }
}

/// The programs of a fit.
#[derive(Default)]
pub(super) struct Programs {
    known: Vec<(Signature, Signature, StepProgram)>,
    /// Arguments whose data were checked.
    checked: Vec<Signature>,
    /// Of arguments and state, where the next state had other parts.
    growing: Option<(Signature, Signature)>,
    /// Spent on tracing and compiling.
    pub(super) time: Duration,
}

impl Programs {
    fn find(&self, args: &Signature, state: &Signature) -> Option<&StepProgram> {
        let fits = |(a, s, _): &&(Signature, Signature, StepProgram)| a == args && s == state;
        self.known.iter().rev().find(fits).map(|(.., program)| program)
    }

    fn check(&mut self, args: &Signature) {
        if !self.checked.contains(args) {
            push(&mut self.checked, args.clone());
        }
    }

    /// Makes data be checked again, and the constraints of parameters be attached that come from a file.
    pub(super) fn forget_checks(&mut self) {
        self.checked.clear();
    }
}

fn push<T>(kept: &mut Vec<T>, new: T) {
    if kept.len() >= PROGRAMS {
        kept.remove(0);
    }
    kept.push(new);
}

impl<M, G, O: Optimizer, J: Objective> Svi<M, G, O, Jit<J>> {
    /// What each compiled step does, for people to read, the latest last: fused loops, memory, and estimates of work.
    pub fn explain(&self) -> Vec<String> {
        self.programs.known.iter().map(|(.., program)| program.explain()).collect()
    }

    /// Takes up to so many steps with the compiled program for these arguments; `seen` is given the loss of each. Fewer are
    /// taken if one is not finite or fails, and none if the state has not all of its parts yet. Gives their number, and why
    /// the program failed, which knows neither sites nor lines: a step without the compiler tells of them.
    pub(super) fn iterate<A: TensorTree>(
        &mut self,
        args: &A,
        steps: usize,
        seen: &mut dyn FnMut(f64),
    ) -> Result<(usize, Option<Error>)>
    where
        M: Model<A>,
        G: Model<A>,
    {
        let signature = Signature::of(args, &self.device)?;
        if self.state.is_new() {
            // The first step creates what later ones remember, and checks data on its way.
            self.programs.check(&signature);
            return Ok((0, None));
        }
        if !self.programs.checked.contains(&signature) {
            let (key, params) = (self.next_key(), self.params.clone());
            match self.estimated(key, true, params, &self.objective_state, Met::default(), args) {
                Ok((params, ..)) => self.params = params,
                // The step itself tells of it, or skips it.
                Err(Error::NonFinite { .. }) => return Ok((0, None)),
                Err(error) => return Err(error),
            }
            self.programs.check(&signature);
        }
        let mut state = State {
            params: self.params.clone(),
            optimizer: self.state.clone(),
            objective: self.objective_state.clone(),
            step: self.device.place(&Tensor::from(self.losses.len()))?,
        };
        let inputs = (self.key.tensor().clone(), args.clone());
        let of_state = Signature::of(&state, &self.device)?;
        if self.programs.find(&signature, &of_state).is_none() {
            let start = Instant::now();
            let program = self.compiled(&state, &inputs)?;
            self.programs.time += start.elapsed();
            let pair = (signature.clone(), of_state.clone());
            let Some(program) = program else {
                self.grows(pair)?;
                return Ok((0, None));
            };
            push(&mut self.programs.known, (pair.0, pair.1, program));
        }
        let Some(program) = self.programs.find(&signature, &of_state) else { return Ok((0, None)) };
        let before = self.losses.len();
        let losses = &mut self.losses;
        let mut accept = |results: &[f64]| {
            let [loss, finite] = results else { return false };
            let finite = *finite != 0.0;
            if finite {
                losses.push(*loss);
                seen(*loss);
            }
            finite
        };
        let failure = program.run_state(&mut state, &inputs, steps, &mut accept).err().map(Error::from);
        (self.params, self.state, self.objective_state) = (state.params, state.optimizer, state.objective);
        Ok((self.losses.len() - before, failure))
    }

    /// A step that adds parts to the state runs without the compiler, but not again and again.
    fn grows(&mut self, pair: (Signature, Signature)) -> Result<()> {
        if self.programs.growing.as_ref() == Some(&pair) && !self.stable {
            let reason = "the step cannot be compiled: what it remembers has another structure, other shapes or dtypes \
                          in a program than without the compiler; run it without `.jit()`";
            return Err(Error::argument(reason));
        }
        self.programs.growing = Some(pair);
        Ok(())
    }

    /// The program of a step; none if the next state has other parts than this one, so that it cannot be iterated.
    fn compiled<A: TensorTree>(&self, state: &State, inputs: &(Tensor, A)) -> Result<Option<StepProgram>>
    where
        M: Model<A>,
        G: Model<A>,
    {
        let last = Last::default();
        let mut stays = false;
        let step = |(state, (key, args)): &(State, (Tensor, A))| {
            let (next, results) = self.traced(state, key, args, &last)?;
            stays = Signature::of(&next, &self.device)? == Signature::of(state, &self.device)?;
            Ok((next, results))
        };
        let traced = record(&self.device, step, &(state.clone(), inputs.clone()));
        let traced = traced.map_err(|error| match error {
            Error::Mismatch { .. } => Error::argument(format!(
                "the compiled step has other sites than one without the compiler: of data that may be missing \
                 (`Observation::present`) the missing ones are latent in every compiled program, though none is missing: \
                 give them as plain data\n{error}"
            )),
            error => last.explain("the step cannot be compiled (without `.jit()` it runs as it is)", error),
        })?;
        Ok(if stays { Some(self.device.compile_step(traced)?) } else { None })
    }

    /// A step on symbols.
    fn traced<A: TensorTree>(
        &self,
        state: &State,
        key: &Tensor,
        args: &A,
        last: &Last,
    ) -> Result<(State, (Tensor, Tensor))>
    where
        M: Model<A>,
        G: Model<A>,
    {
        let key = Key::from_tensor(key.clone()).fold_in(state.step.clone());
        let met = Met::telling(last);
        let (mut params, met, estimate) =
            self.estimated(key, false, tracked(&state.params), &state.objective, met, args)?;
        let loss = estimate.loss.detach();
        let grads = gradients(&params, &met, &estimate.surrogate)?;
        let proposal = state.optimizer.propose(&self.optimizer, &params, &grads)?;
        let finite = loss.is_finite().and(proposal.is_finite());
        params.track(false);
        let mut optimizer = state.optimizer.clone();
        proposal.commit(&mut params, &mut optimizer)?;
        let next = State { params, optimizer, objective: estimate.state, step: &state.step + 1_i64 };
        Ok((next, (loss, finite)))
    }
}
