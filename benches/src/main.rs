//! Runs the benchmarks: `cargo xtask bench [FILTER] [--json FILE] [--quick]`, with `--peers` a comparison, with `--large` that
//! part of it which is on ever more rows.

use std::path::PathBuf;
use std::process::ExitCode;

use benches::harness::Effort;
use benches::peers::{self, Comparison, whole};
use benches::{draws, inference, ops, report, scan};

const USAGE: &str = "\
Usage: benches [FILTER] [--json FILE] [--quick]
       benches --peers FOLDER [FILTER] [--json FILE] [--plot FILE] [--quick]
       benches --large [FILTER] [--json FILE] [--plot FILE] [--quick]
       benches --rugged-nuts | --linreg    (programs that the second one times as a whole)";

/// What to run.
struct Options {
    filter: String,
    json: Option<String>,
    plot: Option<String>,
    /// The folder below which peers are installed, for a comparison with them.
    peers: Option<PathBuf>,
    large: bool,
    effort: Effort,
}

impl Options {
    fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            filter: String::new(),
            json: None,
            plot: None,
            peers: None,
            large: false,
            effort: Effort::FULL,
        };
        let mut words = words;
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => options.effort = Effort::QUICK,
                "--json" => options.json = Some(words.next().ok_or("--json needs a file")?),
                "--plot" => options.plot = Some(words.next().ok_or("--plot needs a file")?),
                "--peers" => options.peers = Some(words.next().ok_or("--peers needs a folder")?.into()),
                "--large" => options.large = true,
                option if option.starts_with('-') => return Err(format!("there is no option {option}")),
                filter => options.filter = filter.to_owned(),
            }
        }
        if options.plot.is_some() && options.peers.is_none() && !options.large {
            return Err("--plot needs --peers or --large".into());
        }
        if options.peers.is_some() && options.large {
            return Err("--large is part of --peers".into());
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    if let Some(program) = whole::PROGRAMS.iter().find(|one| std::env::args().skip(1).eq([one.option])) {
        return ended(program.run().map_err(|error| error.to_string()));
    }
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(reason) => {
            eprintln!("benches: {reason}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let Options { filter, json, plot, peers, large, effort } = options;
    let folder = peers.or_else(|| large.then(PathBuf::new));
    let result = match folder {
        Some(folder) => {
            let effort = if effort.is_quick() { effort } else { Effort::COMPARISON };
            peers::run(&Comparison { filter, effort, folder, large_alone: large, json, plot })
        }
        None => run(&filter, json.as_deref(), effort),
    };
    ended(result)
}

fn ended(result: Result<(), String>) -> ExitCode {
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
