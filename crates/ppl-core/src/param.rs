//! Learnable parameters, owned by whoever trains.

use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use ppl_tensor::{Device, Shape, Tensor, TensorTree, TreePath};

use crate::constraint::{Constraint, check_rank, offending};
use crate::plate::Frame;
use crate::{Error, Result, TensorFile};

/// Named parameters: their unconstrained values, and the constraints that map them to what the program sees.
#[derive(Debug, Clone, Default)]
pub struct ParamStore {
    params: IndexMap<String, Param>,
    /// Whether new parameters are leaves of which gradients can be asked.
    tracking: bool,
}

#[derive(Debug, Clone)]
struct Param {
    unconstrained: Tensor,
    scale: Scale,
}

/// How the constrained value follows from the unconstrained one.
#[derive(Debug, Clone)]
enum Scale {
    Real,
    In(Arc<dyn Constraint>),
    /// Read from a file: the constraint's name and the constrained value. The constraint itself comes with the first
    /// `param` statement.
    Loaded {
        constraint: String,
        constrained: Tensor,
    },
}

const REAL: &str = "real";
const CONSTRAINT_KEY: &str = "constraint ";

impl Param {
    fn constrained(&self) -> Result<Tensor> {
        match &self.scale {
            Scale::Real => Ok(self.unconstrained.clone()),
            Scale::In(constraint) => Ok(constraint.bijection()?.forward(&self.unconstrained)),
            Scale::Loaded { constrained, .. } => Ok(constrained.clone()),
        }
    }

    fn constraint_name(&self) -> String {
        match &self.scale {
            Scale::Real => REAL.to_owned(),
            Scale::In(constraint) => constraint.name(),
            Scale::Loaded { constraint, .. } => constraint.clone(),
        }
    }
}

impl ParamStore {
    /// A store without parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names, in the order in which the parameters first appeared.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.params.keys()
    }

    /// Number of parameters.
    pub fn len(&self) -> usize {
        self.params.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.params.is_empty()
    }

    /// The value of a parameter, as the program sees it.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn get(&self, name: &str) -> Result<Tensor> {
        Ok(self.find(name)?.constrained()?.detach())
    }

    /// The unconstrained value of a parameter.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn unconstrained(&self, name: &str) -> Result<&Tensor> {
        Ok(&self.find(name)?.unconstrained)
    }

    fn find(&self, name: &str) -> Result<&Param> {
        self.params.get(name).ok_or_else(|| Error::unknown("parameter", name, self.params.keys()))
    }

    /// Replaces the unconstrained value of a parameter.
    ///
    /// # Errors
    /// If there is none of that name, the shape differs, or the value is not of floats. Nothing is changed then.
    pub fn set_unconstrained(&mut self, name: &str, value: Tensor) -> Result<()> {
        let known = self.find(name)?;
        value.check().map_err(|error| Error::from(error).at_site(name))?;
        let (wanted, shape) = (known.unconstrained.shape(), value.shape());
        if shape != wanted {
            return Err(Error::Shape(format!(
                "parameter `{name}` has shape {wanted}, the new value {shape}"
            )));
        }
        if !value.dtype().is_float() {
            let dtype = value.dtype();
            return Err(Error::Shape(format!("parameter `{name}` is of floats, the new value of {dtype}")));
        }
        if let Scale::Loaded { .. } = known.scale {
            return Err(Error::argument(format!(
                "parameter `{name}` was loaded: run the program once before changing it"
            )));
        }
        if let Some(param) = self.params.get_mut(name) {
            param.unconstrained = if self.tracking { value.tracked() } else { value };
        }
        Ok(())
    }

    /// Makes every parameter, present and future, a leaf of which gradients can be asked; or none.
    pub fn track(&mut self, tracking: bool) {
        self.tracking = tracking;
        for param in self.params.values_mut() {
            let value = &param.unconstrained;
            param.unconstrained = if tracking { value.detach().tracked() } else { value.detach() };
        }
    }

    /// The value of a `param` statement: the stored one, or `init` stored now.
    pub(crate) fn resolve(
        &mut self,
        name: &str,
        init: &Tensor,
        constraint: Option<&Arc<dyn Constraint>>,
        frames: &[Frame],
        device: &Device,
    ) -> Result<Tensor> {
        if let Some(axis) = init.axes().first() {
            let reason =
                format!("the initial value depends on the row of {axis}: give one value for all rows");
            return Err(Error::Shape(reason));
        }
        let plates: Vec<&Frame> = frames.iter().filter(|f| f.has_rows()).collect();
        let shape: Shape =
            plates.iter().map(|frame| frame.population).chain(init.shape().iter().copied()).collect();
        if !self.params.contains_key(name) {
            let unconstrained = self.start(init, constraint, &shape, device)?;
            let scale = constraint.map_or(Scale::Real, |constraint| Scale::In(constraint.clone()));
            self.params.insert(name.to_owned(), Param { unconstrained, scale });
        }
        let known = self.params.get_mut(name).ok_or_else(|| Error::argument("the parameter is missing"))?;
        attach(known, constraint)?;
        let value = known.constrained()?;
        if value.shape() != shape {
            let stored = value.shape();
            return Err(Error::Shape(format!(
                "the stored parameter has shape {stored}, the statement {shape}"
            )));
        }
        plates.iter().try_fold(value, |value, frame| frame.enter(&value))
    }

    fn start(
        &self,
        init: &Tensor,
        constraint: Option<&Arc<dyn Constraint>>,
        shape: &Shape,
        device: &Device,
    ) -> Result<Tensor> {
        init.check()?;
        let mut value = init.detach().to_device(device);
        if !value.dtype().is_float() {
            value = value.cast(device.default_float());
        }
        let outside = |constraint: String, value: f64| {
            let what = "the initial value".to_owned();
            Err(Error::OutsideSupport { what, constraint, value })
        };
        match constraint {
            Some(constraint) => {
                check_rank(&**constraint, &value)?;
                let bijection = constraint.bijection()?;
                bijection.inverse_shape(&value.shape())?;
                if let Some(offender) = offending(&**constraint, &value)? {
                    return outside(constraint.name(), offender);
                }
                value = bijection.inverse(&value);
            }
            None if !value.is_traced() => {
                let numbers = value.unwatched().to_f64()?;
                if let Some(offender) = numbers.into_iter().find(|number| !number.is_finite()) {
                    return outside(REAL.to_owned(), offender);
                }
            }
            None => {}
        }
        let extra = shape.rank() - init.rank();
        let whole: Shape = shape[..extra].iter().chain(value.shape().iter()).copied().collect();
        let value = value.broadcast_to(whole);
        value.check()?;
        Ok(if self.tracking { value.tracked() } else { value })
    }

    /// Writes the parameters to a safetensors file.
    ///
    /// # Errors
    /// If a value cannot be read or the file not written. The file appears whole or not at all.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut file = TensorFile::new();
        self.write_to(&mut file, "")?;
        file.write(path)
    }

    /// Adds the parameters to a file, which may hold more; `prefix` goes before every entry's name.
    ///
    /// # Errors
    /// If a value cannot be read.
    pub fn write_to(&self, file: &mut TensorFile, prefix: &str) -> Result<()> {
        for (index, (name, param)) in self.params.iter().enumerate() {
            file.insert_text(format!("{prefix}{CONSTRAINT_KEY}{name}"), param.constraint_name());
            file.insert_text(format!("{prefix}order {name}"), index.to_string());
            file.insert(format!("{prefix}unconstrained/{name}"), &param.unconstrained)?;
            file.insert(format!("{prefix}constrained/{name}"), &param.constrained()?)?;
        }
        Ok(())
    }

    /// Reads parameters written by [`ParamStore::save`] to a device.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged or of another kind.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<ParamStore> {
        let file = TensorFile::read(path)?;
        let store = Self::read_from(&file, "", device)?;
        if store.is_empty() && !file.is_empty() {
            return Err(file.damaged("the file holds no parameters of a program"));
        }
        Ok(store)
    }

    /// Reads parameters written by [`ParamStore::write_to`] under the same prefix to a device; none if there are none.
    ///
    /// # Errors
    /// If an entry is missing, or a parameter is not of floats.
    pub fn read_from(file: &TensorFile, prefix: &str, device: &Device) -> Result<ParamStore> {
        let mut params = Vec::new();
        for (key, constraint) in file.texts() {
            let name = key.strip_prefix(prefix).and_then(|key| key.strip_prefix(CONSTRAINT_KEY));
            let Some(name) = name else { continue };
            let order: usize = file
                .text(&format!("{prefix}order {name}"))?
                .parse()
                .map_err(|_| file.damaged(format!("the order of parameter `{name}` is not a number")))?;
            let read = |part: &str| -> Result<Tensor> {
                let value = file.tensor(&format!("{prefix}{part}/{name}"), device)?;
                let fault = || file.damaged(format!("parameter `{name}` is not of floats"));
                if value.dtype().is_float() { Ok(value) } else { Err(fault()) }
            };
            let unconstrained = read("unconstrained")?;
            let scale = match constraint {
                REAL => Scale::Real,
                name => Scale::Loaded { constraint: name.to_owned(), constrained: read("constrained")? },
            };
            params.push((order, name.to_owned(), Param { unconstrained, scale }));
        }
        params.sort_by_key(|(order, ..)| *order);
        let params = params.into_iter().map(|(_, name, param)| (name, param)).collect();
        Ok(ParamStore { params, tracking: false })
    }
}

