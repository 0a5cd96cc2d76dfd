//! Trajectories of other implementations: PyTorch 2.15.0 (`torch.optim`) and Pyro 1.9.2 (`pyro.optim`), in double
//! precision, of `a` from (1.5, -0.7) and `b` from 0.3 on the loss
//! `(1 - a₀)² + 5 (a₁ - a₀²)² + (b - a₀ a₁)² / 2 + ln(1 + eᵇ)`.

use ppl_core::{Ctx, Result};
use ppl_infer::{
    Adagrad, AdagradOptions, AdagradRmsProp, AdagradRmsPropOptions, Adam, AdamOptions, AdamW, AdamWOptions,
    ClippedAdam, ClippedAdamOptions, Optimizer, RmsProp, RmsPropOptions, Sgd, SgdOptions,
};
use ppl_tensor::Tensor;

use crate::{Boxed, descent};

/// Every optimiser with the settings of its reference trajectory, which follows under the same name.
pub(crate) fn optimizers() -> Vec<(&'static str, Boxed)> {
    let (betas, epsilon) = ((0.8, 0.95), 1e-3);
    let sgd = |momentum, nesterov| Sgd::with(SgdOptions { learning_rate: 0.004, momentum, nesterov });
    let rms = |momentum, centered| {
        RmsProp::with(RmsPropOptions { learning_rate: 0.02, decay: 0.9, epsilon, momentum, centered })
    };
    let clipped =
        ClippedAdamOptions { learning_rate: 0.05, betas, epsilon, clip: 2.0, learning_rate_decay: 0.9 };
    vec![
        ("Adam", Box::new(Adam::with(AdamOptions { learning_rate: 0.05, betas, epsilon })) as Boxed),
        (
            "AdamW",
            Box::new(AdamW::with(AdamWOptions { learning_rate: 0.05, betas, epsilon, weight_decay: 0.1 })),
        ),
        ("ClippedAdam", Box::new(ClippedAdam::with(clipped))),
        (
            "AdagradRMSProp",
            Box::new(AdagradRmsProp::with(AdagradRmsPropOptions {
                learning_rate: 0.5,
                delta: 1e-3,
                weight: 0.2,
            })),
        ),
        ("Sgd", Box::new(sgd(0.0, false))),
        ("Sgd with momentum", Box::new(sgd(0.9, false))),
        ("Sgd with Nesterov momentum", Box::new(sgd(0.9, true))),
        ("RmsProp", Box::new(rms(0.0, false))),
        ("RmsProp, centred, with momentum", Box::new(rms(0.7, true))),
        (
            "Adagrad",
            Box::new(Adagrad::with(AdagradOptions { learning_rate: 0.1, epsilon, initial_sum: 0.5 })),
        ),
        ("Sgd clipped by value", Box::new(Sgd::new(0.02).clip_value(1.5))),
        ("Sgd clipped by norm", Box::new(Sgd::new(0.02).clip_norm(2.0))),
    ]
}

pub(crate) fn curved(ctx: &mut Ctx, _: &()) -> Result<()> {
    let a = ctx.param("a", Tensor::from([1.5, -0.7]))?;
    let b = ctx.param("b", 0.3)?;
    let (x, y) = (a.select_index(0, 0), a.select_index(0, 1));
    let loss =
        (1.0 - &x).square() + (&y - x.square()).square() * 5.0 + (&b - &x * &y).square() * 0.5 + b.softplus();
    ctx.factor("loss", -loss)
}

#[test]
fn trajectories_are_those_of_other_implementations() {
    let cases = optimizers();
    assert_eq!(cases.len(), REFERENCE.len());
    for ((name, optimizer), reference) in cases.into_iter().zip(REFERENCE) {
        assert_eq!(name, reference.name);
        let mut svi = descent(curved, optimizer);
        for (step, expected) in reference.steps.iter().enumerate() {
            svi.step(&()).unwrap();
            let found = ["a", "b"].map(|name| svi.params().get(name).unwrap().to_f64().unwrap()).concat();
            for (found, expected) in found.iter().zip(expected) {
                // A few roundings a step, not amplified much in six. The clip by norm divides by the norm plus 1e-6
                // there, which moves a step of 0.04 by 2e-6 of its length at most.
                let tolerance = if name == "Sgd clipped by norm" { 5e-7 } else { 1e-13 };
                assert!((found - expected).abs() < tolerance, "{name}, step {step}: {found} {expected}");
            }
        }
    }
}

struct Trajectory {
    name: &'static str,
    /// `a₀`, `a₁` and `b` after each step.
    steps: &'static [[f64; 3]; 6],
}

