//! What a loop means: its body, evaluated once a step.

use ppl_tensor::op::Scan;
use ppl_tensor::{DType, HostTensor, NodeKind, TensorType};

use super::{Scalar, evaluate};

/// The elements of the result; `None` if the body has an operation without a definition.
pub(super) fn scan(scan: &Scan, inputs: &[HostTensor], ty: &TensorType) -> Option<Vec<Scalar>> {
    let scalars = |x: &HostTensor| -> Vec<Scalar> { (0..x.data().len()).map(|i| Scalar::of(x, i)).collect() };
    let (carries, rows) = (scan.carries(), scan.rows());
    let mut carried = inputs[..carries].to_vec();
    let mut sums: Vec<Vec<Scalar>> =
        scan.summed_types().iter().map(|ty| vec![Scalar::zero(ty.dtype); ty.shape.elements()]).collect();
    let mut stacks: Vec<Vec<Vec<Scalar>>> = vec![vec![Vec::new(); scan.length()]; scan.stacked()];
    let steps: Vec<usize> = match scan.is_reversed() {
        false => (0..scan.length()).collect(),
        true => (0..scan.length()).rev().collect(),
    };
    for t in steps {
        let mut arguments = carried;
        for x in &inputs[carries..carries + rows] {
            let row = TensorType::new(x.dtype(), &x.shape()[1..]);
            let size = row.shape.elements();
            arguments.push(super::collected(&row, scalars(x)[t * size..][..size].to_vec()));
        }
        arguments.extend_from_slice(&inputs[carries + rows..]);
        let outputs = step(scan, &arguments)?;
        carried = outputs[..carries].to_vec();
        for (sum, term) in sums.iter_mut().zip(&outputs[carries..]) {
            *sum = sum.iter().zip(scalars(term)).map(|(sum, term)| sum.plus(term)).collect();
        }
        for (stack, output) in stacks.iter_mut().zip(&outputs[carries + scan.summed()..]) {
            stack[t] = scalars(output);
        }
    }
    let arrays =
        carried.iter().map(scalars).chain(sums).chain(stacks.into_iter().map(|steps| steps.concat()));
    Some(arrays.flat_map(|array| packed(array, ty.dtype)).collect())
}

/// The outputs of one step.
fn step(scan: &Scan, arguments: &[HostTensor]) -> Option<Vec<HostTensor>> {
    let mut values: Vec<HostTensor> = Vec::new();
    for node in scan.body().nodes() {
        values.push(match &node.kind {
            NodeKind::Input(number) => arguments[*number].clone(),
            NodeKind::Constant(constant) => constant.download().expect("a constant of the host"),
            NodeKind::Op { op, inputs } => {
                let inputs: Vec<HostTensor> =
                    inputs.iter().map(|input| values[input.index()].clone()).collect();
                evaluate(op, &inputs)?
            }
        });
    }
    Some(scan.body().outputs().iter().map(|output| values[output.index()].clone()).collect())
}

/// An array as entries of the result.
fn packed(array: Vec<Scalar>, dtype: DType) -> Vec<Scalar> {
    let parts: &[(u32, i64)] = match (array.first(), dtype) {
        (Some(Scalar::Integer(_)), DType::F64) => &[(0, 0xFFFF_FFFF), (32, -1)],
        (Some(Scalar::Integer(_)), DType::F32) => &[(0, 0xFF_FFFF), (24, 0xFF_FFFF), (48, -1)],
        _ => return array,
    };
    let part = |&(shift, mask): &(u32, i64)| {
        array.iter().map(move |x| Scalar::Float(((x.integer() >> shift) & mask) as f64)).collect::<Vec<_>>()
    };
    parts.iter().flat_map(part).collect()
}
