//! Records of runs: sites, values, log densities.

use std::fmt::Write;
use std::sync::OnceLock;

use indexmap::IndexMap;
use ppl_tensor::{AxisId, Shape, Tensor};

use crate::ctx::check_axes;
use crate::{Config, Error, Frame, Message, Result, Statement};

/// One statement of a run, with its value.
#[derive(Debug, Clone)]
pub struct Site {
    /// Name of the site.
    pub name: String,
    /// What kind of statement it is.
    pub statement: Statement,
    /// The value, with the implicit axes it depends on.
    pub value: Tensor,
    /// The plates around it, outermost first.
    pub frames: Vec<Frame>,
    /// Factor of its log density that makes up for rows left out of subsampled plates.
    pub scale: f64,
    /// Further factor of its log density, per row.
    pub weight: Option<Tensor>,
    /// Where its log density counts.
    pub mask: Option<Tensor>,
    /// Its settings.
    pub config: Config,
    log_prob: OnceLock<Tensor>,
}

impl Site {
    /// The site of a message whose value is known.
    pub(crate) fn of(message: &Message) -> Result<Self> {
        let undecided = || Error::argument("no handler decided a value");
        Ok(Self {
            name: message.name.clone(),
            statement: message.statement.clone(),
            value: message.value.clone().ok_or_else(undecided)?,
            frames: message.frames.clone(),
            scale: message.scale,
            weight: message.weight.clone(),
            mask: message.mask.clone(),
            config: message.config.clone(),
            log_prob: OnceLock::new(),
        })
    }

    /// Whether it is a sample statement whose value is not data.
    pub fn is_latent(&self) -> bool {
        matches!(self.statement, Statement::Sample { observed: false, .. })
    }

    /// Whether it belongs to a guide's own construction ([`Ctx::sample_auxiliary`](crate::Ctx::sample_auxiliary)).
    pub fn is_auxiliary(&self) -> bool {
        matches!(self.statement, Statement::Sample { auxiliary: true, .. })
    }

    /// Whether it is a sample statement whose value is data.
    pub fn is_observed(&self) -> bool {
        matches!(self.statement, Statement::Sample { observed: true, .. })
    }

    /// The value with one leading dimension for each plate (and set of replicas) around, outermost first.
    pub fn positional_value(&self) -> Tensor {
        self.frames.iter().rev().fold(self.value.clone(), |value, frame| value.to_positional(frame.axis))
    }

    /// The same site, whose log density counts only where the mask holds too.
    #[must_use]
    pub fn masked(&self, mask: &Tensor) -> Self {
        let mask = match &self.mask {
            Some(own) => own.and(mask),
            None => mask.clone(),
        };
        Self { mask: Some(mask), log_prob: OnceLock::new(), ..self.clone() }
    }

    /// Log density of one row, weighted, masked and summed over the dimensions of the draw, without [`Site::scale`]: a
    /// scalar with the implicit axes it depends on. Zero for statements without a density.
    ///
    /// # Errors
    /// If it cannot be computed, or depends on rows of a plate that is not around the site.
    pub fn log_prob(&self) -> Result<Tensor> {
        if let Some(known) = self.log_prob.get() {
            return Ok(known.clone());
        }
        let log_prob = self.compute().map_err(|error| error.at_site(&self.name))?;
        Ok(self.log_prob.get_or_init(|| log_prob).clone())
    }

    /// As [`Site::log_prob`], without weight and mask: what the value was drawn from, whatever of it counts.
    ///
    /// # Errors
    /// As [`Site::log_prob`].
    pub fn draw_log_prob(&self) -> Result<Tensor> {
        if self.weight.is_none() && self.mask.is_none() {
            return self.log_prob();
        }
        Self { weight: None, mask: None, log_prob: OnceLock::new(), ..self.clone() }.log_prob()
    }

    fn compute(&self) -> Result<Tensor> {
        let density = match &self.statement {
            Statement::Sample { distribution, .. } => distribution.log_prob(&self.value),
            Statement::Factor => self.value.clone(),
            Statement::Param { .. } | Statement::Deterministic | Statement::Subsample { .. } => {
                return Ok(Tensor::from(0.0));
            }
        };
        density.check()?;
        let weighted = match &self.weight {
            Some(weight) => density * weight,
            None => density,
        };
        let masked = match &self.mask {
            Some(mask) => mask.select(&weighted, 0.0),
            None => weighted,
        };
        check_axes(&masked, &self.frames)?;
        Ok(masked.sum_all().check()?.clone())
    }

