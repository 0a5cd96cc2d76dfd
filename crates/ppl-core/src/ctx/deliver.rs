//! The way of a statement through the handlers, and what it means where none of them decides it.

use ppl_tensor::{DType, Key, Shape, Tensor};

use super::Ctx;
use crate::constraint::offending;
use crate::message::Replacement;
use crate::plate::{Frame, enter_frames};
use crate::{Distribution, Error, Message, Result, Statement};

impl Ctx {
    pub(crate) fn send(&mut self, mut message: Message) -> Result<Tensor> {
        self.deliver(&mut message).map_err(|error| error.at_site(&message.name))?;
        let undecided = || Error::argument("no handler decided a value").at_site(&message.name);
        message.value.ok_or_else(undecided)
    }

    fn deliver(&mut self, message: &mut Message) -> Result<()> {
        let mut outermost = self.handlers.len();
        while outermost > 0 && !message.hidden {
            outermost -= 1;
            self.handlers[outermost].process(message)?;
            if let Some(program) = message.replacement.take() {
                message.value = Some(self.replaced(&program, outermost, &message.frames)?);
                message.statement = Statement::Deterministic;
            }
        }
        self.decide(message)?;
        if self.validates {
            check_message(message)?;
        }
        if self.is_stepping() {
            return Ok(());
        }
        for handler in &mut self.handlers[outermost..] {
            handler.postprocess(message)?;
        }
        Ok(())
    }

    /// The value that a program computes in place of a statement: handlers from `outer` inwards do not see its statements.
    fn replaced(&mut self, program: &Replacement, outer: usize, frames: &[Frame]) -> Result<Tensor> {
        let inner = self.handlers.split_off(outer);
        let around = std::mem::replace(&mut self.frames, frames.to_vec());
        let value = (program.0)(self);
        self.frames = around;
        self.handlers.extend(inner);
        value
    }

    /// A value for a latent site.
    fn draw(&mut self, distribution: &dyn Distribution, message: &Message, rank: usize) -> Result<Tensor> {
        if let Some(drawn) = self.drawn_by_steps(message)? {
            let value = enter_frames(&drawn, &message.frames, rank)?;
            self.keep_drawn(&message.name, &value);
            return Ok(value);
        }
        if self.validates {
            distribution.validate()?;
        }
        let key = message.key.as_ref().unwrap_or(&self.key);
        let draw = distribution.sample(&site_key(key, message)).to_device(&self.device);
        let draw = if distribution.has_rsample() { draw } else { draw.detach() };
        self.keep_drawn(&message.name, &draw);
        Ok(draw)
    }

    /// What a statement means where no handler decided it, and checks of the value.
    fn decide(&mut self, message: &mut Message) -> Result<()> {
        let value = match (&message.statement, message.value.take()) {
            (Statement::Sample { distribution, .. }, given) => {
                let rank = distribution.batch_shape().rank() + distribution.event_shape().rank();
                match given {
                    Some(value) => enter_frames(&value, &message.frames, rank)?,
                    None => self.draw(&**distribution, message, rank)?,
                }
            }
            (Statement::Param { init, constraint, per_row }, None) => {
                let plates = if *per_row { &message.frames[..] } else { &[] };
                self.params.resolve(&message.name, init, constraint.as_ref(), plates, &self.device)?
            }
            (Statement::Param { init, constraint, .. }, Some(value)) => {
                let value = enter_frames(&value, &message.frames, init.rank())?;
                let (found, wanted) = (value.shape(), init.shape());
                if !found.broadcasts_to(&wanted) {
                    return Err(Error::Shape(format!("the value has shape {found}, the parameter {wanted}")));
                }
                if let (true, Some(constraint)) = (self.validates, constraint)
                    && let Some(value) = offending(&**constraint, &value)?
                {
                    let what = "the value".to_owned();
                    return Err(Error::OutsideSupport { what, constraint: constraint.name(), value });
                }
                value
            }
            (Statement::Subsample { population, size }, None) => {
                let key = message.key.as_ref().unwrap_or(&self.key);
                key.fold_in_name(&message.name).subsample(*population, *size)
            }
            (Statement::Subsample { size, .. }, Some(rows)) => {
                if rows.dtype() != DType::I64 || rows.shape() != Shape::from([*size]) {
                    let found = format!("{} {}", rows.dtype(), rows.shape());
                    return Err(Error::Shape(format!("{size} row numbers (i64) are needed, found {found}")));
                }
                rows
            }
            (Statement::Factor | Statement::Deterministic, Some(value)) => value,
            (Statement::Factor | Statement::Deterministic, None) => {
                return Err(Error::argument("the statement needs a value"));
            }
        };
        value.check()?;
        check_axes(&value, &message.frames)?;
        message.value = Some(value);
        Ok(())
    }
}

/// The key of a site: derived with its name, then with its number in each plate or set of replicas around, so that a row
/// draws what it would draw alone.
fn site_key(key: &Key, message: &Message) -> Key {
    let frames = message.frames.iter().filter(|frame| frame.draws_apart());
    frames.fold(key.fold_in_name(&message.name), |key, frame| key.fold_in(frame.rows()))
}

/// A value may depend on rows only inside their plate, and on those rows that are open.
pub(crate) fn check_axes(value: &Tensor, frames: &[Frame]) -> Result<()> {
    for axis in value.axes() {
        let reason = match frames.iter().find(|frame| frame.axis.id == axis.id) {
            Some(frame) if frame.axis.size == axis.size => continue,
            Some(frame) => format!("a value has {} rows, the plate {}", axis.size, frame.axis.size),
            None => "a value of one of its rows is used outside: return it from the plate's closure".into(),
        };
        let plate = axis.id.name().unwrap_or_else(|| "an anonymous axis".into());
        return Err(Error::Plate { plate, reason });
    }
    Ok(())
}

fn check_message(message: &Message) -> Result<()> {
    let (Statement::Sample { distribution, observed, .. }, Some(value)) =
        (&message.statement, &message.value)
    else {
        return Ok(());
    };
    if *observed {
        distribution.validate()?;
    }
    check_value_shape(&**distribution, value, *observed)?;
    let support = distribution.support();
    if let Some(offender) = offending(&*support, value)? {
        let what = if *observed { "the data" } else { "the value" }.to_owned();
        return Err(Error::OutsideSupport { what, constraint: support.name(), value: offender });
    }
    Ok(())
}

/// A value has the shape of a draw, or is one number for all of it; data may be of several independent draws.
pub(crate) fn check_value_shape(
    distribution: &dyn Distribution,
    value: &Tensor,
    observed: bool,
) -> Result<()> {
    let wanted = distribution.batch_shape().concat(&distribution.event_shape());
    let found = value.shape();
    if found == wanted || found.rank() == 0 || observed && wanted.broadcasts_to(&found) {
        return Ok(());
    }
    let name = distribution.name();
    Err(Error::Shape(format!("the value has shape {found}, a draw of the {name} distribution {wanted}")))
}
