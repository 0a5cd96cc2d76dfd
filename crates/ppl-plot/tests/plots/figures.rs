//! What figures show, and that they can be drawn of any chains.

use ppl_core::{Ctx, Result};
use ppl_dist::{Dirichlet, HalfNormal, Normal, Uniform};
use ppl_mcmc::{Chains, Mcmc, Nuts, RandomWalk};
use ppl_plot::{Figure, Interval, Plots, quantities};
use ppl_tensor::Tensor;

use crate::models::{chains, data, failed, funnel, mcmc, model, parsed};

type Draw = fn(&Plots<'_>) -> Result<Figure>;

const ALL: [(&str, Draw); 7] = [
    ("trace", |plots| plots.trace()),
    ("density", |plots| plots.density()),
    ("rank", |plots| plots.rank()),
    ("pairs", |plots| plots.pairs()),
    ("energy", |plots| Ok(plots.energy())),
    ("forest", |plots| plots.forest()),
    ("ess", |plots| plots.ess_growth()),
];

/// All figures of chains, by name: of well-formed SVG without a number that is not finite.
fn pictures(chains: &Chains) -> Vec<(&'static str, String)> {
    let plots = Plots::new(chains);
    let picture = |(name, draw): (&'static str, Draw)| {
        let svg = draw(&plots).unwrap().to_svg().unwrap();
        assert!(svg.starts_with("<svg ") && !svg.contains("=\"NaN") && !svg.contains("inf\""), "{name}");
        (name, parsed(&svg))
    };
    ALL.into_iter().map(picture).collect()
}

#[test]
fn every_figure_of_any_chains_is_well_formed() {
    for (count, draws) in [(4, 100), (1, 60), (3, 5), (2, 1), (1, 1), (20, 8)] {
        for (name, words) in pictures(&chains(count, draws)) {
            let named = words.contains("sd <&\"> 'x'");
            assert!(named || name == "energy", "{name} of {count} chains: {words}");
        }
    }
}

#[test]
fn chains_without_energies_are_drawn() {
    let walk = Mcmc::new(RandomWalk::new()).warmup(50).draws(40).run(&model, &data()).unwrap();
    let pictures = pictures(&walk);
    let words = &pictures.iter().find(|(name, _)| *name == "energy").unwrap().1;
    assert!(words.contains("the chains' kernel has no energy"), "{words}");
}

#[test]
fn what_is_left_out_is_said() {
    let pictures = pictures(&chains(4, 100));
    let words = |name: &str| &pictures.iter().find(|(known, _)| *known == name).unwrap().1;
    // Eleven numbers: all but in pairs.
    assert!(words("trace").contains("w[2,1]") && !words("trace").contains("numbers are shown"));
    assert!(words("pairs").contains("5 of 11 numbers are shown: the first of each site."));
    for name in ["density", "rank"] {
        assert!(words(name).contains("all draws are 3.25"), "{name}");
    }
    assert!(words("rank").contains("not all draws are finite"));
    assert!(words("trace").contains("of 400 draws are not finite."));
    assert!(
        words("forest")
            .contains("No R-hat, for want of draws or because they are equal or not finite: constant, log.")
    );
    assert!(words("energy").contains("chain 3: E-BFMI"));
    let many = chains(20, 8);
    let trace = parsed(&Plots::new(&many).trace().unwrap().to_svg().unwrap());
    assert!(trace.contains("There are 20 chains; colours repeat."));
    let rank = parsed(&Plots::new(&many).rank().unwrap().to_svg().unwrap());
    assert!(rank.contains("16 of 20 chains are shown, ranked among all."));
}

#[test]
fn sites_and_numbers_are_chosen() {
    let chains = chains(2, 40);
    let words = |plots: Plots<'_>| parsed(&plots.trace().unwrap().to_svg().unwrap());
    let some = words(Plots::new(&chains).sites(["w[1,0]", "share"]));
    assert!(some.contains("w[1,0]") && some.contains("share") && !some.contains("w[0,0]"), "{some}");
    let few = words(Plots::new(&chains).limit(7));
    assert!(few.contains("w[0,1]") && !few.contains("w[1,0]") && few.contains("7 of 11 numbers"), "{few}");
    let twice = words(Plots::new(&chains).sites(["w[2,1]", "w", "w"]).limit(3));
    assert!(twice.contains("3 of 6 numbers") && twice.contains("w[2,1]"), "{twice}");
    let error = |plots: Plots<'_>| plots.density().unwrap_err().to_string();
    let unknown = error(Plots::new(&chains).sites(["w[3,0]"]));
    assert!(unknown.starts_with("there is no site or number named `w[3,0]`"), "{unknown}");
    let none: [&str; 0] = [];
    assert!(error(Plots::new(&chains).sites(none)).starts_with("there is no number to show"));
    assert_eq!(error(Plots::new(&chains).limit(0)), "zero numbers are to be shown, at least 1 is needed");
    let wrong = Plots::new(&chains).interval(Interval::HighestDensity(1.0)).forest().unwrap_err().to_string();
    assert_eq!(wrong, "the share of the interval is 1, must be between 0 and 1");
    let forest = Plots::new(&chains).interval(Interval::HighestDensity(0.94)).forest().unwrap();
    assert!(forest.to_svg().unwrap().contains("50% and 94% highest density intervals"));
}

#[test]
fn divergences_are_marked_and_warm_up_is_there() {
    let chains = funnel();
    let diverged = chains.divergences();
    assert!(diverged > 0, "the funnel has no neck");
    let svg = |figure: Result<Figure>| figure.unwrap().to_svg().unwrap();
    let trace = svg(Plots::new(&chains).sites(["v"]).trace());
    assert!(parsed(&trace).contains("diverged") && parsed(&trace).contains("-100"));
    // Of 400 draws all are shown, those that diverged in their colour: dots of radius 3 and 2, drawn four times as large.
    let pairs = svg(Plots::new(&chains).pairs());
    let dots = |color: &str| pairs.lines().filter(|l| l.starts_with("<circle") && l.contains(color)).count();
    assert_eq!((dots("#0072B2"), dots("#D55E00")), (400 - diverged, diverged));
    let calm = mcmc(2, 50).run(&model, &data()).unwrap();
    if calm.divergences() == 0 {
        assert!(!parsed(&svg(Plots::new(&calm).trace())).contains("diverged"));
    }
}

#[test]
fn a_chain_that_failed_leaves_the_numbers_of_the_others() {
    let chains = failed();
    let figure = parsed(&Plots::new(&chains).trace().unwrap().to_svg().unwrap());
    for number in 0..6 {
        let gone = chains.failures().iter().any(|(failed, _)| *failed == number);
        assert_ne!(figure.contains(&format!("chain {number}")), gone, "chain {number}");
    }
}

#[test]
fn densities_end_where_supports_do() {
    let model = |ctx: &mut Ctx, high: &Tensor| -> Result<()> {
        ctx.sample("line", Normal::new(0.0, 1.0))?;
        let scale = ctx.sample("scale", HalfNormal::new(2.0))?;
        ctx.sample("both", Uniform::new(-1.0, 3.0))?;
        ctx.sample("pair", Dirichlet::new(Tensor::from([2.0, 2.0])))?;
        ctx.sample("below", Uniform::new(0.0, &scale))?;
        ctx.plate("rows", high, |ctx, high| ctx.sample("row", Uniform::new(0.0, high)).map(|_| ()))
    };
    let high = Tensor::from([1.0, 2.0]);
    let chains = Mcmc::new(Nuts::new()).warmup(300).draws(4000).chains(1).run(&model, &high).unwrap();
    let ends: Vec<(&str, Option<(f64, f64)>)> =
        chains.sites().map(|(name, site)| (name, site.bounds)).collect();
    let at = |name: &str| ends.iter().find(|(known, _)| *known == name).unwrap().1;
    assert_eq!(at("line"), Some((f64::NEG_INFINITY, f64::INFINITY)));
    // Bijections keep values inside by a hair.
    let close = |found: (f64, f64), low: f64, high: f64| {
        (found.0 - low).abs() < 1e-12 && (found.1 == high || (found.1 - high).abs() < 1e-12)
    };
    assert!(
        close(at("scale").unwrap(), 0.0, f64::INFINITY) && close(at("both").unwrap(), -1.0, 3.0),
        "{ends:?}"
    );
    assert_eq!((at("pair"), at("below"), at("row")), (None, None, None));
    let points =
        quantities::density(&chains.get("both").unwrap().to_f64().unwrap(), at("both")).unwrap().points;
    // The uniform density is a quarter up to its ends: without reflection it would be half of that there. Of 4000 draws, some
    // 2000 of which are effective, a bandwidth of 0.2 takes a hundred at an end: the estimate errs by a tenth.
    let (first, last) = (points[0], points[points.len() - 1]);
    assert!(first.0 > -1.01 && last.0 < 3.01 && first.1 > 0.15 && last.1 > 0.15, "{first:?} {last:?}");
}
