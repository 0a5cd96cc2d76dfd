//! Plates: independent rows, written for one and run for all at once.

use std::sync::{Arc, OnceLock};

use ppl_tensor::{Axis, AxisId, Tensor, TensorTree, TreePath};

use crate::scan::Step;
use crate::{Error, Result};

/// What replicates the statements inside a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// Rows of a plate, independent of each other: log densities add up over them.
    Plate,
    /// Steps of a scan, each of which may depend on those before: log densities add up over them.
    Scan,
    /// Replicas of the whole program, as particles of an estimator: log densities stay apart.
    Replica,
}

/// A plate (or a set of replicas) that encloses a statement.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Name of the plate.
    pub name: String,
    /// Its implicit axis, as long as the rows chosen.
    pub axis: Axis,
    /// Number of all rows.
    pub population: usize,
    /// Plate, scan or replicas.
    pub kind: FrameKind,
    /// Whether rows were chosen: fewer than there are, or in another order.
    chosen: bool,
    /// Whether its replicas draw the same.
    alike: bool,
    /// The one step that runs, while a scan goes through its steps.
    step: Option<Step>,
    /// Made when first asked for: programs without draws or subsamples inside never need it.
    rows: Arc<OnceLock<Tensor>>,
}

impl Frame {
    /// A frame over all rows.
    pub(crate) fn whole(name: &str, size: usize, kind: FrameKind) -> Self {
        let axis = Axis::named(name, size);
        let (name, rows) = (name.to_owned(), Arc::default());
        Self { name, axis, population: size, kind, chosen: false, alike: false, step: None, rows }
    }

    /// One step of a scan of `size` steps.
    pub(crate) fn of_step(name: &str, size: usize, step: Step) -> Self {
        let rows = Arc::new(OnceLock::from(step.number().clone()));
        Self { step: Some(step), rows, ..Self::whole(name, size, FrameKind::Scan) }
    }

    /// Replicas numbered from `first`.
    pub(crate) fn replicas(name: &str, first: usize, size: usize) -> Self {
        let frame = Self::whole(name, size, FrameKind::Replica);
        if first == 0 {
            return frame;
        }
        let rows = Arc::new(OnceLock::from(Tensor::rows_of(frame.axis) + first as i64));
        Self { rows, ..frame }
    }

    /// Replicas that differ in the values that come in, not in what they draw.
    pub(crate) fn chains(size: usize) -> Self {
        let axis = Axis { id: AxisId::chains(), size };
        Self { axis, alike: true, ..Self::whole("vectorised chains", size, FrameKind::Replica) }
    }

    /// Whether its rows draw apart.
    pub(crate) fn draws_apart(&self) -> bool {
        !self.alike
    }

    /// A plate over the rows with these numbers (`I64`, positional).
    pub(crate) fn of_rows(name: &str, population: usize, rows: &Tensor) -> Result<Self> {
        let axis = Axis::named(name, rows.size(0)?);
        let rows = rows.to_implicit(axis.id)?;
        let rows = Arc::new(OnceLock::from(rows));
        let (name, kind) = (name.to_owned(), FrameKind::Plate);
        Ok(Self { name, axis, population, kind, chosen: true, alike: false, step: None, rows })
    }

    /// Whether log densities add up over its rows: of a plate or a scan.
    pub fn has_rows(&self) -> bool {
        self.kind != FrameKind::Replica
    }

    /// `I64` numbers of the rows chosen, one a row, with the axis.
    pub fn rows(&self) -> &Tensor {
        self.rows.get_or_init(|| Tensor::rows_of(self.axis))
    }

    /// Whether rows were chosen, at random or by number; otherwise all are there in their order.
    pub fn is_subsampled(&self) -> bool {
        self.chosen
    }

    /// Factor that makes up for the rows left out.
    pub(crate) fn scale(&self) -> f64 {
        // A plate without rows has nothing to make up for.
        if self.chosen { self.population as f64 / self.axis.size as f64 } else { 1.0 }
    }

    /// A value of all rows (its first dimension counts them) or of the rows chosen, as seen from inside the plate.
    pub(crate) fn enter(&self, value: &Tensor) -> Result<Tensor> {
        let size = value.size(0)?;
        if let (Some(step), true) = (&self.step, size == self.axis.size) {
            return step.enter(value);
        }
        if size == self.population && self.chosen {
            let indices = self.rows().to_positional(self.axis);
            return Ok(value.at(indices).to_implicit(self.axis.id)?);
        }
        if size != self.axis.size {
            let what = if self.kind == FrameKind::Scan { "scan" } else { "plate" };
            let reason = format!("a value has {size} rows, the {what} {}", self.population);
            return Err(Error::Plate { plate: self.name.clone(), reason });
        }
        Ok(value.to_implicit(self.axis.id)?)
    }
}

