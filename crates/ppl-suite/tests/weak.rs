//! Rust numbers take dtype and device of what they meet.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use ppl_suite::Narrow;
use ppl_tensor::{DType, Device, HostBackend, Result, Tensor, compile, grad, trace};

fn floats() -> Tensor {
    Tensor::from([1.0_f32, 2.0, 3.0])
}

fn doubles() -> Tensor {
    Tensor::from([1.0, 2.0, 3.0])
}

fn counts() -> Tensor {
    Tensor::from([1_i64, 2, 3])
}

fn found(tensor: &Tensor) -> (DType, Vec<f64>) {
    (tensor.check().unwrap().dtype(), tensor.to_f64().unwrap())
}

#[test]
fn numbers_take_the_dtype_of_what_they_meet() {
    assert_eq!(found(&(2.0 * floats())), (DType::F32, vec![2.0, 4.0, 6.0]));
    assert_eq!(found(&(floats() - 1_i64)), (DType::F32, vec![0.0, 1.0, 2.0]));
    assert_eq!(found(&(Tensor::from(1.0_f32) / doubles())), (DType::F64, vec![1.0, 0.5, 1.0 / 3.0]));
    assert_eq!(found(&(3.0 - counts())), (DType::I64, vec![2.0, 1.0, 0.0]));
    assert_eq!(found(&(counts() % 2_i64)), (DType::I64, vec![1.0, 0.0, 1.0]));
    assert_eq!(found(&floats().pow(2)), (DType::F32, vec![1.0, 4.0, 9.0]));
    assert_eq!(found(&counts().maximum(2.0)), (DType::I64, vec![2.0, 2.0, 3.0]));
    assert_eq!(found(&floats().gt(2)), (DType::Bool, vec![0.0, 0.0, 1.0]));
    assert_eq!(found(&floats().gt(1.5).select(floats(), 0.0)), (DType::F32, vec![0.0, 2.0, 3.0]));
    assert_eq!(found(&counts().gt(1).select(7, counts())), (DType::I64, vec![1.0, 7.0, 7.0]));
    assert_eq!(found(&Tensor::from(true).select(floats(), 9.0)), (DType::F32, vec![1.0, 2.0, 3.0]));
}

#[test]
fn a_number_is_rounded_once() {
    // 0.1 as a 32-bit float, not the product in 64 bits rounded.
    let product = (Tensor::from([3.0_f32]) * 0.1).to_vec::<f32>().unwrap();
    assert_eq!(product, [3.0_f32 * 0.1_f32]);
    // An integer that no float holds stays one beside integers.
    let large = (1_i64 << 53) + 1;
    assert_eq!((Tensor::from([0_i64]) + large).to_vec::<i64>().unwrap(), [large]);
}

#[test]
fn a_fraction_and_an_integer_tensor_do_not_meet() {
    for failed in [counts() + 0.5, 1.5 * counts(), counts().pow(0.5), counts().gt(1.5), counts() * f64::NAN] {
        let text = failed.check().map(drop).unwrap_err().to_string();
        assert!(text.contains("fraction") && text.contains("cast"), "{text}");
    }
    assert_eq!(found(&(counts().cast(DType::F64) + 0.5)).1, [1.5, 2.5, 3.5]);
}

#[test]
fn constants_are_as_weak_as_numbers() {
    let eye = Tensor::eye(3).matmul(floats());
    assert_eq!(found(&eye), (DType::F32, vec![1.0, 2.0, 3.0]));
    assert_eq!(found(&(Tensor::ones([3]) + counts())), (DType::I64, vec![2.0, 3.0, 4.0]));
    assert_eq!(found(&(Tensor::arange(3) * floats())), (DType::F32, vec![0.0, 2.0, 6.0]));
    assert_eq!(found(&floats().at(Tensor::arange(2))), (DType::F32, vec![1.0, 2.0]));
    assert_eq!(
        found(&Tensor::concat(&[&Tensor::zeros([1]), &floats()], 0)),
        (DType::F32, vec![0.0, 1.0, 2.0, 3.0])
    );
    // What is made of weak tensors alone is weak.
    let half = Tensor::full([3], 2.0).reciprocal().sqrt().square();
    assert!(half.is_weak());
    assert_eq!((half * floats()).dtype(), DType::F32);
}

#[test]
fn weak_tensors_join_each_other() {
    assert_eq!(found(&(Tensor::arange(3) * 0.5)), (DType::F64, vec![0.0, 0.5, 1.0]));
    assert!((Tensor::arange(3) * 0.5).is_weak());
    assert_eq!(found(&(Tensor::arange(3) + 1_i64)), (DType::I64, vec![1.0, 2.0, 3.0]));
    assert_eq!(found(&Tensor::arange(3).lt(1.5)), (DType::Bool, vec![1.0, 1.0, 0.0]));
    assert_eq!(found(&(Tensor::from(1.0_f32) + 2.0)), (DType::F64, vec![3.0]));
    assert_eq!(found(&floats().gt(1.5).select(1, 0.5)), (DType::F64, vec![0.5, 1.0, 1.0]));
    assert_eq!(found(&((Tensor::arange(3) * 0.5) * floats())), (DType::F32, vec![0.0, 1.0, 3.0]));
}

