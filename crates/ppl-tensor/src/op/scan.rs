//! Loops: a body run once a step, with values carried from one to the next.

mod packing;
mod record;

use std::fmt;

use super::{Op, dtype_error, layout};
use crate::array::{Array, recording};
use crate::autodiff::{Contributions, Differentiate, pull_back};
use crate::graph::{Body, Graph};
use crate::shape::Dims;
use crate::{Device, Error, Result, TensorType};

use packing::Packing;
pub(crate) use record::{Outputs, Recorder};

/// A loop over time.
///
/// The inputs are, in this order, the *carries* as the first step sees them; *rows*, whose first dimension counts the
/// steps; and *captured* values, the same in each step. The body is a graph of one step: its inputs are the carries,
/// one row of each of the rows, and the captured values; its outputs the next carries, values to be *summed* over the
/// steps, and values to be *stacked* along a new first dimension.
///
/// The result is one vector, because every operation has one result. It holds all last carries, then all sums, then
/// all stacks, each in row-major order, in the widest float dtype among them; without floats, in `I64`, or `Bool` if
/// there is nothing else. Truth values become 0 and 1. Nothing is lost: an integer among floats takes several entries,
/// its lowest bits first: 32 and 32 in `F64`, 24, 24 and 16 in `F32`, the last of them with the sign.
///
/// Made by [`scan`](crate::scan). The gradient is such a loop in the opposite direction: rows and stacks, captured
/// values and sums, first and last carries change places.
pub struct Scan {
    length: usize,
    reverse: bool,
    carries: usize,
    rows: usize,
    summed: usize,
    /// Whether the last stacks are the carries as each step saw them, of which the gradient has need.
    keeps_carries: bool,
    body: Body,
    input_types: Vec<TensorType>,
    output_types: Vec<TensorType>,
    packing: Packing,
}

impl Scan {
    /// Number of steps.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Whether the steps run from the last row to the first.
    pub fn is_reversed(&self) -> bool {
        self.reverse
    }

    /// Number of carries.
    pub fn carries(&self) -> usize {
        self.carries
    }

    /// Number of inputs of which each step sees one row.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of outputs that are summed over the steps.
    pub fn summed(&self) -> usize {
        self.summed
    }

    /// Number of outputs that are stacked.
    pub fn stacked(&self) -> usize {
        self.output_types.len() - self.carries - self.summed
    }

    /// One step.
    pub fn body(&self) -> &Graph {
        self.body.graph()
    }

    /// From last carries, sums and stacks to the operation's result.
    pub fn packing(&self) -> &Graph {
        self.packing.graph()
    }

    /// Types of the operation's inputs.
    pub fn input_types(&self) -> &[TensorType] {
        &self.input_types
    }

    /// Types of the summed outputs.
    pub fn summed_types(&self) -> &[TensorType] {
        &self.output_types[self.carries..][..self.summed]
    }

    /// Types of the stacked outputs in one step.
    pub fn stacked_types(&self) -> &[TensorType] {
        &self.output_types[self.carries + self.summed..]
    }

    /// The device the body was recorded on.
    pub(crate) fn device(&self) -> &Device {
        self.body.graph().device()
    }

    pub(super) fn output_type(&self, op: &Op, inputs: &[&TensorType]) -> Result<TensorType> {
        if inputs.len() != self.input_types.len() {
            let reason = format!("takes {} inputs, {} were given", self.input_types.len(), inputs.len());
            return Err(Error::argument(op.name(), reason));
        }
        for (number, (input, wanted)) in inputs.iter().zip(&self.input_types).enumerate() {
            if input.dtype != wanted.dtype {
                let reason = format!("input {number} must be {}", wanted.dtype);
                return Err(dtype_error(op, inputs, reason));
            }
            if input.shape != wanted.shape {
                let reason = format!("input {number} must be of the second shape");
                return Err(Error::shape(op.name(), [&input.shape, &wanted.shape], reason));
            }
        }
        Ok(self.packing.ty().clone())
    }

