//! The command line of an example.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::path::PathBuf;
use std::str::FromStr;

use lexopt::Arg::{Long, Short, Value};
use ppl_tensor::Device;

/// What an example tells about itself.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Name, as cargo knows it.
    pub name: &'static str,
    /// What it does, in a few lines.
    pub about: &'static str,
    /// Number of steps without `--steps`.
    pub steps: usize,
    /// Options of this example alone.
    pub extras: &'static [Extra],
    /// Why nothing here runs elsewhere than on the CPU, if nothing does: `--device` takes no other device then.
    pub cpu_only: Option<&'static str>,
    /// Whether it draws figures: without them there is no `--out`.
    pub figures: bool,
    /// Keys of the results that `--json` prints, with their meanings.
    pub keys: &'static [(&'static str, &'static str)],
}

/// An option that only one example has.
#[derive(Debug, Clone, Copy)]
pub struct Extra {
    /// Name, without the dashes; one in capitals is an argument that is given without a name: "NAME".
    pub name: &'static str,
    /// What stands for its value in the help: "FILE". Empty if it takes none.
    pub value: &'static str,
    /// What it does.
    pub help: &'static str,
}

/// The option of examples that can compile their steps ([`Options::jit`]).
pub const JIT: Extra = Extra {
    name: "jit",
    value: "on|off",
    help: "on: steps are traced once and compiled; off: they run one operation after the other",
};

/// Why examples that sample run on the CPU alone ([`Program::cpu_only`]).
pub const CHAINS_ON_CPU: &str = "chains run compiled, on the CPU";

/// How an example was called.
#[derive(Debug, Clone)]
pub struct Options {
    /// `--seed`: of all random draws.
    pub seed: u64,
    /// `--steps`: at least 1.
    pub steps: usize,
    /// `--device`.
    pub device: Device,
    /// `--out`: the folder of the figures.
    pub out: PathBuf,
    /// `--json`: whether the last line of output is one JSON object.
    pub json: bool,
    extras: Vec<(&'static str, OsString)>,
}

impl Extra {
    /// Whether it is given without a name.
    fn is_argument(&self) -> bool {
        self.name.starts_with(char::is_uppercase)
    }

    /// As it is written in a call.
    fn call(&self) -> String {
        match (self.is_argument(), self.value) {
            (true, _) => self.name.to_owned(),
            (false, "") => format!("--{}", self.name),
            (false, value) => format!("--{} {value}", self.name),
        }
    }
}

impl Options {
    /// The value of an option of this example alone, if it was given.
    pub fn extra(&self, name: &str) -> Option<&OsStr> {
        self.extras.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value.as_os_str())
    }

    /// The whole number that an option of this example alone gives, or `default`.
    ///
    /// # Errors
    /// If it is not one.
    pub fn count(&self, name: &str, default: usize) -> Result<usize, String> {
        let Some(value) = self.extra(name) else { return Ok(default) };
        number(name, value, "a whole number")
    }

    /// Whether steps are to be compiled: what [`JIT`] says, or `default`.
    ///
    /// # Errors
    /// If it is neither `on` nor `off`.
    pub fn jit(&self, default: bool) -> Result<bool, String> {
        match self.extra(JIT.name).map(OsStr::to_string_lossy).as_deref() {
            None => Ok(default),
            Some("on") => Ok(true),
            Some("off") => Ok(false),
            Some(other) => Err(format!("`--jit` is `{other}`, must be on or off")),
        }
    }
}

impl Program {
    /// How the example runs with these arguments.
    ///
    /// # Errors
    /// If they are wrong, or ask for help.
    pub fn options<S: Into<OsString>>(&self, args: impl IntoIterator<Item = S>) -> Result<Options, String> {
        match parse(self, args.into_iter().map(Into::into))? {
            Request::Run(options) => Ok(options),
            Request::Help => Err(help(self)),
        }
    }
}

/// What the caller wants.
#[derive(Debug)]
pub(crate) enum Request {
    Help,
    Run(Options),
}

