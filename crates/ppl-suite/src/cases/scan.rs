//! Loops over time.

use ppl_tensor::{
    DType, Device, Error, HostTensor, NodeKind, Op, Result, Tensor, grad, grad_recorded, scan, trace,
};
use proptest::prelude::*;

use super::make::{Make, dims, float, integer, truth};
use super::{Case, Row};
use crate::source::Source;

/// What the body does.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A recursion with a coefficient from outside.
    Recursion,
    /// Nothing but a carry.
    Iteration,
    /// A float and a counter; integers and truth values stacked.
    Counting,
    /// A recurrent network's layer.
    Layer,
    /// A loop in a loop.
    Nested,
    /// The loop that computes the gradient of [`Kind::Recursion`].
    Gradient,
}

const KINDS: [Kind; 6] =
    [Kind::Recursion, Kind::Iteration, Kind::Counting, Kind::Layer, Kind::Nested, Kind::Gradient];

/// A loop to record.
#[derive(Debug, Clone)]
struct Loop {
    kind: Kind,
    /// Shape of the carry.
    shape: Vec<usize>,
    length: usize,
    /// Whether gradients will be asked for, so that the carries are kept.
    tracked: bool,
}

impl Loop {
    /// Types of what the loop is a function of: shapes of floats, and a counter.
    fn arguments(&self) -> Vec<(bool, Vec<usize>)> {
        let (shape, rows) = (self.shape.clone(), [&[self.length], &self.shape[..]].concat());
        let size = self.shape.iter().product();
        match self.kind {
            Kind::Recursion | Kind::Gradient => vec![(true, shape), (true, rows), (true, vec![])],
            Kind::Iteration => vec![(true, shape.clone()), (true, shape)],
            Kind::Counting => vec![(true, shape), (false, vec![]), (true, rows)],
            Kind::Layer => {
                vec![(true, vec![size]), (true, vec![self.length, size]), (true, vec![size, size])]
            }
            Kind::Nested => vec![(true, vec![]), (true, vec![self.length, 2]), (true, shape)],
        }
    }

    fn run(&self, args: &[Tensor]) -> Result<Vec<Tensor>> {
        let length = self.length;
        match self.kind {
            Kind::Recursion | Kind::Gradient => {
                let (last, path) = scan(length, &args[0], &args[1], |c, x| {
                    let c = (c * &args[2] + x).tanh();
                    Ok::<_, Error>((c.clone(), c * x))
                })?;
                Ok(vec![last, path])
            }
            Kind::Iteration => {
                let (last, ()) =
                    scan(length, &args[0], &(), |c, ()| Ok::<_, Error>(((c * &args[1]).sin(), ())))?;
                Ok(vec![last])
            }
            Kind::Counting => {
                let init = (args[0].clone(), args[1].clone());
                let ((c, n), stacks) = scan(length, &init, &args[2], |(c, n), x| {
                    let next = c * x + n.cast(c.dtype()) * 0.25;
                    Ok::<_, Error>(((next, n * 3_i64 + 1_i64), (n.clone(), n.gt(0_i64))))
                })?;
                Ok(vec![c, n, stacks.0, stacks.1])
            }
            Kind::Layer => {
                let (last, path) = scan(length, &args[0], &args[1], |c, x| {
                    let c = (args[2].matmul(c) + x).tanh();
                    Ok::<_, Error>((c.clone(), c.sum_all()))
                })?;
                Ok(vec![last, path])
            }
            Kind::Nested => {
                let (last, path) = scan(length, &args[0], &args[1], |c, row| {
                    scan(2, c, row, |c, x| {
                        let c = (c * &args[2].sum_all() + x).sin();
                        Ok::<_, Error>((c.clone(), c))
                    })
                })?;
                Ok(vec![last, path])
            }
        }
    }

    /// The last loop of the recorded program.
    fn op(&self, dtype: DType) -> Op {
        let device = Device::cpu().float(dtype);
        let zeros = |(is_float, shape): &(bool, Vec<usize>)| {
            let dtype = if *is_float { dtype } else { DType::I64 };
            device.upload(HostTensor::full_as(dtype, &shape[..], 0.0))
        };
        let program = |args: &Vec<Tensor>| {
            let mark = |x: &Tensor| if self.tracked { x.tracked() } else { x.clone() };
            if !matches!(self.kind, Kind::Gradient) {
                return self.run(&args.iter().map(mark).collect::<Vec<_>>());
            }
            let args: Vec<Tensor> = args.iter().map(Tensor::tracked).collect();
            let results = self.run(&args)?;
            let loss = results[0].square().sum_all() + results[1].sum_all();
            let leaves: Vec<&Tensor> = args.iter().collect();
            if self.tracked { grad_recorded(&loss, &leaves) } else { grad(&loss, &leaves) }
        };
        let args =
            self.arguments().iter().map(zeros).collect::<Result<Vec<_>>>().expect("the processor holds it");
        let traced = trace(&device, program, &args).expect("a legal loop");
        let loops = traced.graph().nodes().iter().filter_map(|node| match &node.kind {
            NodeKind::Op { op: op @ Op::Scan(_), .. } => Some(op.clone()),
            _ => None,
        });
        loops.last().expect("there is a loop")
    }

    fn case(self, seed: u64) -> Case {
        let Op::Scan(scan) = self.op(DType::F64) else { unreachable!("the last loop") };
        let make = |ty: &ppl_tensor::TensorType| -> Make {
            match ty.dtype {
                DType::I64 => integer(&ty.shape),
                DType::Bool => truth(&ty.shape),
                DType::F64 | DType::F32 => float(&ty.shape, |source: &mut Source| source.signed(0.2, 1.2)),
            }
        };
        let inputs: Vec<Make> = scan.input_types().iter().map(make).collect();
        Case::made(move |dtype| self.op(dtype), seed, &inputs)
    }
}

pub(super) fn scans() -> Vec<Row> {
    let random = (0..KINDS.len(), dims(0..=1), 0..4_usize, any::<bool>(), any::<u64>());
    let random = random.prop_map(|(kind, shape, length, tracked, seed)| {
        Loop { kind: KINDS[kind], shape, length, tracked }.case(seed)
    });
    let fixed = KINDS.iter().zip(0..).flat_map(|(&kind, seed)| {
        [(vec![2], 3, true), (vec![], 2, false)]
            .map(|(shape, length, tracked)| Loop { kind, shape, length, tracked }.case(seed))
    });
    let fixed: Vec<Case> = fixed.collect();
    vec![Row::new(&fixed[0].op(DType::F64), random, fixed)]
}
