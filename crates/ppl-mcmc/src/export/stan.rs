//! Draws as CSV in the form of Stan's programs.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use ppl_core::{Error, Result};
use ppl_tensor::Shape;

use crate::{Chains, Metric, Transition};

/// Which of Stan's algorithms a file is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `engine = nuts`, with trees up to this depth.
    Trees(u32),
    /// `engine = static`: trajectories without trees.
    Static,
    /// What Stan calls a sampler without adaptation, `algorithm = fixed_param`: readers ask for no mass matrix then, and
    /// know of no warm-up.
    Fixed,
}

impl Form {
    fn of(chains: &Chains) -> Self {
        let told = !chains.adapted().is_empty() && chains.adapted().iter().all(Option::is_some);
        match chains.settings().and_then(|settings| settings.deepest_tree) {
            _ if !told || chains.energies().is_none() => Form::Fixed,
            Some(deepest) => Form::Trees(deepest),
            None => Form::Static,
        }
    }

    /// Stan's names of what is known of a transition, but for energies.
    fn statistics(self) -> &'static str {
        match self {
            Form::Static => "lp__,accept_stat__,stepsize__,int_time__,n_leapfrog__,divergent__",
            _ => "lp__,accept_stat__,stepsize__,treedepth__,n_leapfrog__,divergent__",
        }
    }
}

/// One site's numbers of all chains.
struct Column {
    values: Vec<f64>,
    /// Number of numbers of one draw.
    size: usize,
    /// The order in which they are written.
    places: Vec<usize>,
}

impl Chains {
    /// Writes `prefix_1.csv`, `prefix_2.csv`, …, one file a chain, in the form of Stan's programs, which `cmdstanpy`, `stanio`
    /// and others read. Returns the files.
    ///
    /// Lines that begin with `#` tell of the run, its settings, what the warm-up settled (step size and inverse mass matrix)
    /// and times. The columns are statistics, energies among them if the kernel has such, then all numbers of all sites, as
    /// `theta.1`, `w.2.1`, counted from 1 with the first index running fastest. Draws of the warm-up come first, if they were
    /// kept. Numbers are written so that they are read back as they were.
    ///
    /// Names are Stan's identifiers: whatever in a site's name is neither a letter of the Latin alphabet, a digit nor `_`
    /// becomes `_`.
    ///
    /// Chains of [`Nuts`](crate::Nuts) are written as those of Stan's `engine = nuts`, and of [`Hmc`](crate::Hmc) as those of
    /// `engine = static`, with the columns `n_leapfrog__` and `divergent__` beside Stan's own `int_time__`, the time of each
    /// trajectory. Samplers that tell no mass matrix are `algorithm = fixed_param`, which has no warm-up: theirs is left out.
    ///
    /// # Errors
    /// If a file cannot be written, or draws cannot be read; or if two sites would be written alike, or one as a column of
    /// Stan's own, whose names end in `__`.
    pub fn write_stan_csv(&self, folder: impl AsRef<Path>, prefix: &str) -> Result<Vec<PathBuf>> {
        let form = Form::of(self);
        let header = header(self, form)?;
        let warmup = self.warmup().filter(|_| form != Form::Fixed);
        let draws = columns(self)?;
        let warmup = warmup.map(|warmup| columns(warmup).map(|columns| (warmup, columns))).transpose()?;
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(|error| Error::file(folder, error))?;
        let mut files = Vec::new();
        for chain in 0..self.chain_count() {
            let path = folder.join(format!("{prefix}_{}.csv", chain + 1));
            let write = || -> std::io::Result<()> {
                let mut file = BufWriter::new(std::fs::File::create(&path)?);
                file.write_all(settings(self, form, prefix, chain).as_bytes())?;
                writeln!(file, "{header}")?;
                if let Some((warmup, columns)) = &warmup {
                    rows(&mut file, form, warmup, columns, chain)?;
                }
                if form != Form::Fixed {
                    file.write_all(settled(self, chain).as_bytes())?;
                }
                rows(&mut file, form, self, &draws, chain)?;
                file.write_all(times(self, chain).as_bytes())?;
                file.flush()
            };
            write().map_err(|error| Error::file(&path, error))?;
            files.push(path);
        }
        Ok(files)
    }
}

/// The names of all columns.
fn header(chains: &Chains, form: Form) -> Result<String> {
    let mut header = form.statistics().to_owned();
    if chains.energies().is_some() {
        header.push_str(",energy__");
    }
    let mut taken: IndexMap<String, &str> = IndexMap::new();
    for (name, site) in chains.sites() {
        let written = identifier(name);
        if written.ends_with("__") {
            let reason = "its name ends as those of Stan's own columns do, in `__`: rename it";
            return Err(Error::argument(reason).at_site(name));
        }
        for place in by_columns(&Shape::from(&site.values.shape()[2..])) {
            header.push(',');
            header.push_str(&written);
            place.iter().for_each(|index| header.push_str(&format!(".{}", index + 1)));
        }
        if let Some(other) = taken.insert(written.clone(), name) {
            return Err(Error::argument(format!(
                "sites `{other}` and `{name}` would both be written as `{written}`: rename one of them"
            )));
        }
    }
    Ok(header)
}

