//! Reports.

use ppl_infer::{Draws, Predictive};
use ppl_plot::{Figure, Panel, Plots, Report};
use ppl_tensor::Tensor;

use crate::models::{all_failed, chains, data, failed, funnel, model, parsed};

#[test]
fn a_report_has_all_its_parts_and_needs_no_network() {
    let chains = chains(4, 100);
    let scores = Predictive::new(model).log_likelihood(&chains.draws(), &data()).unwrap();
    let mine = Figure::new("My figure").panel(Panel::new("<c>", "a", "b").message("nothing"));
    let report = Report::new(&chains).title("A <title> & more").log_likelihood(&scores).figure(mine);
    let html = report.to_html().unwrap();
    let words = parsed(&html);
    for part in [
        "A <title> & more",
        "No-U-Turn sampler: target acceptance 0.8, diagonal mass matrix from draws and gradients, trees of depth up to 10",
        "seed",
        "gradients per second of a chain",
        "warm-up of each chain",
        "R-hat is not defined for want of draws, or because draws are equal or not finite: constant, log.",
        "sd <&\"> 'x'",
        "w[2,1]",
        "y: leave-one-out",
        "Pareto shape k of y",
        "My figure",
        "<c>",
    ] {
        assert!(words.contains(part), "{part} is not in {words}");
    }
    assert_eq!(words.matches("<svg>").count(), 9);
    // The names of two languages are all that looks like an address.
    let addresses = html.matches("://").count();
    assert_eq!(addresses, 1 + html.matches("http://www.w3.org/2000/svg").count());
    for forbidden in ["<script", "src=", "@import", "url("] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    let summary = chains.summary().unwrap();
    for row in summary.rows() {
        for field in row.fields() {
            assert!(words.contains(&field), "{field} of {}", row.name);
        }
    }
    // Every section that the contents name is there.
    let targets: Vec<&str> =
        html.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(targets.len(), 13);
    for target in targets {
        assert_eq!(html.matches(&format!("id=\"{target}\"")).count(), 1, "{target}");
    }
    assert_eq!(html, report.to_html().unwrap());
}

#[test]
fn what_went_wrong_is_said() {
    let failed = failed();
    let words = parsed(&Report::new(&failed).to_html().unwrap());
    let (number, _) = &failed.failures()[0];
    assert!(words.contains(&format!("chain {number} failed and is left out: <lost> & gone")), "{words}");
    let here = failed.chain_count();
    assert!(words.contains(&format!("{here}, of 6 asked for")) && words.contains("Fragile"));
    let funnel = funnel();
    let words = parsed(&Report::new(&funnel).to_html().unwrap());
    for warning in funnel.summary().unwrap().warnings() {
        assert!(words.contains(warning), "{warning}");
    }
}

#[test]
fn one_draw_of_one_chain_makes_a_report() {
    for (count, draws) in [(1, 1), (1, 30), (2, 3)] {
        let chains = chains(count, draws);
        let words = parsed(&Report::new(&chains).plots(Plots::new(&chains).limit(2)).to_html().unwrap());
        assert_eq!(words.contains("There is one chain"), count == 1);
        assert!(words.contains("2 of 11 numbers are shown"));
    }
}

#[test]
fn errors_name_what_is_wrong() {
    let chains = chains(2, 20);
    let error = |scores: Tensor| {
        let draws: Draws = [("y".to_owned(), scores)].into_iter().collect();
        Report::new(&chains).log_likelihood(&draws).to_html().unwrap_err().to_string()
    };
    let shape = error(Tensor::zeros([20, 5]));
    let expected =
        "site `y`: the log likelihood has shape [20, 5], must be [40, …], of all draws of the chains";
    assert_eq!(shape, expected);
    let infinite = error(Tensor::zeros([40, 5]) - f64::INFINITY);
    assert_eq!(infinite, "site `y`: a log likelihood is -inf: there is no estimate");
    let none = all_failed();
    let reason = "chains 0 and 1 failed: the net is down; `Chains::chain` has what was drawn";
    assert_eq!(none.get("x").unwrap_err().to_string(), reason);
    assert_eq!(Report::new(&none).to_html().unwrap_err().to_string(), reason);
    assert_eq!(Plots::new(&none).sites(["x"]).trace().unwrap_err().to_string(), reason);
    assert!(Report::new(&none.chain(0).unwrap()).to_html().is_ok());
    let error = Report::new(&chains).write("/proc/none/report.html").unwrap_err().to_string();
    assert!(error.starts_with("/proc/none/report.html: "), "{error}");
    let error =
        Report::new(&chains).plots(Plots::new(&chains).sites(["no"])).to_html().unwrap_err().to_string();
    assert!(error.starts_with("there is no site or number named `no`"), "{error}");
}