    /// A loop in the opposite direction, over the vector-Jacobian product of a step: its carries are the gradients of
    /// the carries, its sums those of captured values, its stacks those of the rows.
    pub(super) fn gradient(&self, of: &Differentiate<'_>) -> Result<Contributions> {
        let inputs: Vec<Array> = (0..of.inputs()).map(|i| of.input(i)).collect();
        let (grad, device) = (of.grad(), of.grad().device().clone());
        let is_float = |i: &usize| self.output_types[*i].dtype.is_float();
        let stacked_from = self.carries + self.summed;
        let carried: Vec<usize> = (0..self.carries).filter(is_float).collect();
        let asked = |i: &usize| of.needs(*i) && self.input_types[*i].dtype.is_float();
        let rows: Vec<usize> = (self.carries..self.carries + self.rows).filter(asked).collect();
        let captured: Vec<usize> = (self.carries + self.rows..inputs.len()).filter(asked).collect();
        if carried.is_empty() && rows.is_empty() && captured.is_empty() {
            return Ok(of.none());
        }
        let part = |i: usize| self.packing.part(&grad, i, 0);
        let kept = self.kept_carries(&inputs, &of.output())?;

        let mut backward = Recorder::new(&device, self.length, !self.reverse);
        let cotangents = backward.carries(carried.iter().map(|&i| part(i)).collect())?;
        let seen = backward.rows(kept)?;
        let row = backward.rows(inputs[self.carries..][..self.rows].to_vec())?;
        let stacked: Vec<usize> = (stacked_from..self.output_types.len()).filter(is_float).collect();
        let of_stacked = backward.rows(stacked.iter().map(|&i| part(i)).collect())?;
        let fixed = backward.captured(inputs[self.carries + self.rows..].to_vec())?;
        let summed: Vec<usize> = (self.carries..stacked_from).filter(is_float).collect();
        let of_summed = backward.captured(summed.iter().map(|&i| part(i)).collect())?;

        let arguments = [seen, row, fixed].concat();
        let outputs = recording(true, || {
            let apply = |op: &Op, inputs: &[Array]| Array::apply(op.clone(), inputs);
            let values = self.body.replay(&device, &arguments, |constant| constant, apply)?;
            let places = carried.iter().chain(&stacked).chain(&summed);
            let seeds = cotangents.into_iter().chain(of_stacked).chain(of_summed);
            let pairs: Vec<(Array, Array)> = places.map(|&i| values[i].clone()).zip(seeds).collect();
            let leaves = |places: &[usize]| -> Result<Vec<Array>> {
                let leaves: Vec<&Array> = places.iter().map(|&i| &arguments[i]).collect();
                let grads = pull_back(&pairs, &leaves)?;
                Ok(grads
                    .into_iter()
                    .zip(leaves)
                    .map(|(grad, leaf)| grad.unwrap_or_else(|| leaf.zeros_like()))
                    .collect())
            };
            let all = leaves(&[&carried[..], &captured, &rows].concat())?;
            let (carries, rest) = all.split_at(carried.len());
            let (summed, stacked) = rest.split_at(captured.len());
            Ok::<_, Error>(Outputs {
                carries: carries.to_vec(),
                summed: summed.to_vec(),
                stacked: stacked.to_vec(),
                keeps_carries: false,
            })
        })?;
        let mut contributions = of.none();
        let places = carried.iter().chain(&captured).chain(&rows);
        for (&place, contribution) in places.zip(backward.finish(outputs)?) {
            contributions[place] = Some(contribution);
        }
        Ok(contributions)
    }

    /// The carries as each step saw them: from the result, or by running the loop again.
    fn kept_carries(&self, inputs: &[Array], output: &Array) -> Result<Vec<Array>> {
        let parts = self.output_types.len();
        if self.keeps_carries {
            return Ok((parts - self.carries..parts).map(|i| self.packing.part(output, i, 0)).collect());
        }
        let mut again = Recorder::new(output.device(), self.length, self.reverse);
        let seen = again.carries(inputs[..self.carries].to_vec())?;
        let rows = again.rows(inputs[self.carries..][..self.rows].to_vec())?;
        let captured = again.captured(inputs[self.carries + self.rows..].to_vec())?;
        let arguments = [&seen[..], &rows, &captured].concat();
        let outputs = recording(true, || {
            let apply = |op: &Op, inputs: &[Array]| Array::apply(op.clone(), inputs);
            self.body.replay(output.device(), &arguments, |constant| constant, apply)
        })?;
        let carries = outputs[..self.carries].to_vec();
        let outputs = Outputs { carries, summed: Vec::new(), stacked: seen, keeps_carries: true };
        Ok(again.finish(outputs)?.split_off(self.carries))
    }

