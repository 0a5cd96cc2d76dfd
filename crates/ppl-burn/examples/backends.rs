//! Prints which operations run natively on which backend, as the page `docs/backends.md`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::ExitCode;

use ppl_burn::Profile;
use ppl_suite::cases::{Row, rows};
use ppl_suite::{Case, Family, for_each, require};
use ppl_tensor::{DType, Op, TensorType};

const ABOUT: &str = "\
# What runs natively where

`cargo xtask backends` writes this page, by asking the function that chooses at run time about every operation of the suite
in every dtype. `cpu` is the host backend, which defines the operations; its column lists their dtypes: those of the values
that are worked on, of the result for random numbers. `flex` and `wgpu` are features of `ppl-burn`.

*native*: runs on the device. *host*: copied to the host, run there and copied back, with a note in the log. `wgpu` has no
64-bit floats (a tensor of them is an error), and keeps 64-bit integers on the host, where they are not copied. *steps*: a
loop is run step by step, each of its operations where it runs.
";

/// How many random cases of an operation are asked about: one in four has a dtype of its own, so that one in 10¹² would
/// be missed; the cases are the same every time.
const CASES: u32 = 100;

fn main() -> ExitCode {
    match page() {
        Ok(page) => {
            print!("{page}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn page() -> Result<String, String> {
    let mut page = ABOUT.to_owned();
    for &family in Family::ALL {
        let backends: Vec<&str> = Profile::ALL.iter().map(|profile| profile.name).collect();
        page += &format!("\n## {family:?}\n\n| operation | cpu | {} |\n", backends.join(" | "));
        page += &format!("| --- | --- |{}\n", " --- |".repeat(backends.len()));
        for row in rows(family) {
            let places = places(&row)?;
            let dtypes: Vec<String> = places.keys().map(|dtype| dtype.to_string()).collect();
            page += &format!("| `{}` | {} |", row.name, dtypes.join(" "));
            for (i, profile) in Profile::ALL.iter().enumerate() {
                let cell = if family == Family::Loop { "steps".into() } else { cell(profile, i, &places) };
                page += &format!(" {cell} |");
            }
            page += "\n";
        }
    }
    Ok(page)
}

/// For each dtype of an operation, whether it runs natively on each backend.
type Places = BTreeMap<DType, [bool; Profile::ALL.len()]>;

fn places(row: &Row) -> Result<Places, String> {
    let places = RefCell::new(Places::new());
    let ask = |case: &Case| {
        for float in [DType::F64, DType::F32] {
            let (op, inputs) = (case.op(float), case.inputs(0, float));
            let types: Vec<TensorType> = inputs.iter().map(|x| x.tensor_type()).collect();
            let output = op.output_type(&types.iter().collect::<Vec<_>>());
            let output = output.map_err(|error| error.to_string())?.dtype;
            let dtypes: Vec<DType> = types.iter().map(|ty| ty.dtype).collect();
            let native = Profile::ALL.map(|profile| profile.runs_natively(&op, &dtypes, output));
            let subject = match op {
                Op::Random { .. } => output,
                // After the condition.
                Op::Select => dtypes[1],
                _ => dtypes[0],
            };
            let known = *places.borrow_mut().entry(subject).or_insert(native);
            require(known == native, || format!("{} of {subject} runs here and there", row.name))?;
        }
        Ok(())
    };
    row.fixed.iter().try_for_each(&ask)?;
    for_each(&row.random, CASES, ask)?;
    Ok(places.into_inner())
}

fn cell(profile: &Profile, i: usize, places: &Places) -> String {
    let list = |native: bool| {
        let there = places.iter().filter(|(dtype, places)| profile.has(**dtype) && places[i] == native);
        there.map(|(dtype, _)| dtype.to_string()).collect::<Vec<_>>().join(" ")
    };
    match (list(true), list(false)) {
        (native, host) if native.is_empty() && host.is_empty() => "none".into(),
        (_, host) if host.is_empty() => "native".into(),
        (native, _) if native.is_empty() => "host".into(),
        (native, host) => format!("native: {native}; host: {host}"),
    }
}
