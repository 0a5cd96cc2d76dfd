//! The same work in peer systems and here, with the same data and dtype, timed in turn.

mod gradients;
mod large;
mod plot;
mod process;
mod sampling;
mod steps;
mod summary;

pub use process::{Peer, Peers, Shared, System};
pub use sampling::whole;
pub use summary::Work;

use std::path::{Path, PathBuf};

use ppl::core::Error;
use ppl::tensor::DType;
use serde_json::Value;

use crate::harness::{Effort, Group};

/// What to compare, and where results go.
pub struct Comparison {
    /// Work whose name contains this.
    pub filter: String,
    /// How long to measure.
    pub effort: Effort,
    /// The folder below which peers are installed.
    pub folder: PathBuf,
    /// Only the work on ever more rows, which no peer does.
    pub large_alone: bool,
    /// A file for all figures.
    pub json: Option<String>,
    /// A file for a picture of them, in SVG.
    pub plot: Option<String>,
}

/// Part of a comparison.
type Round = fn(&mut Session<'_>) -> Result<(), Error>;

const ROUNDS: [Round; 5] = [steps::run, gradients::run, sampling::run, sampling::whole::run, large::run];

/// Cases whose names start with this are this library's.
const OURS: &str = "ppl";

/// The case in which data are read row by row, where less of them would suffice.
const EVERY_ROW: &str = "ppl, every row";

/// Cases whose names start with this are loops written by hand.
const BY_HAND: &str = "loop";

/// Runs a comparison and prints its table.
///
/// # Errors
/// If work of ours fails, systems disagree on a gradient or on a posterior mean (after all else is done, with a table), or a
/// file cannot be written.
pub fn run(comparison: &Comparison) -> Result<(), String> {
    let mut session = Session::new(&comparison.folder, &comparison.filter, comparison.effort);
    let rounds: &[Round] = if comparison.large_alone { &[large::run] } else { &ROUNDS };
    for round in rounds {
        round(&mut session).map_err(|error| error.to_string())?;
    }
    let Session { works, samplings, wholes, disagreements, mut notes, peers, .. } = session;
    if works.is_empty() && samplings.is_empty() && wholes.is_empty() && disagreements.is_empty() {
        return Err(format!("no work's name contains `{}`", comparison.filter));
    }
    notes.extend(peers.versions());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    notes.push(match comparison.large_alone {
        true => format!("passes over long arrays may use all {cores} cores, loops by hand and sums use one"),
        false => format!(
            "all on one thread, except chains, and where a name says otherwise; there are {cores} cores"
        ),
    });
    drop(peers);
    notes.extend(wholes.iter().map(sampling::whole::Whole::words));
    if !works.is_empty() {
        println!("\n{}", summary::table(&works, &[]));
    }
    if !samplings.is_empty() {
        println!("\n{}\n{}", sampling::table(&samplings), sampling::scores(&samplings));
    }
    for note in &notes {
        println!("{note}");
    }
    if let Some(file) = &comparison.json {
        let mut all = summary::json(&works, &notes);
        all["samplings"] = sampling::json(&samplings);
        all["processes"] = wholes.iter().map(sampling::whole::Whole::json).collect();
        write(file, &format!("{all:#}\n"))?;
    }
    if let Some(file) = &comparison.plot {
        let sampled = samplings.iter().map(sampling::effective_draws);
        write(file, &plot::svg(&works.into_iter().chain(sampled).collect::<Vec<_>>()))?;
    }
    match disagreements.is_empty() {
        true => Ok(()),
        false => Err(format!("systems disagree:\n{}", disagreements.join("\n"))),
    }
}

fn write(file: &str, text: &str) -> Result<(), String> {
    let folder = Path::new(file).parent().filter(|folder| !folder.as_os_str().is_empty());
    let made = folder.map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(file, text)).map_err(|error| format!("{file}: {error}"))
}

/// What a comparison has found so far.
struct Session<'a> {
    peers: Peers,
    filter: &'a str,
    effort: Effort,
    works: Vec<Work>,
    samplings: Vec<sampling::Sampling>,
    wholes: Vec<sampling::whole::Whole>,
    disagreements: Vec<String>,
    notes: Vec<String>,
}

/// A piece of work: its cases, and the peers that cannot do it.
struct Contest<'a> {
    group: Group<'a>,
    absent: Vec<(&'static str, String)>,
}

impl<'a> Contest<'a> {
    fn new(group: Group<'a>) -> Self {
        Self { group, absent: Vec::new() }
    }

    /// The same contest with a peer that has prepared the work, or its absence.
    fn peer(self, peers: &mut Peers, system: System, dtype: DType, request: &Value) -> (Self, Option<Value>) {
        eprintln!("  {} prepares {}", system.name(), self.group.name());
        match peers.prepare(system, dtype, request) {
            Ok((peer, answer)) => {
                let group = self.group.timed(system.name(), move |calls| peer.borrow_mut().run(calls));
                (Self { group, ..self }, Some(answer))
            }
            Err(reason) => (self.without(system, reason), None),
        }
    }

    fn without(mut self, system: System, reason: String) -> Self {
        eprintln!("  {} is not available: {reason}", system.name());
        self.absent.push((system.name(), reason));
        self
    }
}

impl<'a> Session<'a> {
    fn new(folder: &Path, filter: &'a str, effort: Effort) -> Self {
        Self {
            peers: Peers::new(folder),
            filter,
            effort,
            works: Vec::new(),
            samplings: Vec::new(),
            wholes: Vec::new(),
            disagreements: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn wants(&self, name: &str) -> bool {
        name.contains(self.filter)
    }

    /// Times a contest. `aim` is the share of the fastest peer's time that ours should not exceed.
    fn measure(&mut self, contest: Contest<'_>, aim: Option<f64>) -> Result<(), Error> {
        let Contest { group, absent } = contest;
        eprintln!("  measuring {}", group.name());
        let name = group.name().to_owned();
        let measured = group.measure(self.effort)?;
        let work = Work { name, measured, absent, aim };
        // A comparison takes long: what is known is shown.
        eprintln!("{}", summary::table(std::slice::from_ref(&work), &[]));
        self.works.push(work);
        Ok(())
    }
}
