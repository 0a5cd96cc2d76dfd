//! Measurements as a table for people, and as JSON for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::harness::Measurement;

/// A time in a unit that keeps it readable.
pub(crate) fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 1e3 => format!("{ns:.2} ns"),
        ns if ns < 1e6 => format!("{:.2} µs", ns / 1e3),
        ns => format!("{:.2} ms", ns / 1e6),
    }
}

/// An aligned table of one group, with a heading.
pub fn table(group: &[Measurement]) -> String {
    let Some(first) = group.first() else { return String::new() };
    let heading = format!("{} (a {})", first.group, first.unit);
    let longest = group.iter().map(|row| 2 + row.case.chars().count()).max().unwrap_or(0);
    let width = longest.max(heading.chars().count()).max(32);
    let mut table = String::new();
    // Writing to a string cannot fail.
    let _ =
        writeln!(table, "{:width$}  {:>10}  {:>10}  {:>10}  {:>8}", heading, "min", "median", "max", "ratio");
    for row in group {
        let (min, median, max) = (time(row.min), time(row.median), time(row.max));
        let compile = row.compile.map_or_else(String::new, |spent| format!("  compiled in {}", time(spent)));
        let _ = writeln!(
            table,
            "  {:w$}  {min:>10}  {median:>10}  {max:>10}  {:>8.2}{compile}",
            row.case,
            row.ratio,
            w = width - 2
        );
    }
    table
}

/// All measurements, with notes on what was measured.
pub fn json(measurements: &[Measurement], notes: &[String]) -> Value {
    let rows: Vec<Value> = measurements
        .iter()
        .map(|row| {
            json!({
                "group": row.group, "case": row.case, "unit": row.unit, "ratio": row.ratio,
                "nanoseconds": { "min": row.min, "median": row.median, "max": row.max },
                "compile_nanoseconds": row.compile,
            })
        })
        .collect();
    json!({ "notes": notes, "measurements": rows })
}

#[cfg(test)]
mod tests {
    use super::{json, table};
    use crate::harness::Measurement;

    fn row(case: &str, median: f64) -> Measurement {
        let (min, max, ratio) = (0.5 * median, 2.0 * median, median / 800.0);
        Measurement {
            group: "op/add/8".into(),
            case: case.into(),
            unit: "op",
            min,
            median,
            max,
            ratio,
            compile: None,
        }
    }

    #[test]
    fn tables_are_aligned() {
        let expected = "\
op/add/8 (a op)                          min      median         max     ratio
  loop                             400.00 ns   800.00 ns     1.60 µs      1.00
  eager                            800.00 µs     1.60 ms     3.20 ms   2000.00
";
        assert_eq!(table(&[row("loop", 800.0), row("eager", 1.6e6)]), expected);
        assert_eq!(table(&[]), "");
        let compiled = table(&[Measurement { compile: Some(1.5e7), ..row("jit", 800.0) }]);
        assert!(compiled.ends_with("      1.00  compiled in 15.00 ms\n"), "{compiled}");
    }

    #[test]
    fn json_has_every_row() {
        let value = json(&[row("loop", 800.0)], &["simulated".into()]);
        assert_eq!(value["measurements"][0]["nanoseconds"]["median"], 800.0);
        assert_eq!(value["notes"][0], "simulated");
    }
}
