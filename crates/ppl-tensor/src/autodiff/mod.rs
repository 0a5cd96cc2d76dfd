//! Reverse-mode differentiation: walks the recorded operations backwards and applies their gradient rules.
//!
//! Rules are written with operations, so gradients can be differentiated again, traced, and run on any device. This
//! driver alone accumulates contributions, undoes broadcasting and checks counts.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

use smallvec::SmallVec;

use crate::array::{Array, no_grad};
use crate::{Error, HostTensor, Result, Tensor};

/// What a gradient rule returns: one entry an input, `None` where nothing flows.
pub(crate) type Contributions = SmallVec<[Option<Array>; 3]>;

/// What a gradient rule sees.
pub(crate) struct Differentiate<'a> {
    inputs: &'a [Array],
    needs: SmallVec<[bool; 3]>,
    output: &'a Array,
    grad: &'a Array,
}

impl Differentiate<'_> {
    /// Number of inputs.
    pub(crate) fn inputs(&self) -> usize {
        self.inputs.len()
    }

    pub(crate) fn input(&self, index: usize) -> Array {
        self.inputs[index].clone()
    }

    pub(crate) fn output(&self) -> Array {
        self.output.clone()
    }

    /// Gradient of the output, of its shape.
    pub(crate) fn grad(&self) -> Array {
        self.grad.clone()
    }

    /// Whether input `index` leads to something whose gradient is asked for.
    pub(crate) fn needs(&self, index: usize) -> bool {
        self.needs[index]
    }

    /// No input has a gradient.
    pub(crate) fn none(&self) -> Contributions {
        smallvec::smallvec![None; self.inputs.len()]
    }

    /// The contribution to a single input.
    pub(crate) fn one(&self, contribution: Array) -> Contributions {
        smallvec::smallvec![Some(contribution)]
    }

    /// Contributions to two inputs, computed where needed.
    pub(crate) fn two(&self, first: impl FnOnce() -> Array, second: impl FnOnce() -> Array) -> Contributions {
        smallvec::smallvec![self.needs[0].then(first), self.needs[1].then(second)]
    }

    /// Contributions to any number of inputs, computed where needed.
    pub(crate) fn of_inputs<const N: usize>(&self, rules: [&dyn Fn() -> Option<Array>; N]) -> Contributions {
        rules.iter().enumerate().map(|(i, rule)| if self.needs[i] { rule() } else { None }).collect()
    }
}

/// Tape ids are distinct small numbers: multiplying spreads them well enough, and much faster than SipHash.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte) ^ self.0);
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

type ById<V> = HashMap<u64, V, BuildHasherDefault<IdHasher>>;

/// Gradients of the sum of `output` with respect to leaves, `None` for a leaf it does not depend on.
fn gradients(output: &Array, leaves: &[&Array]) -> Result<Vec<Option<Array>>> {
    let ones = HostTensor::full_as(output.dtype(), output.shape(), 1.0);
    pull_back(&[(output.clone(), Array::upload(output.device(), ones)?)], leaves)
}

/// Gradients with respect to leaves of `Σ ⟨output, grad⟩` over pairs of equal shapes, `None` for a leaf that no output
/// depends on.
pub(crate) fn pull_back(outputs: &[(Array, Array)], leaves: &[&Array]) -> Result<Vec<Option<Array>>> {
    let mut grads: ById<Array> = ById::default();
    for (output, grad) in outputs {
        if let Some(tape) = output.tape() {
            accumulate(&mut grads, tape.id, grad.clone());
        }
    }
    let (steps, needed) = steps_towards(outputs.iter().map(|(output, _)| output.clone()).collect(), leaves);
    for array in steps.iter().rev() {
        let Some(tape) = array.tape() else { continue };
        let Some((op, inputs)) = &tape.step else { continue };
        let asked = leaves.iter().any(|leaf| leaf.tape().is_some_and(|leaf| leaf.id == tape.id));
        let grad = if asked { grads.get(&tape.id).cloned() } else { grads.remove(&tape.id) };
        let Some(grad) = grad else { continue };
        let needs = inputs.iter().map(|x| x.tape().is_some_and(|t| needed.contains_key(&t.id))).collect();
        let contributions = op.gradient(&Differentiate { inputs, needs, output: array, grad: &grad })?;
        if contributions.len() != inputs.len() {
            let reason = format!("{} contributions for {} inputs", contributions.len(), inputs.len());
            return Err(Error::gradient(op.name(), reason));
        }
        for (input, contribution) in inputs.iter().zip(contributions) {
            let (Some(tape), Some(contribution)) = (input.tape(), contribution) else { continue };
            if !needed.contains_key(&tape.id) {
                continue;
            }
            let contribution = contribution.sum_to(input.shape());
            if let Some(error) = contribution.error() {
                return Err(error.clone());
            }
            accumulate(&mut grads, tape.id, contribution);
        }
    }
    Ok(leaves.iter().map(|leaf| leaf.tape().and_then(|tape| grads.get(&tape.id).cloned())).collect())
}

