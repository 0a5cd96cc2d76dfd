//! Runs a program with the latent values of another run.

use std::sync::Arc;

use ppl_tensor::Tensor;

use crate::{Ctx, Error, Handler, Message, Model, Result, Statement, Trace};

/// Decides latent sites and subsamples by a recorded run; data and sites it lacks stay as they are.
#[derive(Debug, Clone)]
pub struct Replay {
    trace: Arc<Trace>,
}

impl Replay {
    /// Replays a recorded run.
    pub fn new(trace: impl Into<Arc<Trace>>) -> Self {
        Self { trace: trace.into() }
    }
}

impl Handler for Replay {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        let Some(site) = self.trace.get(&message.name) else { return Ok(()) };
        if let Some(given) = &message.value {
            return match message.statement {
                Statement::Subsample { .. } => same_rows(&message.name, given, &site.value),
                _ => Ok(()),
            };
        }
        let same_kind = matches!(
            (&message.statement, &site.statement),
            (Statement::Sample { .. }, Statement::Sample { .. })
                | (Statement::Subsample { .. }, Statement::Subsample { .. })
        );
        if same_kind {
            message.value = Some(site.value.clone());
        }
        Ok(())
    }
}

/// Values of one run's rows must not meet data of other rows.
fn same_rows(plate: &str, given: &Tensor, recorded: &Tensor) -> Result<()> {
    if given.is_traced() || recorded.is_traced() || given.to_vec::<i64>()? == recorded.to_vec::<i64>()? {
        return Ok(());
    }
    let reason = "the recorded run chose other rows: give both programs the same".to_owned();
    Err(Error::Plate { plate: plate.to_owned(), reason })
}

/// The program with the latent values of a recorded run: `replay(model, guide_trace)`.
pub fn replay<A: ?Sized, M: Model<A>>(
    model: M,
    trace: impl Into<Arc<Trace>>,
) -> impl Fn(&mut Ctx, &A) -> Result<M::Output> {
    let trace = trace.into();
    move |ctx, args| Ok(ctx.with(Replay::new(trace.clone()), |ctx| model.run(ctx, args))?.1)
}
