//! Each device compiles what was recorded on it.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use ppl_jit::Compile;
use ppl_suite::Narrow;
use ppl_tensor::{DType, Device, HostBackend, Result, Tensor, trace};

fn devices() -> [Device; 4] {
    let single = Device::cpu().float(DType::F32);
    [Device::cpu(), single, Device::new(HostBackend, DType::F64), Device::new(Narrow, DType::F32)]
}

type State = (Tensor, ());

fn step((x, ()): &State) -> Result<(Tensor, Tensor)> {
    Ok((x * 0.5, x.sum_all()))
}

/// Of the compiler on the CPU, in either float; elsewhere what the device makes of them.
#[test]
fn programs_are_of_the_device_that_is_asked() {
    for (number, device) in devices().iter().enumerate() {
        let x = device.place(&Tensor::from([1.0, 2.0, 4.0])).unwrap();
        let traced = || trace(device, step, &(x.clone(), ())).unwrap();
        let (half, sum) = device.compile(traced()).unwrap().run(&(x.clone(), ())).unwrap();
        assert!(half.device().same_as(device) && half.dtype() == device.default_float());
        assert_eq!(half.to_f64().unwrap(), [0.5, 1.0, 2.0]);
        assert_eq!(sum.to_scalar().unwrap(), 7.0);

        let (mut state, mut sums) = (x.clone(), Vec::new());
        let program = device.compile_step(traced()).unwrap();
        let keep = |results: &[f64]| {
            sums.extend_from_slice(results);
            true
        };
        assert_eq!(program.run_state(&mut state, &(), 3, keep).unwrap(), 3);
        assert_eq!((state.to_f64().unwrap(), sums), (vec![0.125, 0.25, 0.5], vec![7.0, 3.5, 1.75]));
        let plan = device.compile(traced()).unwrap().explain();
        assert_eq!(plan.starts_with("interpreted"), number >= 2, "{plan}");
    }
}

#[test]
fn what_was_recorded_elsewhere_is_refused() {
    let [cpu, single, other, narrow] = &devices();
    for (recorded, asked) in [(cpu, narrow), (narrow, cpu), (single, other), (other, narrow)] {
        let x = recorded.place(&Tensor::from([1.0, 2.0])).unwrap();
        let traced = || trace(recorded, step, &(x.clone(), ())).unwrap();
        let wanted = format!(
            "compile: the function was recorded on another device ({}) than the one that is to compile it ({})",
            recorded.name(),
            asked.name()
        );
        let refused = [asked.compile(traced()).err(), asked.compile_step(traced()).err()];
        assert_eq!(refused.map(|error| error.unwrap().to_string()), [wanted.clone(), wanted]);
    }
    // Floats of two widths are of one device.
    let traced = trace(single, step, &(single.place(&Tensor::ones([2])).unwrap(), ())).unwrap();
    assert!(cpu.compile(traced).is_ok());
}
