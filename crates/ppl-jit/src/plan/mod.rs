//! From a graph to instructions.

mod fuse;
mod lower;
mod memory;
mod repeat;
mod schedule;
mod sequence;
mod view;

pub(crate) use lower::lower;
pub(crate) use memory::place;
pub(crate) use view::View;
