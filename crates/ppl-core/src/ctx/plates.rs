//! Plates and replicas: statements that run once for many rows.

use ppl_tensor::{Axis, TensorTree, TreePath};

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
        let message = self.message(name, Statement::Subsample { population, size }, given);
        let chosen = self.send(message);
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
}