/// A value given from outside (positional, one leading dimension for each plate, or without them to be the same in every
/// row), as seen from inside the frames. `rank` is the number of dimensions of one row's value.
pub(crate) fn enter_frames(value: &Tensor, frames: &[Frame], rank: usize) -> Result<Tensor> {
    value.check()?;
    let has = |value: &Tensor, frame: &Frame| value.axes().iter().any(|axis| axis.id == frame.axis.id);
    if let Some(frame) = frames.iter().find(|frame| frame.step.is_some() && has(value, frame)) {
        // All steps of a value that is already per step: as from a recorded run.
        let others: Vec<Frame> = frames.iter().filter(|f| f.axis.id != frame.axis.id).cloned().collect();
        return enter_frames(&frame.enter(&value.to_positional(frame.axis))?, &others, rank);
    }
    let plates: Vec<&Frame> = frames.iter().filter(|f| f.has_rows() && !has(value, f)).collect();
    if value.rank() <= rank || plates.is_empty() {
        return Ok(value.clone());
    }
    if value.rank() != rank + plates.len() {
        let names: Vec<&str> = plates.iter().map(|f| f.name.as_str()).collect();
        return Err(Error::Shape(format!(
            "a value of shape {} was given; it has {rank} dimensions in one row, and one more for each of the plates: {}",
            value.shape(),
            names.join(", ")
        )));
    }
    plates.iter().try_fold(value.clone(), |value, frame| frame.enter(&value))
}

/// Which rows of a plate are used.
#[derive(Debug, Clone)]
pub enum Selection {
    /// All.
    All,
    /// So many, chosen at random in each run.
    Subsample(usize),
    /// These: `I64` row numbers, positional.
    Given(Tensor),
}

/// What a plate runs over: a reference to a tree of columns, a count, or a [`Subsample`] of either.
pub trait Rows {
    /// What the program sees of one row.
    type Row;

    /// Number of all rows.
    ///
    /// # Errors
    /// If columns differ in length, or there is none.
    fn count(&self) -> Result<usize>;

    /// Which rows are used.
    fn selection(&self) -> Selection {
        Selection::All
    }

    /// One row, as seen from inside the plate.
    ///
    /// # Errors
    /// If a column does not have the plate's rows.
    fn row(&self, frame: &Frame) -> Result<Self::Row>;
}

impl<T: TensorTree> Rows for &T {
    type Row = T;

    fn count(&self) -> Result<usize> {
        let mut count: Option<(usize, String)> = None;
        let mut fault = None;
        self.try_map(&mut TreePath::root(), &mut |path, column| {
            let shape = column.check()?.shape();
            match (shape.first(), &count) {
                (None, _) => fault = Some(format!("column `{path}` is a scalar: it has no rows")),
                (Some(&rows), Some((other, first))) if *other != rows => {
                    fault = Some(format!("column `{path}` has {rows} rows, column `{first}` {other}"));
                }
                (Some(&rows), _) => count = Some((rows, path.to_string())),
            }
            Ok(column.clone())
        })?;
        if let Some(fault) = fault {
            return Err(Error::Argument(fault));
        }
        let none = || Error::argument("there is no column to count the rows of: give their number");
        count.map(|(rows, _)| rows).ok_or_else(none)
    }

    fn row(&self, frame: &Frame) -> Result<T> {
        let mut failure = None;
        let row = self.try_map(&mut TreePath::root(), &mut |_, column| match frame.enter(column) {
            Ok(row) => Ok(row),
            Err(error) => {
                failure = Some(error);
                Err(ppl_tensor::Error::argument("plate", "a column does not have the plate's rows"))
            }
        });
        row.map_err(|error| failure.unwrap_or(Error::Tensor(error)))
    }
}

impl Rows for usize {
    /// The row's number, `I64`.
    type Row = Tensor;

    fn count(&self) -> Result<usize> {
        Ok(*self)
    }

    fn row(&self, frame: &Frame) -> Result<Tensor> {
        Ok(frame.rows().clone())
    }
}

/// Some of the rows of something: see [`SubsampleExt`].
#[derive(Debug, Clone)]
pub struct Subsample<R> {
    rows: R,
    selection: Selection,
}

impl<R: Rows> Rows for Subsample<R> {
    type Row = R::Row;

    fn count(&self) -> Result<usize> {
        self.rows.count()
    }

    fn selection(&self) -> Selection {
        self.selection.clone()
    }

    fn row(&self, frame: &Frame) -> Result<R::Row> {
        self.rows.row(frame)
    }
}

/// Chooses some of a plate's rows. Log densities inside are scaled up to all of them.
pub trait SubsampleExt: Rows + Sized {
    /// `n` distinct rows, drawn at random in each run.
    fn subsample(self, n: usize) -> Subsample<Self> {
        Subsample { rows: self, selection: Selection::Subsample(n) }
    }

    /// The rows of these numbers (`I64`).
    fn at_rows(self, indices: impl Into<Tensor>) -> Subsample<Self> {
        Subsample { rows: self, selection: Selection::Given(indices.into()) }
    }
}

impl<R: Rows> SubsampleExt for R {}