/// The unconstrained values by name, so that a step that changes them can be traced and compiled.
impl TensorTree for ParamStore {
    fn try_map(
        &self,
        path: &mut TreePath,
        f: &mut dyn FnMut(&TreePath, &Tensor) -> ppl_tensor::Result<Tensor>,
    ) -> ppl_tensor::Result<Self> {
        let param = |(name, param): (&String, &Param)| {
            let unconstrained = path.with(name, |path| f(path, &param.unconstrained))?;
            Ok((name.clone(), Param { unconstrained, scale: param.scale.clone() }))
        };
        let params = self.params.iter().map(param).collect::<ppl_tensor::Result<_>>()?;
        Ok(Self { params, tracking: self.tracking })
    }

    fn visit(&self, f: &mut dyn FnMut(&Tensor) -> ppl_tensor::Result<()>) -> ppl_tensor::Result<()> {
        self.params.values().try_for_each(|param| f(&param.unconstrained))
    }

    fn hash_static(&self, mut hasher: &mut dyn Hasher) {
        self.tracking.hash(&mut hasher);
        for (name, param) in &self.params {
            name.hash(&mut hasher);
            matches!(param.scale, Scale::Loaded { .. }).hash(&mut hasher);
            param.constraint_name().hash(&mut hasher);
        }
    }
}

/// Gives a loaded parameter the constraint of its statement, and checks that a known one has not changed.
fn attach(param: &mut Param, constraint: Option<&Arc<dyn Constraint>>) -> Result<()> {
    let (stored, stated) = (param.constraint_name(), constraint.map_or(REAL.to_owned(), |c| c.name()));
    if stored != stated {
        return Err(Error::argument(format!(
            "the stored parameter is {stored}, the statement says {stated}"
        )));
    }
    if let (Scale::Loaded { .. }, Some(constraint)) = (&param.scale, constraint) {
        param.scale = Scale::In(constraint.clone());
    }
    Ok(())
}
