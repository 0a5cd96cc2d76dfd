//! Which parameters a run meets.

use std::collections::HashSet;

use ppl_core::{Handler, Message, ParamStore, Result, Statement};

use crate::tracing::Last;

/// Gathers the names of all `param` statements.
#[derive(Debug, Default)]
pub(super) struct Met {
    names: HashSet<String>,
    last: Option<Last>,
}

impl Met {
    /// The same, and tells `last` how far the programs come.
    pub(super) fn telling(last: &Last) -> Self {
        Self { last: Some(last.clone()), ..Self::default() }
    }

    /// The names, in the order of a store.
    pub(super) fn names<'a>(&self, params: &'a ParamStore) -> impl Iterator<Item = &'a str> {
        params.names().filter(|name| self.names.contains(*name)).map(String::as_str)
    }
}

impl Handler for Met {
    fn postprocess(&mut self, message: &mut Message) -> Result<()> {
        if matches!(message.statement, Statement::Param { .. }) && !self.names.contains(&message.name) {
            self.names.insert(message.name.clone());
        }
        if let Some(last) = &self.last {
            last.set(&message.name);
        }
        Ok(())
    }
}
