//! Handlers of the library: one file each.

mod block;
mod condition;
mod infer_config;
mod intervene;
mod lift;
mod mask;
mod record;
mod reparam;
mod replay;
mod scale;
mod scope;
mod seed;
mod substitute;
mod uncondition;

pub use block::{Block, block};
pub use condition::{Condition, condition};
pub use infer_config::{InferConfig, infer_config};
pub use intervene::{Intervene, do_};
pub use lift::{Lift, lift};
pub use mask::{Mask, mask};
pub use record::Record;
pub use reparam::{Reparam, Reparameterize, reparam};
pub use replay::{Replay, replay};
pub use scale::{Scale, scale};
pub use scope::{Scope, scope};
pub use seed::{Seed, seed};
pub use substitute::{Substitute, substitute};
pub use uncondition::{Uncondition, uncondition};
