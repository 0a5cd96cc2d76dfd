//! Which parameters a run meets.

use std::collections::HashSet;

use ppl_core::{Handler, Message, ParamStore, Result, Statement};

/// Gathers the names of all `param` statements.
#[derive(Debug, Default)]
pub(super) struct Met(HashSet<String>);

impl Met {
    /// The names, in the order of a store.
    pub(super) fn names<'a>(&'a self, params: &'a ParamStore) -> impl Iterator<Item = &'a str> {
        params.names().filter(|name| self.0.contains(*name)).map(String::as_str)
    }
}

impl Handler for Met {
    fn postprocess(&mut self, message: &mut Message) -> Result<()> {
        if matches!(message.statement, Statement::Param { .. }) && !self.0.contains(&message.name) {
            self.0.insert(message.name.clone());
        }
        Ok(())
    }
}
