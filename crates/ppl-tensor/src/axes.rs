//! Implicit axes: dimensions that operations meet by identity, never by position.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use smallvec::SmallVec;

/// The implicit axes of a tensor, in the fixed order in which they lead its physical dimensions.
pub type Axes = SmallVec<[Axis; 2]>;

/// Identity of an implicit axis. Two axes of one name are the same axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AxisId(u64);

/// Axes without a name come after all named ones.
const ANONYMOUS: u64 = 1 << 48;

struct Names {
    ids: HashMap<String, u64>,
    names: Vec<String>,
}

fn names() -> &'static Mutex<Names> {
    static NAMES: OnceLock<Mutex<Names>> = OnceLock::new();
    // Particles and chains lead, so that what they replicate stays together in memory.
    NAMES.get_or_init(|| {
        let names = vec!["particles".to_owned(), "chains".to_owned()];
        // A plate may have that name without being the axis of vectorised chains, which is not asked for by name.
        let ids = HashMap::from([(names[0].clone(), 0)]);
        Mutex::new(Names { ids, names })
    })
}

impl AxisId {
    /// The axis of a name. Names are numbered in the order in which they are first used, so that an outer plate's axis
    /// comes before an inner one's.
    pub fn named(name: &str) -> Self {
        let mut names = names().lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&id) = names.ids.get(name) {
            return Self(id);
        }
        let id = names.names.len() as u64;
        names.names.push(name.to_owned());
        names.ids.insert(name.to_owned(), id);
        Self(id)
    }

    /// The axis of vectorised chains, which leads as that of particles does. No plate has it, whatever its name.
    pub fn chains() -> Self {
        Self(1)
    }

    /// An axis that nothing else has.
    pub fn fresh() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(ANONYMOUS);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// The name, if it has one.
    pub fn name(self) -> Option<String> {
        let names = names().lock().unwrap_or_else(PoisonError::into_inner);
        names.names.get(usize::try_from(self.0).ok()?).cloned()
    }
}

/// An implicit axis and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Axis {
    /// Which axis it is.
    pub id: AxisId,
    /// Its size.
    pub size: usize,
}

impl Axis {
    /// The axis of a name.
    pub fn named(name: &str, size: usize) -> Self {
        Self { id: AxisId::named(name), size }
    }

    /// An axis that nothing else has.
    pub fn fresh(size: usize) -> Self {
        Self { id: AxisId::fresh(), size }
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id.name() {
            Some(name) => write!(f, "`{name}` ({})", self.size),
            None => write!(f, "an anonymous axis ({})", self.size),
        }
    }
}

/// All axes of both, in order; or the pair of the same identity and different sizes.
pub(crate) fn union(left: &Axes, right: &Axes) -> Result<Axes, (Axis, Axis)> {
    let mut out = Axes::with_capacity(left.len() + right.len());
    let (mut i, mut j) = (0, 0);
    while i < left.len() || j < right.len() {
        match (left.get(i), right.get(j)) {
            (Some(&l), Some(&r)) if l.id == r.id => {
                if l.size != r.size {
                    return Err((l, r));
                }
                out.push(l);
                (i, j) = (i + 1, j + 1);
            }
            (Some(&l), Some(r)) if l.id < r.id => {
                out.push(l);
                i += 1;
            }
            (Some(&l), None) => {
                out.push(l);
                i += 1;
            }
            (_, Some(&r)) => {
                out.push(r);
                j += 1;
            }
            (None, None) => break,
        }
    }
    Ok(out)
}
