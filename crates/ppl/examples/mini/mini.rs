//! A probabilistic programming system in one file, to be read from top to bottom: statements, handlers that give them
//! their meaning, and an evidence lower bound to fit guides with. The full system has the same shape; what it adds is
//! subsamples, particles, validation, missing data, more handlers, and words for every error.

use std::collections::{BTreeMap, HashSet};
use std::{cell::RefCell, rc::Rc, sync::Arc};

use ppl::core::{Distribution, Error, IntoDistribution, Result};
use ppl::tensor::{Axis, Key, Tensor, grad};

// A program is a function of a context. Each of its statements is a message, which travels through the handlers around
// the program, from the innermost outwards and back.

/// A program, with its arguments inside.
pub(crate) trait Model: Fn(&mut Ctx) -> Result<Tensor> {}
impl<F: Fn(&mut Ctx) -> Result<Tensor>> Model for F {}

/// What is stated: a random value, or a learnable one.
#[derive(Clone)]
pub(crate) enum Statement {
    Sample { distribution: Arc<dyn Distribution>, observed: bool },
    Param { init: Tensor },
}

/// A statement on its way. A value that is present means "decided"; `hidden`: handlers further out do not see it.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) statement: Statement,
    pub(crate) value: Option<Tensor>,
    pub(crate) plates: Vec<Axis>,
    pub(crate) key: Option<Key>,
    pub(crate) hidden: bool,
}

/// Sees statements on their way out, before their values are decided, and on their way back.
pub(crate) trait Handler {
    fn process(&mut self, _message: &mut Message) {}
    fn postprocess(&mut self, _message: &Message) {}
}

/// Most handlers only act on the way out: a closure is enough.
impl<F: FnMut(&mut Message)> Handler for F {
    fn process(&mut self, message: &mut Message) {
        self(message);
    }
}

/// Where a program runs: the key of its draws, its parameters, and the handlers and plates around the next statement.
pub(crate) struct Ctx {
    key: Key,
    pub(crate) params: BTreeMap<String, Tensor>,
    handlers: Vec<Box<dyn Handler>>,
    plates: Vec<Axis>,
}

impl Ctx {
    pub(crate) fn new(seed: u64) -> Self {
        Self { key: Key::new(seed), params: BTreeMap::new(), handlers: Vec::new(), plates: Vec::new() }
    }

    /// A random value.
    pub(crate) fn sample(&mut self, name: &str, law: impl IntoDistribution) -> Result<Tensor> {
        let statement = Statement::Sample { distribution: law.into_distribution(), observed: false };
        self.send(name, statement, None)
    }

    /// Data.
    pub(crate) fn observe(&mut self, name: &str, law: impl IntoDistribution, y: &Tensor) -> Result<Tensor> {
        let statement = Statement::Sample { distribution: law.into_distribution(), observed: true };
        self.send(name, statement, Some(y.clone()))
    }

    /// A learnable real number, or several.
    pub(crate) fn param(&mut self, name: &str, init: impl Into<Tensor>) -> Result<Tensor> {
        self.send(name, Statement::Param { init: init.into() }, None)
    }

    /// Runs a body once for all rows, whose dimension is an implicit axis inside, and in front of what comes out.
    pub(crate) fn plate(
        &mut self,
        name: &str,
        rows: &Tensor,
        body: impl FnOnce(&mut Ctx, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let axis = Axis::named(name, rows.size(0)?);
        self.plates.push(axis);
        let output = rows.to_implicit(axis.id).map_err(Error::from).and_then(|row| body(self, &row));
        self.plates.pop();
        Ok(output?.to_positional(axis))
    }

    /// Runs a program inside one more handler.
    pub(crate) fn with(&mut self, handler: impl Handler + 'static, model: impl Model) -> Result<Tensor> {
        self.handlers.push(Box::new(handler));
        let output = model(self);
        self.handlers.pop();
        output
    }

    fn send(&mut self, name: &str, statement: Statement, value: Option<Tensor>) -> Result<Tensor> {
        let (name, plates) = (name.to_owned(), self.plates.clone());
        let mut message = Message { name, statement, value, plates, key: None, hidden: false };
        let mut outermost = self.handlers.len();
        while outermost > 0 && !message.hidden {
            outermost -= 1;
            self.handlers[outermost].process(&mut message);
        }
        let value = self.decide(&message).map_err(|error| error.at_site(&message.name))?;
        message.value = Some(value.clone());
        self.handlers[outermost..].iter_mut().for_each(|handler| handler.postprocess(&message));
        Ok(value)
    }

    /// What a statement means where no handler has decided it: a draw, or the parameter's present value.
    fn decide(&mut self, message: &Message) -> Result<Tensor> {
        let value = match (&message.statement, &message.value) {
            (Statement::Sample { distribution, .. }, Some(value)) => {
                // A value from outside may have the rows of the plates as its first dimensions.
                let rank = distribution.batch_shape().rank() + distribution.event_shape().rank();
                let rows = if value.rank() > rank { &message.plates[..] } else { &[] };
                rows.iter().try_fold(value.clone(), |value, plate| value.to_implicit(plate.id))?
            }
            (Statement::Sample { distribution, .. }, None) => {
                distribution.validate()?;
                // The key knows name and row: a site draws the same whatever happens elsewhere.
                let key = message.key.as_ref().unwrap_or(&self.key).fold_in_name(&message.name);
                let key = message.plates.iter().fold(key, |key, &plate| key.fold_in(Tensor::rows_of(plate)));
                let draw = distribution.sample(&key);
                if distribution.has_rsample() { draw } else { draw.detach() }
            }
            (Statement::Param { .. }, Some(value)) => value.clone(),
            (Statement::Param { init }, None) => {
                self.params.entry(message.name.clone()).or_insert_with(|| init.tracked()).clone()
            }
        };
        Ok(value.check()?.clone())
    }
}

// The first handler records a run. With the recorded values, the log density of the run can be asked for.

impl Message {
    /// The log density of a recorded statement, summed over rows.
    pub(crate) fn log_prob(&self) -> Tensor {
        match (&self.statement, &self.value) {
            (Statement::Sample { distribution, .. }, Some(value)) => {
                let density = distribution.log_prob(value).sum_all();
                self.plates.iter().rev().fold(density, |sum, &plate| sum.sum_over(plate))
            }
            _ => Tensor::from(0.0),
        }
    }
}

/// The statements of a run, in order.
#[derive(Clone, Default)]
pub(crate) struct Trace(pub(crate) Vec<Message>);

impl Trace {
    pub(crate) fn get(&self, name: &str) -> Option<&Message> {
        self.0.iter().find(|site| site.name == name)
    }

