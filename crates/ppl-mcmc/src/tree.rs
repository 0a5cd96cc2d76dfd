//! The trajectory of a No-U-Turn transition: a binary tree of leapfrog steps, in memory that is used again.

use ppl_core::Result;
use ppl_tensor::KeyStream;

use crate::hamiltonian::{DIVERGENCE, HamiltonianState, Metric, Phase, energy};
use crate::{LogDensity, Transition};

/// Memory for trees up to a depth. Momenta are those of [`Phase`], of which velocities are the same numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    dimension: usize,
    points: [Point; POINTS],
    /// Both ends of the trajectory, in the direction of time.
    ends: [End; 2],
    /// The point drawn from it.
    drawn: usize,
    /// Sum of the momenta of all its points.
    momentum: Vec<f64>,
    /// The momentum of the end from which the last subtree went on.
    joint: Vec<f64>,
    /// The longest piece of the last subtree that ends with its last point, in the end all of it: first momentum and sum. Its
    /// last momentum is that of the trajectory's end.
    made: Piece,
    /// Pieces of `2^k` points, `k` the place, which wait for as many that follow.
    waiting: Vec<Piece>,
}

/// Both ends, the point drawn, the one drawn from a subtree, and the next. A step writes to whichever is free: what is drawn
/// is not copied, and whether it is cannot be predicted.
const POINTS: usize = 5;

/// A point that may be drawn.
#[derive(Debug, Clone, Default)]
struct Point {
    position: Vec<f64>,
    gradient: Vec<f64>,
    log_density: f64,
    energy: f64,
}

/// An end of the trajectory.
#[derive(Debug, Clone, Default)]
struct End {
    point: usize,
    momentum: Vec<f64>,
    force: Vec<f64>,
}

/// Momenta of a piece of a trajectory, in the order in which it was made; `d` numbers each.
#[derive(Debug, Clone, Default)]
struct Piece {
    first: Vec<f64>,
    last: Vec<f64>,
    /// Of all points; of a single one it is not there.
    sum: Vec<f64>,
}

/// What a transition needs at every leaf.
struct Walk<'a> {
    density: &'a mut dyn LogDensity,
    metric: &'a Metric,
    stream: &'a mut KeyStream,
    /// Signed.
    time: f64,
    /// `H₀`.
    energy: f64,
    weights: Weights,
    leapfrogs: u32,
    acceptance: f64,
    divergent: bool,
}

/// Weights of points, `exp(H₀ - H)`, all times one factor: 1, unless one is so large that it could not be added to others.
/// Those too small for a number are 0: the start's is not, and no uniform draw is as small as their share.
struct Weights {
    /// Of the trajectory.
    whole: f64,
    /// Of the subtree that is being made.
    subtree: f64,
    log_factor: f64,
}

/// A sum of `2³⁰` of these is finite.
const LARGEST_WEIGHT: f64 = 1e290;

impl Tree {
    /// Room for vectors of `d` numbers and trees of a depth.
    pub(crate) fn resize(&mut self, dimension: usize, depth: u32) {
        if self.dimension == dimension && self.waiting.len() == depth as usize {
            return;
        }
        let zeros = || vec![0.0; dimension];
        let piece = || Piece { first: zeros(), last: zeros(), sum: zeros() };
        let point = |_| Point { position: zeros(), gradient: zeros(), log_density: 0.0, energy: 0.0 };
        let end = |_| End { point: 0, momentum: zeros(), force: zeros() };
        *self = Self {
            dimension,
            points: std::array::from_fn(point),
            ends: std::array::from_fn(end),
            drawn: 0,
            momentum: zeros(),
            joint: zeros(),
            made: piece(),
            waiting: (0..depth).map(|_| piece()).collect(),
        };
    }

