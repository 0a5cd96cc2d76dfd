//! From a graph to instructions.

mod aligned;
mod body;
mod constant;
mod divide;
#[cfg(test)]
pub(crate) use divide::CHUNK;
mod fuse;
mod join;
mod lower;
mod memory;
mod operation;
mod order;
mod repeat;
mod schedule;
mod sequence;
mod shared;
mod view;

pub(crate) use lower::lower;
pub(crate) use memory::place;
pub(crate) use view::View;
