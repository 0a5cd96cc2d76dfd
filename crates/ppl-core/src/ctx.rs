//! The context a program runs in: its statements, and the handlers that see them.

use std::any::Any;
use std::sync::Arc;

use ppl_tensor::{Axis, DType, Device, Key, Shape, Tensor, TensorTree, TreePath};

use crate::constraint::{Constraint, offending};
use crate::plate::{Frame, FrameKind, Rows, Selection, enter_frames};
use crate::{Distribution, Error, Handler, IntoDistribution, Message, ParamStore, Result, Statement};

/// Where a program runs: key and device of its draws, its parameters, the handlers and plates around a statement.
pub struct Ctx {
    device: Device,
    key: Key,
    params: ParamStore,
    handlers: Vec<Box<dyn Handler>>,
    frames: Vec<Frame>,
    validates: bool,
}

/// Data of an `observe` statement: a value, or none, which leaves the site latent.
pub struct Observation(Option<Tensor>);

macro_rules! observation {
    ($($type:ty),*) => {$(
        impl From<$type> for Observation {
            fn from(value: $type) -> Self {
                Self(Some(value.into()))
            }
        }
    )*};
}

observation!(
    Tensor,
    &Tensor,
    f64,
    f32,
    i64,
    i32,
    bool,
    Vec<f64>,
    Vec<i64>,
    Vec<bool>,
    &[f64],
    &[i64],
    &[bool]
);

impl<T: Into<Tensor>> From<Option<T>> for Observation {
    fn from(value: Option<T>) -> Self {
        Self(value.map(Into::into))
    }
}

impl From<&Option<Tensor>> for Observation {
    fn from(value: &Option<Tensor>) -> Self {
        Self(value.clone())
    }
}

impl Ctx {
    /// A context on the CPU with the key of a seed and no parameters.
    pub fn new(seed: u64) -> Ctx {
        Self::on(&Device::cpu(), seed)
    }

    /// A context on a device.
    pub fn on(device: &Device, seed: u64) -> Ctx {
        Self::with_key(device, Key::on(device, seed))
    }

    /// A context whose draws are a function of `key`.
    pub fn with_key(device: &Device, key: Key) -> Ctx {
        Ctx {
            device: device.clone(),
            key,
            params: ParamStore::new(),
            handlers: Vec::new(),
            frames: Vec::new(),
            validates: true,
        }
    }

    /// The same context with these parameters.
    #[must_use]
    pub fn with_params(mut self, params: ParamStore) -> Ctx {
        self.params = params;
        self
    }

    /// The same context with checks of parameters and data switched on (the default) or off.
    #[must_use]
    pub fn validating(mut self, validates: bool) -> Ctx {
        self.validates = validates;
        self
    }

    /// The device of draws.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The key of draws.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The parameters.
    pub fn params(&self) -> &ParamStore {
        &self.params
    }

    /// The parameters, out of the context.
    pub fn into_params(self) -> ParamStore {
        self.params
    }

    /// The plates around the next statement, outermost first.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// A random value from a distribution.
    ///
    /// # Errors
    /// If the distribution's parameters are invalid, or a handler refuses; the message names the site.
    pub fn sample(&mut self, name: &str, distribution: impl IntoDistribution) -> Result<Tensor> {
        let distribution = distribution.into_distribution();
        self.send(name, Statement::Sample { distribution, observed: false, auxiliary: false }, None)
    }

    /// A random value of a guide's own, without a counterpart in the model: as a joint draw that is then cut into sites.
    ///
    /// # Errors
    /// As [`Ctx::sample`].
    pub fn sample_auxiliary(&mut self, name: &str, distribution: impl IntoDistribution) -> Result<Tensor> {
        let distribution = distribution.into_distribution();
        self.send(name, Statement::Sample { distribution, observed: false, auxiliary: true }, None)
    }

    /// Data from a distribution; without data a random value, as in [`Ctx::sample`].
    ///
    /// # Errors
    /// As [`Ctx::sample`], and if the data do not have the distribution's shape or are outside its support.
    pub fn observe(
        &mut self,
        name: &str,
        distribution: impl IntoDistribution,
        value: impl Into<Observation>,
    ) -> Result<Tensor> {
        let distribution = distribution.into_distribution();
        let value = value.into().0;
        self.send(
            name,
            Statement::Sample { distribution, observed: value.is_some(), auxiliary: false },
            value,
        )
    }

    /// A learnable real value, which starts at `init`.
    ///
    /// # Errors
    /// If a handler refuses, or the stored value has another shape.
    pub fn param(&mut self, name: &str, init: impl Into<Tensor>) -> Result<Tensor> {
        self.send(name, Statement::Param { init: init.into(), constraint: None, per_row: false }, None)
    }

