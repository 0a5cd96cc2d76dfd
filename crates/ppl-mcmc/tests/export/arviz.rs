//! Folders that ArviZ opens.

use std::path::Path;

use ppl_core::{Ctx, Model, Result, scope};
use ppl_dist::Normal;
use ppl_infer::Predictive;
use ppl_mcmc::{Chains, InferenceData, Mcmc, Nuts};
use ppl_tensor::Tensor;
use serde_json::Value;

use crate::python::python;
use crate::{ARVIZ, chains, data, folder, model};

fn exported(chains: &Chains) -> InferenceData {
    let predictive = Predictive::new(model);
    InferenceData::new(chains)
        .observed("y", &data())
        .log_likelihood(&predictive.log_likelihood(&chains.draws(), &data()).unwrap())
        .posterior_predictive(&predictive.posterior_predictive(&chains.draws(), &data()).unwrap())
        .prior(&predictive.prior_predictive(50, &data()).unwrap())
        .coords("groups", ["north", "south — σ"])
        .coords("rows", [10, 20, 30, 40])
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
    let two = draws().observed("a", &Tensor::zeros([2])).observed("b", &Tensor::zeros([3]));
    let sizes = text(two.dims("a", ["k"]).dims("b", ["k"]));
    assert_eq!(sizes, "site `b`: dimension `k` has size 3 here, and 2 in `observed_data`");
    let few = Predictive::new(model).prior(7, &data()).unwrap();
    assert!(text(draws().posterior_predictive(&few)).contains("reshape"));
    let twice = text(draws().dims("w", ["a", "a"]));
    assert_eq!(twice, "site `w`: two of its dimensions are named `a`, name them by `dims`");
    let labels = text(draws().coords("groups", ["a", "b", "c"]));
    let told = "labels of `groups` in `posterior`: there are 3 labels, the dimension has size 2";
    assert_eq!(labels, told);
    let labels = text(draws().coords("groups", ["a", "a"]));
    assert_eq!(labels, "labels of `groups` in `posterior`: the label `a` is given twice");
    let labels = text(draws().coords("groups", Tensor::zeros([2, 1])));
    assert_eq!(labels, "labels of `groups` in `posterior`: labels have shape [2, 1], must be [2]");
    let unknown = text(draws().coords("group", [1.5, 2.5]));
    assert_eq!(unknown, "there is no dimension named `group`; there are: groups, w_dim_0");
    let counted = text(draws().coords("draw", vec![1; 20]));
    assert_eq!(counted, "labels of `draw` are given: chains and draws are counted");
}

/// ArviZ itself opens what is written.
#[test]
fn arviz_opens_it() {
    let (chains, folder) = (chains(), folder("arviz"));
    exported(&chains).write(&folder).unwrap();
    let script = "
data = xarray.open_datatree(sys.argv[1], engine='zarr')
assert data.posterior.w.dims == ('chain', 'draw', 'groups', 'w_dim_0'), data.posterior.w.dims
assert data.sample_stats.diverging.dtype == bool
assert data.observed_data.y.dims == ('rows',) and data.log_likelihood.y.dims == ('chain', 'draw', 'rows')
predicted = data.posterior_predictive.to_dataset()
assert list(predicted.data_vars) == ['y'] and predicted.y.dims == ('chain', 'draw', 'rows'), predicted
assert predicted.y.shape == (2, 20, 4) and data.warmup_posterior['mean'].shape == (2, 100)
assert data.prior.w.dims == ('chain', 'draw', 'groups', 'w_dim_0') and data.prior['mean'].shape == (1, 50)
assert data.prior_predictive.y.dims == ('chain', 'draw', 'rows') and data.prior_predictive.y.shape == (1, 50, 4)
assert list(data.posterior.coords['groups'].values) == ['north', 'south — σ']
assert list(data.posterior.coords['w_dim_0'].values) == [0, 1, 2]
assert all(list(data[group].coords['rows'].values) == [10, 20, 30, 40] for group in
    ['observed_data', 'log_likelihood', 'posterior_predictive', 'prior_predictive'])
assert 'w[south — σ, 2]' in summary(data).index, summary(data)
print(repr(float(data.posterior['mean'].mean())), repr(float(data.sample_stats.energy.sum())))
print(repr(float(ess(data)['mean'])))
";
    let Some(printed) = python(ARVIZ, script, &folder) else { return };
    let found: Vec<f64> = printed.split_whitespace().map(|x| x.parse().unwrap()).collect();
    let mean = chains.get("mean").unwrap().to_f64().unwrap().iter().sum::<f64>() / 40.0;
    let energy: f64 = chains.energies().unwrap().iter().flatten().sum();
    let ess = chains.summary().unwrap().row("mean").unwrap().ess_bulk;
    let tolerances = [1e-12, 1e-12, 1e-6];
    for ((found, expected), tolerance) in found.iter().zip([mean, energy, ess]).zip(tolerances) {
        assert!((found / expected - 1.0).abs() < tolerance, "{printed} {expected}");
    }
}

