//! What a tensor does not show of a backend: its own checks, and its notes in the log.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use std::sync::Mutex;

use burn_flex::{Flex, FlexDevice};
use ppl_burn::{Buffer, BurnBackend, Profile};
use ppl_tensor::op::{Gather, Unary};
use ppl_tensor::{Backend, DType, HostTensor, Op, TensorType};

fn burn() -> BurnBackend<Flex> {
    BurnBackend::new(FlexDevice, Profile::FLEX)
}

#[test]
fn indices_that_fit_one_array_are_checked_against_another() {
    // A reshaped copy shares the knowledge.
    let (backend, gather) = (burn(), Op::Gather(Gather { axis: 0, batch: 0 }));
    let [long, short] = [5, 4].map(|size| backend.upload(HostTensor::full([size], 1.0_f64)).unwrap());
    let indices = backend.upload(HostTensor::new([2], vec![4_i64, 0]).unwrap()).unwrap();
    let taken = TensorType::new(DType::F64, [2]);
    let table = TensorType::new(DType::I64, [2, 1]);
    for _ in 0..2 {
        backend.run(&gather, &[&long, &indices], &taken).unwrap();
        assert!(backend.run(&gather, &[&short, &indices], &taken).is_err());
        let indices = backend.run(&Op::Reshape(table.shape.clone()), &[&indices], &table).unwrap();
        let taken = TensorType::new(DType::F64, [2, 1]);
        backend.run(&gather, &[&long, &indices], &taken).unwrap();
        assert!(backend.run(&gather, &[&short, &indices], &taken).is_err());
    }
}

#[test]
fn what_the_rule_refuses_never_reaches_burn() {
    let backend = burn();
    let upload =
        |shape: &[usize]| -> Buffer<Flex> { backend.upload(HostTensor::full(shape, 1.0_f64)).unwrap() };
    let (x, y) = (upload(&[2, 3, 4]), upload(&[5, 4, 3]));
    let promised = TensorType::new(DType::F64, [5, 3, 3]);
    assert!(backend.run(&Op::Matmul, &[&x, &y], &promised).is_err());
    let error = backend.run(&Op::Unary(Unary::Exp), &[&x], &promised).unwrap_err();
    let expected = "exp: backend `burn-flex` failed: gives f64 [2, 3, 4] where f64 [5, 3, 3] was promised";
    assert_eq!(error.to_string(), expected);
    assert!(backend.run(&Op::Unary(Unary::Exp), &[], &promised).is_err());
}

/// Keeps what was logged.
struct Notes(Mutex<Vec<String>>);

impl log::Log for Notes {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

#[test]
fn the_log_names_what_runs_on_the_host_once() {
    static NOTES: Notes = Notes(Mutex::new(Vec::new()));
    log::set_logger(&NOTES).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    let (backend, ty) = (burn(), TensorType::new(DType::F64, [1]));
    let x = backend.upload(HostTensor::full([1], 2.5_f64)).unwrap();
    let (host, native) = (Op::Unary(Unary::Polygamma(5)), Op::Unary(Unary::Exp));
    for op in [&host, &native, &host] {
        backend.run(op, &[&x], &ty).unwrap();
    }
    let notes = NOTES.0.lock().unwrap();
    let found: Vec<&String> =
        notes.iter().filter(|note| note.contains("polygamma_5") || note.contains("exp")).collect();
    assert_eq!(found, ["`polygamma_5` of f64 runs on the host: burn-flex has no such operation"]);
}