    /// Moves a state, whose momentum is fresh, to a draw from a trajectory through it.
    pub(crate) fn transition(
        &mut self,
        density: &mut dyn LogDensity,
        state: &mut HamiltonianState,
        step_size: f64,
        max_depth: u32,
    ) -> Result<Transition> {
        let (metric, stream, phase) = state.parts();
        let energy = phase.energy();
        self.begin(phase, energy);
        let weights = Weights { whole: 1.0, subtree: 0.0, log_factor: 0.0 };
        let mut walk = Walk {
            density,
            metric,
            stream,
            time: step_size,
            energy,
            weights,
            leapfrogs: 0,
            acceptance: 0.0,
            divergent: false,
        };
        // A bit for each doubling: there are at most 30.
        let directions = (walk.stream.uniform() * f64::from(1_u32 << 30)) as u32;
        let (mut depth, mut saturated) = (0, true);
        while depth < max_depth {
            let forward = directions >> depth & 1 == 1;
            walk.time = if forward { step_size } else { -step_size };
            let Some(candidate) = self.extend(depth, forward, &mut walk)? else {
                saturated = false;
                break;
            };
            // Biased towards what is new: away from the start. The draw is made in any case, so that the stream does not
            // depend on rounding.
            let Weights { whole, subtree, .. } = &mut walk.weights;
            if walk.stream.uniform() * *whole < *subtree {
                self.drawn = candidate;
            }
            *whole += *subtree;
            depth += 1;
            if !self.goes_on(depth, forward) {
                saturated = false;
                break;
            }
        }
        let drawn = &mut self.points[self.drawn];
        std::mem::swap(&mut phase.position, &mut drawn.position);
        std::mem::swap(&mut phase.gradient, &mut drawn.gradient);
        phase.log_density = drawn.log_density;
        Ok(Transition {
            log_density: drawn.log_density,
            acceptance: walk.acceptance / f64::from(walk.leapfrogs.max(1)),
            step_size,
            tree_depth: depth,
            leapfrogs: walk.leapfrogs,
            divergent: walk.divergent,
            saturated,
            energy: Some(drawn.energy),
        })
    }

    /// The trajectory of one point.
    fn begin(&mut self, phase: &Phase, energy: f64) {
        let Self { points: [point, ..], ends, drawn, momentum, .. } = self;
        point.position.copy_from_slice(&phase.position);
        point.gradient.copy_from_slice(&phase.gradient);
        (point.log_density, point.energy, *drawn) = (phase.log_density, energy, 0);
        for end in ends {
            end.point = 0;
            end.momentum.copy_from_slice(&phase.momentum);
            end.force.copy_from_slice(&phase.force);
        }
        momentum.copy_from_slice(&phase.momentum);
    }

    /// Makes a subtree of `2^depth` points at one end, and draws a point from it. None if it diverged, or a part of it
    /// turned: nothing of it counts then.
    fn extend(&mut self, depth: u32, forward: bool, walk: &mut Walk<'_>) -> Result<Option<usize>> {
        let Self { points, ends, drawn, joint, made, waiting, .. } = self;
        let other = ends[usize::from(!forward)].point;
        let end = &mut ends[usize::from(forward)];
        joint.copy_from_slice(&end.momentum);
        let mut candidate = end.point;
        walk.weights.subtree = 0.0;
        for leaf in 0..1_u32 << depth {
            let to = unused([end.point, other, candidate, *drawn]);
            let energy = end.step(points, to, walk)?;
            let Some(weight) = walk.weigh(energy) else { return Ok(None) };
            // Each point takes the place of those before with its share of the weights so far.
            walk.weights.subtree += weight;
            let taken = leaf == 0 || walk.stream.uniform() * walk.weights.subtree < weight;
            candidate = if taken { to } else { candidate };
            if leaf & 1 == 0 {
                waiting[0].first.copy_from_slice(&end.momentum);
                continue;
            }
            if !pair_goes_on(&waiting[0].first, &end.momentum, &mut made.sum) {
                return Ok(None);
            }
            std::mem::swap(&mut made.first, &mut waiting[0].first);
            // Bit k of the leaf's number says whether 2^k points wait, which with those just made are twice as many.
            let complete = leaf.trailing_ones();
            for near in &mut waiting[1..complete as usize] {
                let momenta = [&near.first, &near.last, &near.sum, &made.first, &end.momentum];
                if !pieces_go_on(momenta, &mut made.sum) {
                    return Ok(None);
                }
                std::mem::swap(&mut made.first, &mut near.first);
            }
            if complete < depth {
                let piece = &mut waiting[complete as usize];
                std::mem::swap(&mut made.first, &mut piece.first);
                std::mem::swap(&mut made.sum, &mut piece.sum);
                piece.last.copy_from_slice(&end.momentum);
            }
        }
        Ok(Some(candidate))
    }

    /// Takes the momenta of the last subtree to those of the trajectory, which has this depth now, and says whether it goes on.
    fn goes_on(&mut self, depth: u32, forward: bool) -> bool {
        let Self { ends, momentum, joint, made, .. } = self;
        let [back, end] = if forward { [0, 1] } else { [1, 0] }.map(|end| &ends[end].momentum);
        if depth == 1 {
            return pair_goes_on(back, end, momentum);
        }
        // Seen from the new end, so that the sum of the trajectory is the one that grows.
        pieces_go_on([end, &made.first, &made.sum, joint, back], momentum)
    }
}

