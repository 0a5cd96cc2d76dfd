//! Files: damaged, foreign, absent, in the wrong place.

use std::path::{Path, PathBuf};

use ppl::core::TensorFile;
use ppl::prelude::*;

use crate::{Refusals, bits};

/// A folder that is removed with its content at the end of a test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let thread = format!("{:?}", std::thread::current().id());
        let number: String = thread.chars().filter(char::is_ascii_digit).collect();
        let path = std::env::temp_dir().join(format!("ppl-bad-input-{}-{number}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What is in it, in order.
    fn content(&self) -> Vec<String> {
        let entry =
            |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = std::fs::read_dir(&self.0).unwrap().map(entry).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// What a file holds, bit for bit: texts, and tensors with their types.
pub(crate) type Content = (Vec<(String, String)>, Vec<(String, String, Vec<u64>)>);

/// The order of a file's header is left to chance, so bytes do not tell.
pub(crate) fn content(path: &Path) -> Content {
    let file = TensorFile::read(path).unwrap();
    let texts = file.texts().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    let tensor = |name: &str| {
        let value = file.tensor(name, &Device::cpu()).unwrap();
        let bits = value.to_f64().unwrap().iter().map(|x| x.to_bits()).collect();
        (name.to_owned(), format!("{} {}", value.dtype(), value.shape()), bits)
    };
    let mut tensors: Vec<_> = file.names().map(tensor).collect();
    tensors.sort();
    (texts, tensors)
}

fn program(ctx: &mut Ctx, _: &()) -> Result<()> {
    let w = ctx.param("w", Tensor::from([0.1, -2.0]))?;
    let s = ctx.param_in("s", 0.3, constraints::positive())?;
    ctx.factor("loss", -(w.square().sum_all() + s))
}

fn nothing(_: &mut Ctx, _: &()) -> Result<()> {
    Ok(())
}

type Program = fn(&mut Ctx, &()) -> Result<()>;

fn fit() -> Svi<Program, Program, Adam, TraceElbo> {
    Svi::new(program as Program, nothing as Program, Adam::new(0.1), TraceElbo::new()).progress(false)
}

fn fitted() -> Svi<Program, Program, Adam, TraceElbo> {
    let mut svi = fit();
    svi.run(2, &()).unwrap();
    svi
}

/// The message without the path before it.
fn reason<O>(path: &Path, result: Result<O>) -> std::result::Result<(), String> {
    let message = result.err().map_or_else(|| "(no error)".to_owned(), |error| error.to_string());
    Err(message
        .strip_prefix(&format!("{}: ", path.display()))
        .map_or(format!("no path: {message}"), str::to_owned))
}

#[test]
fn files_that_are_no_parameters() {
    let folder = Folder::new("params");
    let path = folder.file("file");
    let svi = fitted();
    svi.params().save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let load = || reason(&path, ParamStore::load(&path, &Device::cpu()));
    let mut refusals = Refusals::default();
    for length in [0, 4, 8, 60, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        refusals.of("is damaged: …", load);
    }
    let mut longer = bytes.clone();
    longer.push(0);
    std::fs::write(&path, &longer).unwrap();
    refusals.of("is damaged: …", load);
    std::fs::write(&path, [0xff; 64]).unwrap();
    refusals.of("is damaged: …", load);

    let mut other = TensorFile::new();
    other.insert("weights", &Tensor::from([1.0])).unwrap();
    other.write(&path).unwrap();
    refusals.of("the file holds no parameters of a program", load);
    let edited = |edit: &dyn Fn(&mut TensorFile)| {
        let mut file = TensorFile::new();
        svi.params().write_to(&mut file, "").unwrap();
        edit(&mut file);
        file.write(&path).unwrap();
    };
    edited(&|file| file.insert_text("order w", "first"));
    refusals.of("the order of parameter `w` is not a number", load);
    edited(&|file| file.insert("unconstrained/w", &Tensor::from([1_i64, 2])).unwrap());
    refusals.of("parameter `w` is not of floats", load);
    edited(&|file| file.insert_text("constraint v", "real"));
    refusals.of("the entry `order v` is missing", load);
    edited(&|file| {
        file.insert_text("constraint v", "real");
        file.insert_text("order v", "7");
    });
    refusals.of("the tensor `unconstrained/v` is missing", load);

    std::fs::remove_file(&path).unwrap();
    refusals.of("No such file…", load);
    std::fs::create_dir(&path).unwrap();
    refusals.of("Is a directory…", load);
}

/// Parameters of a file meet a program that states them otherwise.
#[test]
fn parameters_of_another_program() {
    let folder = Folder::new("other");
    let path = folder.file("params");
    fitted().params().save(&path).unwrap();
    let run = |program: fn(&mut Ctx, &()) -> Result<Tensor>| {
        let params = ParamStore::load(&path, &Device::cpu())?;
        trace(&mut Ctx::new(0).with_params(params), &program, &())
    };
    Refusals::default()
        .of("site `w`: the stored parameter has shape [2], the statement []", || {
            run(|ctx, _| ctx.param("w", 0.0))
        })
        .of("site `s`: the stored parameter is positive, the statement says real", || {
            run(|ctx, _| ctx.param("s", 0.0))
        })
        .of("site `s`: the stored parameter is positive, the statement says in [0, 1]", || {
            run(|ctx, _| ctx.param_in("s", 0.5, constraints::unit_interval()))
        })
        .of("site `w`: the stored parameter is real, the statement says positive", || {
            run(|ctx, _| ctx.param_in("w", [1.0, 1.0], constraints::positive()))
        });
}

#[test]
fn values_set_by_hand() {
    let folder = Folder::new("set");
    let path = folder.file("params");
    let svi = fitted();
    svi.params().save(&path).unwrap();
    let (mut known, mut loaded) = (svi.params().clone(), ParamStore::load(&path, &Device::cpu()).unwrap());
    let before = (bits(&known), bits(&loaded));
    let failed = Tensor::zeros([2]) + Tensor::zeros([3]);
    Refusals::default()
        .of("there is no parameter named `v`; there are: w, s", || known.set_unconstrained("v", 1.0.into()))
        .of("parameter `w` has shape [2], the new value [3]", || {
            known.set_unconstrained("w", Tensor::zeros([3]))
        })
        .of("parameter `w` is of floats, the new value of i64", || {
            known.set_unconstrained("w", Tensor::from([1_i64, 2]))
        })
        .of("site `w`: add: shapes do not broadcast (shapes [2], [3]), at …", || {
            known.set_unconstrained("w", failed.clone())
        })
        .of("parameter `s` was loaded: run the program once before changing it", || {
            loaded.set_unconstrained("s", Tensor::from(0.5))
        });
    assert_eq!((bits(&known), bits(&loaded)), before);
}

#[test]
fn places_that_cannot_be_written() {
    let folder = Folder::new("places");
    let svi = fitted();
    let save = |path: PathBuf| svi.save(&path);
    std::fs::create_dir(folder.file("folder")).unwrap();
    std::fs::write(folder.file("plain"), "text").unwrap();
    for path in [folder.file("folder"), folder.file("absent").join("fit"), folder.file("plain").join("fit")] {
        let message = save(path.clone()).unwrap_err().to_string();
        assert!(message.starts_with(&path.display().to_string()), "{message}");
        let message = svi.params().save(&path).unwrap_err().to_string();
        assert!(message.starts_with(&path.display().to_string()), "{message}");
    }
    // Nothing is left behind.
    assert_eq!(folder.content(), ["folder", "plain"]);
    assert_eq!(std::fs::read(folder.file("plain")).unwrap(), b"text");
    assert!(save(PathBuf::new()).is_err());
    assert!(!Path::new(".partial").exists());
    assert_eq!(ParamStore::new().save(folder.file("none")).map_err(|error| error.to_string()), Ok(()));
}

/// Nobody may write there, the superuser included.
#[cfg(target_os = "linux")]
#[test]
fn folders_that_are_read_only() {
    let message = fitted().save("/proc/ppl-fit").unwrap_err().to_string();
    assert!(message.starts_with("/proc/ppl-fit"), "{message}");
}

/// A file that is no fit of this kind changes nothing, whatever is wrong with it.
#[test]
fn files_that_are_no_fits() {
    let folder = Folder::new("fits");
    let (good, bad) = (folder.file("good"), folder.file("bad"));
    let svi = fitted();
    svi.save(&good).unwrap();
    let bytes = std::fs::read(&good).unwrap();
    let mut refusals = Refusals::default();
    let mut refuses = |expected: &str| {
        let mut svi = fitted();
        svi.step(&()).unwrap();
        svi.save(folder.file("before")).unwrap();
        refusals.of(expected, || reason(&bad, svi.load(&bad)));
        svi.save(folder.file("after")).unwrap();
        assert!(content(&folder.file("before")) == content(&folder.file("after")), "{expected}");
    };
    // Of every length in the header, and some in the data.
    for length in (0..bytes.len()).step_by(97) {
        std::fs::write(&bad, &bytes[..length]).unwrap();
        refuses("is damaged: …");
    }
    let copy = |edit: &dyn Fn(&mut TensorFile)| {
        let mut file = TensorFile::read(&good).unwrap();
        edit(&mut file);
        file.write(&bad).unwrap();
    };
    copy(&|file| file.insert_text("format", "ppl fit 999"));
    refuses("the file holds no fit");
    copy(&|file| file.insert_text("skipped", "-1"));
    refuses("the entry `skipped` is not a number");
    copy(&|file| file.insert("key", &Tensor::from([0.5])).unwrap());
    refuses("the entry `key` is not the key of draws");
    copy(&|file| file.insert("losses", &Tensor::from([1_i64])).unwrap());
    refuses("the entry `losses` is not a vector of f64");
    copy(&|file| file.insert("losses", &Tensor::from([[1.0]])).unwrap());
    refuses("the entry `losses` is not a vector of f64");
    copy(&|file| file.insert_text("clock w", "5"));
    refuses("the step count of parameter `w` is missing");
    copy(&|file| file.insert("optimizer/clock/0", &Tensor::from([1.0, 2.0])).unwrap());
    refuses("the entry `optimizer/clock/0` is not a count");
    copy(&|file| file.insert("optimizer/steps", &Tensor::from([1.0, 2.0])).unwrap());
    refuses("the entry `optimizer/steps` is not a count");
    copy(&|file| file.insert("validation/steps", &Tensor::from([1_i64])).unwrap());
    refuses("the entry `validation/steps` is not one of validations");
    copy(&|file| {
        file.insert("validation/steps", &Tensor::from([-1_i64])).unwrap();
        file.insert("validation/losses", &Tensor::from([1.0])).unwrap();
    });
    refuses("the entry `validation/steps` is not one of validations");
    copy(&|file| file.insert("unconstrained/s", &Tensor::from([1.0, 2.0])).unwrap());
    refuses("parameter `s` is f64 [2], that of this fit f64 []");
    std::fs::remove_file(&bad).unwrap();
    std::fs::create_dir(&bad).unwrap();
    refuses("Is a directory…");
}
