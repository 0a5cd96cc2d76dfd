//! A picture of a comparison: a line for each piece of work, a dot for each system, over time on a logarithmic axis.

use std::fmt::Write;

use super::Work;
use super::summary::Owner;
use crate::harness::Measurement;
use crate::report::time;

const LABELS: f64 = 370.0;
const WIDTH: f64 = 560.0;
const LINE: f64 = 24.0;
const TOP: f64 = 64.0;

/// Dots of peers, by name, in colours that colour-blind readers can tell apart (Okabe and Ito 2008).
const PEERS: [(&str, &str); 5] = [
    ("NumPyro, 1 thread", "#D55E00"),
    ("NumPyro, all threads", "#E69F00"),
    ("nutpie", "#009E73"),
    ("Stan", "#CC79A7"),
    ("Pyro JIT", "#56B4E9"),
];
const OURS: &str = "#0072B2";
const OTHERS: &str = "#828282";

fn colour(row: &Measurement) -> &'static str {
    match Owner::of(row) {
        Owner::Ours => OURS,
        Owner::Loop | Owner::Sum => OTHERS,
        Owner::Peer => PEERS.iter().find(|(name, _)| *name == row.case).map_or(OTHERS, |(_, colour)| colour),
    }
}

/// The picture, as SVG.
pub(super) fn svg(works: &[Work]) -> String {
    let medians = || works.iter().flat_map(|work| &work.measured).map(|row| row.median.log10());
    let first = medians().fold(f64::INFINITY, f64::min).floor();
    let last = medians().fold(f64::NEG_INFINITY, f64::max).ceil().max(first + 1.0);
    let (first, last) = if first.is_finite() && last.is_finite() { (first, last) } else { (0.0, 1.0) };
    let x = |nanoseconds: f64| LABELS + WIDTH * (nanoseconds.log10() - first) / (last - first);
    let bottom = TOP + LINE * works.len() as f64;
    let (width, height) = (LABELS + WIDTH + 30.0, bottom + 30.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"20\" font-size=\"15\">Median times, less is better</text>\n"
    );
    // Writing to a string cannot fail.
    let legend = [("ppl", OURS), ("loop or sum", OTHERS)].into_iter().chain(PEERS);
    let mut place = 10.0;
    for (name, colour) in legend {
        let _ = writeln!(
            svg,
            "{}<text x=\"{}\" y=\"42\">{name}</text>",
            dot(place + 5.0, 38.0, colour),
            place + 14.0
        );
        place += 30.0 + 7.0 * name.len() as f64;
    }
    let decades = (last - first) as i32;
    for decade in 0..=decades {
        let nanoseconds = 10f64.powf(first + f64::from(decade));
        let at = x(nanoseconds);
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{bottom}\" stroke=\"#dddddd\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            bottom + 18.0,
            time(nanoseconds).replace(".00", "")
        );
    }
    for (line, work) in works.iter().enumerate() {
        let y = TOP + LINE * (line as f64 + 0.5);
        let _ = writeln!(
            svg,
            "<text x=\"10\" y=\"{:.1}\">{}</text><line x1=\"{LABELS}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\" \
             stroke=\"#eeeeee\"/>",
            y + 4.0,
            work.name,
            LABELS + WIDTH
        );
        for row in work.measured.iter().filter(|row| row.median.is_finite() && row.median > 0.0) {
            let title = format!("<title>{}: {}</title></circle>", row.case, time(row.median));
            let _ = writeln!(svg, "{}", dot(x(row.median), y, colour(row)).replace("</circle>", &title));
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn dot(x: f64, y: f64, colour: &str) -> String {
    format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{colour}\" fill-opacity=\"0.85\"></circle>")
}

#[cfg(test)]
mod tests {
    use super::super::summary::tests::work;
    use super::svg;

    #[test]
    fn every_case_is_a_dot_in_the_picture() {
        let picture = svg(&[work(), work()]);
        assert_eq!(picture.matches("<title>").count(), 10);
        assert!(picture.contains("<title>nutpie: 1.00 µs</title>"));
        // 100 ns and 9 µs lie between the decades 2 and 4 of nanoseconds.
        for label in ["100 ns", "1 µs", "10 µs"] {
            assert!(picture.contains(&format!(">{label}</text>")), "{label}");
        }
        assert!(!picture.contains("NaN") && !picture.contains("inf"));
    }

    #[test]
    fn a_picture_of_nothing_is_one() {
        let picture = svg(&[]);
        assert!(picture.starts_with("<svg") && !picture.contains("NaN") && !picture.contains("inf"));
    }
}
