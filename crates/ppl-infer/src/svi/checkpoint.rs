//! A fit in one file, resumed bit for bit.

use std::path::Path;

use ppl_core::{ParamStore, Result, TensorFile};
use ppl_tensor::{DType, Device, Key, Tensor};

use super::Svi;
use super::validation::Validation;
use crate::objective::ObjectiveState;
use crate::optim::{Optimizer, OptimizerState};

/// What the file says it is; another number where older files cannot be read.
const FORMAT: &str = "ppl fit 1";

/// Before the names of what the objective remembers.
const OBJECTIVE: &str = "objective/";

impl<M, G, O: Optimizer, J> Svi<M, G, O, J> {
    /// Writes all that a fit needs to go on: parameters with their constraints, the states of optimiser and objective, the
    /// key of draws, losses and validation losses. The file appears whole or not at all; [`ParamStore::load`] reads its parameters.
    ///
    /// # Errors
    /// If the file cannot be written; one that was there before stays as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut file = TensorFile::new();
        file.insert_text("format", FORMAT);
        file.insert_text("optimizer", self.optimizer.name());
        file.insert_text("skipped", self.skipped.to_string());
        file.insert_text("evaluations", self.evaluations.to_string());
        file.insert("key", self.key.tensor())?;
        file.insert("losses", &Tensor::from(self.losses.clone()))?;
        self.params.write_to(&mut file, "")?;
        self.state.write_to(&mut file)?;
        for (name, value) in &self.objective_state {
            file.insert(format!("{OBJECTIVE}{name}"), value)?;
        }
        self.validation.write_to(&mut file)?;
        file.write(path)
    }

    /// Goes on where the fit that [`Svi::save`] wrote had come to, bit for bit as if it had not been interrupted, given
    /// the same programs, objective, optimiser, options and arguments. The seed is the file's.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged or of another kind, or its fit is of another optimiser, of options that
    /// remember other tensors, or of parameters other than those that this one already has. Nothing is changed then.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let file = TensorFile::read(path)?;
        if !file.text("format").is_ok_and(|format| format == FORMAT) {
            return Err(file.damaged("the file holds no fit"));
        }
        let (theirs, ours) = (file.text("optimizer")?, self.optimizer.name());
        if theirs != ours {
            return Err(file.damaged(format!("the fit is of the optimiser {theirs}, this one is of {ours}")));
        }
        let count = |name: &str| -> Result<usize> {
            file.text(name)?.parse().map_err(|_| file.damaged(format!("the entry `{name}` is not a number")))
        };
        let (skipped, evaluations) = (count("skipped")?, count("evaluations")?);
        let losses = file.tensor("losses", &Device::cpu())?;
        let losses = match (losses.rank(), losses.to_vec::<f64>()) {
            (1, Ok(losses)) => losses,
            _ => return Err(file.damaged("the entry `losses` is not a vector of f64")),
        };
        let params = ParamStore::read_from(&file, "", &self.device)?;
        self.check_same(&params).map_err(|reason| file.damaged(reason))?;
        let state = OptimizerState::read_from(&file, &self.optimizer, &params, &self.device)?;
        let mut objective_state = ObjectiveState::new();
        for entry in file.names() {
            if let Some(name) = entry.strip_prefix(OBJECTIVE) {
                objective_state.insert(name.to_owned(), file.tensor(entry, &self.device)?);
            }
        }
        let key = file.tensor("key", &self.device)?;
        if key.dtype() != DType::I64 || key.rank() != 0 {
            return Err(file.damaged("the entry `key` is not the key of draws"));
        }
        self.validation = Validation::read_from(&file, &self.device)?;
        (self.params, self.state, self.key) = (params, state, Key::from_tensor(key));
        self.objective_state = objective_state;
        (self.losses, self.skipped, self.evaluations) = (losses, skipped, evaluations);
        self.checked = false;
        self.programs.forget_checks();
        Ok(())
    }

    /// Whether every parameter of this fit is one of a file, of the same type and shape.
    fn check_same(&self, params: &ParamStore) -> std::result::Result<(), String> {
        let type_in = |store: &ParamStore, name: &str| {
            store.unconstrained(name).ok().map(|value| format!("{} {}", value.dtype(), value.shape()))
        };
        for name in self.params.names() {
            match (type_in(params, name), type_in(&self.params, name)) {
                (None, _) => return Err(format!("the file lacks parameter `{name}` of this fit")),
                (theirs, ours) if theirs == ours => {}
                (Some(theirs), ours) => {
                    let ours = ours.unwrap_or_default();
                    return Err(format!("parameter `{name}` is {theirs}, that of this fit {ours}"));
                }
            }
        }
        Ok(())
    }
}
