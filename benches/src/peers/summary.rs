//! What a comparison found, as one table and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::large::{BYTES, SUM};
use super::{BY_HAND, EVERY_ROW, OURS};
use crate::harness::Measurement;
use crate::report::time;

/// Times of a loop written by hand that ours should not exceed.
const LOOPS: f64 = 3.0;

/// Nanoseconds that compiling one of the tutorials' models should not exceed.
const COMPILE: f64 = 50e6;

/// One piece of work, as every system did it.
pub struct Work {
    /// Its name.
    pub name: String,
    /// The cases.
    pub measured: Vec<Measurement>,
    /// Peers that could not do it, and why.
    pub absent: Vec<(&'static str, String)>,
    /// The share of the fastest peer's time that ours should not exceed.
    pub aim: Option<f64>,
}

/// Who a case belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Ours,
    Loop,
    Sum,
    Peer,
}

impl Owner {
    pub(super) fn of(row: &Measurement) -> Self {
        match row.case.as_str() {
            SUM => Owner::Sum,
            case if case.starts_with(OURS) => Owner::Ours,
            case if case.starts_with(BY_HAND) => Owner::Loop,
            _ => Owner::Peer,
        }
    }
}

impl Work {
    /// The fastest case of an owner, by its median.
    fn fastest(&self, owner: Owner) -> Option<&Measurement> {
        let cases = self.measured.iter().filter(|row| Owner::of(row) == owner);
        cases.min_by(|a, b| a.median.total_cmp(&b.median))
    }

    /// Our median divided by that of another case.
    fn share(&self, other: &Measurement) -> f64 {
        self.fastest(Owner::Ours).map_or(f64::NAN, |ours| ours.median / other.median)
    }

    /// Our median divided by that of the fastest case of an owner.
    fn share_of(&self, owner: Owner) -> Option<f64> {
        self.fastest(owner).map(|other| self.share(other))
    }

    /// The case of ours that reads the data as loops do.
    fn reading(&self) -> Option<&Measurement> {
        self.measured.iter().find(|row| row.case == EVERY_ROW).or_else(|| self.fastest(Owner::Ours))
    }

    /// The median of ours that reads the data, divided by that of the fastest case of an owner.
    fn reading_share_of(&self, owner: Owner) -> Option<f64> {
        Some(self.reading()?.median / self.fastest(owner)?.median)
    }

    /// Gigabytes of the columns that ours reads in a second, where a sum of them is beside it.
    fn bandwidth(&self) -> Option<f64> {
        self.fastest(Owner::Sum).and_then(|_| self.reading()).map(|ours| BYTES / ours.median)
    }

    /// In words how it went.
    fn verdicts(&self) -> Vec<String> {
        let against = |what: &str, share: f64, aim: f64| {
            let verdict =
                if share <= aim { "reached".to_owned() } else { format!("{:.1} times that", share / aim) };
            format!("{what}: {share:.2} of its time, the aim is {aim:.2}: {verdict}")
        };
        let mut verdicts = Vec::new();
        let compiled = self.measured.iter().filter_map(|row| row.compile).reduce(f64::max);
        verdicts.extend(compiled.map(|spent| {
            let aim = if spent <= COMPILE { "below" } else { "above" };
            format!("traced and compiled in {}, {aim} {}", time(spent), time(COMPILE))
        }));
        if let (Some(peer), Some(aim)) = (self.fastest(Owner::Peer), self.aim) {
            verdicts.push(against(&format!("fastest peer {}", peer.case), self.share(peer), aim));
            let reading = self.reading_share_of(Owner::Peer).filter(|&share| share != self.share(peer));
            verdicts.extend(reading.map(|share| format!("every row read: {share:.2} of its time")));
        }
        if let Some(share) = self.reading_share_of(Owner::Loop) {
            verdicts.push(against("loop by hand", share, LOOPS));
        }
        if let Some(share) = self.reading_share_of(Owner::Sum) {
            let (speed, share) = (self.bandwidth().unwrap_or(f64::NAN), 100.0 / share);
            verdicts.push(format!("reads the columns at {speed:.1} GB/s, {share:.0}% of the speed of a sum"));
        }
        verdicts
    }
}

/// All work in one table. The last column is our median divided by that of the row.
pub(super) fn table(works: &[Work], notes: &[String]) -> String {
    let headings = works.iter().map(heading);
    let names = works.iter().flat_map(|work| work.measured.iter().map(|row| format!("  {}", row.case)));
    let width = headings.chain(names).map(|text| text.chars().count()).max().unwrap_or(0);
    let mut table = format!("{:width$}  {:>10}  {:>10}  {:>8}\n", "", "min", "median", "ppl / it");
    // Writing to a string cannot fail.
    for work in works {
        let _ = writeln!(table, "{}", heading(work));
        for row in &work.measured {
            let (name, share) = (format!("  {}", row.case), work.share(row));
            let (min, median) = (time(row.min), time(row.median));
            let _ = writeln!(table, "{name:width$}  {min:>10}  {median:>10}  {share:>8.2}");
        }
        for (peer, reason) in &work.absent {
            let _ = writeln!(table, "  {peer}: not available: {reason}");
        }
        for verdict in work.verdicts() {
            let _ = writeln!(table, "  -> {verdict}");
        }
    }
    for note in notes {
        let _ = writeln!(table, "{note}");
    }
    table
}

