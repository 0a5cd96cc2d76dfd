//! The program runner every backend has: one operation after the other, buffers freed at their last use.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{Graph, LoopPlan, NodeKind};
use crate::backend::{Backend, Executable};
use crate::{Error, Op, Result, TensorType};

/// Interprets a graph with [`Backend::run`].
pub struct Interpreter<B: Backend> {
    backend: Arc<B>,
    steps: Vec<Step<B>>,
    /// Initial contents of the slots: constants, and inputs still to be filled.
    slots: Vec<Option<B::Buffer>>,
    inputs: Vec<(usize, usize)>,
    outputs: Vec<usize>,
}

struct Step<B: Backend> {
    op: Op,
    /// How to run the operation if it is a loop.
    repeat: Option<Box<LoopPlan<B>>>,
    inputs: SmallVec<[usize; 3]>,
    ty: TensorType,
    slot: usize,
    /// Slots nobody reads afterwards.
    last_uses: SmallVec<[usize; 3]>,
}

impl<B: Backend> Interpreter<B> {
    /// Prepares a graph.
    ///
    /// # Errors
    /// If the graph is not legal, or a constant of another backend cannot be copied to this one.
    pub fn new(backend: Arc<B>, graph: &Graph) -> Result<Self> {
        graph.check()?;
        let live = live(graph);
        let mut slots = vec![None; graph.nodes().len()];
        let mut inputs = Vec::new();
        let mut steps = Vec::new();
        for (slot, node) in graph.nodes().iter().enumerate() {
            match &node.kind {
                NodeKind::Input(number) => inputs.push((*number, slot)),
                NodeKind::Constant(constant) => {
                    slots[slot] = Some(match constant.buffer::<B>() {
                        Some(buffer) => buffer.clone(),
                        None => backend.upload(constant.download()?)?,
                    });
                }
                NodeKind::Op { op, inputs } if live[slot] => {
                    let inputs = inputs.iter().map(|input| input.index()).collect();
                    let repeat = match op {
                        Op::Scan(scan) => Some(Box::new(LoopPlan::new(&backend, scan)?)),
                        _ => None,
                    };
                    steps.push(Step {
                        op: op.clone(),
                        repeat,
                        inputs,
                        ty: node.ty.clone(),
                        slot,
                        last_uses: SmallVec::new(),
                    });
                }
                NodeKind::Op { .. } => {}
            }
        }
        let outputs: Vec<usize> = graph.outputs().iter().map(|output| output.index()).collect();
        let mut read_later = vec![false; graph.nodes().len()];
        for &output in &outputs {
            read_later[output] = true;
        }
        for step in steps.iter_mut().rev() {
            for &input in &step.inputs {
                if !std::mem::replace(&mut read_later[input], true) {
                    step.last_uses.push(input);
                }
            }
        }
        Ok(Self { backend, steps, slots, inputs, outputs })
    }
}

/// Nodes that an output depends on.
pub(super) fn live(graph: &Graph) -> Vec<bool> {
    let mut live = vec![false; graph.nodes().len()];
    for output in graph.outputs() {
        live[output.index()] = true;
    }
    for (index, node) in graph.nodes().iter().enumerate().rev() {
        if let (true, NodeKind::Op { inputs, .. }) = (live[index], &node.kind) {
            for input in inputs {
                live[input.index()] = true;
            }
        }
    }
    live
}

impl<B: Backend> Executable<B::Buffer> for Interpreter<B> {
    fn run(&self, inputs: &[B::Buffer]) -> Result<Vec<B::Buffer>> {
        if inputs.len() != self.inputs.len() {
            let reason = format!("takes {} inputs, {} were given", self.inputs.len(), inputs.len());
            return Err(Error::argument("program", reason));
        }
        let missing =
            || Error::backend(self.backend.name(), "program", "a value was read before it was computed");
        let mut slots = self.slots.clone();
        for &(number, slot) in &self.inputs {
            slots[slot] = inputs.get(number).cloned();
        }
        for step in &self.steps {
            let result = {
                let arguments = step
                    .inputs
                    .iter()
                    .map(|&slot| slots[slot].as_ref().ok_or_else(missing))
                    .collect::<Result<SmallVec<[_; 4]>>>()?;
                match &step.repeat {
                    Some(repeat) => repeat.run(&arguments)?,
                    None => self.backend.run(&step.op, &arguments, &step.ty)?,
                }
            };
            slots[step.slot] = Some(result);
            for &slot in &step.last_uses {
                slots[slot] = None;
            }
        }
        self.outputs.iter().map(|&slot| slots[slot].clone().ok_or_else(missing)).collect()
    }
}
