//! Loops over time whose statements handlers see as those of all steps at once.

use ppl_tensor::{Provenance, Tensor, TensorTree, TreePath};

use super::Ctx;
use crate::plate::{Frame, FrameKind, Rows, Selection};
use crate::render::Carries;
use crate::scan::{Phase, Scan, Step};
use crate::{Error, Message, Result};

impl Ctx {
    /// Runs `body` for the rows of a tree of columns, or of a count, in order. It takes what is carried from step to step
    /// and one row, and returns what is carried on and an output. Returned are what the last step carries on and the
    /// outputs, with the steps as first dimension.
    ///
    /// Statements inside are one site for all steps, as in a plate named `name`: their values have the steps as first
    /// dimension, wherever they are given or read. The body runs a fixed number of times, however many steps there are:
    /// on symbolic values, as a loop that draws what is not given ([`ppl_tensor::scan`]), and once for all steps at once,
    /// each with what was carried to it. So what it computes must not depend on values read out of tensors.
    ///
    /// # Errors
    /// If columns differ in length, there is no step, the name is in use as a plate around, rows are subsampled, or `body`
    /// fails or carries on another structure or shapes than it was given.
    pub fn scan<R: Rows, C: TensorTree, O: TensorTree>(
        &mut self,
        name: &str,
        rows: R,
        init: &C,
        body: impl FnMut(&mut Ctx, &C, &R::Row) -> Result<(C, O)>,
    ) -> Result<(C, O)> {
        self.scan_rows(name, &rows, init, body).map_err(|error| error.at_plate(name))
    }

    fn scan_rows<R: Rows, C: TensorTree, O: TensorTree>(
        &mut self,
        name: &str,
        rows: &R,
        init: &C,
        mut body: impl FnMut(&mut Ctx, &C, &R::Row) -> Result<(C, O)>,
    ) -> Result<(C, O)> {
        let steps = self.steps_of(name, rows)?;
        let fault = |reason: &str| Error::Plate { plate: name.to_owned(), reason: reason.into() };

        let first = Step::first();
        let frame = Frame::of_step(name, steps, first.clone());
        // With gradients: what is made of a column on its way in is part of the column that the steps take rows of.
        let (probed, _) = self.in_scan(frame, Phase::Stepping, Vec::new(), |ctx, frame| {
            body(ctx, init, &rows.row(frame)?).map(|_| ())
        });
        probed?;

        let columns = (Tensor::arange(steps), first.into_columns());
        let mut names = Vec::new();
        let (last, (carried, drawn)) =
            ppl_tensor::scan(steps, init, &columns, |carry: &C, (number, row)| {
                let step = Step::with_rows(number.clone(), row.clone());
                let frame = Frame::of_step(name, steps, step);
                let (next, drawn) = self.in_scan(frame, Phase::Stepping, Vec::new(), |ctx, frame| {
                    Ok(body(ctx, carry, &rows.row(frame)?)?.0)
                });
                let (drawn_names, drawn): (Vec<String>, Vec<Tensor>) = drawn.into_iter().unzip();
                names = drawn_names;
                Ok::<_, Error>((next?, (carry.clone(), drawn)))
            })?;
        if names.len() != drawn.len() {
            return Err(fault("its steps draw different sites"));
        }

        let frame = Frame::whole(name, steps, FrameKind::Scan);
        let axis = frame.axis;
        let carried = carried.try_map(&mut TreePath::root(), &mut |_, leaf| leaf.to_implicit(axis.id))?;
        let follows = self.carries.is_some();
        let implicit = |(name, value): (String, Tensor)| {
            let value = value.to_implicit(axis.id)?;
            Ok((name, if follows { value.unwatched() } else { value }))
        };
        let drawn = names.into_iter().zip(drawn).map(implicit).collect::<Result<Vec<_>>>()?;
        let first = Carries::of(init)?;
        let sources = Carries::fresh(if follows { first.len() } else { 0 });
        let marks: Vec<Provenance> = sources.iter().map(|&source| Provenance::of(source)).collect();
        let carried = if follows { Carries::marked(&carried, &marks)? } else { carried };
        let mut carried_on = Vec::new();
        let (outputs, _) = self.in_scan(frame, Phase::Whole, drawn, |ctx, frame| {
            let (next, output) = body(ctx, &carried, &rows.row(frame)?)?;
            if let Some(carries) = &mut ctx.carries {
                carried_on = Carries::of(&next)?;
                carries.insert(&sources, &first);
                carries.insert(&sources, &carried_on);
            }
            Ok(output
                .try_map(&mut TreePath::root(), &mut |_, leaf| leaf.to_positional(axis).check().cloned())?)
        });
        let outputs = outputs?;
        let last = if follows { Carries::marked(&last, &carried_on)? } else { last };
        Ok((last, outputs))
    }

    fn steps_of(&self, name: &str, rows: &impl Rows) -> Result<usize> {
        let fault = |reason: &str| Error::Plate { plate: name.to_owned(), reason: reason.into() };
        if self.frames.iter().any(|frame| frame.name == name) {
            return Err(fault("is opened inside itself"));
        }
        if !matches!(rows.selection(), Selection::All) {
            return Err(fault("steps of a scan depend on each other: they cannot be subsampled"));
        }
        match rows.count().map_err(|error| error.at_plate(name))? {
            0 => Err(fault("a scan needs a step")),
            steps => Ok(steps),
        }
    }

    /// Runs `f` inside a frame of a scan; returns what it drew beside what it returns.
    fn in_scan<O>(
        &mut self,
        frame: Frame,
        phase: Phase,
        drawn: Vec<(String, Tensor)>,
        f: impl FnOnce(&mut Ctx, &Frame) -> Result<O>,
    ) -> (Result<O>, Vec<(String, Tensor)>) {
        self.frames.push(frame.clone());
        self.scans.push(Scan { drawn, ..Scan::new(phase) });
        let output = f(self, &frame);
        let drawn = self.scans.pop().map(|scan| scan.drawn).unwrap_or_default();
        self.frames.pop();
        (output, drawn)
    }

    /// Whether statements only decide values now: their sites come when all steps run at once.
    pub(super) fn is_stepping(&self) -> bool {
        self.scans.iter().any(|scan| scan.phase == Phase::Stepping)
    }

    /// The value that the steps of a scan drew for a site, if there were steps.
    ///
    /// # Errors
    /// If they did not draw it: what was carried does not depend on this draw then.
    pub(super) fn drawn_by_steps(&self, message: &Message) -> Result<Option<Tensor>> {
        let mut whole = self.scans.iter().filter(|scan| scan.phase == Phase::Whole).peekable();
        if whole.peek().is_none() {
            return Ok(None);
        }
        let mut drawn = whole.flat_map(|scan| &scan.drawn);
        if let Some((_, value)) = drawn.find(|(name, _)| *name == message.name) {
            return Ok(Some(value.clone()));
        }
        let scan = message.frames.iter().rev().find(|frame| frame.kind == FrameKind::Scan);
        let plate = scan.map_or_else(|| message.name.clone(), |frame| frame.name.clone());
        Err(Error::Plate { plate, reason: "its steps draw different sites".into() })
    }

    /// Keeps a drawn value for the time when all steps run at once.
    pub(super) fn keep_drawn(&mut self, name: &str, value: &Tensor) {
        let innermost = self.scans.iter_mut().rev().find(|scan| scan.phase == Phase::Stepping);
        if let Some(scan) = innermost {
            scan.drawn.push((name.to_owned(), value.clone()));
        }
    }
}
