//! Graphs of programs: their sites, plates and dependences, and how they are written.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_core::render::Dependence;
use ppl_core::{
    Ctx, Model, ModelGraph, Observation, Result, SiteKind, SubsampleExt, block, condition, do_, mask,
    render_model, trace,
};
use ppl_dist::{Bernoulli, Gamma, Normal, Uniform, constraints};
use ppl_tensor::{DType, Tensor};

fn graph(model: impl Model<()>) -> ModelGraph {
    render_model(&Ctx::new(0), &model, &()).unwrap()
}

/// Edges as `from > to`, those by reading as `from ? to`, those from an earlier step as `from * to`.
fn edges(graph: &ModelGraph) -> Vec<String> {
    let name = |node: usize| graph.nodes()[node].name.as_str();
    let sign = |dependence: Dependence| match dependence {
        Dependence::Value => ">",
        Dependence::Read => "?",
        Dependence::Step => "*",
    };
    graph.edges().map(|e| format!("{} {} {}", name(e.from), sign(e.dependence), name(e.to))).collect()
}

/// Names of the plates around a site, innermost first.
fn around<'a>(graph: &'a ModelGraph, site: &str) -> Vec<&'a str> {
    let node = graph.nodes().iter().find(|node| node.name == site).unwrap();
    let plates = std::iter::successors(node.plate, |&plate| graph.plates()[plate].within);
    plates.map(|plate| graph.plates()[plate].name.as_str()).collect()
}

/// A regression with a learnable scale and a named mean.
fn regression(ctx: &mut Ctx, _: &()) -> Result<()> {
    let scale = ctx.param_in("scale", 1.0, constraints::positive())?;
    let slope = ctx.sample("slope", Normal::new(0.0, scale))?;
    let noise = ctx.sample("noise", Gamma::new(2.0, 1.5))?;
    let (x, y) = (Tensor::from([0.5, 1.0, 2.0]), Tensor::from([0.4, 1.2, 2.2]));
    ctx.plate("rows", &(x, y), |ctx, (x, y)| {
        let mean = ctx.deterministic("mean", &slope * x)?;
        ctx.observe("y", Normal::new(mean, &noise), y)
    })?;
    ctx.factor("penalty", -slope.square())
}

#[test]
fn edges_are_direct_dependences() {
    let graph = graph(regression);
    let expected = ["scale > slope", "slope > mean", "slope > penalty", "noise > y", "mean > y"];
    assert_eq!(edges(&graph), expected);
    let kinds: Vec<SiteKind> = graph.nodes().iter().map(|node| node.kind).collect();
    use SiteKind::{Deterministic, Factor, Latent, Observed, Param};
    assert_eq!(kinds, [Param, Latent, Latent, Deterministic, Observed, Factor]);
    assert_eq!(graph.nodes()[2].distribution.as_deref(), Some("Gamma"));
    assert_eq!(graph.nodes()[0].constraint.as_deref(), Some("positive"));
    assert_eq!((around(&graph, "y"), around(&graph, "slope")), (vec!["rows"], vec![]));
}

#[test]
fn a_chain_has_no_shortcuts() {
    let chain = |ctx: &mut Ctx, _: &()| {
        let mut state = ctx.sample("z0", Normal::new(0.0, 1.0))?;
        for step in 1..4 {
            state = ctx.sample(&format!("z{step}"), Normal::new(&state, 1.0))?;
        }
        Ok(())
    };
    assert_eq!(edges(&graph(chain)), ["z0 > z1", "z1 > z2", "z2 > z3"]);
}

#[test]
fn dependences_pass_through_indices_draws_masks_and_data() {
    let model = |ctx: &mut Ctx, _: &()| {
        let coin = ctx.sample("coin", Bernoulli::new(0.5))?;
        let means = ctx.sample("means", Normal::new(Tensor::zeros([2]), 1.0))?;
        let chosen = means.at(coin.cast(DType::I64));
        ctx.sample("x", Normal::new(chosen, 1.0))?;
        let rare = coin.gt(0.5);
        let masked = mask(|ctx: &mut Ctx, _: &()| ctx.sample("masked", Normal::new(0.0, 1.0)), rare);
        masked.run(ctx, &())?;
        ctx.observe("residual", Normal::new(0.0, 1.0), means.sum(0) - 1.0)?;
        let present = Tensor::from([true, false]);
        let data = Observation::present(Tensor::from([0.3, 0.0]), present);
        ctx.observe("partly", Normal::new(&means, 1.0), data)
    };
    let expected = [
        "coin > x",
        "coin > masked",
        "means > x",
        "means > residual",
        "means > partly_missing",
        "means > partly_observed",
        "partly_missing > partly_observed",
        "partly_observed > partly",
    ];
    assert_eq!(edges(&graph(model)), expected);
}

#[test]
fn what_was_read_may_decide_what_comes_after() {
    let model = |ctx: &mut Ctx, _: &()| {
        ctx.sample("before", Normal::new(0.0, 1.0))?;
        let coin = ctx.sample("coin", Bernoulli::new(0.5))?;
        let mean = if coin.to_scalar()? > 0.5 { 3.0 } else { -3.0 };
        let x = ctx.sample("x", Normal::new(mean, 1.0))?;
        ctx.sample("y", Normal::new(coin + x, 1.0))
    };
    assert_eq!(edges(&graph(model)), ["coin ? x", "coin > y", "x > y"]);
}