/// Names that mean something to files and groups: ArviZ shows them all, in one group, and nothing leaves the folder.
#[test]
fn names_of_scopes_and_paths_stay_in_their_group() {
    let inner = |ctx: &mut Ctx, _: &()| -> Result<()> {
        let x = ctx.plate("a/b", 2, |ctx, _| ctx.sample("x", Normal::new(0.0, 1.0)))?;
        ctx.plate("y", 2, |ctx, _| ctx.sample("y", Normal::new(x.sum(0), 1.0))).map(|_| ())
    };
    let model = move |ctx: &mut Ctx, args: &()| -> Result<()> {
        scope(inner, "a").run(ctx, args)?;
        scope(inner, "../../b").run(ctx, args)?;
        ctx.sample(".zgroup", Normal::new(0.0, 1.0))?;
        ctx.plate("z", 2, |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0))).map(|_| ())
    };
    let chains = Mcmc::new(Nuts::new()).warmup(50).draws(10).chains(2).run(&model, &()).unwrap();
    let (outer, data) = (folder("names"), InferenceData::new(&chains).coords("z", ["low", "high"]));
    let within = outer.join("deep/within");
    data.write(&within).unwrap();
    let files = |folder: &Path| {
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((files(&outer), files(&outer.join("deep"))), (vec!["deep".into()], vec!["within".into()]));
    let script = "
posterior = xarray.open_datatree(sys.argv[1], engine='zarr').posterior
names = ['a.x', 'a.y', '_.....b.x', '_.....b.y', '_zgroup', 'z']
assert sorted(posterior.data_vars) == sorted(names), posterior
assert posterior['a.x'].dims == ('chain', 'draw', 'a.b') and posterior['a.y'].dims == ('chain', 'draw', 'y')
assert posterior.z.dims == ('chain', 'draw', 'z_dim') and list(posterior.coords['z_dim'].values) == ['low', 'high']
print(repr(float(posterior['_.....b.x'].sum())))
";
    if let Some(printed) = python(ARVIZ, script, &within) {
        let sum: f64 = chains.get("../../b/x").unwrap().to_f64().unwrap().iter().sum();
        assert!((printed.trim().parse::<f64>().unwrap() - sum).abs() < 1e-12, "{printed} {sum}");
    }
    std::fs::remove_dir_all(&outer).unwrap();

    let alike = |ctx: &mut Ctx, _: &()| -> Result<()> {
        ctx.sample("a/x", Normal::new(0.0, 1.0))?;
        ctx.sample("a.x", Normal::new(0.0, 1.0)).map(|_| ())
    };
    let chains = Mcmc::new(Nuts::new()).warmup(20).draws(5).chains(1).run(&alike, &()).unwrap();
    let told = InferenceData::new(&chains).write(&outer).unwrap_err().to_string();
    assert_eq!(told, "`a/x` and `a.x` would both be written as `posterior/a.x`: rename one of them");
    assert!(!outer.exists());
}

/// What cannot be written whole leaves nothing, so that it can be tried again.
#[test]
fn a_write_that_fails_leaves_nothing() {
    // Longer than the name of a file can be.
    let long = "x".repeat(300);
    let name = long.clone();
    let model = move |ctx: &mut Ctx, _: &()| {
        ctx.sample("short", Normal::new(0.0, 1.0))?;
        ctx.sample(&name, Normal::new(0.0, 1.0)).map(|_| ())
    };
    let chains = Mcmc::new(Nuts::new()).warmup(20).draws(5).chains(1).run(&model, &()).unwrap();
    let folder = folder("fails");
    let target = folder.join("draws");
    let write = || InferenceData::new(&chains).write(&target).unwrap_err().to_string();
    let inside = |folder: &Path| std::fs::read_dir(folder).unwrap().count();
    for _ in 0..2 {
        let told = write();
        assert!(told.contains(&long) && inside(&folder) == 0, "{told}");
    }
    // A folder that was there stays, empty as it was.
    std::fs::create_dir(&target).unwrap();
    for _ in 0..2 {
        let told = write();
        assert!(told.contains(&long) && inside(&target) == 0, "{told}");
    }
}
