//! Validation losses, and when to stop by them.

use ppl_core::{ParamStore, Result, TensorFile};
use ppl_tensor::{Device, Tensor};

/// The validation losses of a fit and the parameters of the lowest one, over all its runs: part of what is saved, so that
/// a resumed fit stops where the uninterrupted one does.
#[derive(Debug, Clone, Default)]
pub(super) struct Validation {
    losses: Vec<(usize, f64)>,
    best: Option<ParamStore>,
}

const STEPS: &str = "validation/steps";
const LOSSES: &str = "validation/losses";
const BEST: &str = "validation/best/";

impl Validation {
    /// The losses, each with the number of steps before it.
    pub(super) fn losses(&self) -> &[(usize, f64)] {
        &self.losses
    }

    /// Adds a loss. `params` are kept if they are to be restored and it is the lowest so far.
    pub(super) fn add(&mut self, steps: usize, loss: f64, params: Option<&ParamStore>) {
        let lowest = self.losses.iter().all(|(_, other)| loss < *other);
        self.losses.push((steps, loss));
        if let Some(params) = params.filter(|_| lowest || self.best.is_none()) {
            self.best = Some(params.clone());
        }
    }

    /// The parameters of the lowest loss, if they were kept.
    pub(super) fn best(&self) -> Option<&ParamStore> {
        self.best.as_ref()
    }

    /// Number of losses since the last one that was more than `min_delta` below all that count before it.
    pub(super) fn waited(&self, min_delta: f64) -> usize {
        let mut lowest = f64::INFINITY;
        self.losses.iter().fold(0, |waited, (_, loss)| {
            if *loss < lowest - min_delta {
                lowest = *loss;
                0
            } else {
                waited + 1
            }
        })
    }

    pub(super) fn write_to(&self, file: &mut TensorFile) -> Result<()> {
        let steps: Vec<i64> = self.losses.iter().map(|(steps, _)| *steps as i64).collect();
        let losses: Vec<f64> = self.losses.iter().map(|(_, loss)| *loss).collect();
        file.insert(STEPS, &Tensor::from(steps))?;
        file.insert(LOSSES, &Tensor::from(losses))?;
        self.best.as_ref().map_or(Ok(()), |best| best.write_to(file, BEST))
    }

    pub(super) fn read_from(file: &TensorFile, device: &Device) -> Result<Self> {
        let cpu = Device::cpu();
        let damaged = |entry: &str| file.damaged(format!("the entry `{entry}` is not one of validations"));
        let steps = file.tensor(STEPS, &cpu)?.to_vec::<i64>().map_err(|_| damaged(STEPS))?;
        let losses = file.tensor(LOSSES, &cpu)?.to_vec::<f64>().map_err(|_| damaged(LOSSES))?;
        let steps = steps.into_iter().map(usize::try_from).collect::<std::result::Result<Vec<_>, _>>();
        let steps = steps.ok().filter(|steps| steps.len() == losses.len()).ok_or_else(|| damaged(STEPS))?;
        let losses = steps.into_iter().zip(losses).collect();
        let best = ParamStore::read_from(file, BEST, device)?;
        Ok(Self { losses, best: (!best.is_empty()).then_some(best) })
    }
}
