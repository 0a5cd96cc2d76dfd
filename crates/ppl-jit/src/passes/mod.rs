//! Rewrites that leave a program's results as they are, to rounding.
//!
//! A rewrite may remove an overflow that the results do not call for, and the sign of a zero. It never hides a NaN or an
//! infinity: `x / x`, `0 · x` and `x - x` stay. What an operation nobody needs would have failed with is not reported.
//!
//! A program is written anew, operation by operation, through a [`Builder`]: it asks the rules for a simpler form, and
//! makes equal operations one. A rule sees one operation and the finished nodes below it, so one turn does almost all;
//! rules that ask how often a value is used may find more in another.
//!
//! Bodies of loops stay as they were recorded: a loop's operation can only be made by recording it.

mod algebra;
mod builder;
mod choice;
mod dead;
mod fold;
mod layout;
mod matmul;
mod parts;
mod products;
mod reduce;
mod segments;
mod shrink;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod unary;

use ppl_tensor::Result;

use crate::ir::{Id, Ir, Kind};
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
    choice::choices,
    reduce::reductions,
    matmul::products,
    fold::broadcast_constants,
];

/// More turns than any program has been seen to take.
const TURNS: usize = 6;

/// The program in its simplest form.
pub(crate) fn simplify(ir: Ir) -> Result<Ir> {
    // Equal operations are made one before rules ask how often each is used.
    let mut ir = dead::eliminate(turn(&dead::eliminate(ir), &[])?.0);
    for _ in 0..TURNS {
        let (next, rewrites) = turn(&ir, RULES)?;
        ir = dead::eliminate(next);
        if rewrites == 0 {
            break;
        }
    }
    fold::permutations(&mut ir);
    Ok(dead::eliminate(ir))
}

/// The program written anew, and how often a rule applied.
fn turn(ir: &Ir, rules: &'static [Rule]) -> Result<(Ir, usize)> {
    let uses = uses(ir);
    let mut builder = Builder::new(rules);
    let mut places: Vec<Id> = Vec::with_capacity(ir.nodes.len());
    for (node, &times) in ir.nodes.iter().zip(&uses) {
        let id = match &node.kind {
            Kind::Input(number) => builder.argument(*number, &node.ty),
            Kind::Constant(value) => builder.constant(value)?,
            Kind::Op(op, inputs) => {
                let inputs: builder::Inputs = inputs.iter().map(|input| places[input.0]).collect();
                builder.apply(op.clone(), &inputs)?
            }
        };
        builder.used(id, times);
        places.push(id);
    }
    let outputs = ir.outputs.iter().map(|output| places[output.0]).collect();
    let rewrites = builder.rewrites();
    Ok((Ir { nodes: builder.into_nodes(), inputs: ir.inputs, outputs }, rewrites))
}

/// How many nodes use each node, and outputs.
fn uses(ir: &Ir) -> Vec<usize> {
    let mut uses = vec![0; ir.nodes.len()];
    for node in &ir.nodes {
        if let Kind::Op(_, inputs) = &node.kind {
            for (i, input) in inputs.iter().enumerate() {
                uses[input.0] += usize::from(!inputs[..i].contains(input));
            }
        }
    }
    for output in &ir.outputs {
        uses[output.0] += 1;
    }
    uses
}