#[rustfmt::skip]
const REFERENCE: &[Trajectory] = &[
    Trajectory { name: "Adam", steps: &[
        [1.450000552816045, -0.6500015859925141, 0.2500259680564667],
        [1.4002911956740325, -0.6001978356443287, 0.20030338696897834],
        [1.351077459441959, -0.5507274510225784, 0.15102012377215482],
        [1.3025687917271505, -0.501733373886518, 0.10237838381237749],
        [1.2549738398505628, -0.4533605403987948, 0.0545931133530987],
        [1.2084955267824773, -0.40575351413642363, 0.007889965163144497],
    ] },
    Trajectory { name: "AdamW", steps: &[
        [1.4425005528160448, -0.6465015859925142, 0.2485259680564667],
        [1.385629307305891, -0.5934950999123716, 0.19758323104977238],
        [1.3296240082201685, -0.541137753076385, 0.1473723264428244],
        [1.2747246656580336, -0.4895904524267526, 0.09810667472320508],
        [1.221167313903859, -0.43901497900128367, 0.05001015800189913],
        [1.1691775833263092, -0.3895710259576754, 0.0033141549894808373],
    ] },
    Trajectory { name: "ClippedAdam", steps: &[
        [1.4551003985609803, -0.6551003985609802, 0.2551043312713117],
        [1.4146651467831386, -0.6146651467831385, 0.2148516575468455],
        [1.3782633410195386, -0.5782633410195385, 0.1788663183875926],
        [1.3454963811075944, -0.5454963811075944, 0.146771678749884],
        [1.3160028861011284, -0.5160028861011284, 0.11820376519084676],
        [1.2894566245811978, -0.4894566245811978, 0.09281661376815296],
    ] },
    Trajectory { name: "AdagradRMSProp", steps: &[
        [1.0054677675105255, -0.21537279016141425, -0.02902724292727099],
        [0.8996799631673648, -0.06724700068655315, -0.11661153473254],
        [0.8391679885598363, 0.026043101062567048, -0.1631723250682301],
        [0.7977003302259451, 0.0939075485547398, -0.19162174437670218],
        [0.7667993417644613, 0.14672744114522995, -0.20996874848114105],
        [0.7426805130363603, 0.18939533855442411, -0.22196449916447908],
    ] },
    Trajectory { name: "Sgd", steps: &[
        [1.13822, -0.5739, 0.29230222993275334],
        [0.9647165349921217, -0.49481733971704467, 0.28622988452789544],
        [0.8534715422470224, -0.4348509411689283, 0.28089123952512507],
        [0.7740845770874263, -0.3860944203817484, 0.27600408411489313],
        [0.713987551690088, -0.34490236243504224, 0.27143032363034186],
        [0.6667429423926319, -0.30923665263495265, 0.2670898023082016],
    ] },
    Trajectory { name: "Sgd with momentum", steps: &[
        [1.13822, -0.5739, 0.29230222993275334],
        [0.6391145349921218, -0.3813273397170447, 0.27930189146737344],
        [0.15162739920304433, -0.17508309359523763, 0.2632320316409347],
        [-0.28292965928806, 0.018635440388447947, 0.2453483175735302],
        [-0.6623588311892261, 0.195155038771039, 0.22600636663087875],
        [-0.9773627341071205, 0.3628239822967979, 0.20495248541985978],
    ] },
    Trajectory { name: "Sgd with Nesterov momentum", steps: &[
        [0.8126180000000001, -0.46040999999999993, 0.2853742368722314],
        [0.38168298185709965, -0.26901831480438454, 0.2697881932353732],
        [0.043737029011160736, -0.10644477083933278, 0.2530498369369707],
        [-0.239502686084129, 0.032751265001382035, 0.23513074143338],
        [-0.4810667025308945, 0.1555143565723418, 0.2158665226513615],
        [-0.679445237192384, 0.2700311317757848, 0.1949963591443251],
    ] },
    Trajectory { name: "RmsProp", steps: &[
        [1.4367566580079492, -0.636760790331604, 0.23685820250453143],
        [1.3938543620743473, -0.5930010478880847, 0.1936688458141671],
        [1.359363328353687, -0.5573887775163174, 0.15883868107662177],
        [1.3296897027488004, -0.5264579459864451, 0.1288389492970413],
        [1.3032064352942054, -0.4986281887586728, 0.10206575270874355],
        [1.279020593045394, -0.4730284285503043, 0.07763778407103035],
    ] },
    Trajectory { name: "RmsProp, centred, with momentum", steps: &[
        [1.4333357902301498, -0.6333403816672833, 0.23344860722381466],
        [1.33921880685673, -0.5382057549382963, 0.1390730123034926],
        [1.2365063629662547, -0.4324698590947898, 0.035567877140282166],
        [1.135528206950612, -0.3258468708729664, -0.06638523547589593],
        [1.0419503376043793, -0.223816302548127, -0.16026802324960082],
        [0.958613984984966, -0.1294418440621314, -0.24205633921792774],
    ] },
    Trajectory { name: "Adagrad", steps: &[
        [1.400004161547798, -0.600028316220506, 0.2061814476185942],
        [1.33714230184923, -0.5348995830025155, 0.1447401652390068],
        [1.2893637832967784, -0.4843002982411706, 0.09743721233716286],
        [1.2502369394985693, -0.44214376608056527, 0.058539106813470417],
        [1.2168748399235692, -0.4056641912961392, 0.02538331175805996],
        [1.1876946157644772, -0.3733337249270811, -0.0035214223967745192],
    ] },
    Trajectory { name: "Sgd clipped by value", steps: &[
        [1.47, -0.6699999999999999, 0.26999999999999996],
        [1.44, -0.6399999999999999, 0.23999999999999996],
        [1.41, -0.6099999999999999, 0.20999999999999996],
        [1.38, -0.5799999999999998, 0.17999999999999997],
        [1.3499999999999999, -0.5499999999999998, 0.14999999999999997],
        [1.3199999999999998, -0.5199999999999998, 0.12140140309312498],
    ] },
    Trajectory { name: "Sgd clipped by norm", steps: &[
        [1.4622362935288458, -0.686837295079848, 0.29919648314085373],
        [1.4245749186039878, -0.6733866702661345, 0.29835893003391445],
        [1.3870229595041477, -0.6596357970271156, 0.29748496507037303],
        [1.3495881577686561, -0.6455715860527973, 0.29657197667804513],
        [1.3122789888527613, -0.6311801283181532, 0.29561708652190716],
        [1.2751047496139405, -0.6164466309672166, 0.29461711367643306],
    ] },
];