impl Walk<'_> {
    /// Counts a point, and gives its weight; `None` if the trajectory diverged there.
    #[inline]
    fn weigh(&mut self, energy: f64) -> Option<f64> {
        self.leapfrogs += 1;
        let advantage = self.energy - energy;
        let weight = advantage.exp();
        self.acceptance += weight.min(1.0);
        self.divergent = -advantage > DIVERGENCE || !advantage.is_finite();
        if self.divergent {
            return None;
        }
        Some(self.weights.scaled(weight, advantage))
    }
}

impl Weights {
    /// A weight, which may be infinite, and its logarithm: times the factor of all.
    #[inline]
    fn scaled(&mut self, weight: f64, log_weight: f64) -> f64 {
        let usual = weight <= LARGEST_WEIGHT && self.log_factor == 0.0;
        if usual { weight } else { self.rescaled(log_weight) }
    }

    /// Chooses another factor if this weight is above 1 with the present one.
    #[cold]
    fn rescaled(&mut self, log_weight: f64) -> f64 {
        let scaled = log_weight + self.log_factor;
        if scaled <= 0.0 {
            return scaled.exp();
        }
        let factor = (-scaled).exp();
        self.whole *= factor;
        self.subtree *= factor;
        self.log_factor = -log_weight;
        1.0
    }
}

/// A place among the points that is none of these.
#[inline]
fn unused(places: [usize; POINTS - 1]) -> usize {
    let used = places.iter().fold(0_u32, |used, place| used | 1 << place);
    used.trailing_ones() as usize
}

impl End {
    /// Goes on by a step, to this place among the points, and gives the energy there: infinite where it is not a number.
    #[inline]
    fn step(&mut self, points: &mut [Point; POINTS], to: usize, walk: &mut Walk<'_>) -> Result<f64> {
        let Walk { density, metric, time, .. } = walk;
        let Self { point, momentum, force } = self;
        let mut position = std::mem::take(&mut points[to].position);
        metric.advance(*time, force, &points[*point].position, momentum, &mut position);
        let new = &mut points[to];
        let computed = density.value_and_gradient(&position, &mut new.gradient);
        new.position = position;
        new.log_density = computed?;
        metric.kick(*time, &new.gradient, force, momentum);
        new.energy = energy(momentum, new.log_density);
        *point = to;
        Ok(new.energy)
    }
}

/// Whether two adjacent points do not turn back: both momenta go along their sum, which is written.
#[inline]
fn pair_goes_on(near: &[f64], far: &[f64], sum: &mut [f64]) -> bool {
    let (mut along_near, mut along_far) = (0.0, 0.0);
    for ((sum, near), far) in sum.iter_mut().zip(near).zip(far) {
        *sum = near + far;
        along_near += near * *sum;
        along_far += far * *sum;
    }
    along_near > 0.0 && along_far > 0.0
}

/// Whether neither two adjacent pieces together, nor each with the nearest point of the other, turn back: both ends still
/// move along the summed momentum. Of `near` first, last, and sum are given, of `far` first and last; its sum becomes that of
/// both.
#[inline]
fn pieces_go_on(momenta: [&Vec<f64>; 5], far_sum: &mut [f64]) -> bool {
    let (chunks, rest) = far_sum.as_chunks_mut::<LANES>();
    let [near_first, near_last, near_sum, far_first, far_last] =
        momenta.map(|momentum| &momentum.as_chunks::<LANES>().0[..chunks.len()]);
    let mut along = [[0.0; LANES]; 6];
    for (i, sum) in chunks.iter_mut().enumerate() {
        take_chunk([near_first[i], near_last[i], near_sum[i], far_first[i], far_last[i]], sum, &mut along);
    }
    if let [sum] = rest {
        let last = |momentum: &Vec<f64>| [momentum.last().copied().unwrap_or(0.0), 0.0];
        let mut padded = [*sum, 0.0];
        take_chunk(momenta.map(last), &mut padded, &mut along);
        *sum = padded[0];
    }
    along.iter().all(|[even, odd]| even + odd > 0.0)
}

/// Numbers that are added side by side.
const LANES: usize = 2;

