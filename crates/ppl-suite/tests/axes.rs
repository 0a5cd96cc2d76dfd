//! Implicit axes: met by identity, never by position.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use ppl_tensor::{Axis, AxisId, Tensor, grad, vmap};

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_f64().unwrap()
}

fn counting(shape: &[usize]) -> Tensor {
    Tensor::new(shape, (0..shape.iter().product()).map(|i: usize| i as f64).collect()).unwrap()
}

#[test]
fn positional_and_implicit_and_back() {
    let axis = Axis::fresh(2);
    let x = counting(&[2, 3]);
    let row = x.to_implicit(axis.id).unwrap();
    assert_eq!((row.shape().to_vec(), row.axes().to_vec()), (vec![3], vec![axis]));
    assert_eq!(values(&row.to_positional(axis)), values(&x));
    // Without the axis: the same in every row.
    assert_eq!(values(&Tensor::from([5.0]).to_positional(axis)), [5.0, 5.0]);
    let same = Tensor::from([5.0]).expand_over(axis);
    assert_eq!((same.axes().to_vec(), values(&same.to_positional(axis))), (vec![axis], vec![5.0, 5.0]));
    assert_eq!(values(&Tensor::rows_of(axis).to_positional(axis)), [0.0, 1.0]);
}

#[test]
fn axes_are_met_by_identity() {
    let (a, b) = (Axis::named("axes_a", 2), Axis::named("axes_b", 3));
    let x = Tensor::from([1.0, 2.0]).to_implicit(a.id).unwrap();
    let y = Tensor::from([10.0, 20.0, 30.0]).to_implicit(b.id).unwrap();
    let both = &x + &y;
    assert_eq!(both.axes().to_vec(), [a, b]);
    assert_eq!(both.rank(), 0);
    assert_eq!((&y + &x).axes().to_vec(), [a, b]);
    // The axis made positional last comes out first.
    assert_eq!(values(&both.to_positional(b).to_positional(a)), [11.0, 21.0, 31.0, 12.0, 22.0, 32.0]);
    assert_eq!(values(&both.to_positional(a).to_positional(b)), [11.0, 12.0, 21.0, 22.0, 31.0, 32.0]);
    assert_eq!((&x + &x).axes().to_vec(), [a]);
    // A positional dimension of the same size is another thing.
    assert_eq!(values(&(&x + Tensor::from([100.0, 200.0])).to_positional(a)), [101.0, 201.0, 102.0, 202.0]);
}

#[test]
fn names_are_identities_and_particles_lead() {
    assert_eq!(AxisId::named("axes_c"), AxisId::named("axes_c"));
    assert_ne!(AxisId::named("axes_c"), AxisId::named("axes_d"));
    assert_eq!(AxisId::named("axes_c").name().as_deref(), Some("axes_c"));
    assert_eq!(AxisId::fresh().name(), None);
    assert_ne!(AxisId::fresh(), AxisId::fresh());
    assert!(
        AxisId::named("particles") < AxisId::named("axes_c") && AxisId::named("axes_c") < AxisId::fresh()
    );
    assert!(AxisId::named("axes_c") < AxisId::named("axes_e"));
}

#[test]
fn sums_over_an_axis_count_every_row() {
    let axis = Axis::fresh(3);
    let x = Tensor::from([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]).to_implicit(axis.id).unwrap();
    assert_eq!(values(&x.sum_over(axis)), [9.0, 12.0]);
    assert_eq!(values(&x.mean_over(axis)), [3.0, 4.0]);
    let alone = Tensor::from([7.0]);
    assert_eq!(values(&alone.sum_over(axis)), [21.0]);
    assert_eq!(values(&alone.mean_over(axis)), [7.0]);
}

#[test]
fn gradients_stay_per_row() {
    let axis = Axis::fresh(2);
    let (x, w) = (Tensor::from([1.0, 2.0]).tracked(), Tensor::from(3.0).tracked());
    let per_row = x.to_implicit(axis.id).unwrap();
    let loss = (&per_row * &w).square().sum_over(axis);
    let gradients = grad(&loss, &[&x, &w]).unwrap();
    assert_eq!(values(&gradients[0]), [18.0, 36.0]);
    assert_eq!(values(&gradients[1]), [30.0]);
    // Of an output per row, with respect to what is per row.
    let leaf = Tensor::from([1.0, 2.0]).to_implicit(axis.id).unwrap().tracked();
    let gradient = &grad(&(leaf.square() * 5.0), &[&leaf]).unwrap()[0];
    assert_eq!(values(&gradient.to_positional(axis)), [10.0, 20.0]);
}

#[test]
fn each_row_chooses_its_own_entry() {
    let theta = Tensor::from([10.0, 20.0, 30.0]);
    let groups = Tensor::from([2_i64, 0, 0, 1]);
    let chosen = vmap(|group: &Tensor| Ok(theta.at(group)), &groups).unwrap();
    assert_eq!(values(&chosen), [30.0, 10.0, 10.0, 20.0]);
    // From a table per row, too.
    let tables = counting(&[4, 3]);
    let chosen = vmap(|(table, group): &(Tensor, Tensor)| Ok(table.at(group)), &(tables, groups)).unwrap();
    assert_eq!(values(&chosen), [2.0, 3.0, 6.0, 10.0]);
}

#[test]
fn maps_nest_with_inputs_of_any_depth() {
    let (x, y, z) = (counting(&[2]), counting(&[3]), counting(&[2, 3]));
    let table = vmap(
        |(x, z): &(Tensor, Tensor)| {
            vmap(|(y, z): &(Tensor, Tensor)| Ok(x * 100.0 + y * 10.0 + z), &(y.clone(), z.clone()))
        },
        &(x, z),
    );
    assert_eq!(values(&table.unwrap()), [0.0, 11.0, 22.0, 103.0, 114.0, 125.0]);
    // A result that does not depend on the rows is repeated; no rows give none.
    assert_eq!(
        values(&vmap(|_: &Tensor| Ok(Tensor::from([1.0, 2.0])), &y).unwrap()),
        [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]
    );
    assert_eq!(vmap(|x: &Tensor| Ok(x.exp()), &counting(&[0, 2])).unwrap().shape().to_vec(), [0, 2]);
}
