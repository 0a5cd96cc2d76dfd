//! Rewrites that leave a program's results as they are, to rounding.
//!
//! A rewrite may remove an overflow that the results do not call for, and the sign of a zero. It never hides a NaN or an
//! infinity: `x / x`, `0 · x` and `x - x` stay. (A factor that turns out infinite
//! makes an infinity of a sum that would be NaN: it is multiplied after the sum.) What an operation nobody needs would have failed with is not reported.
//!
//! A program is written anew, operation by operation, through a [`Builder`]: it asks the rules for a simpler form, and
//! makes equal operations one. A rule sees one operation and the finished nodes below it, so one turn does almost all;
//! rules that ask how often a value is used may find more in another.
//!
//! A step of a loop is a program of its own, simplified in the same way. Then what does not depend on the steps before
//! leaves the loop, see [`recurrence`].

mod affine;
mod algebra;
mod batch;
mod builder;
mod choice;
#[cfg(test)]
mod cuts;
mod dead;
mod fold;
mod layout;
mod matmul;
mod parts;
mod products;
#[cfg(test)]
mod programs;
mod ranges;
mod recurrence;
mod reduce;
mod segments;
mod shrink;
pub(crate) mod sufficient;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod unary;

use std::sync::Arc;

use ppl_tensor::op::{Binary, Unary};
use ppl_tensor::{Op, Result};

use crate::ir::{Id, Inputs, Ir, Kind, Recurrence};
use builder::{Builder, Call};

/// A simpler form of an operation's result, of the same type.
type Rule = fn(&mut Builder, &Call<'_>) -> Result<Option<Id>>;

/// In the order in which they are asked.
const RULES: &[Rule] = &[
    fold::constants,
    shrink::broadcasts,
    shrink::scalars,
    shrink::reshapes,
    shrink::parameters,
    layout::broadcast,
    layout::reshape,
    layout::permute,
    parts::slice,
    parts::pad,
    parts::concat,
    parts::gather,
    segments::sum_of_parts,
    algebra::sums,
    products::products,
    unary::functions,
    ranges::questions,
    choice::choices,
    reduce::reductions,
    matmul::products,
    fold::broadcast_constants,
];

/// More turns than any program has been seen to take.
const TURNS: usize = 6;

/// Elements of a known array that is made of two: more are read in about the time in which they are computed.
const LARGEST_PRODUCT: usize = 1 << 18;

/// The program in its simplest form.
pub(crate) fn simplify(mut ir: Ir) -> Result<Ir> {
    let has_loops = ir.nodes.iter().any(|node| matches!(node.kind, Kind::Loop(..)));
    if has_loops {
        let (settled, _) = settle(simplify_steps(ir)?)?;
        ir = simplify_steps(recurrence::dissolve(&settled)?)?;
    }
    let (mut ir, _) = settle(ir)?;
    fold::permutations(&mut ir);
    Ok(dead::eliminate(ir))
}

/// The program with the steps of its loops in their simplest form.
fn simplify_steps(mut ir: Ir) -> Result<Ir> {
    for node in &mut ir.nodes {
        if let Kind::Loop(recurrence, _) = &mut node.kind {
            let Recurrence { length, reverse, carries, rows, .. } = **recurrence;
            let body = simplify(recurrence.body.clone())?;
            *recurrence = Arc::new(Recurrence { length, reverse, carries, rows, body });
        }
    }
    Ok(ir)
}

/// The program when no rule applies any more, and whether that came to pass.
fn settle(ir: Ir) -> Result<(Ir, bool)> {
    settle_with(ir, LARGEST_PRODUCT)
}

/// The same with a limit to the elements of known arrays that are made of two.
fn settle_with(ir: Ir, largest_product: usize) -> Result<(Ir, bool)> {
    // Equal operations are made one before rules ask how often each is used.
    let mut ir = dead::eliminate(turn(&dead::eliminate(ir), &[], largest_product)?.0);
    for _ in 0..TURNS {
        let (next, is_settled) = turn(&ir, RULES, largest_product)?;
        ir = dead::eliminate(next);
        if is_settled {
            return Ok((ir, true));
        }
    }
    Ok((ir, false))
}

/// The program written anew, and whether no rule applied.
fn turn(ir: &Ir, rules: &'static [Rule], largest_product: usize) -> Result<(Ir, bool)> {
    let (uses, divisions) = (uses(ir), divisions(ir));
    let mut builder = Builder::new(rules, largest_product);
    let mut places: Vec<Id> = Vec::with_capacity(ir.nodes.len());
    for (node, (&times, &divisions)) in ir.nodes.iter().zip(uses.iter().zip(&divisions)) {
        let id = match &node.kind {
            Kind::Input(number) => builder.argument(*number, &node.ty),
            Kind::Constant(value) => builder.constant(value)?,
            Kind::Op(op, inputs) => {
                let inputs: Inputs = inputs.iter().map(|input| places[input.0]).collect();
                builder.apply(op.clone(), &inputs)?
            }
            kind @ (Kind::Loop(..) | Kind::Part(..)) => {
                let mut kind = kind.clone();
                kind.inputs_mut().iter_mut().for_each(|input| *input = places[input.0]);
                builder.keep(kind, &node.ty)
            }
        };
        builder.used(id, times, divisions);
        places.push(id);
    }
    let outputs = ir.outputs.iter().map(|output| places[output.0]).collect();
    let is_settled = builder.is_settled();
    Ok((Ir { nodes: builder.into_nodes(), inputs: ir.inputs, outputs }, is_settled))
}

/// How many nodes divide by each node.
fn divisions(ir: &Ir) -> Vec<usize> {
    let mut divisions = vec![0; ir.nodes.len()];
    for node in &ir.nodes {
        match &node.kind {
            Kind::Op(Op::Binary(Binary::Div), inputs) => divisions[inputs[1].0] += 1,
            Kind::Op(Op::Unary(Unary::Reciprocal), inputs) => divisions[inputs[0].0] += 1,
            _ => {}
        }
    }
    divisions
}

/// How many nodes use each node, and outputs.
fn uses(ir: &Ir) -> Vec<usize> {
    let mut uses = vec![0; ir.nodes.len()];
    for node in &ir.nodes {
        let inputs = node.kind.inputs();
        for (i, input) in inputs.iter().enumerate() {
            uses[input.0] += usize::from(!inputs[..i].contains(input));
        }
    }
    for output in &ir.outputs {
        uses[output.0] += 1;
    }
    uses
}
