//! What runs compiled programs.

pub(crate) mod host;
