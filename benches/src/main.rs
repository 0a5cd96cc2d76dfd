//! Runs the benchmarks: `cargo xtask bench [FILTER] [--json FILE] [--quick]`.

use std::process::ExitCode;

use benches::harness::Effort;
use benches::{draws, inference, ops, report, scan};

/// What to run.
struct Options {
    filter: String,
    json: Option<String>,
    effort: Effort,
}

impl Options {
    fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { filter: String::new(), json: None, effort: Effort::FULL };
        let mut words = words;
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => options.effort = Effort::QUICK,
                "--json" => options.json = Some(words.next().ok_or("--json needs a file")?),
                option if option.starts_with('-') => return Err(format!("there is no option {option}")),
                filter => options.filter = filter.to_owned(),
            }
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(reason) => {
            eprintln!("benches: {reason}\n\nUsage: benches [FILTER] [--json FILE] [--quick]");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("benches: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let (inference, notes) = inference::groups().map_err(|error| error.to_string())?;
    for note in &notes {
        println!("{note}");
    }
    let groups = ops::groups().into_iter().chain(scan::groups()).chain(draws::groups()).chain(inference);
    let mut measured = Vec::new();
    for group in groups.filter(|group| group.name().contains(&options.filter)) {
        let name = group.name().to_owned();
        let rows = group.measure(options.effort).map_err(|error| format!("{name}: {error}"))?;
        println!("\n{}", report::table(&rows).trim_end());
        measured.extend(rows);
    }
    if measured.is_empty() {
        return Err(format!("no group's name contains `{}`", options.filter));
    }
    if let Some(file) = &options.json {
        let text = format!("{:#}\n", report::json(&measured, &notes));
        std::fs::write(file, text).map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(())
}