/// Reads the arguments after the program's name.
pub(crate) fn parse(program: &Program, args: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    let mut options = Options {
        seed: 0,
        steps: program.steps,
        device: Device::cpu(),
        out: PathBuf::from("out"),
        json: false,
        extras: Vec::new(),
    };
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        let name = match arg {
            Short('h') => "help".to_owned(),
            Long(name) => name.to_owned(),
            Short(letter) => return Err(format!("there is no option `-{letter}`")),
            Value(value) => {
                let argument = program.extras.iter().find(|extra| extra.is_argument());
                let free = argument.filter(|argument| options.extra(argument.name).is_none());
                let argument =
                    free.ok_or_else(|| format!("`{}` is not expected", value.to_string_lossy()))?;
                options.extras.push((argument.name, value));
                continue;
            }
        };
        let mut value = || parser.value().map_err(|_| format!("`--{name}` needs a value"));
        match name.as_str() {
            "help" => return Ok(Request::Help),
            "json" => options.json = true,
            "seed" => options.seed = number(&name, &value()?, "a whole number from 0")?,
            "steps" => options.steps = number(&name, &value()?, "a whole number from 1")?,
            "device" => options.device = device(program, &value()?.to_string_lossy())?,
            "out" if program.figures => options.out = value()?.into(),
            "out" => return Err(format!("there is no option `--out`: {} draws no figures", program.name)),
            _ => {
                let extra = program.extras.iter().find(|extra| extra.name == name && !extra.is_argument());
                let extra = extra.ok_or_else(|| format!("there is no option `--{name}`"))?;
                let value = if extra.value.is_empty() { OsString::new() } else { value()? };
                options.extras.push((extra.name, value));
            }
        }
    }
    if options.steps == 0 {
        return Err("`--steps` is `0`, must be a whole number from 1".into());
    }
    Ok(Request::Run(options))
}

fn number<T: FromStr>(name: &str, value: &OsStr, rule: &str) -> Result<T, String> {
    let value = value.to_string_lossy();
    value.parse().map_err(|_| format!("`--{name}` is `{value}`, must be {rule}"))
}

fn device(program: &Program, name: &str) -> Result<Device, String> {
    match name {
        "cpu" => Ok(Device::cpu()),
        other if let Some(reason) = program.cpu_only => {
            Err(format!("`--device` is `{other}`, must be cpu: {reason}"))
        }
        #[cfg(feature = "flex")]
        "flex" => Ok(ppl_burn::flex()),
        #[cfg(not(feature = "flex"))]
        "flex" => Err("device `flex` needs the feature: cargo run --features flex …".into()),
        #[cfg(feature = "wgpu")]
        "wgpu" => ppl_burn::wgpu().map_err(|error| error.to_string()),
        #[cfg(not(feature = "wgpu"))]
        "wgpu" => Err("device `wgpu` needs the feature: cargo run --features wgpu …".into()),
        other => Err(format!("there is no device `{other}`; there are: cpu, flex, wgpu")),
    }
}

/// One line: how to call the program.
pub(crate) fn usage(program: &Program) -> String {
    let extras: String = program.extras.iter().map(|extra| format!(" [{}]", extra.call())).collect();
    let (name, out) = (program.name, if program.figures { " [--out DIR]" } else { "" });
    format!("usage: {name}{extras} [--seed N] [--steps N] [--device NAME]{out} [--json] [--help]")
}

/// All that `--help` prints.
pub(crate) fn help(program: &Program) -> String {
    let mut lines: Vec<(String, String)> =
        program.extras.iter().map(|extra| (extra.call(), extra.help.to_owned())).collect();
    let devices = match program.cpu_only {
        None => "where to compute: cpu (the default), flex or wgpu, each with its feature".to_owned(),
        Some(reason) => format!("where to compute: cpu and no other, as {reason}"),
    };
    let common = [
        ("--seed N", "seed of all random draws (0)".to_owned()),
        ("--steps N", format!("number of steps of optimisation, or of draws of a chain ({})", program.steps)),
        ("--device NAME", devices),
        ("--out DIR", "folder for the figures, made if it is missing (out)".into()),
        ("--json", "end the output with one line: a JSON object with the results".into()),
        ("--help", "print this".into()),
    ];
    let there = common.into_iter().filter(|(option, _)| program.figures || !option.starts_with("--out"));
    lines.extend(there.map(|(option, help)| (option.to_owned(), help)));
    let keys: Vec<(String, String)> =
        program.keys.iter().map(|(key, help)| ((*key).to_owned(), (*help).to_owned())).collect();

    let (about, usage) = (program.about, usage(program));
    format!("{about}\n\n{usage}\n\n{}\nkeys of the JSON object:\n{}", listing(&lines), listing(&keys))
}

