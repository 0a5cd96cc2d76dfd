//! Loops on any backend: the body interpreted once a step.

use std::sync::Arc;

use crate::backend::{Backend, Executable};
use crate::graph::Interpreter;
use crate::op::{Binary, Scan, Slice};
use crate::{Error, HostTensor, Op, Result, Shape, TensorType};

/// A [`Scan`] prepared for a backend.
pub(crate) struct LoopPlan<B: Backend> {
    backend: Arc<B>,
    scan: Arc<Scan>,
    body: Interpreter<B>,
    pack: Interpreter<B>,
}

impl<B: Backend> LoopPlan<B> {
    pub(crate) fn new(backend: &Arc<B>, scan: &Arc<Scan>) -> Result<Self> {
        let body = Interpreter::new(backend.clone(), scan.body())?;
        let pack = Interpreter::new(backend.clone(), scan.packing())?;
        Ok(Self { backend: backend.clone(), scan: scan.clone(), body, pack })
    }

    pub(crate) fn run(&self, inputs: &[&B::Buffer]) -> Result<B::Buffer> {
        let scan = &*self.scan;
        if inputs.len() != scan.input_types().len() {
            let reason = format!("takes {} inputs, {} were given", scan.input_types().len(), inputs.len());
            return Err(Error::argument("scan", reason));
        }
        let (carries, rest) = inputs.split_at(scan.carries());
        let (rows, captured) = rest.split_at(scan.rows());
        let row_types = &scan.input_types()[scan.carries()..][..scan.rows()];
        let mut carries: Vec<B::Buffer> = carries.iter().map(|&x| x.clone()).collect();
        let mut sums: Vec<B::Buffer> = Vec::new();
        let mut stacks: Vec<Vec<B::Buffer>> = vec![Vec::with_capacity(scan.length()); scan.stacked()];
        let mut arguments = Vec::with_capacity(inputs.len());
        for step in 0..scan.length() {
            let row = if scan.is_reversed() { scan.length() - 1 - step } else { step };
            arguments.append(&mut carries);
            for (rows, ty) in rows.iter().zip(row_types) {
                arguments.push(self.row(rows, row, ty)?);
            }
            arguments.extend(captured.iter().map(|&x| x.clone()));
            let mut outputs = self.body.run(&arguments)?.into_iter();
            arguments.clear();
            carries.extend(outputs.by_ref().take(scan.carries()));
            let terms = outputs.by_ref().take(scan.summed());
            if step == 0 {
                sums.extend(terms);
            } else {
                for ((sum, term), ty) in sums.iter_mut().zip(terms).zip(scan.summed_types()) {
                    *sum = self.backend.run(&Op::Binary(Binary::Add), &[sum, &term], ty)?;
                }
            }
            for ((stack, output), ty) in stacks.iter_mut().zip(outputs).zip(scan.stacked_types()) {
                stack.push(self.flat_row(output, ty)?);
            }
        }
        if scan.length() == 0 {
            for ty in scan.summed_types() {
                sums.push(self.backend.upload(HostTensor::full_as(ty.dtype, &ty.shape, 0.0))?);
            }
        }
        carries.append(&mut sums);
        for (stack, ty) in stacks.into_iter().zip(scan.stacked_types()) {
            carries.push(self.joined(stack, ty)?);
        }
        self.pack.run(&carries)?.pop().ok_or_else(|| Error::argument("scan", "gives nothing"))
    }

    /// Row number `row` of an input.
    fn row(&self, rows: &B::Buffer, row: usize, ty: &TensorType) -> Result<B::Buffer> {
        let slice = Op::Slice(Slice { axis: 0, start: row, end: row + 1, step: 1 });
        let one: Shape = std::iter::once(1).chain(ty.shape[1..].iter().copied()).collect();
        let taken = self.backend.run(&slice, &[rows], &TensorType::new(ty.dtype, one))?;
        let inner = Shape::from(&ty.shape[1..]);
        self.backend.run(&Op::Reshape(inner.clone()), &[&taken], &TensorType::new(ty.dtype, inner))
    }

    /// A step's output as something that can be joined along its first dimension.
    fn flat_row(&self, output: B::Buffer, ty: &TensorType) -> Result<B::Buffer> {
        if ty.shape.rank() > 0 {
            return Ok(output);
        }
        let one = Shape::from([1]);
        self.backend.run(&Op::Reshape(one.clone()), &[&output], &TensorType::new(ty.dtype, one))
    }

    /// The outputs of all steps along a new first dimension.
    fn joined(&self, mut steps: Vec<B::Buffer>, ty: &TensorType) -> Result<B::Buffer> {
        let stacked: Shape = std::iter::once(self.scan.length()).chain(ty.shape.iter().copied()).collect();
        if steps.is_empty() {
            return self.backend.upload(HostTensor::full_as(ty.dtype, stacked, 0.0));
        }
        if self.scan.is_reversed() {
            steps.reverse();
        }
        let (first, inner) = ty.shape.split_first().map_or((1, &[][..]), |(&first, inner)| (first, inner));
        let long: Shape = std::iter::once(first * steps.len()).chain(inner.iter().copied()).collect();
        let all = TensorType::new(ty.dtype, long);
        let joined = self.backend.run(&Op::Concat { axis: 0 }, &steps.iter().collect::<Vec<_>>(), &all)?;
        self.backend.run(&Op::Reshape(stacked.clone()), &[&joined], &TensorType::new(ty.dtype, stacked))
    }
}
