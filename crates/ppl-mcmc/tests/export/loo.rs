//! LOO of chains beside ArviZ's.

use ppl_infer::Predictive;
use ppl_mcmc::{InferenceData, Mcmc, Nuts, RandomWalk};
use ppl_tensor::Tensor;

use crate::python::python;
use crate::{ARVIZ, data, folder, model};

/// LOO of draws that are worth more, and less, than independent ones; a random walk stays where it is now and then, so that
/// weights are equal.
#[test]
fn loo_is_that_of_arviz() {
    let run = |walks: bool| match walks {
        true => Mcmc::new(RandomWalk::new()).warmup(400).draws(300).chains(2).run(&model, &data()),
        false => Mcmc::new(Nuts::new()).warmup(400).draws(300).chains(2).run(&model, &data()),
    };
    let script = "
data = xarray.open_datatree(sys.argv[1], engine='zarr')
found = loo(data, pointwise=True)
print(*(repr(float(x)) for x in [found.elpd, found.se, found.p, *found.elpd_i.values, *found.pareto_k.values]))
";
    for walks in [false, true] {
        let (chains, folder) = (run(walks).unwrap(), folder(&format!("loo-{walks}")));
        let scores = Predictive::new(model).log_likelihood(&chains.draws(), &data()).unwrap();
        let efficiency = chains.relative_efficiency().unwrap();
        assert!(if walks { efficiency < 0.2 } else { efficiency > 1.1 }, "{efficiency}");
        InferenceData::new(&chains).log_likelihood(&scores).write(&folder).unwrap();
        let loo = chains.loo(scores.get("y").unwrap()).unwrap();
        let ours = [[loo.elpd, loo.se, loo.p].as_slice(), &loo.pointwise, &loo.diagnostic].concat();
        if let Some(printed) = python(ARVIZ, script, &folder) {
            let theirs: Vec<f64> = printed.split_whitespace().map(|x| x.parse().unwrap()).collect();
            assert_eq!(ours.len(), theirs.len());
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert!((ours - theirs).abs() < 1e-6 * theirs.abs().max(1e-3), "{ours} {theirs}, {printed}");
            }
        }
    }
    let chains = run(false).unwrap();
    let told = chains.loo(&Tensor::zeros([7, 2])).unwrap_err().to_string();
    assert_eq!(told, "the log likelihood has shape [7, 2], must be [600, …], of all draws of the chains");
}