fn listing(lines: &[(String, String)]) -> String {
    let width = lines.iter().map(|(left, _)| left.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (left, right) in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {left:width$}  {right}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: Program = Program {
        name: "coin",
        about: "Fits a coin.",
        steps: 2000,
        extras: &[Extra { name: "data", value: "FILE", help: "the tosses" }, JIT],
        cpu_only: None,
        figures: true,
        keys: &[("mean", "posterior mean")],
    };

    fn parsed(line: &str) -> Result<Request, String> {
        parse(&PROGRAM, line.split_whitespace().map(OsString::from))
    }

    fn options(line: &str) -> Options {
        match parsed(line) {
            Ok(Request::Run(options)) => options,
            other => panic!("`{line}` gave {other:?}"),
        }
    }

    fn message(line: &str) -> String {
        parsed(line).expect_err(line)
    }

    #[test]
    fn nothing_means_the_defaults() {
        let options = options("");
        assert_eq!((options.seed, options.steps, options.json), (0, 2000, false));
        assert_eq!(options.out, PathBuf::from("out"));
        assert!(options.extra("data").is_none());
    }

    #[test]
    fn every_option_is_read_in_both_spellings() {
        let options = options("--seed 7 --steps=5 --json --device cpu --out a/b --data x.csv --data=y.csv");
        assert_eq!((options.seed, options.steps, options.json), (7, 5, true));
        assert_eq!(options.out, PathBuf::from("a/b"));
        assert_eq!(options.extra("data"), Some(OsStr::new("y.csv")));
    }

    #[test]
    fn the_compiler_is_on_or_off() {
        assert!(options("").jit(true).unwrap() && !options("").jit(false).unwrap());
        assert!(options("--jit on").jit(false).unwrap() && !options("--jit on --jit=off").jit(true).unwrap());
        assert_eq!(options("--jit maybe").jit(true).unwrap_err(), "`--jit` is `maybe`, must be on or off");
    }

    #[test]
    fn arguments_and_switches_are_extras_without_name_or_value() {
        const NAMED: Program = Program {
            extras: &[
                Extra { name: "NAME", value: "", help: "which one" },
                Extra { name: "list", value: "", help: "all of them" },
            ],
            ..PROGRAM
        };
        let options = NAMED.options(["--list", "arK", "--steps", "3"]).unwrap();
        assert_eq!((options.extra("NAME"), options.steps), (Some(OsStr::new("arK")), 3));
        assert!(options.extra("list").is_some() && NAMED.options(["arK"]).unwrap().extra("list").is_none());
        assert_eq!(NAMED.options(["a", "b"]).unwrap_err(), "`b` is not expected");
        assert_eq!(NAMED.options(["--NAME", "b"]).unwrap_err(), "there is no option `--NAME`");
        assert!(usage(&NAMED).starts_with("usage: coin [NAME] [--list] [--seed N]"), "{}", usage(&NAMED));
    }

    #[test]
    fn what_an_example_cannot_do_is_no_option_of_it() {
        const SAMPLED: Program = Program { cpu_only: Some(CHAINS_ON_CPU), figures: false, ..PROGRAM };
        let message = |arguments: &[&str]| SAMPLED.options(arguments).unwrap_err();
        for device in ["wgpu", "flex", "gpu"] {
            let expected = format!("`--device` is `{device}`, must be cpu: chains run compiled, on the CPU");
            assert_eq!(message(&["--device", device]), expected);
        }
        assert!(SAMPLED.options(["--device", "cpu"]).is_ok());
        assert_eq!(message(&["--out", "a"]), "there is no option `--out`: coin draws no figures");
        let help = help(&SAMPLED);
        assert!(!help.contains("--out") && !help.contains("wgpu") && help.contains(CHAINS_ON_CPU), "{help}");
    }

    #[test]
    fn counts_are_whole_numbers() {
        let options = |data: &str| options(&format!("--data {data}"));
        assert_eq!((options("3").count("data", 7), options("3").count("other", 7)), (Ok(3), Ok(7)));
        assert_eq!(
            options("four").count("data", 7).unwrap_err(),
            "`--data` is `four`, must be a whole number"
        );
    }

    #[test]
    fn help_wins_over_what_follows() {
        assert!(matches!(parsed("--help --nonsense"), Ok(Request::Help)));
        assert!(matches!(parsed("-h"), Ok(Request::Help)));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert_eq!(message("--speed 3"), "there is no option `--speed`");
        assert_eq!(message("-x"), "there is no option `-x`");
        assert_eq!(message("fast"), "`fast` is not expected");
        assert_eq!(message("--seed"), "`--seed` needs a value");
        assert_eq!(message("--seed -1"), "`--seed` is `-1`, must be a whole number from 0");
        assert_eq!(message("--steps 0"), "`--steps` is `0`, must be a whole number from 1");
        assert_eq!(message("--steps 1.5"), "`--steps` is `1.5`, must be a whole number from 1");
        assert_eq!(message("--device gpu"), "there is no device `gpu`; there are: cpu, flex, wgpu");
        #[cfg(not(feature = "wgpu"))]
        assert_eq!(message("--device wgpu"), "device `wgpu` needs the feature: cargo run --features wgpu …");
        assert!(message("--json=yes").contains("--json"), "{}", message("--json=yes"));
    }

    #[test]
    fn help_lists_options_and_keys() {
        let help = help(&PROGRAM);
        for part in [
            "Fits a coin.",
            "usage: coin [--data FILE] [--jit on|off]",
            "--steps N",
            "(2000)",
            "the tosses",
            "posterior mean",
        ] {
            assert!(help.contains(part), "{part} is missing in\n{help}");
        }
    }
}