    /// A learnable value of a constraint, which starts at `init`.
    ///
    /// # Errors
    /// As [`Ctx::param`], and if `init` does not satisfy the constraint.
    pub fn param_in(
        &mut self,
        name: &str,
        init: impl Into<Tensor>,
        constraint: impl Into<Arc<dyn Constraint>>,
    ) -> Result<Tensor> {
        let constraint = Some(constraint.into());
        self.send(name, Statement::Param { init: init.into(), constraint, per_row: false }, None)
    }

    /// A learnable value for each row of the plates around, all starting at `init`. The stored parameter has one leading
    /// dimension for each plate, of all its rows, whether or not they are subsampled.
    ///
    /// # Errors
    /// As [`Ctx::param_in`].
    pub fn param_per_row(
        &mut self,
        name: &str,
        init: impl Into<Tensor>,
        constraint: Option<Arc<dyn Constraint>>,
    ) -> Result<Tensor> {
        self.send(name, Statement::Param { init: init.into(), constraint, per_row: true }, None)
    }

    /// Records a computed value.
    ///
    /// # Errors
    /// If the value failed, or a handler refuses.
    pub fn deterministic(&mut self, name: &str, value: impl Into<Tensor>) -> Result<Tensor> {
        self.send(name, Statement::Deterministic, Some(value.into()))
    }

    /// Adds a log weight to the log density; its positional dimensions are summed.
    ///
    /// # Errors
    /// If the value failed, or a handler refuses.
    pub fn factor(&mut self, name: &str, log_weight: impl Into<Tensor>) -> Result<()> {
        self.send(name, Statement::Factor, Some(log_weight.into())).map(|_| ())
    }

    /// Runs `f` once for all rows of a tree of columns, of a count, or of a subsample of either ([`SubsampleExt`]).
    ///
    /// `f` sees one row; what it returns comes back with the rows as first dimension.
    ///
    /// [`SubsampleExt`]: crate::SubsampleExt
    ///
    /// # Errors
    /// If columns differ in length, the plate is already open, or `f` fails.
    pub fn plate<R: Rows, O: TensorTree>(
        &mut self,
        name: &str,
        rows: R,
        f: impl FnOnce(&mut Ctx, &R::Row) -> Result<O>,
    ) -> Result<O> {
        let frame = self.open_plate(name, &rows)?;
        let row = rows.row(&frame)?;
        let axis = frame.axis;
        self.frames.push(frame);
        let output = f(self, &row);
        self.frames.pop();
        let whole =
            output?.try_map(&mut TreePath::root(), &mut |_, leaf| leaf.to_positional(axis).check().cloned());
        Ok(whole?)
    }

    fn open_plate(&mut self, name: &str, rows: &impl Rows) -> Result<Frame> {
        let fault = |reason: String| Error::Plate { plate: name.to_owned(), reason };
        let population = rows.count().map_err(|error| error.at_site(name))?;
        if self.frames.iter().any(|frame| frame.name == name) {
            return Err(fault("is opened inside itself".into()));
        }
        let (size, given) = match rows.selection() {
            Selection::All => return Ok(Frame::whole(name, population, FrameKind::Plate)),
            Selection::Subsample(size) if size == 0 || size > population => {
                return Err(fault(format!("{size} of {population} rows cannot be chosen")));
            }
            Selection::Subsample(size) => (size, None),
            Selection::Given(indices) => (indices.size(0)?, Some(indices)),
        };
        // The choice is the same for every row and replica around: it draws no per-row key.
        let outer = std::mem::take(&mut self.frames);
        let chosen = self.send(name, Statement::Subsample { population, size }, given);
        self.frames = outer;
        Frame::of_rows(name, population, &chosen?)
    }

    /// Runs `f` as `n` independent replicas of the program, which differ in their draws alone. What `f` returns carries
    /// the replicas' axis, which is returned beside it.
    ///
    /// # Errors
    /// If replicas of that name are already open, or `f` fails.
    pub fn replicas<O>(
        &mut self,
        name: &str,
        n: usize,
        f: impl FnOnce(&mut Ctx) -> Result<O>,
    ) -> Result<(Axis, O)> {
        self.replicas_from(name, 0, n, f)
    }

