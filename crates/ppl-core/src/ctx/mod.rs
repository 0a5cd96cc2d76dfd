//! The context a program runs in: its statements, and the handlers that see them.

mod deliver;
mod observation;
mod plates;
mod scan;
mod statements;

use std::any::Any;

use ppl_tensor::{Device, Key};

pub(crate) use deliver::{check_axes, check_value_shape};
pub use observation::Observation;

use crate::render::Carries;
use crate::scan::Scan;
use crate::{Error, Frame, Handler, ParamStore, Result};

/// Where a program runs: key and device of its draws, its parameters, the handlers and plates around a statement.
pub struct Ctx {
    device: Device,
    key: Key,
    params: ParamStore,
    handlers: Vec<Box<dyn Handler>>,
    frames: Vec<Frame>,
    scans: Vec<Scan>,
    /// Kept while dependences between statements are followed.
    carries: Option<Carries>,
    validates: bool,
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
            scans: Vec::new(),
            carries: None,
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

    /// A context of the same device, key, parameters and checks, without handlers and plates, in which dependences are
    /// followed.
    pub(crate) fn apart(&self) -> Ctx {
        let carries = Some(Carries::default());
        Ctx { validates: self.validates, carries, ..Ctx::with_key(&self.device, self.key.clone()) }
            .with_params(self.params.clone())
    }

    /// What scans have carried, if dependences were followed.
    pub(crate) fn into_carries(self) -> Carries {
        self.carries.unwrap_or_default()
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
}
