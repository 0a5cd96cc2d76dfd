//! Programs for tests of rules.

use ppl_tensor::{DType, Device, HostTensor, Op, Result, Shape, Tensor, trace};

use super::simplify;
use crate::ir::{Ir, Kind};

/// The simplified program of a function of arrays of `F64`, of given shapes.
pub(super) fn simplified(shapes: &[&[usize]], f: impl Fn(&[Tensor]) -> Vec<Tensor>) -> Ir {
    let types: Vec<(DType, &[usize])> = shapes.iter().map(|&shape| (DType::F64, shape)).collect();
    simplified_of(&types, f)
}

/// The simplified program of a function of arrays of given dtypes and shapes.
pub(super) fn simplified_of(types: &[(DType, &[usize])], f: impl Fn(&[Tensor]) -> Vec<Tensor>) -> Ir {
    let device = Device::cpu();
    let argument =
        |&(dtype, shape): &(DType, &[usize])| device.upload(HostTensor::full_as(dtype, shape, 0.5));
    let args = types.iter().map(argument).collect::<Result<Vec<Tensor>>>().unwrap();
    let traced = trace(&device, |args: &Vec<Tensor>| Ok(f(args)), &args).unwrap();
    simplify(Ir::from_graph(traced.graph()).unwrap()).unwrap()
}

/// What is left: the operations and the shapes of their results, in order.
pub(super) fn listing(ir: &Ir) -> Vec<String> {
    let line = |node: &crate::ir::Node| match &node.kind {
        Kind::Op(op, _) => Some(format!("{} {}", op.name(), node.ty.shape)),
        Kind::Loop(recurrence, _) => Some(format!("loop of {}", listing(&recurrence.body).join(", "))),
        Kind::Input(_) | Kind::Constant(_) | Kind::Part(..) => None,
    };
    ir.nodes.iter().filter_map(line).collect()
}

/// The numbers that are constants, in order; arrays as NaN.
pub(super) fn numbers(ir: &Ir) -> Vec<f64> {
    let number = |node: &crate::ir::Node| match &node.kind {
        Kind::Constant(value) if value.shape().rank() == 0 => Some(value.to_f64()[0]),
        Kind::Constant(_) => Some(f64::NAN),
        Kind::Input(_) | Kind::Op(..) | Kind::Loop(..) | Kind::Part(..) => None,
    };
    ir.nodes.iter().filter_map(number).collect()
}

/// The shapes of constants that are arrays.
pub(super) fn arrays(ir: &Ir) -> Vec<Shape> {
    let constants = ir.nodes.iter().filter(|node| matches!(node.kind, Kind::Constant(_)));
    constants.map(|node| node.ty.shape.clone()).filter(|shape| shape.rank() > 0).collect()
}

/// The results' places.
pub(super) fn outputs(ir: &Ir) -> Vec<usize> {
    ir.outputs.iter().map(|output| output.0).collect()
}

/// The operations of the program, without shapes.
pub(super) fn operations(ir: &Ir) -> Vec<Op> {
    let op = |node: &crate::ir::Node| match &node.kind {
        Kind::Op(op, _) => Some(op.clone()),
        Kind::Input(_) | Kind::Constant(_) | Kind::Loop(..) | Kind::Part(..) => None,
    };
    ir.nodes.iter().filter_map(op).collect()
}
