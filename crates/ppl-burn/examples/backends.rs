//! Prints which operations run natively on which backend, as the page `docs/backends.md`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::ExitCode;

use ppl_burn::Profile;
use ppl_suite::cases::rows;
use ppl_suite::{Case, Family, for_each, require};
use ppl_tensor::{DType, HostTensor, Op, TensorType};

const ABOUT: &str = "\
# What runs natively where

`cargo xtask backends` writes this page, by asking the function that chooses at run time about every operation of the suite
in every dtype. `cpu` is the host backend, which defines the operations; its column lists their dtypes: those of the values
that are worked on, of the result for random numbers. `flex` and `wgpu` are features of `ppl-burn`.

*native*: runs on the device. *host*: copied to the host, run there and copied back, with a note in the log. `wgpu` has no
64-bit floats (a tensor of them is an error), and keeps 64-bit integers on the host, where they are not copied. *steps*: a
loop is run step by step, each of its operations where it runs. The custom operations are the suite's examples.
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
        for (name, places) in places(family)? {
            let dtypes: Vec<String> = places.keys().map(DType::to_string).collect();
            page += &format!("| `{name}` | {} |", dtypes.join(" "));
            for i in 0..backends.len() {
                let cell = if family == Family::Loop { "steps".into() } else { cell(i, &places) };
                page += &format!(" {cell} |");
            }
            page += "\n";
        }
    }
    Ok(page)
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Native,
    Host,
    /// There are no tensors of one of its dtypes.
    Nowhere,
}

/// For each dtype of an operation, where it runs on each backend.
type Places = BTreeMap<DType, [Place; Profile::ALL.len()]>;

/// The operations of a family, in its order.
fn places(family: Family) -> Result<Vec<(String, Places)>, String> {
    let found: RefCell<Vec<(String, Places)>> = RefCell::default();
    let ask = |case: &Case| {
        for float in [DType::F64, DType::F32] {
            let (op, inputs) = (case.op(float), case.inputs(0, float));
            let types: Vec<TensorType> = inputs.iter().map(HostTensor::tensor_type).collect();
            let output = op.output_type(&types.iter().collect::<Vec<_>>());
            let output = output.map_err(|error| error.to_string())?.dtype;
            let dtypes: Vec<DType> = types.iter().map(|ty| ty.dtype).collect();
            let place = |profile: Profile| match profile.runs_natively(&op, &dtypes, output) {
                _ if dtypes.iter().chain([&output]).any(|&dtype| !profile.has(dtype)) => Place::Nowhere,
                true => Place::Native,
                false => Place::Host,
            };
            let (place, subject) = (Profile::ALL.map(place), subject(&op, &dtypes, output));
            let (mut found, name) = (found.borrow_mut(), op.name());
            let known = match found.iter_mut().find(|(known, _)| *known == name) {
                Some((_, places)) => *places.entry(subject).or_insert(place),
                None => {
                    found.push((name.clone().into_owned(), Places::from([(subject, place)])));
                    place
                }
            };
            require(known == place, || format!("{name} of {subject} runs here and there"))?;
        }
        Ok(())
    };
    for row in rows(family) {
        row.fixed.iter().try_for_each(&ask)?;
        for_each(&row.random, CASES, ask)?;
    }
    Ok(found.into_inner())
}

/// The dtype of what an operation works on.
fn subject(op: &Op, inputs: &[DType], output: DType) -> DType {
    match op {
        Op::Random { .. } => output,
        // After the condition.
        Op::Select => inputs[1],
        _ => inputs[0],
    }
}

fn cell(i: usize, places: &Places) -> String {
    let list = |place: Place| {
        let there = places.iter().filter(|(_, places)| places[i] == place);
        there.map(|(dtype, _)| dtype.to_string()).collect::<Vec<_>>().join(" ")
    };
    match (list(Place::Native), list(Place::Host)) {
        (native, host) if native.is_empty() && host.is_empty() => "none".into(),
        (_, host) if host.is_empty() => "native".into(),
        (native, _) if native.is_empty() => "host".into(),
        (native, host) => format!("native: {native}; host: {host}"),
    }
}
