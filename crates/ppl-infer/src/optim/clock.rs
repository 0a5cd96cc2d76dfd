//! Counts of steps, and what follows from them alone.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;

use ppl_core::Result;
use ppl_tensor::Tensor;

/// When an update happens, for parameters that have been updated equally often. Counts are tensors, so that a compiled
/// step advances them; what depends on them alone is computed once for all these parameters ([`Clock::once`]).
pub struct Clock {
    steps: Tensor,
    updates: Tensor,
    known: RefCell<Vec<Known>>,
}

/// A key and the value computed for it.
type Known = (Box<dyn Any>, Box<dyn Any>);

impl Clock {
    /// A clock: `steps` steps were taken before this one, of any parameters; this is update number `updates`, from 1, of
    /// these. Both are float scalars of the parameters' dtype and device.
    pub fn new(steps: Tensor, updates: Tensor) -> Self {
        Self { steps, updates, known: RefCell::default() }
    }

    /// Number of steps before this one, whatever parameters they updated: what a [`Schedule`](crate::Schedule) is a
    /// function of.
    pub fn steps(&self) -> &Tensor {
        &self.steps
    }

    /// Number of updates of these parameters, this one included: what corrections of a mean's bias are functions of.
    pub fn updates(&self) -> &Tensor {
        &self.updates
    }

    /// The value of `compute`, which runs for the first of equal keys alone. The value must be a function of the key
    /// and of this clock.
    ///
    /// # Errors
    /// Whatever `compute` returns.
    pub fn once<K: PartialEq + 'static, V: Clone + 'static>(
        &self,
        key: K,
        compute: impl FnOnce() -> Result<V>,
    ) -> Result<V> {
        let find = |known: &Known| {
            let same = known.0.downcast_ref::<K>().is_some_and(|other| *other == key);
            if same { known.1.downcast_ref::<V>().cloned() } else { None }
        };
        let found = self.known.borrow().iter().find_map(find);
        match found {
            Some(value) => Ok(value),
            None => {
                let value = compute()?;
                self.known.borrow_mut().push((Box::new(key), Box::new(value.clone())));
                Ok(value)
            }
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("steps", &self.steps).field("updates", &self.updates).finish()
    }
}
