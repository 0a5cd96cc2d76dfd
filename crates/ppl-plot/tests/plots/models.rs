//! Chains to draw, and what a picture says.

use ppl_core::{Ctx, Error, Result};
use ppl_dist::{HalfNormal, Normal, Uniform};
use ppl_mcmc::{Chains, HamiltonianState, Kernel, LogDensity, Mcmc, Nuts, RandomWalk, Transition};
use ppl_tensor::{KeyStream, Tensor};
use xml::reader::{EventReader, XmlEvent};

/// Sites of all kinds: bounded ones, a vector, a constant, one that is not always finite, and names that are markup.
pub(crate) fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(0.0, 10.0))?;
    let sd = ctx.sample("sd <&\"> 'x'", HalfNormal::new(2.0))?;
    ctx.sample("share", Uniform::new(-1.0, 3.0))?;
    ctx.plate("groups", 3, |ctx, _| ctx.sample("w", Normal::new(Tensor::zeros([2]), 1.0)))?;
    ctx.deterministic("constant", Tensor::from(3.25))?;
    ctx.deterministic("log", (&mean - 1.5).log())?;
    ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, &sd), y).map(|_| ()))
}

pub(crate) fn data() -> Tensor {
    Tensor::from([1.2, 0.4, 2.2, 1.9, 0.7])
}

pub(crate) fn mcmc(chains: usize, draws: usize) -> Mcmc<Nuts> {
    Mcmc::new(Nuts::new()).warmup(150).draws(draws).chains(chains).seed(3)
}

pub(crate) fn chains(chains: usize, draws: usize) -> Chains {
    mcmc(chains, draws).run(&model, &data()).unwrap()
}

/// A funnel with steps that are too long for its neck.
pub(crate) fn funnel() -> Chains {
    let model = |ctx: &mut Ctx, _: &()| -> Result<()> {
        let v = ctx.sample("v", Normal::new(0.0, 3.0))?;
        ctx.sample("x", Normal::new(0.0, (v * 0.5).exp())).map(|_| ())
    };
    Mcmc::new(Nuts::new()).warmup(100).draws(200).chains(2).keep_warmup(true).run(&model, &()).unwrap()
}

/// The No-U-Turn sampler, which cannot begin at a negative mean.
#[derive(Clone)]
struct Fragile(Nuts);

impl Kernel for Fragile {
    type State = HamiltonianState;

    fn init(
        &mut self,
        density: &mut dyn LogDensity,
        position: &[f64],
        warmup: usize,
        stream: KeyStream,
    ) -> Result<HamiltonianState> {
        match position[0] < 0.0 {
            true => Err(Error::argument("<lost> & gone")),
            false => self.0.init(density, position, warmup, stream),
        }
    }

    fn step(&mut self, density: &mut dyn LogDensity, state: &mut HamiltonianState) -> Result<Transition> {
        self.0.step(density, state)
    }

    fn position(state: &HamiltonianState) -> &[f64] {
        Nuts::position(state)
    }
}

/// Chains some of which failed.
pub(crate) fn failed() -> Chains {
    let mcmc = Mcmc::new(Fragile(Nuts::new())).warmup(100).draws(50).chains(6).seed(1);
    let chains = mcmc.run(&model, &data()).unwrap();
    assert!((1..6).contains(&chains.failures().len()));
    chains
}

/// Chains all of which fail after some draws.
pub(crate) fn all_failed() -> Chains {
    struct Ends(usize);
    impl LogDensity for Ends {
        fn dimension(&self) -> usize {
            1
        }

        fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
            gradient[0] = -x[0];
            self.0 = self.0.checked_sub(1).ok_or_else(|| Error::argument("the net is down"))?;
            Ok(-0.5 * x[0] * x[0])
        }
    }
    let mcmc = Mcmc::new(RandomWalk::new()).warmup(10).draws(50);
    mcmc.sample(|| Ends(40), &[vec![0.0], vec![1.0]]).unwrap()
}

/// The text of a document that is well-formed, with its elements' names before their texts.
pub(crate) fn parsed(document: &str) -> String {
    let mut words = String::new();
    for event in EventReader::new(document.as_bytes()) {
        match event.unwrap_or_else(|error| panic!("{error}\n{document}")) {
            XmlEvent::StartElement { name, .. } => words.push_str(&format!("\n<{}> ", name.local_name)),
            XmlEvent::Characters(text) => words.push_str(&text),
            _ => {}
        }
    }
    words
}
