//! Settings that travel with a statement, for those who know their types.

use std::any::{Any, TypeId};
use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::{Distribution, IntoDistribution};

/// What can be a setting.
trait Setting: Any + Debug + Send + Sync {}

impl<T: Any + Debug + Send + Sync> Setting for T {}

/// Settings of a statement, at most one of each type: how its gradient is estimated, whether it is summed out. Programs
/// and handlers put them there; the inference that knows a type reads it.
#[derive(Clone, Default)]
pub struct Config(Vec<(TypeId, Arc<dyn Setting>)>);

impl Config {
    /// No settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// The settings with one more, in place of one of its type.
    #[must_use]
    pub fn with<T: Any + Debug + Send + Sync>(mut self, setting: T) -> Self {
        self.insert(setting);
        self
    }

    /// Adds a setting, in place of one of its type.
    pub fn insert<T: Any + Debug + Send + Sync>(&mut self, setting: T) {
        self.put(TypeId::of::<T>(), Arc::new(setting));
    }

    /// The setting of a type, if there is one.
    pub fn get<T: Any + Debug + Send + Sync>(&self) -> Option<&T> {
        let (_, setting) = self.0.iter().find(|(id, _)| *id == TypeId::of::<T>())?;
        (&**setting as &dyn Any).downcast_ref()
    }

    /// Adds all of another's settings, in place of those of their types.
    pub fn extend(&mut self, other: &Config) {
        for (id, setting) in &other.0 {
            self.put(*id, setting.clone());
        }
    }

    fn put(&mut self, id: TypeId, setting: Arc<dyn Setting>) {
        match self.0.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => *known = setting,
            None => self.0.push((id, setting)),
        }
    }
}

impl Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(_, setting)| setting)).finish()
    }
}

/// A distribution with settings for its statement: see [`ConfigureExt`].
#[derive(Debug, Clone)]
pub struct Configured<D> {
    distribution: D,
    config: Config,
}

impl<D: IntoDistribution> IntoDistribution for Configured<D> {
    fn into_distribution(self) -> Arc<dyn Distribution> {
        self.distribution.into_distribution()
    }

    fn config(&self) -> Config {
        let mut config = self.distribution.config();
        config.extend(&self.config);
        config
    }
}

/// Gives the statement of a distribution a setting: `ctx.sample("z", Bernoulli::new(p).configure(setting))`.
pub trait ConfigureExt: IntoDistribution + Sized {
    /// The distribution with a setting for its statement.
    fn configure<T: Any + Debug + Send + Sync>(self, setting: T) -> Configured<Self> {
        Configured { distribution: self, config: Config::new().with(setting) }
    }
}

impl<D: IntoDistribution> ConfigureExt for D {}
