//! From a graph to instructions.

mod aligned;
mod body;
mod fuse;
mod join;
mod lower;
mod memory;
mod order;
mod schedule;
mod view;

pub(crate) use lower::lower;
pub(crate) use view::View;