fn accumulate(grads: &mut ById<Array>, id: u64, contribution: Array) {
    match grads.entry(id) {
        Entry::Vacant(entry) => {
            entry.insert(contribution);
        }
        Entry::Occupied(mut entry) => {
            let sum = entry.get().add(&contribution);
            entry.insert(sum);
        }
    }
}

/// The recorded arrays between the leaves and the outputs, oldest first, and the ids through which gradients flow.
fn steps_towards(outputs: Vec<Array>, leaves: &[&Array]) -> (Vec<Array>, ById<()>) {
    let mut seen: ById<()> = ById::default();
    let mut steps: Vec<Array> = Vec::new();
    let mut pending = outputs;
    while let Some(array) = pending.pop() {
        let Some(tape) = array.tape() else { continue };
        if seen.insert(tape.id, ()).is_some() {
            continue;
        }
        if let Some((_, inputs)) = &tape.step {
            pending.extend(inputs.iter().filter(|x| x.tape().is_some()).cloned());
        }
        steps.push(array);
    }
    let id = |array: &Array| array.tape().map_or(0, |tape| tape.id);
    steps.sort_unstable_by_key(id);

    let mut needed: ById<()> = leaves.iter().filter_map(|leaf| Some((leaf.tape()?.id, ()))).collect();
    for array in &steps {
        let Some(tape) = array.tape() else { continue };
        let Some((_, inputs)) = &tape.step else { continue };
        if inputs.iter().any(|x| x.tape().is_some_and(|t| needed.contains_key(&t.id))) {
            needed.insert(tape.id, ());
        }
    }
    (steps, needed)
}

/// Gradients of a scalar with respect to tracked tensors ([`Tensor::tracked`]), each of its tensor's shape; zero where
/// the scalar does not depend on it.
///
/// # Errors
/// If the output failed, is not a float scalar, has implicit axes that a tensor lacks, or an operation has no gradient.
pub fn grad(output: &Tensor, leaves: &[&Tensor]) -> Result<Vec<Tensor>> {
    no_grad(|| grad_recorded(output, leaves))
}

/// As [`grad`], but the gradients can be differentiated again.
///
/// # Errors
/// As [`grad`].
pub fn grad_recorded(output: &Tensor, leaves: &[&Tensor]) -> Result<Vec<Tensor>> {
    output.check()?;
    if output.shape().rank() != 0 || !output.dtype().is_float() {
        let reason = "gradients are of a float scalar: sum it first";
        return Err(Error::shape("grad", [&output.shape()], reason));
    }
    for leaf in leaves {
        leaf.check()?;
        if leaf.array().tape().is_none() {
            return Err(Error::gradient("grad", "a tensor is not tracked: mark it with `tracked` first"));
        }
        if let Some(axis) = output.axes().iter().find(|axis| !leaf.axes().contains(axis)) {
            let reason = format!("the output is per row of {axis}, a tensor is not: sum the output first");
            return Err(Error::axis("grad", reason));
        }
    }
    let arrays: Vec<&Array> = leaves.iter().map(|leaf| leaf.array()).collect();
    let grads = gradients(output.array(), &arrays)?;
    let zero_if_none = |(leaf, grad): (&&Tensor, Option<Array>)| {
        let grad = grad.unwrap_or_else(|| leaf.array().zeros_like());
        Tensor::with_axes(grad, leaf.axes().clone())
    };
    Ok(leaves.iter().zip(grads).map(zero_if_none).collect())
}
