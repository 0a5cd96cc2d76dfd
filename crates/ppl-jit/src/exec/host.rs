//! Programs run operation by operation, by the backend that defines the operations.

use ppl_tensor::{Backend, Error, Executable, HostBackend, HostTensor, Op, Result, TensorType};
use smallvec::SmallVec;

use crate::ir::{Id, Ir, Kind};

/// A program, and when its values are needed.
pub(crate) struct HostProgram {
    steps: Vec<Step>,
    /// Initial values: constants.
    values: Vec<Option<HostTensor>>,
    /// Number of arguments, and the nodes they go to.
    inputs: usize,
    arguments: Vec<(usize, Id)>,
    outputs: Vec<Id>,
}

struct Step {
    op: Op,
    inputs: SmallVec<[Id; 3]>,
    ty: TensorType,
    result: Id,
    /// What nothing reads afterwards.
    last_uses: SmallVec<[Id; 3]>,
}

impl HostProgram {
    pub(crate) fn new(ir: Ir) -> Self {
        let mut read_later = vec![false; ir.nodes.len()];
        for output in &ir.outputs {
            read_later[output.0] = true;
        }
        let (mut steps, mut values, mut arguments) = (Vec::new(), Vec::new(), Vec::new());
        for (place, node) in ir.nodes.into_iter().enumerate() {
            let mut value = None;
            match node.kind {
                Kind::Input(number) => arguments.push((number, Id(place))),
                Kind::Constant(constant) => value = Some(constant),
                Kind::Op(op, inputs) => {
                    let last_uses = SmallVec::new();
                    steps.push(Step { op, inputs, ty: node.ty, result: Id(place), last_uses });
                }
            }
            values.push(value);
        }
        for step in steps.iter_mut().rev() {
            for &input in &step.inputs {
                if !std::mem::replace(&mut read_later[input.0], true) {
                    step.last_uses.push(input);
                }
            }
        }
        Self { steps, values, inputs: ir.inputs, arguments, outputs: ir.outputs }
    }
}

impl Executable<HostTensor> for HostProgram {
    fn run(&self, inputs: &[HostTensor]) -> Result<Vec<HostTensor>> {
        if inputs.len() != self.inputs {
            let reason = format!("takes {} inputs, {} were given", self.inputs, inputs.len());
            return Err(Error::argument("program", reason));
        }
        let missing = || Error::backend("host", "program", "a value was read before it was computed");
        let mut values = self.values.clone();
        for &(number, place) in &self.arguments {
            values[place.0] = inputs.get(number).cloned();
        }
        for step in &self.steps {
            let result = {
                let of = |input: &Id| values[input.0].as_ref().ok_or_else(missing);
                let arguments = step.inputs.iter().map(of).collect::<Result<SmallVec<[_; 4]>>>()?;
                HostBackend.run(&step.op, &arguments, &step.ty)?
            };
            values[step.result.0] = Some(result);
            for input in &step.last_uses {
                values[input.0] = None;
            }
        }
        self.outputs.iter().map(|output| values[output.0].clone().ok_or_else(missing)).collect()
    }
}
