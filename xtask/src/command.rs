//! What commands run: cargo, in the workspace, and other programs.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Outcome, Result, python, wgpu};

/// The backends that `test --backend` knows: each a feature of `ppl-burn`.
pub(crate) const BACKENDS: [&str; 2] = ["flex", "wgpu"];

/// Cargo with arguments. It finds the workspace from where the user is, and paths on the command line are meant from
/// there.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    // Cargo names itself to what it runs; outside it the one of the path will do.
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// A command in words, for messages.
fn words(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Runs a command, whose output is seen as it comes.
pub(crate) fn run(mut command: Command) -> Result {
    println!("$ {}", words(&command));
    match command.status() {
        Ok(status) if status.success() => Ok(Outcome::Done),
        Ok(status) => Err(format!("`{}` failed ({status})", words(&command))),
        Err(error) => Err(format!("`{}` cannot be run: {error}", words(&command))),
    }
}

/// Runs a command and returns what it prints.
pub(crate) fn output(mut command: Command) -> Result<String> {
    println!("$ {}", words(&command));
    match command.stderr(Stdio::inherit()).output() {
        Ok(output) if output.status.success() => {
            String::from_utf8(output.stdout).map_err(|_| format!("`{}` did not print text", words(&command)))
        }
        Ok(output) => Err(format!("`{}` failed ({})", words(&command), output.status)),
        Err(error) => Err(format!("`{}` cannot be run: {error}", words(&command))),
    }
}

/// What comes of a check for which something is missing here: it is skipped, but not where the environment says `CI=true`.
pub(crate) fn lacking(reason: String) -> Result {
    lacking_in(reason, std::env::var_os("CI").is_some_and(|value| value == "true"))
}

fn lacking_in(reason: String, strict: bool) -> Result {
    if strict { Err(reason) } else { Ok(Outcome::Skipped(reason)) }
}

/// The tests that are marked `#[ignore]`, as they take minutes, with what they print: chains of every posterior beside its
/// reference draws, and simulation-based calibration.
pub(crate) fn slow() -> Result {
    let test = ["test", "--release", "--package", SLOW, "--tests"];
    run(cargo(&[&test[..], &["--", "--ignored", "--nocapture", "--test-threads=1"]].concat()))
}

/// The package of the slow tests.
const SLOW: &str = "ppl-posteriors";

pub(crate) fn tests() -> Result {
    run(cargo(&["test", "--workspace"]))
}

pub(crate) fn backend_suite(backend: &str) -> Result {
    let mut command = cargo(&["test", "--package", "ppl-burn", "--features", backend]);
    if backend == "wgpu" {
        println!("adapter: {}", wgpu::adapter()?);
        // Threads that wait for the one device spin, and take the processor from software that plays the device.
        command.args(["--", "--test-threads=1"]);
    }
    run(command)
}

/// The tests of the adapter to nuts-rs, which a default build leaves out.
pub(crate) fn nuts_rs() -> Result {
    run(cargo(&["test", "--package", "ppl-nuts-rs", "--features", "nuts-rs"]))
}

/// The compiler's tests under valgrind, which also sees what machine code reads and writes.
pub(crate) fn memcheck() -> Result {
    let mut version = Command::new("valgrind");
    version.arg("--version");
    if output(version).is_err() {
        return Ok(Outcome::Skipped(
            "valgrind cannot be run (Debian: `apt-get install valgrind`)".to_owned(),
        ));
    }
    let runner = "target.'cfg(all())'.runner=['valgrind', '--quiet', '--error-exitcode=9']";
    // Valgrind's fused products are not the processor's to the last bit, which tests of element functions ask for.
    let rest = ["--", "--skip", "math::tests"];
    run(cargo(&[&["test", "--package", "ppl-jit", "--tests", "--config", runner], &rest[..]].concat()))
}

/// The compiler's tests with LLVM's address sanitizer, which sees every access of compiled Rust code, that of the kernels
/// above all. What machine code made at run time does, only [`memcheck`] sees.
pub(crate) fn sanitize() -> Result {
    let host = output(rustc(&["-vV"]))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
    let libraries = output(rustc(&["--print", "target-libdir", "--target", host]))?;
    if !has_sanitizer(Path::new(libraries.trim())) {
        return lacking(format!(
            "the Rust toolchain for {host} comes without the address sanitizer's library"
        ));
    }
    // With a target named, build scripts and macros, which run in the compiler, are built without the sanitizer.
    let mut tests = cargo(&["test", "--package", "ppl-jit", "--tests", "--target", host, "--target-dir"]);
    tests.arg(python::target()?.join("sanitize"));
    // The option is unstable, and taken from no stable compiler otherwise.
    tests.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", "-Zsanitizer=address");
    run(tests)
}

fn rustc(arguments: &[&str]) -> Command {
    let mut command = Command::new("rustc");
    command.args(arguments);
    command
}

/// The tests of the compiler's runtime in Miri, which knows of each pointer where it may point, and sees races: of the kernels,
/// and of whole programs without machine code. They go through the portable loops and those for AVX2, of which Miri has a model.
pub(crate) fn miri() -> Result {
    let nightly = |arguments: &[&str]| {
        let mut command = Command::new("rustup");
        command.args(["run", "nightly", "cargo", "miri"]).args(arguments);
        command
    };
    if output(nightly(&["--version"])).is_err() {
        return Ok(Outcome::Skipped(
            "Miri cannot be run (`rustup toolchain install nightly --component miri,rust-src`)".to_owned(),
        ));
    }
    // Test runners read the clock. Functions of libraries would be given random errors, and those that are to be the same
    // twice would not.
    let flags = "-Zmiri-disable-isolation -Zmiri-deterministic-floats";
    let instructions = if cfg!(target_arch = "x86_64") { "-Ctarget-feature=+avx2,+fma" } else { "" };
    let test = ["test", "--package", "ppl-jit", "--lib", "--"];
    let mut tests = nightly(&[&test[..], &RUNTIME].concat());
    tests.env("MIRIFLAGS", flags).env("RUSTFLAGS", instructions);
    tests.env("CARGO_TARGET_DIR", python::target()?.join("miri"));
    run(tests)
}

/// The parts of the compiler whose tests Miri runs: those with `unsafe`, but for functions of one number and machine code.
const RUNTIME: [&str; 3] = ["runtime::kernels", "runtime::exec", "runtime::math::tests::memory"];

/// Whether the address sanitizer is among a toolchain's libraries.
fn has_sanitizer(libraries: &Path) -> bool {
    let is_one = |name: OsString| name.to_string_lossy().contains("rt.asan");
    std::fs::read_dir(libraries).is_ok_and(|files| files.flatten().any(|file| is_one(file.file_name())))
}

pub(crate) fn bench(options: &[&str]) -> Result {
    let mut command = cargo(&["run", "--quiet", "--release", "--package", "benches", "--"]);
    command.args(options);
    run(command)
}

#[cfg(test)]
mod tests {
    use super::{Outcome, SLOW, has_sanitizer, lacking_in};
    use crate::{lines, workspace};

    #[test]
    fn what_is_missing_is_no_excuse_in_ci() {
        assert!(matches!(lacking_in("no data".into(), false), Ok(Outcome::Skipped(_))));
        assert!(lacking_in("no data".into(), true).is_err());
    }

    #[test]
    fn a_folder_without_the_sanitizer_is_told_from_one_with_it() {
        let folder = std::env::temp_dir().join(format!("sanitizer-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        assert!(!has_sanitizer(&folder) && !has_sanitizer(&folder.join("missing")));
        std::fs::write(folder.join("librustc-stable_rt.asan.a"), "").unwrap();
        assert!(has_sanitizer(&folder));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    /// Tests elsewhere that are marked as slow would be run by no command.
    #[test]
    fn every_slow_test_is_run() {
        let (mut files, mut slow) = (Vec::new(), 0);
        for package in lines::packages(workspace()).unwrap() {
            lines::rust_files(&package, &mut files).unwrap();
        }
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let marked = text.lines().filter(|line| line.trim_start().starts_with("#[ignore")).count();
            assert!(marked == 0 || file.components().any(|part| part.as_os_str() == SLOW), "{file:?}");
            slow += marked;
        }
        assert!(slow > 0);
    }
}