fn heading(work: &Work) -> String {
    format!("{} (each {})", work.name, work.measured.first().map_or("step", |row| row.unit))
}

/// All figures.
pub(super) fn json(works: &[Work], notes: &[String]) -> Value {
    let case = |work: &Work, row: &Measurement| {
        json!({
            "case": row.case, "unit": row.unit, "ppl_over_it": work.share(row),
            "nanoseconds": { "min": row.min, "median": row.median, "max": row.max },
            "compile_nanoseconds": row.compile,
        })
    };
    let work = |work: &Work| {
        let absent: Vec<Value> =
            work.absent.iter().map(|(peer, reason)| json!({ "peer": peer, "reason": reason })).collect();
        json!({
            "work": work.name, "aim": work.aim,
            "cases": work.measured.iter().map(|row| case(work, row)).collect::<Vec<_>>(),
            "not_available": absent,
            "fastest_peer": work.fastest(Owner::Peer).map(|row| &row.case),
            "ppl_over_fastest_peer": work.share_of(Owner::Peer),
            "every_row_over_fastest_peer": work.reading_share_of(Owner::Peer),
            "ppl_over_loop": work.reading_share_of(Owner::Loop),
            "gigabytes_per_second": work.bandwidth(),
            "share_of_bandwidth": work.reading_share_of(Owner::Sum).map(f64::recip),
        })
    };
    json!({ "notes": notes, "works": works.iter().map(work).collect::<Vec<_>>() })
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Work, json, table};
    use crate::harness::Measurement;

    fn row(case: &str, median: f64) -> Measurement {
        Measurement {
            group: "gradient/rugged".into(),
            case: case.to_owned(),
            unit: "evaluation",
            min: 0.5 * median,
            median,
            max: 2.0 * median,
            ratio: 1.0,
            compile: (case == "ppl, jit").then_some(2e6),
        }
    }

    /// Two ways of ours, a loop, two peers and one that is not there.
    pub(in crate::peers) fn work() -> Work {
        let measured = vec![
            row("ppl, eager", 9000.0),
            row("ppl, jit", 400.0),
            row("loop by hand, likelihood", 100.0),
            row("NumPyro, 1 thread", 2000.0),
            row("nutpie", 1000.0),
        ];
        let absent = vec![("Stan", "no compiler".to_owned())];
        Work { name: "gradient/rugged".into(), measured, absent, aim: Some(0.5) }
    }

    #[test]
    fn the_best_of_ours_is_compared_with_the_fastest_peer() {
        let expected = "                                          min      median  ppl / it
gradient/rugged (each evaluation)
  ppl, eager                          4.50 µs     9.00 µs      0.04
  ppl, jit                          200.00 ns   400.00 ns      1.00
  loop by hand, likelihood           50.00 ns   100.00 ns      4.00
  NumPyro, 1 thread                   1.00 µs     2.00 µs      0.20
  nutpie                            500.00 ns     1.00 µs      0.40
  Stan: not available: no compiler
  -> traced and compiled in 2.00 ms, below 50.00 ms
  -> fastest peer nutpie: 0.40 of its time, the aim is 0.50: reached
  -> loop by hand: 4.00 of its time, the aim is 3.00: 1.3 times that
on two cores
";
        assert_eq!(table(&[work()], &["on two cores".into()]), expected);
    }

    #[test]
    fn json_has_the_ratios() {
        let value = json(&[work()], &[]);
        let work = &value["works"][0];
        assert_eq!(work["fastest_peer"], "nutpie");
        assert_eq!(work["ppl_over_fastest_peer"], 0.4);
        assert_eq!(work["ppl_over_loop"], 4.0);
        assert_eq!(work["cases"][3]["ppl_over_it"], 0.2);
        assert_eq!(work["not_available"][0]["reason"], "no compiler");
        assert!(work["share_of_bandwidth"].is_null() && work["gigabytes_per_second"].is_null());
    }

    #[test]
    fn loops_are_compared_with_what_reads_the_data_too() {
        let mut work = work();
        work.measured[0] = row("ppl, every row", 600.0);
        let table = table(&[work], &[]);
        for line in
            ["nutpie: 0.40 of its time", "every row read: 0.60 of its time", "loop by hand: 6.00 of its"]
        {
            assert!(table.contains(line), "{table}");
        }
    }

    #[test]
    fn bandwidths_are_of_what_is_summed() {
        let measured = vec![row("ppl", 12.0), row("sum of the same columns", 3.0)];
        let work = Work { name: "large".into(), measured, absent: vec![], aim: None };
        assert!(table(&[work], &[]).contains("reads the columns at 2.0 GB/s, 25% of the speed of a sum"));
    }
}
