//! Records the statements of a run.

use crate::trace::Site;
use crate::{Handler, Message, Result, Trace};

/// Copies every statement it sees into a [`Trace`], on the way back.
#[derive(Debug, Default)]
pub struct Record {
    trace: Trace,
}

impl Record {
    /// An empty record.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was recorded.
    pub fn into_trace(self) -> Trace {
        self.trace
    }
}

impl Handler for Record {
    fn postprocess(&mut self, message: &mut Message) -> Result<()> {
        self.trace.insert(Site::of(message)?)
    }
}