/// A chunk's part in [`pieces_go_on`].
#[inline(always)]
fn take_chunk(momenta: [[f64; LANES]; 5], far_sum: &mut [f64; LANES], along: &mut [[f64; LANES]; 6]) {
    let [near_first, near_last, near_sum, far_first, far_last] = momenta;
    let add = |a: [f64; LANES], b: [f64; LANES]| [a[0] + b[0], a[1] + b[1]];
    let (whole, to_far, to_near) =
        (add(near_sum, *far_sum), add(near_sum, far_first), add(near_last, *far_sum));
    let pairs = [
        (near_first, whole),
        (far_last, whole),
        (near_first, to_far),
        (far_first, to_far),
        (near_last, to_near),
        (far_last, to_near),
    ];
    for (along, (end, sum)) in along.iter_mut().zip(pairs) {
        *along = add(*along, [end[0] * sum[0], end[1] * sum[1]]);
    }
    *far_sum = whole;
}

#[cfg(test)]
mod tests {
    use ppl_tensor::Key;

    use super::{Tree, Weights};

    /// By the definition: of four points in the order of time, the first two and the last two being pieces.
    fn definition(p: &[Vec<f64>]) -> bool {
        let along = |sum: &[&Vec<f64>], ends: [&Vec<f64>; 2]| {
            let total = |i: usize| sum.iter().map(|p| p[i]).sum::<f64>();
            ends.iter().all(|end| end.iter().enumerate().map(|(i, x)| x * total(i)).sum::<f64>() > 0.0)
        };
        along(&[&p[0], &p[1], &p[2], &p[3]], [&p[0], &p[3]])
            && along(&[&p[0], &p[1], &p[2]], [&p[0], &p[2]])
            && along(&[&p[1], &p[2], &p[3]], [&p[1], &p[3]])
    }

    /// Forward and back in time, in even and odd dimensions.
    #[test]
    fn trajectories_end_where_the_criterion_says() {
        let mut stream = Key::new(1).stream().unwrap();
        let mut counts = [0; 2];
        for case in 0..2000 {
            let d = 1 + case % 5;
            // About one direction, so that many go on.
            let mut point = || -> Vec<f64> { (0..d).map(|_| 0.7 + stream.normal()).collect() };
            let points: Vec<Vec<f64>> = (0..4).map(|_| point()).collect();
            let sum = |a: usize, b: usize| -> Vec<f64> {
                points[a].iter().zip(&points[b]).map(|(x, y)| x + y).collect()
            };
            let expected = definition(&points);
            counts[usize::from(expected)] += 1;
            for forward in [true, false] {
                let mut tree = Tree::default();
                tree.resize(d, 2);
                tree.ends[0].momentum.clone_from(&points[0]);
                tree.ends[1].momentum.clone_from(&points[3]);
                let [joint, first] = if forward { [1, 2] } else { [2, 1] };
                tree.joint.clone_from(&points[joint]);
                tree.made.first.clone_from(&points[first]);
                let [old, new] = if forward { [sum(0, 1), sum(2, 3)] } else { [sum(2, 3), sum(0, 1)] };
                (tree.momentum, tree.made.sum) = (old, new);
                assert_eq!(tree.goes_on(2, forward), expected, "{points:?} {forward}");
                let total = sum(0, 1).into_iter().zip(sum(2, 3)).map(|(a, b)| a + b);
                assert!(tree.momentum.iter().zip(total).all(|(found, sum)| (found - sum).abs() < 1e-12));
            }
        }
        assert!(counts.iter().all(|count| *count > 200), "{counts:?}");
    }

    /// Shares of weights whose logarithms are far beyond what a number holds.
    #[test]
    fn weights_are_those_of_their_logarithms() {
        let lists: [&[f64]; 5] = [
            &[-3.0, 0.5, 2.0, -700.0],
            &[300.0, 720.0, 719.0, -50.0, 721.5],
            &[5000.0, 4999.0, 5001.0, 6000.0, 5999.5],
            &[-900.0, -999.0, 800.0],
            &[667.0, 668.0, 667.5, 0.0],
        ];
        for list in lists {
            let mut weights = Weights { whole: 1.0, subtree: 0.0, log_factor: 0.0 };
            for (n, &log_weight) in list.iter().enumerate() {
                let weight = weights.scaled(log_weight.exp(), log_weight);
                weights.subtree += weight;
                let largest = list[..=n].iter().copied().fold(0.0, f64::max);
                let share = |log_weight: f64| (log_weight - largest).exp();
                let all = share(0.0) + list[..=n].iter().copied().map(share).sum::<f64>();
                let sum = weights.whole + weights.subtree;
                // Logarithms of some thousands are rounded by 1e-12, and so are the weights, relatively.
                assert!((weight / sum - share(log_weight) / all).abs() < 1e-11, "{list:?} {n}");
                assert!((weights.whole / sum - share(0.0) / all).abs() < 1e-11, "{list:?} {n}");
            }
        }
    }
}