#[test]
fn handlers_inside_the_program_count() {
    let model = |ctx: &mut Ctx, _: &()| {
        let a = ctx.sample("a", Normal::new(0.0, 1.0))?;
        let b = ctx.sample("b", Normal::new(&a, 1.0))?;
        ctx.sample("c", Normal::new(&b, 1.0))
    };
    // An intervention cuts what leads from the site on; data cut nothing; what is hidden is passed through.
    assert_eq!(edges(&graph(do_(model, [("b", 1.0)]))), ["a > b"]);
    let conditioned = graph(condition(model, [("b", 1.0)]));
    assert_eq!(edges(&conditioned), ["a > b", "b > c"]);
    assert_eq!(conditioned.nodes()[1].kind, SiteKind::Observed);
    assert_eq!(edges(&graph(block(model, "b"))), ["a > c"]);
}

#[test]
fn plates_are_nested_as_opened() {
    let model = |ctx: &mut Ctx, _: &()| {
        let users = ctx.plate("users", 3usize, |ctx, _| ctx.sample("taste", Normal::new(0.0, 1.0)))?;
        let items = ctx.plate("items", 4usize, |ctx, _| ctx.sample("appeal", Normal::new(0.0, 1.0)))?;
        // The other way round than they appeared first.
        ctx.plate("items", 4usize.subsample(2), |ctx, item| {
            let appeal = items.at(item);
            ctx.plate("users", 3usize, |ctx, user| {
                ctx.sample("rating", Normal::new(users.at(user) + &appeal, 1.0))
            })
        })
    };
    let graph = graph(model);
    assert_eq!(around(&graph, "rating"), ["items", "users"]);
    let plates: Vec<String> = graph
        .plates()
        .iter()
        .map(|plate| format!("{} {} of {} in {:?}", plate.name, plate.size, plate.population, plate.within))
        .collect();
    assert_eq!(plates, ["users 3 of 3 in None", "items 4 of 4 in None", "items 2 of 4 in Some(0)"]);
    assert_eq!(edges(&graph), ["taste > rating", "appeal > rating"]);
}

/// A random walk seen with noise, and where it ends.
fn walk(ctx: &mut Ctx, _: &()) -> Result<()> {
    let start = ctx.sample("start", Normal::new(0.0, 1.0))?;
    let drift = ctx.sample("drift", Normal::new(0.0, 1.0))?;
    let noise = ctx.sample("noise", Gamma::new(2.0, 1.0))?;
    let y = Tensor::from([0.1, 0.4, 0.9]);
    let init = (start, Tensor::from(0.0));
    let ((end, _), _) = ctx.scan("time", &y, &init, |ctx, (place, error), y| {
        let place = ctx.sample("place", Normal::new(place + &drift, 0.3))?;
        let seen = ctx.observe("y", Normal::new(&place + 0.5 * error, &noise), y)?;
        Ok(((place.clone(), seen - place), Tensor::from(0.0)))
    })?;
    ctx.sample("end", Normal::new(end, 1.0)).map(|_| ())
}

#[test]
fn scans_tell_what_comes_from_earlier_steps() {
    let graph = graph(walk);
    let mut found = edges(&graph);
    found.sort();
    let expected = [
        "drift > place",
        "noise > y",
        "place * place",
        "place * y",
        "place > end",
        "place > y",
        "start > place",
        "y * y",
    ];
    assert_eq!(found, expected);
    assert_eq!(around(&graph, "place"), ["time"]);
    assert!(graph.to_dot().contains("n3 -> n3 [style=dotted, constraint=false];"), "{}", graph.to_dot());
    assert!(
        graph.to_mermaid().contains("n3 -. step .-> n3") && graph.to_mermaid().contains("time × 3 steps")
    );
    // Two loops among them.
    assert_eq!(graph.to_svg().matches("<polygon").count(), expected.len());
}

#[test]
fn the_context_stays_as_it_was() {
    let model = |ctx: &mut Ctx, _: &()| {
        let draw = ctx.sample("inner", Normal::new(0.0, 1.0))?;
        ctx.param("new", 1.0)?;
        ctx.param("known", 1.0)?;
        Ok(draw)
    };
    let outer = |ctx: &mut Ctx, _: &()| {
        ctx.param("known", 5.0)?;
        ctx.plate("rows", 3usize, |ctx, _| {
            let graph = render_model(ctx, &model, &())?;
            assert_eq!(graph.nodes().len(), 3);
            assert!(graph.plates().is_empty());
            ctx.sample("outer", Normal::new(0.0, 1.0))
        })
    };
    let mut ctx = Ctx::new(0);
    let (run, _) = trace(&mut ctx, &outer, &()).unwrap();
    let names: Vec<&str> = run.sites().map(|site| site.name.as_str()).collect();
    assert_eq!(names, ["known", "outer"]);
    assert_eq!(ctx.params().names().collect::<Vec<_>>(), ["known"]);
    assert_eq!(ctx.params().get("known").unwrap().to_scalar().unwrap(), 5.0);
}