    pub(crate) fn log_prob(&self) -> Tensor {
        self.0.iter().fold(Tensor::from(0.0), |sum, site| sum + site.log_prob())
    }
}

struct Record(Rc<RefCell<Trace>>);

impl Handler for Record {
    fn postprocess(&mut self, message: &Message) {
        self.0.borrow_mut().0.push(message.clone());
    }
}

/// Runs a program and records its statements.
pub(crate) fn trace(ctx: &mut Ctx, model: impl Model) -> Result<(Trace, Tensor)> {
    let record = Rc::new(RefCell::new(Trace::default()));
    let output = ctx.with(Record(record.clone()), model)?;
    let trace = record.take();
    let mut names = HashSet::new();
    match trace.0.iter().find(|site| !names.insert(&site.name)) {
        Some(site) => Err(Error::DuplicateSite(site.name.clone())),
        None => Ok((trace, output)),
    }
}

// The other handlers decide values and randomness, or hide statements. Whoever is inside decides first.

/// Latent values come from a recorded run.
pub(crate) fn replay(trace: Trace) -> impl Handler {
    move |message: &mut Message| {
        if let (Statement::Sample { observed: false, .. }, None) = (&message.statement, &message.value) {
            message.value = trace.get(&message.name).and_then(|site| site.value.clone());
        }
    }
}

/// A site has a value, but stays latent.
pub(crate) fn substitute(name: &'static str, value: Tensor) -> impl Handler {
    move |message: &mut Message| {
        if message.name == name && message.value.is_none() {
            message.value = Some(value.clone());
        }
    }
}

/// A site is data.
pub(crate) fn condition(name: &'static str, data: Tensor) -> impl Handler {
    move |message: &mut Message| {
        if let (true, Statement::Sample { observed, .. }) = (message.name == name, &mut message.statement) {
            *observed = true;
            message.value = Some(data.clone());
        }
    }
}

/// Some statements are hidden from handlers further out.
pub(crate) fn block(hides: impl Fn(&Message) -> bool + 'static) -> impl Handler {
    move |message: &mut Message| message.hidden |= hides(message)
}

/// Draws are a function of a key.
pub(crate) fn seed(key: Key) -> impl Handler {
    move |message: &mut Message| message.key = message.key.take().or_else(|| Some(key.clone()))
}

// With a record and a replay, the evidence lower bound is two traces and a subtraction.

/// One draw's estimate of the evidence lower bound; its gradients go through the draws of the guide.
pub(crate) fn elbo(ctx: &mut Ctx, model: impl Model, guide: impl Model) -> Result<Tensor> {
    let (guide_trace, _) = trace(ctx, guide)?;
    let (model_trace, _) = trace(ctx, |ctx: &mut Ctx| ctx.with(replay(guide_trace.clone()), &model))?;
    Ok(model_trace.log_prob() - guide_trace.log_prob())
}

/// Moves every parameter up the bound's gradient, and gives the bound.
pub(crate) fn step(ctx: &mut Ctx, rate: f64, model: impl Model, guide: impl Model) -> Result<f64> {
    (ctx.key, _) = ctx.key.split();
    let bound = elbo(ctx, model, guide)?;
    let gradients = grad(&bound, &ctx.params.values().collect::<Vec<_>>())?;
    for (param, gradient) in ctx.params.values_mut().zip(gradients) {
        *param = (param.detach() + rate * gradient).tracked();
    }
    Ok(bound.to_scalar()?)
}
