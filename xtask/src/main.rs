//! The workspace's own commands, as `cargo xtask COMMAND`.

mod backends;
mod check;
mod command;
mod examples;
mod lines;
mod peers;
mod python;
mod wgpu;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  test                    all tests and doc tests of the workspace
  test --backend NAME     the suite that every backend must pass, on backend NAME: flex wgpu
  bench [FILTER] [--json FILE] [--quick]
                          time the groups whose name contains FILTER, or all; print a table, and write it as
                          JSON to FILE; with --quick fewer and shorter rounds
  bench --peers [FILTER] [--json FILE] [--plot FILE] [--quick] [--without-pyro]
                          do the same work in NumPyro, Pyro, nutpie and Stan, which are installed below cargo's
                          target directory (7 GB, pip and a C++ compiler), with --without-pyro all but Pyro
                          (1.6 GB); one table with ratios, also as JSON and as a picture (SVG)
  bench --large [FILTER] [--json FILE] [--plot FILE] [--quick]
                          the log density of a model on 1e4 to 1e7 rows: time a row, and the share of the
                          memory's speed that it uses
  ci [STEP ...]           the checks a change must pass, or only the named ones:
                          format lines clippy docs backends tests coin scale rugged_mle rugged linreg
                          rugged_nuts eight_schools posteriordb arviz flex nuts-rs
  slow                    the tests that take minutes, in a release build: chains of all posteriors beside their
                          reference draws, and simulation-based calibration of the sampler
  memcheck                the compiler's tests under valgrind: its machine code, and the memory of programs
  sanitize                the compiler's tests with the address sanitizer, built apart: what kernels read and write
  miri                    the compiler's loops over memory and its threads in Miri, on a nightly toolchain
  backends                write docs/backends.md: which operations run natively where
  lines                   lines of Rust in each crate; fails if a file has more than 600
  help                    this text

Data files are looked for in the folder `data` of the folder that PPL_DATA_DIR names.
";

/// What a command came to.
enum Outcome {
    /// It did all it was to do.
    Done,
    /// It could not do it here, for this reason, and that is no failure.
    Skipped(String),
}

/// The outcome of a command, or in one sentence why it failed.
type Result<T = Outcome> = std::result::Result<T, String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["test"] => command::tests(),
        ["test", "--backend", backend] if command::BACKENDS.contains(&backend) => {
            command::backend_suite(backend)
        }
        ["bench", ref options @ ..] if is_bench_options(options) => match without(options, "--peers") {
            Some(rest) => peers::bench(&rest),
            None => command::bench(options),
        },
        ["ci", ref steps @ ..] if steps.iter().all(|step| check::is_step(step)) => check::run(steps),
        ["backends"] => backends::write(),
        ["slow"] => command::slow(),
        ["memcheck"] => command::memcheck(),
        ["sanitize"] => command::sanitize(),
        ["miri"] => command::miri(),
        ["lines"] => lines::check(workspace()),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(Outcome::Done)
        }
        [] => return wrong_arguments("a command is missing"),
        _ => return wrong_arguments(&format!("not understood: {}", words.join(" "))),
    };
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Skipped(reason)) => {
            println!("skipped: {reason}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn wrong_arguments(reason: &str) -> ExitCode {
    eprint!("xtask: {reason}\n\n{USAGE}");
    ExitCode::from(2)
}

/// Whether the benchmarks would understand these: found out here, before they are built.
fn is_bench_options(options: &[&str]) -> bool {
    let compares = options.contains(&"--peers");
    let draws = compares || options.contains(&"--large");
    let (mut filters, mut rest) = (0, options);
    loop {
        rest = match rest {
            [] => return filters <= 1,
            ["--json", file, rest @ ..] if !file.starts_with('-') => rest,
            ["--plot", file, rest @ ..] if draws && !file.starts_with('-') => rest,
            ["--quick" | "--peers", rest @ ..] => rest,
            ["--without-pyro", rest @ ..] if compares => rest,
            ["--large", rest @ ..] if !compares => rest,
            [filter, rest @ ..] if !filter.starts_with('-') => {
                filters += 1;
                rest
            }
            _ => return false,
        };
    }
}

/// The words without one of them; `None` if it is not among them.
fn without<'a>(words: &[&'a str], word: &str) -> Option<Vec<&'a str>> {
    words.contains(&word).then(|| words.iter().copied().filter(|other| *other != word).collect())
}

/// The root of the workspace.
fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use super::is_bench_options;

    #[test]
    fn options_of_the_benchmarks() {
        for good in [
            &[][..],
            &["op"],
            &["--quick"],
            &["--json", "out.json", "rugged"],
            &["op", "--quick"],
            &["--peers"],
            &["--large", "--quick", "--plot", "out.svg"],
            &["--plot", "out.svg", "--peers", "svi", "--without-pyro"],
        ] {
            assert!(is_bench_options(good), "{good:?}");
        }
        for bad in [
            &["op", "rugged"][..],
            &["--json"],
            &["--json", "--quick"],
            &["--slow"],
            &["--plot", "out.svg"],
            &["--without-pyro"],
            &["--peers", "--with-pyro"],
            &["--large", "--peers"],
            &["--peers", "--plot", "--quick"],
        ] {
            assert!(!is_bench_options(bad), "{bad:?}");
        }
    }
}
