//! What a user reads when a program is wrong.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_core::{Ctx, ParamStore, Result, SubsampleExt, condition, trace};
use ppl_dist::{Normal, constraints};
use ppl_suite::TemporaryPath;
use ppl_tensor::{Device, Tensor, TensorTree};

fn message<O>(result: Result<O>) -> String {
    match result {
        Ok(_) => panic!("the program should have failed"),
        Err(error) => error.to_string(),
    }
}

fn fails<O>(program: impl Fn(&mut Ctx, &()) -> Result<O>) -> String {
    message(trace(&mut Ctx::new(0), &program, &()))
}

#[test]
fn two_sites_of_one_name() {
    let text = fails(|ctx, _| {
        ctx.sample("x", Normal::new(0.0, 1.0))?;
        ctx.sample("x", Normal::new(0.0, 1.0))
    });
    assert_eq!(text, "two statements are named `x`: names are unique in a run of a program");
}

#[test]
fn a_negative_scale() {
    let text = fails(|ctx, _| ctx.sample("x", Normal::new(0.0, -2.0)));
    assert_eq!(text, "site `x`: parameter `scale` of Normal must be positive, but has -2");
}

#[test]
fn a_negative_scale_in_one_row_of_data() {
    let text = fails(|ctx, _| {
        ctx.plate("rows", &Tensor::from([1.0, -0.5, 2.0]), |ctx, s| ctx.sample("x", Normal::new(0.0, s)))
    });
    assert_eq!(text, "site `x`: parameter `scale` of Normal must be positive, but has -0.5");
}

#[test]
fn data_that_are_nan() {
    let text = fails(|ctx, _| {
        let y = Tensor::from([1.0, f64::NAN]);
        ctx.plate("rows", &y, |ctx, y| ctx.observe("y", Normal::new(0.0, 1.0), y))
    });
    assert_eq!(text, "site `y`: the data must be in the support real, but has NaN");
}

#[test]
fn shapes_that_do_not_broadcast_name_the_line() {
    let text = fails(|ctx, _| {
        let mean = Tensor::zeros([3]) + Tensor::zeros([4]);
        ctx.sample("x", Normal::new(mean, 1.0))
    });
    assert!(text.starts_with("site `x`: add: shapes do not broadcast (shapes [3], [4]), at "), "{text}");
    assert!(text.contains("errors.rs:"), "{text}");
}

#[test]
fn data_of_the_wrong_shape() {
    let text = fails(|ctx, _| ctx.observe("x", Normal::new(Tensor::zeros([3]), 1.0), vec![1.0, 2.0]));
    assert_eq!(text, "site `x`: the value has shape [2], a draw of the Normal distribution [3]");
}

#[test]
fn a_row_that_leaks_from_its_plate() {
    let text = fails(|ctx, _| {
        let mut leaked = None;
        ctx.plate("rows", 3usize, |ctx, _| {
            leaked = Some(ctx.sample("z", Normal::new(0.0, 1.0))?);
            Ok(())
        })?;
        ctx.sample("x", Normal::new(leaked.unwrap_or(Tensor::from(0.0)), 1.0))
    });
    let expected = "site `x`: plate `rows`: a value of one of its rows is used outside: \
                    return it from the plate's closure";
    assert_eq!(text, expected);
}

#[test]
fn columns_of_different_lengths() {
    #[derive(Clone, TensorTree)]
    struct Columns {
        x: Tensor,
        y: Tensor,
    }
    let columns = Columns { x: Tensor::zeros([3]), y: Tensor::zeros([4]) };
    let text = fails(|ctx, _| ctx.plate("rows", &columns, |_, _| Ok(())));
    assert_eq!(text, "plate `rows`: column `y` has 4 rows, column `x` 3");
}

#[test]
fn impossible_subsamples_and_reopened_plates() {
    let text = fails(|ctx, _| ctx.plate("rows", 3usize.subsample(4), |_, _| Ok(())));
    assert_eq!(text, "plate `rows`: 4 of 3 rows cannot be chosen");
    let text = fails(|ctx, _| ctx.plate("rows", 3usize, |ctx, _| ctx.plate("rows", 2usize, |_, _| Ok(()))));
    assert_eq!(text, "plate `rows`: is opened inside itself");
    let text = fails(|ctx, _| {
        let column = Tensor::zeros([3]);
        ctx.plate("rows", (&column).at_rows([5i64]), |_, _| Ok(()))
    });
    assert!(text.contains("index 5 is outside 0..3"), "{text}");
}

#[test]
fn conditions_of_the_wrong_shape() {
    let model =
        |ctx: &mut Ctx, _: &()| ctx.plate("rows", 3usize, |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0)));
    let text = message(trace(&mut Ctx::new(0), &condition(model, [("z", Tensor::zeros([4]))]), &()));
    assert_eq!(text, "site `z`: plate `rows`: a value has 4 rows, the plate 3");
}

#[test]
fn a_value_that_a_trace_does_not_have() {
    let model = |ctx: &mut Ctx, _: &()| ctx.sample("z", Normal::new(0.0, 1.0));
    let (run, _) = trace(&mut Ctx::new(0), &model, &()).unwrap();
    assert_eq!(message(run.value("zz")), "there is no site named `zz`; there are: z");
}

#[test]
fn parameters_outside_their_constraint() {
    let text = fails(|ctx, _| ctx.param_in("s", -1.0, constraints::positive()));
    assert_eq!(text, "site `s`: the initial value must be in the support positive, but has -1");
    let text = fails(|ctx, _| {
        ctx.param("w", Tensor::zeros([2]))?;
        ctx.param("w", Tensor::zeros([3]))
    });
    assert_eq!(text, "site `w`: the stored parameter has shape [2], the statement [3]");
    let text = fails(|ctx, _| {
        ctx.param("w", 1.0)?;
        ctx.param_in("w", 1.0, constraints::positive())
    });
    assert_eq!(text, "site `w`: the stored parameter is real, the statement says positive");
}

#[test]
fn parameters_are_saved_whole_and_damaged_files_are_refused() {
    let folder = TemporaryPath::new("core-params");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("params.safetensors");
    let program = |ctx: &mut Ctx, _: &()| {
        ctx.param("w", Tensor::from([0.1, -2.0]))?;
        ctx.param_in("s", 0.3, constraints::positive())
    };
    let mut ctx = Ctx::new(0);
    trace(&mut ctx, &program, &()).unwrap();
    ctx.params().save(&path).unwrap();

    let loaded = ParamStore::load(&path, &Device::cpu()).unwrap();
    assert_eq!(loaded.names().collect::<Vec<_>>(), ["w", "s"]);
    for name in ["w", "s"] {
        let (a, b) = (loaded.get(name).unwrap(), ctx.params().get(name).unwrap());
        assert_eq!(a.to_f64().unwrap(), b.to_f64().unwrap());
        let (a, b) = (loaded.unconstrained(name).unwrap(), ctx.params().unconstrained(name).unwrap());
        assert_eq!(a.to_f64().unwrap(), b.to_f64().unwrap());
    }
    let mut again = Ctx::new(0).with_params(loaded);
    let (_, s) = trace(&mut again, &program, &()).unwrap();
    assert_eq!(s.to_scalar().unwrap(), ctx.params().get("s").unwrap().to_scalar().unwrap());

    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    let text = message(ParamStore::load(&path, &Device::cpu()));
    assert!(text.starts_with(&path.display().to_string()), "{text}");
    let text = message(ParamStore::load(folder.join("none"), &Device::cpu()));
    assert!(text.contains("No such file"), "{text}");
}