    /// Runs replicas number `first`, `first + 1`, … alone, as they would run among all in [`Ctx::replicas`].
    ///
    /// # Errors
    /// As [`Ctx::replicas`].
    pub fn replicas_from<O>(
        &mut self,
        name: &str,
        first: usize,
        n: usize,
        f: impl FnOnce(&mut Ctx) -> Result<O>,
    ) -> Result<(Axis, O)> {
        if self.frames.iter().any(|frame| frame.name == name) {
            return Err(Error::Plate { plate: name.to_owned(), reason: "is opened inside itself".into() });
        }
        let frame = Frame::replicas(name, first, n);
        let axis = frame.axis;
        self.frames.push(frame);
        let output = f(self);
        self.frames.pop();
        Ok((axis, output?))
    }

    /// Runs `f` inside a handler, which is then returned with what it has gathered.
    ///
    /// # Errors
    /// Whatever `f` returns.
    pub fn with<H: Handler, O>(
        &mut self,
        handler: H,
        f: impl FnOnce(&mut Ctx) -> Result<O>,
    ) -> Result<(H, O)> {
        let depth = self.handlers.len();
        self.handlers.push(Box::new(handler));
        let output = f(self);
        let handler = self.handlers.pop();
        self.handlers.truncate(depth);
        let output = output?;
        let handler = handler.and_then(|handler| (handler as Box<dyn Any>).downcast::<H>().ok());
        let lost = || Error::argument("a handler was replaced while it was in use");
        Ok((*handler.ok_or_else(lost)?, output))
    }

    fn send(&mut self, name: &str, statement: Statement, value: Option<Tensor>) -> Result<Tensor> {
        let mut message = Message::new(name, statement, value, &self.frames);
        self.deliver(&mut message).map_err(|error| error.at_site(&message.name))?;
        let undecided = || Error::argument("no handler decided a value").at_site(name);
        message.value.ok_or_else(undecided)
    }

    fn deliver(&mut self, message: &mut Message) -> Result<()> {
        let mut outermost = self.handlers.len();
        while outermost > 0 && !message.hidden {
            outermost -= 1;
            self.handlers[outermost].process(message)?;
        }
        self.decide(message)?;
        if self.validates {
            check_message(message)?;
        }
        for handler in &mut self.handlers[outermost..] {
            handler.postprocess(message)?;
        }
        Ok(())
    }

    /// What a statement means where no handler decided it, and checks of the value.
    fn decide(&mut self, message: &mut Message) -> Result<()> {
        let value = match (&message.statement, message.value.take()) {
            (Statement::Sample { distribution, .. }, given) => {
                let rank = distribution.batch_shape().rank() + distribution.event_shape().rank();
                match given {
                    Some(value) => enter_frames(&value, &message.frames, rank)?,
                    None => {
                        if self.validates {
                            distribution.validate()?;
                        }
                        let key = message.key.as_ref().unwrap_or(&self.key);
                        let draw = distribution.sample(&site_key(key, message)).to_device(&self.device);
                        if distribution.has_rsample() { draw } else { draw.detach() }
                    }
                }
            }
            (Statement::Param { init, constraint, per_row }, None) => {
                let plates = if *per_row { &message.frames[..] } else { &[] };
                self.params.resolve(&message.name, init, constraint.as_ref(), plates, &self.device)?
            }
            (Statement::Param { init, .. }, Some(value)) => {
                enter_frames(&value, &message.frames, init.rank())?
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
    message.frames.iter().fold(key.fold_in_name(&message.name), |key, frame| key.fold_in(frame.rows()))
}

/// A value may depend on rows only inside their plate.
pub(crate) fn check_axes(value: &Tensor, frames: &[Frame]) -> Result<()> {
    match value.axes().iter().find(|axis| frames.iter().all(|frame| frame.axis.id != axis.id)) {
        None => Ok(()),
        Some(axis) => {
            let plate = axis.id.name().unwrap_or_else(|| "an anonymous axis".into());
            let reason =
                "a value of one of its rows is used outside: return it from the plate's closure".into();
            Err(Error::Plate { plate, reason })
        }
    }
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
    check_value_shape(&**distribution, value)?;
    let support = distribution.support();
    if let Some(offender) = offending(&*support, value)? {
        let what = if *observed { "the data" } else { "the value" }.to_owned();
        return Err(Error::OutsideSupport { what, constraint: support.name(), value: offender });
    }
    Ok(())
}

fn check_value_shape(distribution: &dyn Distribution, value: &Tensor) -> Result<()> {
    let wanted = distribution.batch_shape().concat(&distribution.event_shape());
    let found = value.shape();
    if found.broadcast(&wanted).is_some_and(|both| both == found || both == wanted && found.rank() == 0) {
        return Ok(());
    }
    let name = distribution.name();
    Err(Error::Shape(format!("the value has shape {found}, a draw of the {name} distribution {wanted}")))
}