#[test]
fn numbers_move_to_the_device_they_meet() {
    for device in [Device::new(HostBackend, DType::F64), Device::new(Narrow, DType::F32)] {
        let float = device.default_float();
        let x = device.place(&doubles()).unwrap();
        assert_eq!(x.dtype(), float);
        let back = Device::cpu().place(&x).unwrap();
        assert_eq!(found(&back), found(&doubles()));
        let leaf = x.tracked();
        let y = (2.0 * &leaf + Tensor::ones([3]) - 1_i64).pow(2.0).maximum(5) / Tensor::eye(3).sum(0);
        assert!(y.device().same_as(&device));
        assert_eq!(found(&y), (float, vec![5.0, 16.0, 36.0]));
        let dy = grad(&y.sum_all(), &[&leaf]).unwrap();
        assert_eq!(found(&dy[0]), (float, vec![0.0, 16.0, 24.0]));
        let moved = Tensor::full([2], 0.5).to_device(&device);
        assert!(moved.device().same_as(&device) && !moved.is_weak());
        assert_eq!(found(&moved), (float, vec![0.5, 0.5]));
        assert_eq!(found(&x.mean_all()), (float, vec![2.0]));
        assert_eq!(found(&x.logsumexp(0)).0, float);
        assert_eq!(x.zeros_like().dtype(), float);
        assert_eq!(x.scalar_like(0.25).dtype(), float);
        // A choice between numbers alone is in the device's float.
        assert_eq!(found(&x.gt(1.0).select(1.0, 0.0)), (float, vec![0.0, 1.0, 1.0]));
    }
}

#[test]
fn numbers_are_arguments_and_results_of_programs() -> Result<()> {
    for device in [Device::cpu(), Device::new(Narrow, DType::F32)] {
        let f = |(scale, x): &(Tensor, Tensor)| Ok((scale * x, Tensor::from(0.5), Tensor::arange(2)));
        let x = Tensor::from([1.0_f32, 2.0]).to_device(&device).cast(device.default_float());
        let program = compile(trace(&device, f, &(Tensor::from(3.0), x.clone()))?)?;
        let (scaled, half, numbers) = program.run(&(Tensor::from(4.0), x))?;
        assert_eq!(found(&scaled), (device.default_float(), vec![4.0, 8.0]));
        assert_eq!(found(&half), (device.default_float(), vec![0.5]));
        assert_eq!(found(&numbers), (DType::I64, vec![0.0, 1.0]));
    }
    Ok(())
}

/// Whoever casts to `F32` means it: as an argument or result of a program, too, it is no default float.
#[test]
fn numbers_cast_to_single_precision_stay_so_in_programs() -> Result<()> {
    let strong = floats();
    let f = |x: &Tensor| Ok((x * &strong, x.clone(), Tensor::arange(3).cast(DType::F32)));
    for given in [Tensor::arange(3).cast(DType::F32), Tensor::arange(3).cast(DType::F32).sqrt()] {
        assert!(given.is_weak());
        let program = compile(trace(&Device::cpu(), f, &given)?)?;
        for given in [given, Tensor::from([0.5_f32, 1.0, 2.0])] {
            let (product, same, numbers) = program.run(&given)?;
            assert_eq!(product.to_vec::<f32>()?, (&given * &strong).to_vec::<f32>()?);
            assert_eq!(same.to_vec::<f32>()?, given.to_vec::<f32>()?);
            assert_eq!(found(&numbers), (DType::F32, vec![0.0, 1.0, 2.0]));
        }
    }
    let moved = Tensor::arange(2).cast(DType::F32).to_device(&Device::cpu());
    assert_eq!((moved.is_weak(), found(&moved)), (false, (DType::F32, vec![0.0, 1.0])));
    Ok(())
}

#[test]
fn the_default_float_of_a_device_is_a_choice() {
    let single = Device::cpu().float(DType::F32);
    assert!(single.same_as(&Device::cpu()));
    assert_eq!(Tensor::ones([2]).to_device(&single).dtype(), DType::F32);
    // Tensors of both mix, each with its own dtype.
    let strong = Tensor::ones([2]).to_device(&single);
    assert_eq!((strong + floats().slice(0, 0..2)).dtype(), DType::F32);
}

#[test]
fn tensors_go_to_other_threads() {
    fn both<T: Send + Sync>(_: &T) {}
    let x = doubles().tracked();
    both(&x);
    both(&ppl_tensor::Key::new(1));
    both(&compile(trace(&Device::cpu(), |x: &Tensor| Ok(x.exp()), &x).unwrap()).unwrap());
    let squares = std::thread::scope(|scope| {
        let work = |n: i64| {
            let x = &x;
            scope.spawn(move || grad(&x.pow(n).sum_all(), &[x]).unwrap()[0].to_f64().unwrap())
        };
        [work(2), work(3)].map(|thread| thread.join().unwrap())
    });
    assert_eq!(squares, [[2.0, 4.0, 6.0], [3.0, 12.0, 27.0]]);
}
