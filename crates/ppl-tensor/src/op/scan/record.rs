//! Recording the body of a loop, and running the loop.

use std::sync::Arc;

use super::Scan;
use super::packing::Packing;
use crate::array::{Array, is_recording};
use crate::graph::Tracer;
use crate::{Device, Error, Op, Result, Shape, TensorType};

/// The body of a loop while it is recorded: inputs are declared, operations on them are recorded, and `finish` runs the
/// loop.
pub(crate) struct Recorder {
    tracer: Tracer,
    length: usize,
    reverse: bool,
    carries: usize,
    rows: usize,
    /// The loop's inputs.
    inputs: Vec<Array>,
    /// What the body sees of them.
    seen: Vec<Array>,
}

/// What a body gives.
pub(crate) struct Outputs {
    /// The next carries, of the types of the carries.
    pub(crate) carries: Vec<Array>,
    pub(crate) summed: Vec<Array>,
    pub(crate) stacked: Vec<Array>,
    /// Whether the last stacked are the carries that the body was given.
    pub(crate) keeps_carries: bool,
}

impl Recorder {
    pub(crate) fn new(device: &Device, length: usize, reverse: bool) -> Self {
        let tracer = Tracer::of_body(device);
        Self { tracer, length, reverse, carries: 0, rows: 0, inputs: Vec::new(), seen: Vec::new() }
    }

    /// Declares carries, given as the first step sees them; before all else.
    pub(crate) fn carries(&mut self, arrays: Vec<Array>) -> Result<Vec<Array>> {
        self.carries += arrays.len();
        self.declare(arrays, |ty| ty.clone())
    }

    /// Declares inputs of which a step sees one row of the first dimension; before all captured ones.
    pub(crate) fn rows(&mut self, arrays: Vec<Array>) -> Result<Vec<Array>> {
        self.rows += arrays.len();
        self.declare(arrays, |ty| TensorType::new(ty.dtype, &ty.shape[1..]))
    }

    /// Declares inputs that are the same in each step.
    pub(crate) fn captured(&mut self, arrays: Vec<Array>) -> Result<Vec<Array>> {
        self.declare(arrays, |ty| ty.clone())
    }

    fn declare(
        &mut self,
        arrays: Vec<Array>,
        seen: impl Fn(&TensorType) -> TensorType,
    ) -> Result<Vec<Array>> {
        let mut declared = Vec::with_capacity(arrays.len());
        for array in arrays {
            if let Some(error) = array.error() {
                return Err(error.clone());
            }
            declared.push(self.tracer.body_input(&seen(array.ty()))?);
            self.inputs.push(array);
        }
        self.seen.extend_from_slice(&declared);
        Ok(declared)
    }

    /// Runs the loop: last carries, sums, stacks (and the carries that each step saw, if a gradient may want them).
    pub(crate) fn finish(mut self, mut outputs: Outputs) -> Result<Vec<Array>> {
        let tracked = self.inputs.iter().any(|x| x.tape().is_some()) || self.tracer.captures_tracked();
        if is_recording() && tracked && !outputs.keeps_carries {
            outputs.stacked.extend_from_slice(&self.seen[..self.carries]);
            outputs.keeps_carries = true;
        }
        let (carries, summed) = (outputs.carries.len(), outputs.summed.len());
        let all = [outputs.carries, outputs.summed, outputs.stacked].concat();
        if let Some(error) = all.iter().find_map(Array::error) {
            return Err(error.clone());
        }
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let (body, captured) = self.tracer.finish_body(&all)?;
        self.inputs.extend(captured);
        let (body, kept) = body.compact(carries);
        let rows = kept.iter().filter(|&&i| (carries..carries + self.rows).contains(&i)).count();
        let inputs: Vec<Array> = kept.iter().filter_map(|&i| self.inputs.get(i).cloned()).collect();
        let stack = |ty: &TensorType| -> TensorType {
            let shape: Shape = std::iter::once(self.length).chain(ty.shape.iter().copied()).collect();
            TensorType::new(ty.dtype, shape)
        };
        let output_types: Vec<TensorType> = all.iter().map(|x| x.ty().clone()).collect();
        let (once, each) = output_types.split_at(carries + summed);
        let packed: Vec<TensorType> = once.iter().cloned().chain(each.iter().map(stack)).collect();
        if let Some(ty) = packed.iter().find(|ty| !ty.shape.is_addressable()) {
            return Err(Error::argument("scan", format!("there is no memory for shape {}", ty.shape)));
        }
        let input_types = inputs.iter().map(|x| x.ty().clone()).collect();
        let packing = Packing::new(body.graph().device(), packed)?;
        let scan = Scan {
            length: self.length,
            reverse: self.reverse,
            carries,
            rows,
            summed,
            keeps_carries: outputs.keeps_carries,
            body,
            input_types,
            output_types,
            packing,
        };
        let scan = Arc::new(scan);
        let result = Array::apply(Op::Scan(scan.clone()), &inputs);
        match result.error() {
            Some(error) => Err(error.clone()),
            None => Ok((0..scan.packing.parts()).map(|i| scan.packing.part(&result, i, 0)).collect()),
        }
    }
}