    /// Whether the statement adds to the log density of a run.
    pub fn has_density(&self) -> bool {
        matches!(self.statement, Statement::Sample { .. } | Statement::Factor)
    }

    /// Log density of all rows, scaled, summed over the plates around but those in `keep`. Axes of replicas stay.
    ///
    /// # Errors
    /// As [`Site::log_prob`].
    pub fn log_prob_sum(&self, keep: &[AxisId]) -> Result<Tensor> {
        let plates = self.frames.iter().filter(|f| f.has_rows() && !keep.contains(&f.axis.id));
        let sum = plates.fold(self.log_prob()?, |sum, frame| sum.sum_over(frame.axis));
        Ok(if self.scale == 1.0 { sum } else { sum * self.scale })
    }
}

/// The statements of one run, in order.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    sites: IndexMap<String, Site>,
}

impl Trace {
    /// All sites, in order.
    pub fn sites(&self) -> impl Iterator<Item = &Site> {
        self.sites.values()
    }

    /// A site by name, if there is one.
    pub fn get(&self, name: &str) -> Option<&Site> {
        self.sites.get(name)
    }

    /// A site by name.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn site(&self, name: &str) -> Result<&Site> {
        self.sites.get(name).ok_or_else(|| Error::unknown("site", name, self.sites.keys()))
    }

    /// The value of a site, with one leading dimension for each plate around.
    ///
    /// # Errors
    /// If there is none of that name, or its value failed.
    pub fn value(&self, name: &str) -> Result<Tensor> {
        Ok(self.site(name)?.positional_value().check()?.clone())
    }

    pub(crate) fn insert(&mut self, site: Site) -> Result<()> {
        if let Some(known) = self.sites.get(&site.name) {
            let reopened = matches!(
                (&known.statement, &site.statement),
                (Statement::Subsample { population: a, size: b }, Statement::Subsample { population: c, size: d })
                    if a == c && b == d
            );
            let same_param = matches!(
                (&known.statement, &site.statement),
                (Statement::Param { .. }, Statement::Param { .. })
            );
            // A plate may be entered again, and a parameter read again: both mean the same thing as before.
            if reopened || same_param {
                return Ok(());
            }
            return Err(Error::DuplicateSite(site.name));
        }
        self.sites.insert(site.name.clone(), site);
        Ok(())
    }

    /// Log density of the run: of all sample and factor statements, scaled, summed over plates.
    ///
    /// # Errors
    /// If a site's cannot be computed.
    pub fn log_prob_sum(&self) -> Result<Tensor> {
        let mut sum = Tensor::from(0.0);
        for site in self.sites().filter(|site| site.has_density()) {
            sum = sum + site.log_prob_sum(&[])?;
        }
        Ok(sum.check()?.clone())
    }

    /// The table of shapes: for each site its plates with their sizes, and the shapes of distribution and value.
    pub fn format_shapes(&self) -> String {
        let mut rows = vec![["site".to_owned(), "plates".into(), "distribution".into(), "value".into()]];
        for site in self.sites() {
            let plates: Vec<String> =
                site.frames.iter().map(|frame| format!("{} {}", frame.name, frame.axis.size)).collect();
            let kind = match &site.statement {
                Statement::Sample { distribution, observed, .. } => {
                    let observed = if *observed { ", observed" } else { "" };
                    let (batch, event) = (distribution.batch_shape(), distribution.event_shape());
                    let shape = if event == Shape::scalar() {
                        batch.to_string()
                    } else {
                        format!("{batch} | {event}")
                    };
                    format!("{} {shape}{observed}", distribution.name())
                }
                Statement::Param { .. } => "param".into(),
                Statement::Deterministic => "deterministic".into(),
                Statement::Factor => "factor".into(),
                Statement::Subsample { population, size } => format!("{size} of {population} rows"),
            };
            rows.push([site.name.clone(), plates.join(", "), kind, site.value.shape().to_string()]);
        }
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2)];
        let mut table = String::new();
        for [site, plates, kind, value] in &rows {
            let [a, b, c] = widths;
            // Writing to a string cannot fail.
            let _ = writeln!(table, "{site:a$}  {plates:b$}  {kind:c$}  {value}");
        }
        table.truncate(table.trim_end().len());
        table
    }
}
