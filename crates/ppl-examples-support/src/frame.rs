//! From the body of an example to its output and exit code.

use std::error::Error;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use serde_json::Value;

use crate::args::{Options, Program, Request, help, parse, usage};

/// What the body of an example ends with: its results, or why there are none.
pub type Outcome = Result<Value, Box<dyn Error>>;

/// Runs an example: reads its arguments, and prints the results if `--json` asks for them.
///
/// The exit code is 0, 1 if the body failed, 2 if the arguments are wrong.
pub fn run(program: &Program, body: impl FnOnce(&Options) -> Outcome) -> ExitCode {
    let options = match parse(program, std::env::args_os().skip(1)) {
        Ok(Request::Run(options)) => options,
        Ok(Request::Help) => return print(&help(program)),
        Err(reason) => {
            eprintln!("{}: {reason}\n{}", program.name, usage(program));
            return ExitCode::from(2);
        }
    };
    match body(&options) {
        Ok(results) if options.json => print(&format!("{results}\n")),
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", program.name);
            ExitCode::FAILURE
        }
    }
}

/// Prints a line. That nobody reads it any more (`… | head`) is no error.
pub fn show(line: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Prints to standard output, which may be closed.
fn print(text: &str) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
