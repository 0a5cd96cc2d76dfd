//! Handlers that map a model's latent sites from and to unconstrained numbers.

use std::sync::Arc;

use indexmap::IndexMap;
use ppl_core::{Distribution, Error, Frame, FrameKind, Handler, Message, Result, Statement, Transform};
use ppl_tensor::{Device, Provenance, Shape, Source, Tensor};

use super::PotentialSite;
use crate::tracing::Last;

/// How a site's value follows from its numbers.
#[derive(Debug, Clone)]
pub(super) enum Support {
    /// By the support of the distribution that the program has come to.
    OfStatement,
    /// By this bijection, for all steps of a scan alike: the program comes to them one by one.
    Fixed(Arc<dyn Transform>),
}

/// The distribution of a latent site whose value is not decided yet.
fn undecided(message: &Message) -> Option<&Arc<dyn Distribution>> {
    match (&message.statement, &message.value) {
        (Statement::Sample { distribution, observed: false, .. }, None) => Some(distribution),
        _ => None,
    }
}

fn rows(frames: &[Frame]) -> impl DoubleEndedIterator<Item = &Frame> {
    frames.iter().filter(|frame| frame.has_rows())
}

/// The ends of the image of an elementwise bijection: it is monotone, so they are the images of the ends of the line.
/// `None` of others, and where numbers have different ends.
fn bounds(bijection: &dyn Transform, device: &Device, numbers: &Shape) -> Option<(f64, f64)> {
    if bijection.codomain_event_dim() > 0 {
        return None;
    }
    let image = |end: f64| {
        let line_end = device.place(&(Tensor::zeros(numbers) + end)).ok()?;
        let all = bijection.forward(&line_end).unwatched().to_f64().ok()?;
        let first = *all.first()?;
        all.iter().all(|end| *end == first).then_some(first)
    };
    let (one, other) = (image(f64::NEG_INFINITY)?, image(f64::INFINITY)?);
    Some((one.min(other), one.max(other)))
}

fn in_scan(message: &Message) -> bool {
    message.frames.iter().any(|frame| frame.kind == FrameKind::Scan)
}

/// Finds the latent sites of a model, at the image of 0 where that can be had.
pub(super) struct Find {
    device: Device,
    found: IndexMap<String, Found>,
}

struct Found {
    site: PotentialSite,
    support: Support,
    /// Whether the support depends on other sites, or on the step of a scan.
    depends: bool,
}

impl Find {
    pub(super) fn on(device: &Device) -> Self {
        Self { device: device.clone(), found: IndexMap::new() }
    }

    /// The sites with their places in the vector, and the supports of each.
    pub(super) fn finish(self) -> Result<(Vec<PotentialSite>, Vec<Support>)> {
        let (mut sites, mut supports, mut end) = (Vec::new(), Vec::new(), 0);
        for Found { mut site, support, depends } in self.found.into_values() {
            if depends && matches!(support, Support::Fixed(_)) {
                let reason = "its support depends on the step or on other sites, which a potential does not follow in a scan";
                return Err(Error::argument(reason).at_site(&site.name));
            }
            site.range = end..end + site.unconstrained_shape.elements();
            end = site.range.end;
            sites.push(site);
            supports.push(support);
        }
        if sites.is_empty() {
            return Err(Error::argument("the model has no latent site: there is no density to compile"));
        }
        if end == 0 {
            let names: Vec<String> =
                sites.iter().map(|site| format!("`{}` {}", site.name, site.shape)).collect();
            return Err(Error::argument(format!(
                "there is no latent number, all latent sites are empty ({}): there is no density to compile",
                names.join(", ")
            )));
        }
        Ok((sites, supports))
    }
}

impl Handler for Find {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        if let Statement::Subsample { .. } = message.statement {
            let reason =
                "rows are chosen, and a potential is of all rows: give the model all data".to_owned();
            return Err(Error::Plate { plate: message.name.clone(), reason });
        }
        let Some(distribution) = undecided(message) else { return Ok(()) };
        let support = distribution.support();
        if support.is_discrete() {
            return Err(Error::Unsupported {
                what: format!("a potential of discrete values ({})", support.name()),
                of: format!("{}: sum it out of the model, or condition on a value", distribution.name()),
            });
        }
        let bijection = support.bijection()?;
        let row = distribution.batch_shape().concat(&distribution.event_shape());
        let numbers = bijection.inverse_shape(&row)?;
        let image = bijection.forward(&self.device.place(&Tensor::zeros(&numbers))?);
        let depends = !image.provenance().is_empty() || !image.axes().is_empty();
        let whole = |row: &Shape| -> Shape {
            rows(&message.frames).map(|frame| frame.population).chain(row.iter().copied()).collect()
        };
        let bounds = if depends { None } else { bounds(&*bijection, &self.device, &numbers) };
        let site = PotentialSite {
            name: message.name.clone(),
            plates: rows(&message.frames).map(|frame| frame.name.clone()).collect(),
            shape: whole(&row),
            unconstrained_shape: whole(&numbers),
            range: 0..0,
            transform: bijection.name(),
            bounds,
        };
        // The program comes to a scan's site several times: the last time it is of all steps.
        let scan = in_scan(message);
        let support = if scan { Support::Fixed(bijection) } else { Support::OfStatement };
        self.found.insert(message.name.clone(), Found { site, support, depends });
        if !scan {
            message.value = Some(image);
        }
        Ok(())
    }

    fn postprocess(&mut self, message: &mut Message) -> Result<()> {
        if self.found.contains_key(&message.name) {
            let source = Provenance::of(Source::fresh());
            message.value = message.value.take().map(|value| value.with_provenance(&source));
        }
        Ok(())
    }
}

