//! Kernels with a fault.

use ppl_core::Result;
use ppl_mcmc::{Kernel, LogDensity, Transition};
use ppl_tensor::KeyStream;

/// A density raised to a power, times `exp(tilt · x₀)`.
struct Bent<'a> {
    density: &'a mut dyn LogDensity,
    power: f64,
    tilt: f64,
}

impl LogDensity for Bent<'_> {
    fn dimension(&self) -> usize {
        self.density.dimension()
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        let value = self.density.value_and_gradient(x, gradient)?;
        gradient.iter_mut().for_each(|slope| *slope *= self.power);
        gradient[0] += self.tilt;
        Ok(self.power * value + self.tilt * x[0])
    }
}

/// A right kernel on a density that is not the one asked for.
#[derive(Clone)]
pub(crate) struct Misled<K> {
    pub(crate) kernel: K,
    pub(crate) power: f64,
    pub(crate) tilt: f64,
}

impl<K: Kernel> Misled<K> {
    fn bent<'a>(&self, density: &'a mut dyn LogDensity) -> Bent<'a> {
        Bent { density, power: self.power, tilt: self.tilt }
    }
}

impl<K: Kernel> Kernel for Misled<K> {
    type State = K::State;

    fn init(
        &mut self,
        density: &mut dyn LogDensity,
        position: &[f64],
        warmup: usize,
        stream: KeyStream,
    ) -> Result<K::State> {
        let mut bent = self.bent(density);
        self.kernel.init(&mut bent, position, warmup, stream)
    }

    fn step(&mut self, density: &mut dyn LogDensity, state: &mut K::State) -> Result<Transition> {
        let mut bent = self.bent(density);
        self.kernel.step(&mut bent, state)
    }

    fn position(state: &K::State) -> &[f64] {
        K::position(state)
    }
}

/// Draws of independent standard normal numbers, whatever the density is.
#[derive(Clone)]
pub(crate) struct Deaf;

impl Kernel for Deaf {
    type State = (Vec<f64>, KeyStream);

    fn init(
        &mut self,
        _: &mut dyn LogDensity,
        x: &[f64],
        _: usize,
        stream: KeyStream,
    ) -> Result<Self::State> {
        Ok((x.to_vec(), stream))
    }

    fn step(&mut self, density: &mut dyn LogDensity, (x, stream): &mut Self::State) -> Result<Transition> {
        x.fill_with(|| stream.normal());
        let log_density = density.value_and_gradient(x, &mut vec![0.0; x.len()])?;
        Ok(Transition { log_density, ..Transition::default() })
    }

    fn position((x, _): &Self::State) -> &[f64] {
        x
    }
}

/// A random walk that accepts by the given function of the ratio of densities, where Metropolis takes the ratio.
#[derive(Clone)]
pub(crate) struct Walk {
    pub(crate) step: f64,
    pub(crate) acceptance: fn(f64) -> f64,
}

#[derive(Clone)]
pub(crate) struct Place {
    x: Vec<f64>,
    log_density: f64,
    stream: KeyStream,
}

impl Kernel for Walk {
    type State = Place;

    fn init(
        &mut self,
        density: &mut dyn LogDensity,
        x: &[f64],
        _: usize,
        stream: KeyStream,
    ) -> Result<Place> {
        let log_density = density.value_and_gradient(x, &mut vec![0.0; x.len()])?;
        Ok(Place { x: x.to_vec(), log_density, stream })
    }

    fn step(&mut self, density: &mut dyn LogDensity, place: &mut Place) -> Result<Transition> {
        let proposal: Vec<f64> = place.x.iter().map(|x| x + self.step * place.stream.normal()).collect();
        let log_density = density.value_and_gradient(&proposal, &mut vec![0.0; proposal.len()])?;
        if place.stream.uniform() < (self.acceptance)((log_density - place.log_density).exp()) {
            (place.x, place.log_density) = (proposal, log_density);
        }
        Ok(Transition { log_density: place.log_density, ..Transition::default() })
    }

    fn position(place: &Place) -> &[f64] {
        &place.x
    }
}
