//! Structures of tensors as arguments and results of maps and programs.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};

use ppl_tensor::{Device, Result, Tensor, TensorTree, compile, grad, trace, vmap};

#[derive(Clone, Debug, TensorTree)]
struct Layer {
    weight: Tensor,
    bias: Option<Tensor>,
}

#[derive(Clone, Debug, TensorTree)]
enum Link {
    Identity,
    Scaled { by: Tensor },
}

#[derive(Clone, Debug, TensorTree)]
struct Network<T> {
    layers: Vec<Layer>,
    link: Link,
    extra: BTreeMap<String, (Tensor, T)>,
    #[tensor_tree(static)]
    depth: usize,
}

/// A network whose tensors have `rows` rows of values that count up from `start`.
fn network(rows: usize, start: f64) -> Network<Tensor> {
    let mut next = start;
    let mut tensor = |shape: &[usize]| {
        let shape: Vec<usize> = std::iter::once(rows).chain(shape.iter().copied()).collect();
        let values = (0..shape.iter().product()).map(|_| {
            next += 0.125;
            next
        });
        let values = values.collect::<Vec<f64>>();
        Tensor::new(shape, values).unwrap()
    };
    Network {
        layers: vec![
            Layer { weight: tensor(&[2, 3]), bias: Some(tensor(&[2])) },
            Layer { weight: tensor(&[1, 2]), bias: None },
        ],
        link: Link::Scaled { by: tensor(&[]) },
        extra: BTreeMap::from([("shift".to_owned(), (tensor(&[1]), tensor(&[3])))]),
        depth: 2,
    }
}

fn row(network: &Network<Tensor>, row: usize) -> Network<Tensor> {
    network.try_map(&mut ppl_tensor::TreePath::root(), &mut |_, leaf| Ok(leaf.select_index(0, row))).unwrap()
}

fn forward(net: &Network<Tensor>) -> Result<Network<Tensor>> {
    let (shift, x) = &net.extra["shift"];
    let mut h = x.clone();
    for layer in &net.layers[..net.depth] {
        h = layer.weight.matmul(&h);
        if let Some(bias) = &layer.bias {
            h = (h + bias).tanh();
        }
    }
    let h = match &net.link {
        Link::Identity => h,
        Link::Scaled { by } => h * by,
    };
    let mut out = net.clone();
    out.extra.insert("shift".to_owned(), (h + shift, x.clone()));
    Ok(out)
}

fn leaves(tree: &impl TensorTree) -> Vec<Vec<f64>> {
    let mut leaves = Vec::new();
    tree.visit(&mut |leaf| {
        leaves.push(leaf.to_f64()?);
        Ok(())
    })
    .unwrap();
    leaves
}

#[test]
fn a_map_takes_and_gives_a_structure() {
    let whole = network(3, 0.0);
    let mapped = vmap(forward, &whole).unwrap();
    assert_eq!(mapped.depth, 2);
    for i in 0..3 {
        assert_eq!(leaves(&row(&mapped, i)), leaves(&forward(&row(&whole, i)).unwrap()));
    }
}

#[test]
fn a_program_takes_and_gives_a_structure() {
    let (first, second) = (row(&network(2, 0.0), 0), row(&network(2, -1.0), 1));
    let program = compile(trace(&Device::cpu(), forward, &first).unwrap()).unwrap();
    for args in [&first, &second] {
        assert_eq!(leaves(&program.run(args).unwrap()), leaves(&forward(args).unwrap()));
    }
    // A program without the bias is another program: the paths tell where they part.
    let mut without = first.clone();
    without.layers[0].bias = None;
    let error = program.run(&without).map(drop).unwrap_err().to_string();
    assert!(error.contains("`layers.0.bias`"), "{error}");
    let mut wider = first.clone();
    wider.extra.get_mut("shift").unwrap().1 = Tensor::from([1.0, 2.0]);
    let error = program.run(&wider).map(drop).unwrap_err().to_string();
    assert!(error.contains("`extra.shift.1`") && error.contains("[2]") && error.contains("[3]"), "{error}");
}

#[test]
fn a_map_in_a_program_takes_gradients_of_a_structure() {
    let step = |net: &Network<Tensor>| {
        vmap(
            |net: &Network<Tensor>| {
                let net =
                    net.try_map(&mut ppl_tensor::TreePath::root(), &mut |_, leaf| Ok(leaf.tracked()))?;
                let out = forward(&net)?.extra["shift"].0.sum_all();
                let mut tracked = Vec::new();
                net.visit(&mut |leaf| {
                    tracked.push(leaf.clone());
                    Ok(())
                })?;
                Ok((out.detach(), grad(&out, &tracked.iter().collect::<Vec<_>>())?))
            },
            net,
        )
    };
    let whole = network(2, 0.25);
    let program = compile(trace(&Device::cpu(), step, &whole).unwrap()).unwrap();
    let (out, gradients) = program.run(&whole).unwrap();
    let (expected, expected_gradients) = step(&whole).unwrap();
    assert_eq!(out.to_f64().unwrap(), expected.to_f64().unwrap());
    assert_eq!(leaves(&gradients), leaves(&expected_gradients));
    assert_eq!(gradients.len(), 6);
    // The gradient of the shift is one in every row.
    assert_eq!(gradients[4].to_f64().unwrap(), [1.0, 1.0]);
}

#[test]
fn static_parts_tell_programs_apart() {
    let hash = |net: &Network<Tensor>| {
        let mut state = DefaultHasher::new();
        net.hash_static(&mut state);
        state.finish()
    };
    let net = network(2, 0.0);
    assert_eq!(hash(&net), hash(&network(3, 1.0)));
    assert_ne!(hash(&net), hash(&Network { depth: 1, ..net.clone() }));
    assert_ne!(hash(&net), hash(&Network { link: Link::Identity, ..net.clone() }));
    let mut without = net.clone();
    without.layers[0].bias = None;
    assert_ne!(hash(&net), hash(&without));
}
