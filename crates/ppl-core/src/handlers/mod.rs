//! Handlers of the library: one file each.

mod block;
mod condition;
mod record;
mod replay;
mod seed;
mod substitute;

pub use block::{Block, block};
pub use condition::{Condition, condition};
pub use record::Record;
pub use replay::{Replay, replay};
pub use seed::{Seed, seed};
pub use substitute::{Substitute, substitute};
