//! Plates and replicas: statements that run once for many rows.

use ppl_tensor::{Axis, DType, Tensor, TensorTree, TreePath};

use super::Ctx;
use crate::plate::{Frame, FrameKind, Rows, Selection};
use crate::{Error, Result, Statement};

impl Ctx {
    /// Runs `f` once for all rows of a tree of columns, of a count, or of a subsample of either ([`SubsampleExt`]).
    ///
    /// `f` sees one row; what it returns comes back with the rows as first dimension.
    ///
    /// [`SubsampleExt`]: crate::SubsampleExt
    ///
    /// # Errors
    /// If columns differ in length, rows are chosen that do not exist, the plate is already open, or `f` fails.
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
        whole.map_err(|error| Error::from(error).at_plate(name))
    }

    fn open_plate(&mut self, name: &str, rows: &impl Rows) -> Result<Frame> {
        let fault = |reason: String| Error::Plate { plate: name.to_owned(), reason };
        let population = rows.count().map_err(|error| error.at_plate(name))?;
        if self.frames.iter().any(|frame| frame.name == name) {
            return Err(fault("is opened inside itself".into()));
        }
        let (size, given) = match rows.selection() {
            Selection::All => return Ok(Frame::whole(name, population, FrameKind::Plate)),
            Selection::Subsample(size) if size == 0 || size > population => {
                return Err(fault(format!("{size} of {population} rows cannot be chosen")));
            }
            Selection::Subsample(size) => (size, None),
            Selection::Given(indices) => {
                let size = self.check_rows(&indices, population).map_err(|error| error.at_plate(name))?;
                (size, Some(indices))
            }
        };
        // The choice is the same for every row and replica around: it draws no per-row key.
        let outer = std::mem::take(&mut self.frames);
        let message = self.message(name, Statement::Subsample { population, size }, given);
        let chosen = self.send(message);
        self.frames = outer;
        Frame::of_rows(name, population, &chosen?)
    }

    /// The number of the rows given, if they are some of the rows there are. Traced numbers cannot be read and pass.
    fn check_rows(&self, rows: &Tensor, population: usize) -> Result<usize> {
        let shape = rows.check()?.shape();
        let [size] = shape[..] else {
            return Err(Error::Shape(format!("row numbers are a vector, found shape {shape}")));
        };
        if size == 0 {
            return Err(Error::argument(format!("0 of {population} rows cannot be chosen")));
        }
        if rows.dtype() != DType::I64 {
            return Err(Error::Shape(format!("row numbers are integers (i64), found {}", rows.dtype())));
        }
        if rows.is_traced() || !self.validates {
            return Ok(size);
        }
        let outside = |row: &i64| usize::try_from(*row).map_or(true, |row| row >= population);
        match rows.unwatched().to_vec::<i64>()?.into_iter().find(outside) {
            Some(row) => Err(Error::argument(format!("index {row} is outside 0..{population}"))),
            None => Ok(size),
        }
    }

    /// Runs `f` as `n` independent replicas of the program, which differ in their draws alone. What `f` returns carries
    /// the replicas' axis, which is returned beside it.
    ///
    /// # Errors
    /// If `n` is zero, replicas or a plate of that name are already open, or `f` fails.
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
        let fault = |reason: &str| Err(Error::Plate { plate: name.to_owned(), reason: reason.into() });
        if self.frames.iter().any(|frame| frame.name == name) {
            return fault("is opened inside itself");
        }
        if n == 0 {
            return fault("zero replicas were asked for");
        }
        if first.checked_add(n).is_none_or(|end| i64::try_from(end).is_err()) {
            return fault("the replicas' numbers are too large");
        }
        let frame = Frame::replicas(name, first, n);
        let axis = frame.axis;
        self.frames.push(frame);
        let output = f(self);
        self.frames.pop();
        Ok((axis, output?))
    }

    /// Runs `f` for `n` chains at once, which differ in the values that come in along the axis
    /// [`chains`](ppl_tensor::AxisId::chains), and not in what is drawn inside. What `f` returns carries that axis where it
    /// depends on such a value.
    ///
    /// # Errors
    /// If chains are open already, `n` is zero, or `f` fails.
    pub fn chains<O>(&mut self, n: usize, f: impl FnOnce(&mut Ctx) -> Result<O>) -> Result<O> {
        let frame = Frame::chains(n);
        let open = self.frames.iter().any(|other| other.axis.id == frame.axis.id || other.name == frame.name);
        if open || n == 0 {
            let reason = if open { "are opened inside themselves" } else { "zero of them were asked for" };
            return Err(Error::Plate { plate: frame.name, reason: reason.into() });
        }
        self.frames.push(frame);
        let output = f(self);
        self.frames.pop();
        output
    }
}