    /// The loop whose body applies each operation's own batching rule, with batch dimensions only where they are needed.
    pub(super) fn batch(&self, inputs: &[Array], lead: usize) -> Array {
        match inputs.iter().find(|x| x.failed()) {
            Some(failed) => failed.clone(),
            None => self.batched(inputs, lead).unwrap_or_else(|error| Array::failure(self.device(), error)),
        }
    }

    fn batched(&self, inputs: &[Array], lead: usize) -> Result<Array> {
        let device = inputs.first().map_or_else(|| self.device().clone(), |x| x.device().clone());
        let (carries, rest) = inputs.split_at(self.carries);
        let (rows, captured) = rest.split_at(self.rows);
        let batch = layout::common_batch(inputs, lead);
        // Rows have their batch dimensions first, loops the steps.
        let time_first = |x: &Array| {
            let order: Dims =
                std::iter::once(lead).chain(0..lead).chain(lead + 1..x.shape().rank()).collect();
            x.permute(order)
        };
        let rows: Vec<Array> = rows.iter().map(time_first).collect();
        let mut carries = carries.to_vec();
        loop {
            let mut batched = Recorder::new(&device, self.length, self.reverse);
            let seen = batched.carries(carries.clone())?;
            let row = batched.rows(rows.clone())?;
            let fixed = batched.captured(captured.to_vec())?;
            let mut outputs = recording(true, || {
                let widened = |constant: Array| {
                    let shape =
                        std::iter::repeat_n(1, lead).chain(constant.shape().iter().copied()).collect();
                    constant.reshape(shape)
                };
                let apply = |op: &Op, inputs: &[Array]| op.batch(inputs, lead);
                self.body.replay(&device, &[seen, row, fixed].concat(), widened, apply)
            })?;
            // A step may give a carry a batch dimension: then it has it from the start.
            let sizes = |carry: &Array, next: &Array| -> Dims {
                (0..lead)
                    .map(|d| if carry.shape()[d] == 1 { next.shape()[d] } else { carry.shape()[d] })
                    .collect()
            };
            let all: Vec<Dims> =
                carries.iter().zip(&outputs).map(|(carry, next)| sizes(carry, next)).collect();
            let settled = carries.iter().zip(&all).all(|(carry, sizes)| carry.shape()[..lead] == sizes[..]);
            if !settled {
                carries =
                    carries.iter().zip(&all).map(|(carry, sizes)| carry.broadcast_batch(sizes)).collect();
                continue;
            }
            let stacked = outputs.split_off(self.carries + self.summed);
            let summed = outputs.split_off(self.carries);
            let next = recording(true, || {
                outputs.iter().zip(&all).map(|(next, sizes)| next.broadcast_batch(sizes)).collect()
            });
            let outputs = Outputs { carries: next, summed, stacked, keeps_carries: self.keeps_carries };
            let mut leaves = batched.finish(outputs)?;
            leaves.truncate(self.output_types.len());
            for stack in &mut leaves[self.carries + self.summed..] {
                let order: Dims = (1..=lead).chain([0]).chain(lead + 1..stack.shape().rank()).collect();
                *stack = stack.permute(order);
            }
            let full: Vec<Array> = leaves.iter().map(|leaf| leaf.broadcast_batch(&batch)).collect();
            return Ok(packing::pack(&full, lead, self.packing.ty().dtype));
        }
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.reverse { ", backwards" } else { "" };
        write!(
            f,
            "Scan {{ {} steps{direction}, {} carries of\n{}\n}}",
            self.length,
            self.carries,
            self.body()
        )
    }
}