/// Gives latent sites the values of a vector, and adds up the changes of volume.
pub(super) struct Place {
    sites: IndexMap<String, Part>,
    volume: Tensor,
    last: Last,
}

struct Part {
    /// Of all rows.
    numbers: Tensor,
    /// The value of all steps, of a site in a scan.
    whole: Option<Tensor>,
}

impl Place {
    pub(super) fn new(sites: &[PotentialSite], supports: &[Support], x: &Tensor, last: &Last) -> Self {
        let mut volume = Tensor::from(0.0);
        let part = |(site, support): (&PotentialSite, &Support)| {
            let numbers = x.slice(0, site.range.clone()).reshape(site.unconstrained_shape.clone());
            let whole = match support {
                Support::OfStatement => None,
                Support::Fixed(bijection) => {
                    let value = bijection.forward(&numbers);
                    volume = &volume + bijection.log_abs_det_forward(&numbers, &value).sum_all();
                    Some(value)
                }
            };
            (site.name.clone(), Part { numbers, whole })
        };
        let sites = sites.iter().zip(supports).map(part).collect();
        Self { sites, volume, last: last.clone() }
    }

    /// `Σ ln |det ∂z/∂x|` of the sites that the program came to.
    pub(super) fn volume(self) -> Tensor {
        self.volume
    }
}

impl Handler for Place {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        let Some(distribution) = undecided(message) else { return Ok(()) };
        let part = self.sites.get(&message.name).ok_or_else(changing)?;
        if let Some(whole) = &part.whole {
            message.value = Some(whole.clone());
            return Ok(());
        }
        let bijection = distribution.support().bijection()?;
        let frames = || rows(&message.frames);
        let numbers = frames().try_fold(part.numbers.clone(), |x, frame| x.to_implicit(frame.axis.id))?;
        let value = bijection.forward(&numbers);
        let volume = bijection.log_abs_det_forward(&numbers, &value).sum_all();
        self.volume = &self.volume + frames().fold(volume, |volume, frame| volume.sum_over(frame.axis));
        message.value = Some(value);
        Ok(())
    }

    fn postprocess(&mut self, message: &mut Message) -> Result<()> {
        self.last.set(&message.name);
        Ok(())
    }
}

/// Gives latent sites their values, and gathers their unconstrained numbers.
pub(super) struct Take {
    sites: IndexMap<String, (Tensor, Shape, Option<Tensor>)>,
    last: Last,
}

impl Take {
    pub(super) fn new(sites: &[PotentialSite], values: &[Tensor], last: &Last) -> Self {
        let part = |(site, value): (&PotentialSite, &Tensor)| {
            (site.name.clone(), (value.clone(), site.unconstrained_shape.clone(), None))
        };
        Self { sites: sites.iter().zip(values).map(part).collect(), last: last.clone() }
    }

    /// The numbers of all sites, one after the other.
    pub(super) fn numbers(self) -> Result<Tensor> {
        let numbers = self.sites.into_values().map(|(_, _, numbers)| numbers.ok_or_else(changing));
        let numbers = numbers.collect::<Result<Vec<_>>>()?;
        Ok(Tensor::concat(&numbers.iter().collect::<Vec<_>>(), 0).check()?.clone())
    }
}

impl Handler for Take {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        if undecided(message).is_some() {
            let (value, ..) = self.sites.get(&message.name).ok_or_else(changing)?;
            message.value = Some(value.clone());
        }
        Ok(())
    }

    fn postprocess(&mut self, message: &mut Message) -> Result<()> {
        self.last.set(&message.name);
        let (Statement::Sample { distribution, observed: false, .. }, Some(value), Some((_, shape, numbers))) =
            (&message.statement, &message.value, self.sites.get_mut(&message.name))
        else {
            return Ok(());
        };
        let x = distribution.support().bijection()?.inverse(value);
        let x = rows(&message.frames).rev().fold(x, |x, frame| x.to_positional(frame.axis));
        *numbers = Some(x.broadcast_to(shape.clone()).flatten().check()?.clone());
        Ok(())
    }
}

/// The error for a site that comes in some runs only.
fn changing() -> Error {
    Error::argument(
        "runs of the model differ in this site: a potential needs the same latent sites in every run",
    )
}
