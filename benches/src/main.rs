//! Runs the benchmarks: `cargo xtask bench [FILTER] [--json FILE] [--quick]`, or with `--peers` a comparison.

use std::path::PathBuf;
use std::process::ExitCode;

use benches::harness::Effort;
use benches::peers::{self, Comparison};
use benches::{draws, inference, ops, report, scan};

const USAGE: &str = "\
Usage: benches [FILTER] [--json FILE] [--quick]
       benches --peers FOLDER [FILTER] [--json FILE] [--plot FILE] [--quick]";

/// What to run.
struct Options {
    filter: String,
    json: Option<String>,
    plot: Option<String>,
    /// The folder below which peers are installed, for a comparison with them.
    peers: Option<PathBuf>,
    effort: Effort,
}

impl Options {
    fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options =
            Self { filter: String::new(), json: None, plot: None, peers: None, effort: Effort::FULL };
        let mut words = words;
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => options.effort = Effort::QUICK,
                "--json" => options.json = Some(words.next().ok_or("--json needs a file")?),
                "--plot" => options.plot = Some(words.next().ok_or("--plot needs a file")?),
                "--peers" => options.peers = Some(words.next().ok_or("--peers needs a folder")?.into()),
                option if option.starts_with('-') => return Err(format!("there is no option {option}")),
                filter => options.filter = filter.to_owned(),
            }
        }
        if options.plot.is_some() && options.peers.is_none() {
            return Err("--plot needs --peers".into());
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(reason) => {
            eprintln!("benches: {reason}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let Options { filter, json, plot, peers, effort } = options;
    let result = match peers {
        Some(folder) => peers::run(&Comparison { filter, effort, folder, json, plot }),
        None => run(&filter, json.as_deref(), effort),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("benches: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(filter: &str, json: Option<&str>, effort: Effort) -> Result<(), String> {
    let (inference, notes) = inference::groups().map_err(|error| error.to_string())?;
    for note in &notes {
        println!("{note}");
    }
    let groups = ops::groups().into_iter().chain(scan::groups()).chain(draws::groups()).chain(inference);
    let mut measured = Vec::new();
    for group in groups.filter(|group| group.name().contains(filter)) {
        let name = group.name().to_owned();
        let rows = group.measure(effort).map_err(|error| format!("{name}: {error}"))?;
        println!("\n{}", report::table(&rows).trim_end());
        measured.extend(rows);
    }
    if measured.is_empty() {
        return Err(format!("no group's name contains `{filter}`"));
    }
    if let Some(file) = json {
        let text = format!("{:#}\n", report::json(&measured, &notes));
        std::fs::write(file, text).map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(())
}