/// What was asked for.
fn settings(chains: &Chains, form: Form, model: &str, chain: usize) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        // Writing to a string cannot fail. A line of comment is one line, whatever names are.
        let _ = writeln!(text, "# {}", line.replace(char::is_control, " "));
    };
    line(format!("model = {model}"));
    line("method = sample".into());
    line("  sample".into());
    line(format!("    num_samples = {}", chains.draw_count()));
    let kept = chains.warmup().map(Chains::draw_count);
    let warmup = kept.or(chains.settings().map(|settings| settings.warmup)).unwrap_or(0);
    line(format!("    num_warmup = {warmup}"));
    line(format!("    save_warmup = {}", kept.is_some() && form != Form::Fixed));
    line("    thin = 1".into());
    let kernel = chains.settings().map_or("unknown", |settings| settings.kernel.as_str());
    match form {
        Form::Fixed => line("    algorithm = fixed_param".into()),
        Form::Trees(_) | Form::Static => {
            line("    algorithm = hmc".into());
            line("      hmc".into());
            let engine = if form == Form::Static { "static" } else { "nuts" };
            line(format!("        engine = {engine}"));
            line(format!("          {engine}"));
            // There is none, which readers that look for trees in all of HMC are told.
            let deepest = if let Form::Trees(deepest) = form { deepest } else { 0 };
            line(format!("            max_depth = {deepest}"));
            if let Some(Some(adapted)) = chains.adapted().get(chain) {
                let metric = if let Metric::Diagonal { .. } = adapted.metric { "diag_e" } else { "dense_e" };
                line(format!("        metric = {metric}"));
            }
        }
    }
    line(format!("kernel: {kernel}"));
    line(format!("id = {}", chains.run_times().get(chain).map_or(chain, |run| run.number) + 1));
    if let Some(settings) = chains.settings() {
        line("random".into());
        line(format!("  seed = {}", settings.seed));
    }
    text
}

/// What the warm-up settled.
fn settled(chains: &Chains, chain: usize) -> String {
    let mut text = "# Adaptation terminated\n".to_owned();
    let adapted = chains.adapted().get(chain).and_then(Option::as_ref);
    let first = || chains.transitions()[chain].first().map_or(f64::NAN, |transition| transition.step_size);
    let step = adapted.map_or_else(first, |adapted| adapted.step_size);
    let _ = writeln!(text, "# Step size = {}", number(step));
    let row = |numbers: &[f64]| numbers.iter().copied().map(number).collect::<Vec<_>>().join(", ");
    match adapted.map(|adapted| &adapted.metric) {
        Some(Metric::Diagonal { variance, .. }) => {
            let _ = writeln!(text, "# Diagonal elements of inverse mass matrix:\n# {}", row(variance));
        }
        Some(metric @ Metric::Dense { covariance, .. }) => {
            text.push_str("# Elements of inverse mass matrix:\n");
            for numbers in covariance.chunks(metric.dimension().max(1)) {
                let _ = writeln!(text, "# {}", row(numbers));
            }
        }
        None => {}
    }
    text
}

fn times(chains: &Chains, chain: usize) -> String {
    let run = chains.run_times().get(chain).copied().unwrap_or_default();
    let [warmup, draws] = [run.warmup, run.draws].map(|time| time.as_secs_f64());
    format!(
        "# \n#  Elapsed Time: {warmup:.6} seconds (Warm-up)\n#                {draws:.6} seconds (Sampling)\n\
         #                {:.6} seconds (Total)\n# \n",
        warmup + draws
    )
}

fn columns(chains: &Chains) -> Result<Vec<Column>> {
    let column = |(_, site): (&str, &crate::SiteDraws)| {
        let shape = Shape::from(&site.values.shape()[2..]);
        let flat = |place: Vec<usize>| place.iter().zip(shape.iter()).fold(0, |flat, (i, n)| flat * n + i);
        let places = by_columns(&shape).into_iter().map(flat).collect();
        Ok(Column { values: site.values.to_f64()?, size: shape.elements(), places })
    };
    chains.sites().map(column).collect()
}

/// The rows of one chain.
fn rows(
    file: &mut impl Write,
    form: Form,
    chains: &Chains,
    columns: &[Column],
    chain: usize,
) -> std::io::Result<()> {
    for (draw, transition) in chains.transitions()[chain].iter().enumerate() {
        let Transition { log_density, acceptance, step_size, leapfrogs, .. } = *transition;
        let length = match form {
            Form::Static => number(step_size * f64::from(leapfrogs)),
            _ => transition.tree_depth.to_string(),
        };
        let [log_density, acceptance, step_size] = [log_density, acceptance, step_size].map(number);
        let divergent = u8::from(transition.divergent);
        write!(file, "{log_density},{acceptance},{step_size},{length},{leapfrogs},{divergent}")?;
        transition.energy.iter().try_for_each(|energy| write!(file, ",{}", number(*energy)))?;
        for Column { values, size, places } in columns {
            let row = &values[(chain * chains.draw_count() + draw) * size..][..*size];
            places.iter().try_for_each(|place| write!(file, ",{}", number(row[*place])))?;
        }
        writeln!(file)?;
    }
    Ok(())
}

/// A number as others read it: the shortest text that is read back as the same.
fn number(x: f64) -> String {
    match x {
        x if x.is_nan() => "nan".to_owned(),
        x if x != 0.0 && !(1e-5..1e16).contains(&x.abs()) && x.is_finite() => format!("{x:e}"),
        x => x.to_string(),
    }
}

/// A site's name as Stan's names are.
fn identifier(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// The places of a shape's elements, the first index running fastest.
fn by_columns(shape: &Shape) -> Vec<Vec<usize>> {
    let place = |mut number: usize| {
        let digit = |size: &usize| {
            let index = number % size;
            number /= size;
            index
        };
        shape.iter().map(digit).collect()
    };
    (0..shape.elements()).map(place).collect()
}
