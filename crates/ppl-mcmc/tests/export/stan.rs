//! Files in the form of Stan's programs, and what `cmdstanpy`, `stanio` and ArviZ read in them.

use std::path::Path;

use ppl_core::{Ctx, Model, Result, scope};
use ppl_dist::Normal;
use ppl_mcmc::{
    Chains, HamiltonianState, Hmc, Kernel, LogDensity, MassMatrix, Mcmc, Nuts, RandomWalk, Transition,
};
use ppl_tensor::{KeyStream, Tensor};

use crate::python::python;
use crate::{chains, data, folder, model};

const STAN: &str = "import sys, glob, cmdstanpy, stanio, numpy, arviz_base";

/// What is no comment, cell by cell.
fn cells(file: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn columns_run_fastest_in_the_first_index() {
    let (chains, folder) = (chains(), folder("csv"));
    let files = chains.write_stan_csv(&folder, "draws").unwrap();
    assert_eq!(files, [folder.join("draws_1.csv"), folder.join("draws_2.csv")]);
    let cells = cells(&files[1]);
    let header = "lp__,accept_stat__,stepsize__,treedepth__,n_leapfrog__,divergent__,energy__,mean,\
                  w.1.1,w.2.1,w.1.2,w.2.2,w.1.3,w.2.3";
    assert_eq!(cells[0].join(","), header);
    let rows: Vec<Vec<f64>> =
        cells[1..].iter().map(|row| row.iter().map(|x| x.parse().unwrap()).collect()).collect();
    // The warm-up was kept, and comes first.
    assert_eq!(rows.len(), 100 + 20);
    let warm = chains.warmup().unwrap().get("mean").unwrap().to_f64().unwrap();
    assert!(rows.iter().zip(&warm[100..]).all(|(row, mean)| row[7] == *mean));
    let (means, w) = (chains.get("mean").unwrap(), chains.get("w").unwrap());
    let (means, w) = (means.to_f64().unwrap(), w.to_f64().unwrap());
    for (draw, row) in rows[100..].iter().enumerate() {
        let transition = chains.transitions()[1][draw];
        assert_eq!(
            (row[0], row[6], row[7]),
            (transition.log_density, transition.energy.unwrap(), means[20 + draw])
        );
        let w = &w[(20 + draw) * 6..][..6];
        assert_eq!(row[8..], [w[0], w[3], w[1], w[4], w[2], w[5]]);
    }
}

/// Two numbers that depend on each other.
fn pair(ctx: &mut Ctx, _: &()) -> Result<()> {
    let x = ctx.sample("x", Normal::new(0.0, 1.0))?;
    ctx.sample("y", Normal::new(x, 3.0)).map(|_| ())
}

/// A sampler that has energies, and tells no mass matrix.
#[derive(Clone)]
struct Silent(Nuts);

impl Kernel for Silent {
    type State = HamiltonianState;

    fn init(
        &mut self,
        density: &mut dyn LogDensity,
        position: &[f64],
        warmup: usize,
        stream: KeyStream,
    ) -> Result<HamiltonianState> {
        self.0.init(density, position, warmup, stream)
    }

    fn step(&mut self, density: &mut dyn LogDensity, state: &mut HamiltonianState) -> Result<Transition> {
        self.0.step(density, state)
    }

    fn position(state: &HamiltonianState) -> &[f64] {
        Nuts::position(state)
    }
}

/// Settings, step sizes, mass matrices, times and draws, with the warm-up and without, are read by cmdstanpy, and made into
/// ArviZ's groups.
#[test]
fn cmdstanpy_reads_it() {
    let folder = folder("cmdstanpy");
    let write = |chains: &Chains, name: &str| chains.write_stan_csv(folder.join(name), "draws").unwrap();
    let whole = chains();
    write(&whole, "whole");
    let nuts = |matrix| Mcmc::new(Nuts::new().mass_matrix(matrix).max_tree_depth(7)).warmup(200).draws(30);
    let dense = nuts(MassMatrix::Dense).run(&pair, &()).unwrap();
    write(&dense, "dense");
    write(&nuts(MassMatrix::Identity).run(&pair, &()).unwrap(), "unit");
    let hmc = Mcmc::new(Hmc::new()).warmup(60).draws(30).chains(2);
    let short = hmc.clone().run(&model, &data()).unwrap();
    write(&short, "short");
    write(&hmc.keep_warmup(true).run(&model, &data()).unwrap(), "static");
    let walk =
        Mcmc::new(RandomWalk::new()).warmup(100).draws(30).keep_warmup(true).run(&model, &data()).unwrap();
    write(&walk, "walk");
    let silent = Mcmc::new(Silent(Nuts::new())).warmup(40).draws(20).chains(2).keep_warmup(true);
    write(&silent.run(&model, &data()).unwrap(), "silent");
    let script = "
def fit(name):
    return cmdstanpy.from_csv(sorted(glob.glob(sys.argv[1] + '/' + name + '/*.csv')))
whole = fit('whole')
assert whole.draws().shape == (20, 2, 14) and whole.draws(inc_warmup=True).shape == (120, 2, 14)
assert whole.num_draws_warmup == 100 and whole.metadata.cmdstan_config['seed'] == 0
assert whole.stan_variable('w').shape == (40, 2, 3) and whole.metric_type == 'diag_e'
assert whole.inv_metric.shape == (2, 7) and (whole.inv_metric > 0).all() and len(whole.divergences) == 2
assert whole.time[1]['total'] > 0 and whole.metadata.cmdstan_config['max_depth'] == 10
tree = arviz_base.from_cmdstanpy(whole, save_warmup=True)
assert tree.posterior.w.dims == ('chain', 'draw', 'w_dim_0', 'w_dim_1') and tree.posterior.w.shape == (2, 20, 2, 3)
assert tree.sample_stats.diverging.dtype == bool and tree.warmup_posterior['mean'].shape == (2, 100)
header, table = stanio.read_csv(sorted(glob.glob(sys.argv[1] + '/dense/*.csv')))
dense, unit, walk = fit('dense'), fit('unit'), fit('walk')
assert table.shape == (4, 30, 9) and header == 'lp__,accept_stat__,stepsize__,treedepth__,n_leapfrog__,divergent__,energy__,x,y'
assert dense.metric_type == 'dense_e' and dense.inv_metric.shape == (4, 2, 2)
assert (dense.inv_metric[:, 0, 1] == dense.inv_metric[:, 1, 0]).all()
assert (unit.inv_metric == 1).all() and walk.stan_variable('w').shape == (120, 2, 3)
short, static = fit('short'), fit('static')
for hmc in [short, static]:
    assert hmc.metadata.cmdstan_config['engine'] == 'static' and hmc.metric_type == 'diag_e'
    assert hmc.inv_metric.shape == (2, 7) and (hmc.step_size > 0).all() and hmc.stan_variable('w').shape == (60, 2, 3)
    stats = hmc.method_variables()
    names = ['lp__', 'accept_stat__', 'stepsize__', 'int_time__', 'n_leapfrog__', 'divergent__', 'energy__']
    assert list(stats) == names and (stats['int_time__'] == stats['n_leapfrog__'] * stats['stepsize__']).all()
assert static.draws(inc_warmup=True).shape == (90, 2, 14) and (static.draws() == short.draws()).all()
tree = arviz_base.from_cmdstanpy(static, save_warmup=True)
assert tree.sample_stats.diverging.dtype == bool and tree.warmup_posterior['mean'].shape == (2, 60)
assert walk.metadata.cmdstan_config['algorithm'] == 'fixed_param' and walk.draws().shape == (30, 4, 13)
silent = fit('silent')
assert silent.draws().shape == (20, 2, 14) and 'energy__' in silent.method_variables()
print(*(repr(float(x)) for x in [whole.stan_variable('w')[25, 1, 2], whole.step_size[1], dense.inv_metric[2, 0, 1],
    dense.stan_variable('y').sum(), dense.method_variables()['energy__'].sum(), walk.stan_variable('mean').sum(),
    short.stan_variable('mean').sum()]))
";
    if let Some(printed) = python(STAN, script, &folder) {
        let found: Vec<f64> = printed.split_whitespace().map(|x| x.parse().unwrap()).collect();
        let all = |chains: &Chains, site: &str| chains.get(site).unwrap().to_f64().unwrap();
        let adapted = dense.adapted()[2].as_ref().unwrap();
        let ppl_mcmc::Metric::Dense { covariance, .. } = &adapted.metric else { panic!() };
        // Stan's order of 40 draws: chain after chain.
        assert_eq!(
            found[..2],
            [all(&whole, "w")[25 * 6 + 5], whole.adapted()[1].as_ref().unwrap().step_size]
        );
        assert_eq!(found[2], covariance[1]);
        let energies: f64 = dense.energies().unwrap().iter().flatten().sum();
        let sums = [
            all(&dense, "y").iter().sum(),
            energies,
            all(&walk, "mean").iter().sum::<f64>(),
            all(&short, "mean").iter().sum(),
        ];
        for (found, sum) in found[3..].iter().zip(sums) {
            assert!((found - sum).abs() < 1e-9 * sum.abs().max(1.0), "{printed} {sum}");
        }
    }
}

/// Names are identifiers, so that they are one column each, and numbers that are none are read.
#[test]
fn names_and_numbers_are_as_stan_writes_them() {
    let model = |ctx: &mut Ctx, _: &()| -> Result<()> {
        let x = ctx.sample("x, \"first\"", Normal::new(0.0, 1.0))?;
        scope(pair, "a").run(ctx, &())?;
        ctx.deterministic("big", Tensor::from([1e300, 1e-300, 0.1, f64::INFINITY, f64::NEG_INFINITY]))?;
        ctx.deterministic("none", x * f64::NAN).map(|_| ())
    };
    let hmc = Mcmc::new(Hmc::new()).warmup(50).draws(5).chains(1);
    let (chains, folder) = (hmc.run(&model, &()).unwrap(), folder("names-csv"));
    let files = chains.write_stan_csv(&folder, "draws, of #1\n").unwrap();
    let cells = cells(&files[0]);
    assert_eq!(
        cells[0][7..],
        ["x___first_", "a_x", "a_y", "big.1", "big.2", "big.3", "big.4", "big.5", "none"]
    );
    assert!(cells.iter().all(|row| row.len() == cells[0].len()));
    assert_eq!(cells[3][10..], ["1e300", "1e-300", "0.1", "inf", "-inf", "nan"]);
    let script = "
header, table = stanio.read_csv(glob.glob(sys.argv[1] + '/*.csv'))
assert table.shape == (1, 5, 16) and numpy.isnan(table[..., 15]).all()
assert (table[..., 10:15] == [1e300, 1e-300, 0.1, numpy.inf, -numpy.inf]).all()
";
    python(STAN, script, &folder);
    std::fs::remove_dir_all(&folder).unwrap();

    let refused = |names: [&'static str; 2]| {
        let model = move |ctx: &mut Ctx, _: &()| -> Result<()> {
            names.iter().try_for_each(|name| ctx.sample(name, Normal::new(0.0, 1.0)).map(|_| ()))
        };
        hmc.run(&model, &()).unwrap().write_stan_csv(&folder, "draws").unwrap_err().to_string()
    };
    assert_eq!(
        refused(["a/x", "a.x"]),
        "sites `a/x` and `a.x` would both be written as `a_x`: rename one of them"
    );
    let own = "site `lp__`: its name ends as those of Stan's own columns do, in `__`: rename it";
    assert_eq!(refused(["x", "lp__"]), own);
    assert!(!folder.exists());
}
