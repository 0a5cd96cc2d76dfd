//! What is left of programs that people run: of the arrays of data, one pass with few operations.

use ppl_tensor::{DType, Key, Tensor, grad};

use super::testing::{listing, simplified};

/// Operations whose results have as many elements as there are rows, or more.
fn large(left: &[String], rows: usize) -> Vec<&str> {
    let elements = |line: &str| -> usize {
        let sizes = line.split_once('[').map_or("", |(_, sizes)| sizes.trim_end_matches(']'));
        sizes.split(", ").filter_map(|size| size.parse::<usize>().ok()).product()
    };
    left.iter().map(String::as_str).filter(|line| elements(line) >= rows).collect()
}

fn data(shape: &[usize], seed: u64) -> Tensor {
    Key::new(seed).normal(shape.to_vec(), DType::F64)
}

/// Log density of a normal distribution, as distributions compute it.
fn normal(x: &Tensor, loc: &Tensor, scale: &Tensor) -> Tensor {
    ((x - loc) / scale).square() * -0.5 - (scale.log() + 0.918_938_533_204_672_7)
}

/// A function of one vector with its gradient.
fn with_gradient(x: &Tensor, f: impl Fn(&Tensor) -> Tensor) -> Vec<Tensor> {
    let x = x.tracked();
    let value = f(&x);
    let gradient = grad(&value, &[&x]).unwrap().remove(0);
    vec![value, gradient]
}

#[test]
fn a_regression_with_an_interaction_reads_its_data_once() {
    let (africa, ruggedness, gdp) = (data(&[170], 1), data(&[170], 2), data(&[170], 3));
    let potential = |x: &Tensor| {
        let [a, b_a, b_r, b_ar, t] = [0, 1, 2, 3, 4].map(|i| x.select_index(0, i));
        let sigma = t.sigmoid() * 10.0;
        let mean = &a + &b_a * &africa + &b_r * &ruggedness + &b_ar * &africa * &ruggedness;
        let jacobian = t.abs() + 2.0 * (-t.abs()).softplus();
        let zero = Tensor::from(0.0);
        let prior = |x: &Tensor, scale: f64| normal(x, &zero, &x.scalar_like(scale));
        prior(&a, 10.0) + prior(&b_a, 1.0) + prior(&b_r, 1.0) + prior(&b_ar, 1.0) - jacobian
            + normal(&gdp, &mean, &sigma).sum_all()
    };
    let ir = simplified(&[&[5]], |args| with_gradient(&args[0], potential));
    let left = listing(&ir);
    // The mean, what is left of the data and its square; products with three columns for gradients. Sums are not as large.
    let expected = ["mul", "add", "mul", "add", "mul", "add", "sub", "mul", "mul", "mul", "mul"];
    let names: Vec<&str> = large(&left, 170).iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, expected);
    // The sum of residuals is that of the data, less multiples of sums of columns.
    assert_eq!(left.iter().filter(|line| line.starts_with("sum")).count(), 4, "{left:?}");
}

#[test]
fn a_linear_regression_is_two_products_and_a_square() {
    let (x, y) = (data(&[2500, 8], 1), data(&[2500], 2));
    let potential = |z: &Tensor| {
        let (w, b, scale) = (z.slice(0, 0..8), z.select_index(0, 8), z.select_index(0, 9).exp());
        normal(&y, &(x.matmul(&w) + b), &scale).sum_all() - w.square().sum_all() * 0.5
    };
    let ir = simplified(&[&[10]], |args| with_gradient(&args[0], potential));
    let left = listing(&ir);
    let expected =
        ["matmul [2500, 1]", "add [2500, 1]", "sub [2500, 1]", "mul [2500, 1]", "permute [8, 2500]"];
    let (mut found, mut expected) = (large(&left, 2500), expected.to_vec());
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn an_update_is_as_many_operations_as_its_formula() {
    let adam = |args: &[Tensor]| {
        let [value, grad, mean, square, updates] = args else { return Vec::new() };
        let correction = |beta: f64| -(updates * beta.ln()).expm1();
        let (first, second) = (correction(0.9), correction(0.999).sqrt());
        let mean = mean * 0.9 + grad * (1.0 - 0.9);
        let square = square * 0.999 + grad.square() * (1.0 - 0.999);
        let next = value - &mean * (&second * 0.01 / first) / (square.sqrt() + second * 1e-8);
        vec![next, mean, square]
    };
    let left = listing(&simplified(&[&[40], &[40], &[40], &[40], &[]], adam));
    assert_eq!(large(&left, 40).len(), 12, "{left:?}");
}