#[test]
fn errors_pass_through() {
    let message = |model: &dyn Fn(&mut Ctx, &()) -> Result<()>| {
        render_model(&Ctx::new(0), &|ctx: &mut Ctx, args: &()| model(ctx, args), &())
            .err()
            .unwrap()
            .to_string()
    };
    let twice = message(&|ctx, _| {
        ctx.sample("a", Normal::new(0.0, 1.0))?;
        ctx.sample("a", Normal::new(0.0, 1.0)).map(|_| ())
    });
    assert!(twice.contains("two statements are named `a`"), "{twice}");
    let invalid = message(&|ctx, _| ctx.sample("a", Normal::new(0.0, -1.0)).map(|_| ()));
    assert!(invalid.contains("site `a`") && invalid.contains("scale"), "{invalid}");
}

#[test]
fn dot_is_written_like_this() {
    let expected = r#"digraph {
  node [fontname="Helvetica"];
  graph [fontname="Helvetica"];
  n0 [label="slope", shape=ellipse, style=filled, fillcolor=white];
  n1 [label="noise", shape=ellipse, style=filled, fillcolor=white];
  n3 [label="penalty", shape=box, style=filled, fillcolor=black, fontcolor=white];
  subgraph cluster_0 {
    label="rows × 3"; labelloc=b; labeljust=r; style=rounded;
    n2 [label="y", shape=ellipse, style=filled, fillcolor=lightgrey];
  }
  n0 -> n2;
  n0 -> n3;
  n1 -> n2;
}
"#;
    assert_eq!(graph(regression).to_dot(), expected);

    let whole =
        graph(regression).with_params(true).with_deterministic(true).with_distributions(true).to_dot();
    for line in [
        "  n0 [label=\"scale\", shape=plain];",
        "    n3 [label=\"mean\", shape=ellipse, style=\"filled,dashed\", fillcolor=white];",
        "  n0 -> n1;",
        "  n1 -> n3;",
        "  legend [shape=plaintext, label=\"scale ∈ positive\\lslope ~ Normal\\lnoise ~ Gamma\\ly ~ Normal\\l\"];",
    ] {
        assert!(whole.lines().any(|found| found == line), "{line} is missing in\n{whole}");
    }
}

#[test]
fn mermaid_is_written_like_this() {
    let expected = r#"flowchart TB
  n0["scale"]:::plain
  n1(["slope"]):::latent
  n2(["noise"]):::latent
  n4["penalty"]:::factor
  subgraph p0["rows × 3"]
    n3(["y"]):::observed
  end
  n0 --> n1
  n1 --> n3
  n1 --> n4
  n2 --> n3
  legend["scale ∈ positive<br/>slope #126; Normal<br/>noise #126; Gamma<br/>y #126; Normal"]:::plain
  classDef latent fill:#fff,stroke:#333
  classDef observed fill:#ccc,stroke:#333
  classDef plain fill:none,stroke:none
  classDef factor fill:#333,stroke:#333,color:#fff
"#;
    assert_eq!(graph(regression).with_params(true).with_distributions(true).to_mermaid(), expected);
}

#[test]
fn names_are_escaped() {
    let name = "a\"<b>&\\c\n`_end_`\u{7}é";
    let model = move |ctx: &mut Ctx, _: &()| ctx.sample(name, Uniform::new(0.0, 1.0));
    let graph = graph(model);
    let (dot, mermaid, svg) = (graph.to_dot(), graph.to_mermaid(), graph.to_svg());
    assert!(dot.contains(r#"label="a\"<b>&amp;\\c\n`_end_`�é""#), "{dot}");
    let code = r#"["a#34;#60;b#62;#38;#92;c<br/>#96;#95;end#95;#96;�é"]"#;
    assert!(mermaid.contains(code), "{mermaid}");
    assert!(svg.contains(">a&quot;&lt;b&gt;&amp;\\c</text>") && svg.contains(">`_end_`�é</text>"), "{svg}");
}

#[test]
fn pictures_show_what_is_asked_for() {
    let plain = graph(regression).to_svg();
    assert_eq!((plain.matches("<ellipse").count(), plain.matches("<polygon").count()), (3, 3));
    assert!(plain.contains(">rows × 3</text>") && !plain.contains(">scale</text>"), "{plain}");
    let whole =
        graph(regression).with_params(true).with_deterministic(true).with_distributions(true).to_svg();
    assert_eq!((whole.matches("<ellipse").count(), whole.matches("<polygon").count()), (4, 5));
    assert!(whole.contains(">scale</text>") && whole.contains(">noise ~ Gamma</text>"), "{whole}");
    assert!(whole.contains("stroke-dasharray"));
    // A program without statements has an empty picture.
    let nothing = render_model(&Ctx::new(0), &|_: &mut Ctx, _: &()| Ok(()), &()).unwrap();
    assert!(nothing.to_svg().ends_with("</svg>\n"));
    assert_eq!(plain, graph(regression).to_svg());
}
