//! Files for other systems.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Command;

use ppl_core::{Ctx, Result};
use ppl_dist::Normal;
use ppl_infer::Predictive;
use ppl_mcmc::{Chains, InferenceData, Mcmc, Nuts, loo};
use ppl_tensor::Tensor;
use serde_json::Value;

/// Two by three weights in a plate of two, and a scalar.
fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(0.0, 10.0))?;
    ctx.plate("groups", 2, |ctx, _| ctx.sample("w", Normal::new(Tensor::zeros([3]), 1.0)))?;
    ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y).map(|_| ()))
}

fn data() -> Tensor {
    Tensor::from([1.2, 0.4, 2.2, 0.1])
}

fn chains() -> Chains {
    Mcmc::new(Nuts::new()).warmup(100).draws(20).chains(2).keep_warmup(true).run(&model, &data()).unwrap()
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("ppl-mcmc-{name}-{}", std::process::id()));
    std::fs::remove_dir_all(&folder).ok();
    folder
}

fn exported(chains: &Chains) -> InferenceData {
    let predictive = Predictive::new(model);
    InferenceData::new(chains)
        .observed("y", &data())
        .log_likelihood(&predictive.log_likelihood(&chains.draws(), &data()).unwrap())
        .posterior_predictive(&predictive.given(&chains.draws(), &data()).unwrap())
        .prior(&predictive.prior_predictive(50, &data()).unwrap())
        .dims("y", ["rows"])
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn arrays_have_their_numbers_and_dimensions() {
    let (chains, folder) = (chains(), folder("zarr"));
    exported(&chains).write(&folder).unwrap();
    let array = folder.join("posterior/w");
    let description = json(&array.join(".zarray"));
    assert_eq!(description["shape"], serde_json::json!([2, 20, 2, 3]));
    let dims = json(&array.join(".zattrs"));
    assert_eq!(dims["_ARRAY_DIMENSIONS"], serde_json::json!(["chain", "draw", "groups", "w_dim_0"]));
    let bytes = std::fs::read(array.join("0.0.0.0")).unwrap();
    let numbers: Vec<f64> = bytes.as_chunks::<8>().0.iter().map(|x| f64::from_le_bytes(*x)).collect();
    assert_eq!(numbers, chains.get("w").unwrap().to_f64().unwrap());
    let all = json(&folder.join(".zmetadata"));
    for path in ["posterior/mean/.zarray", "sample_stats/diverging/.zarray", "log_likelihood/y/.zarray"] {
        assert!(all["metadata"][path].is_object(), "{path}");
    }
    assert_eq!(all["metadata"]["warmup_posterior/w/.zarray"]["shape"][1], 100);
    assert_eq!(all["metadata"]["prior/w/.zarray"]["shape"], serde_json::json!([1, 50, 2, 3]));
    assert_eq!(all["metadata"]["prior_predictive/y/.zarray"]["shape"], serde_json::json!([1, 50, 4]));
    assert!(
        all["metadata"]["prior/y/.zarray"].is_null()
            && all["metadata"]["prior_predictive/w/.zarray"].is_null()
    );
    let again = exported(&chains).write(&folder).unwrap_err().to_string();
    assert!(again.ends_with("the folder is not empty, nothing is written"), "{again}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn wrong_names_and_sizes_are_named() {
    let (chains, folder) = (chains(), folder("wrong"));
    let text = |data: InferenceData| {
        std::fs::remove_dir_all(&folder).ok();
        data.write(&folder).unwrap_err().to_string()
    };
    let draws = || InferenceData::new(&chains);
    let many = text(draws().dims("mean", ["a"]));
    assert_eq!(many, "site `mean`: it has 2 dimensions, the names are chain, draw, a");
    assert!(text(draws().dims("men", ["a"])).starts_with("there is no variable named `men`"));
    let sizes = text(draws().dims("w", ["draw", "b"]));
    assert_eq!(sizes, "site `w`: dimension `draw` has size 2 here, and 20 in `posterior`");
    let few = Predictive::new(model).prior(7, &data()).unwrap();
    assert!(text(draws().posterior_predictive(&few)).contains("reshape"));
    std::fs::remove_dir_all(&folder).ok();
}

/// ArviZ itself opens what is written; where there is none, there is nothing to test.
#[test]
fn arviz_opens_it() {
    let python = std::env::var("PPL_ARVIZ_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let known = Command::new(&python).args(["-c", "import zarr; from arviz_stats import ess, loo"]).output();
    if !known.is_ok_and(|known| known.status.success()) {
        return;
    }
    let (chains, folder) = (chains(), folder("arviz"));
    exported(&chains).write(&folder).unwrap();
    let script = "
import sys, arviz_stats, xarray
data = xarray.open_datatree(sys.argv[1], engine='zarr')
assert data.posterior.w.dims == ('chain', 'draw', 'groups', 'w_dim_0'), data.posterior.w.dims
assert data.sample_stats.diverging.dtype == bool
assert data.observed_data.y.dims == ('rows',) and data.log_likelihood.y.dims == ('chain', 'draw', 'rows')
assert data.posterior_predictive['mean'].shape == (2, 20) and data.warmup_posterior['mean'].shape == (2, 100)
assert data.prior.w.dims == ('chain', 'draw', 'groups', 'w_dim_0') and data.prior['mean'].shape == (1, 50)
assert data.prior_predictive.y.dims == ('chain', 'draw', 'rows') and data.prior_predictive.y.shape == (1, 50, 4)
assert list(data.posterior.coords['groups'].values) == [0, 1]
print(repr(float(data.posterior['mean'].mean())), repr(float(data.sample_stats.energy.sum())))
print(repr(float(arviz_stats.ess(data)['mean'])), repr(float(arviz_stats.loo(data).elpd)))
";
    let output = Command::new(&python).args(["-c", script]).arg(&folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let found: Vec<f64> = printed.split_whitespace().map(|x| x.parse().unwrap()).collect();
    let mean = chains.get("mean").unwrap().to_f64().unwrap().iter().sum::<f64>() / 40.0;
    let energy: f64 = chains.energies().unwrap().iter().flatten().sum();
    let ess = chains.summary().unwrap().row("mean").unwrap().ess_bulk;
    let scores = Predictive::new(model).log_likelihood(&chains.draws(), &data()).unwrap();
    let elpd = loo(scores.get("y").unwrap()).unwrap().elpd;
    // ArviZ takes the tail of the weights by the effective sample size, ours by the number of draws.
    let tolerances = [1e-12, 1e-12, 1e-6, 0.02];
    for ((found, expected), tolerance) in found.iter().zip([mean, energy, ess, elpd]).zip(tolerances) {
        assert!((found / expected - 1.0).abs() < tolerance, "{printed} {expected}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn stans_columns_run_fastest_in_the_first_index() {
    let (chains, folder) = (chains(), folder("csv"));
    let files = chains.write_stan_csv(&folder, "draws").unwrap();
    assert_eq!(files, [folder.join("draws_1.csv"), folder.join("draws_2.csv")]);
    let text = std::fs::read_to_string(&files[1]).unwrap();
    let mut lines = text.lines();
    let header = "lp__,accept_stat__,stepsize__,treedepth__,n_leapfrog__,divergent__,energy__,mean,\
                  w.1.1,w.2.1,w.1.2,w.2.2,w.1.3,w.2.3";
    assert_eq!(lines.next().unwrap(), header);
    let rows: Vec<Vec<f64>> =
        lines.map(|line| line.split(',').map(|x| x.parse().unwrap()).collect()).collect();
    assert_eq!(rows.len(), 20);
    let (means, w) = (chains.get("mean").unwrap(), chains.get("w").unwrap());
    let (means, w) = (means.to_f64().unwrap(), w.to_f64().unwrap());
    for (draw, row) in rows.iter().enumerate() {
        let transition = chains.transitions()[1][draw];
        assert_eq!(
            (row[0], row[6], row[7]),
            (transition.log_density, transition.energy.unwrap(), means[20 + draw])
        );
        let w = &w[(20 + draw) * 6..][..6];
        assert_eq!(row[8..], [w[0], w[3], w[1], w[4], w[2], w[5]]);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
