//! Loops over time.

use std::panic::Location;

use crate::array::{Array, recording};
use crate::axes::{Axes, union};
use crate::op::scan::{Outputs, Recorder};
use crate::shape::Dims;
use crate::tree::{TensorTree, TreePath};
use crate::{DType, Device, Error, ErrorKind, Result, Shape, Tensor};

/// Runs `body(carry, x)` for each row `x` of `xs` (its first positional dimension), in order; returns the last carry, and
/// the outputs of all steps stacked, with the steps as their first positional dimension.
///
/// It gives what the same loop over [`Tensor`] operations gives, with its gradients of any order, as one operation
/// ([`Op::Scan`](crate::Op::Scan)): `body` is called a few times to record it, however many steps there are, and the
/// record is run `length` times. `xs` may be empty (`()`); a body that asks for the number of the step gets it from a
/// column `Tensor::arange(length)`. Tensors from outside may be used freely; random draws take a key, say
/// `key.fold_in(step)`.
///
/// A carry has one dtype, shape and set of implicit axes in all steps. Where the body's result is larger by broadcasting
/// (a scalar becomes a vector, or gets a plate's axis), the carry is so from the start; Rust numbers take the dtype of
/// what the body makes of them.
///
/// The body cannot depend on values: it is recorded on tensors that have none. Choose with [`select`](Tensor::select).
/// A gradient taken inside it is one of this step alone: the carry it was given is a leaf, without a past.
///
/// ```
/// use ppl_tensor::{Error, Tensor, grad, scan};
///
/// // xₜ = φ xₜ₋₁ + εₜ
/// let (phi, noise) = (Tensor::from(0.5).tracked(), Tensor::from([1.0, 0.0, 2.0]));
/// let (last, path) = scan(3, &Tensor::from(0.0), &noise, |x, e| {
///     let x = &phi * x + e;
///     Ok::<_, Error>((x.clone(), x))
/// })?;
/// assert_eq!(path.to_vec::<f64>()?, [1.0, 0.5, 2.25]);
/// assert_eq!(last.to_scalar()?, 2.25);
/// assert_eq!(grad(&last, &[&phi])?[0].to_scalar()?, 1.0);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If a tensor of `xs` has not `length` rows, the body fails or reads a value, the carry's structure, dtype or shape
/// changes from step to step, or an operation fails in some step.
#[track_caller]
pub fn scan<C, X, Y, E>(
    length: usize,
    init: &C,
    xs: &X,
    mut body: impl FnMut(&C, &X) -> std::result::Result<(C, Y), E>,
) -> std::result::Result<(C, Y), E>
where
    C: TensorTree,
    X: TensorTree,
    Y: TensorTree,
    E: From<Error>,
{
    let location = Location::caller();
    let at = |error: Error| E::from(error.at(location));
    let mut forms = Forms::new(length, init, xs).map_err(at)?;
    if forms.any_weak() {
        let (_, carry, row) = forms.inputs(init, xs).map_err(at)?;
        let (next, output) = recording(true, || body(&carry, &row))?;
        forms.strengthen(&next, &output).map_err(at)?;
    }
    // Each time some leaf grows, and there is no more than an axis or two for it to get from each of the others.
    let mut passes = 8 + 2 * forms.carries.len();
    loop {
        let (recorder, carry, row) = forms.inputs(init, xs).map_err(at)?;
        let (next, output) = recording(true, || body(&carry, &row))?;
        match forms.grow(&next).map_err(at)? {
            None => return forms.run(recorder, init, &next, &output).map_err(at),
            Some(error) if passes == 0 => return Err(at(error)),
            Some(_) => passes -= 1,
        }
    }
}

/// What a leaf is in every step.
#[derive(Clone, PartialEq)]
struct Form {
    dtype: DType,
    shape: Shape,
    axes: Axes,
}

/// A leaf of the carry, or of the rows.
struct Leaf {
    path: String,
    given: Tensor,
    /// Unknown of a weak leaf until the body was called.
    form: Option<Form>,
}

/// What is known of a loop before it is recorded.
struct Forms {
    length: usize,
    device: Device,
    /// The dtype of Rust numbers that meet no other float.
    float: DType,
    carries: Vec<Leaf>,
    rows: Vec<Leaf>,
}

impl Forms {
    fn new(length: usize, init: &impl TensorTree, xs: &impl TensorTree) -> Result<Self> {
        let whole = |(path, given): (String, Tensor)| {
            let form = Form { dtype: given.dtype(), shape: given.shape(), axes: given.axes().clone() };
            Leaf { path, form: (!given.is_weak()).then_some(form), given }
        };
        let carries: Vec<Leaf> = leaves(init)?.into_iter().map(whole).collect();
        let mut rows: Vec<Leaf> = leaves(xs)?.into_iter().map(whole).collect();
        for Leaf { path, given, form } in &mut rows {
            if given.shape().first() != Some(&length) {
                let reason = format!("`{path}` of the rows has not a row for each of {length} steps");
                return Err(Error::shape("scan", [&given.shape()], reason));
            }
            if let Some(form) = form {
                form.shape = form.shape[1..].into();
            }
        }
        let mut forms = Self { length, device: Device::cpu(), float: DType::F64, carries, rows };
        let strong: Vec<Tensor> = forms.given().filter(|x| !x.is_weak()).cloned().collect();
        forms.settle_on(&strong);
        Ok(forms)
    }

    fn given(&self) -> impl Iterator<Item = &Tensor> {
        self.carries.iter().chain(&self.rows).map(|leaf| &leaf.given)
    }

    /// Chooses the device and the float of strong tensors.
    fn settle_on(&mut self, strong: &[Tensor]) {
        self.device = strong.first().map_or_else(Device::cpu, |x| x.device().clone());
        let float = strong.iter().map(Tensor::dtype).find(|dtype| dtype.is_float());
        self.float = float.unwrap_or(self.device.default_float());
    }

    fn any_weak(&self) -> bool {
        self.carries.iter().chain(&self.rows).any(|leaf| leaf.form.is_none())
    }

    /// A record to begin, with what the body is called with: traced tensors, but weak ones as they are.
    fn inputs<C: TensorTree, X: TensorTree>(&self, init: &C, xs: &X) -> Result<(Recorder, C, X)> {
        let mut recorder = Recorder::new(&self.device, self.length, false);
        let known = |leaves: &[Leaf]| leaves.iter().filter_map(|leaf| leaf.form.clone()).collect::<Vec<_>>();
        let carries = self.carries.iter().filter_map(|leaf| {
            Some(conformed(&leaf.given, leaf.form.as_ref()?, &self.device).map(|x| x.array().clone()))
        });
        let carries = recorder.carries(carries.collect::<Result<_>>()?)?;
        let rows = self.rows.iter().filter_map(|leaf| {
            let form = leaf.form.as_ref()?;
            let strong = leaf.given.array().strong_as("scan", &self.device, form.dtype);
            Some(strong.map(|array| move_dimension(&array, form.axes.len(), 0)))
        });
        let rows = recorder.rows(rows.collect::<Result<_>>()?)?;
        let seen = |arrays: Vec<Array>, forms: Vec<Form>| {
            let tensors =
                arrays.into_iter().zip(forms).map(|(array, form)| Tensor::with_axes(array, form.axes));
            tensors.collect::<Vec<_>>().into_iter()
        };
        let mut carries = seen(carries, known(&self.carries));
        let mut rows = seen(rows, known(&self.rows));
        let weak_row = |whole: &Tensor| match self.length {
            0 => {
                let shape: Shape = whole.array().shape()[..whole.axes().len()]
                    .iter()
                    .chain(&whole.shape()[1..])
                    .copied()
                    .collect();
                let zeros = crate::HostTensor::full_as(whole.dtype(), shape, 0.0);
                Tensor::with_axes(Array::weak(zeros), whole.axes().clone())
            }
            _ => whole.select_index(0, 0),
        };
        let pick =
            |leaf: &Leaf, traced: &mut dyn Iterator<Item = Tensor>, weak: &dyn Fn(&Tensor) -> Tensor| {
                leaf.form.as_ref().and_then(|_| traced.next()).unwrap_or_else(|| weak(&leaf.given))
            };
        let carry: Vec<Tensor> =
            self.carries.iter().map(|leaf| pick(leaf, &mut carries, &Tensor::clone)).collect();
        let row: Vec<Tensor> = self.rows.iter().map(|leaf| pick(leaf, &mut rows, &weak_row)).collect();
        Ok((recorder, filled(init, carry)?, filled(xs, row)?))
    }

    /// Finds the forms of weak leaves from what the body made of them.
    fn strengthen(&mut self, next: &impl TensorTree, output: &impl TensorTree) -> Result<()> {
        let next = self.next(next)?;
        let outputs = leaves(output)?.into_iter().map(|(_, leaf)| leaf);
        let all: Vec<Tensor> = self.given().chain(&next).cloned().chain(outputs).collect();
        let strong: Vec<Tensor> = all.into_iter().filter(|x| !x.is_weak()).collect();
        self.settle_on(&strong);
        let float = self.float;
        let of_weak = |dtype: DType| if dtype.is_float() { float } else { dtype };
        for (leaf, next) in self.carries.iter_mut().zip(&next) {
            if leaf.form.is_none() {
                let (own, found) = (leaf.given.dtype(), next.dtype());
                let dtype = match next.is_weak() {
                    false => found,
                    true if own.is_float() || found.is_float() => float,
                    true => found,
                };
                let (shape, axes) = (leaf.given.shape(), leaf.given.axes().clone());
                leaf.form = Some(Form { dtype, shape, axes });
            }
        }
        for leaf in self.rows.iter_mut().filter(|leaf| leaf.form.is_none()) {
            let (dtype, axes) = (of_weak(leaf.given.dtype()), leaf.given.axes().clone());
            leaf.form = Some(Form { dtype, shape: leaf.given.shape()[1..].into(), axes });
        }
        Ok(())
    }

    /// The leaves of the carry that a step leaves behind.
    fn next(&self, next: &impl TensorTree) -> Result<Vec<Tensor>> {
        let next = leaves(next)?;
        let paths = self.carries.iter().map(|leaf| &leaf.path);
        if !paths.clone().eq(next.iter().map(|(path, _)| path)) {
            let list = |paths: Vec<&String>| paths.into_iter().cloned().collect::<Vec<_>>().join("`, `");
            let reason = format!(
                "a step takes carries `{}` and gives `{}`",
                list(paths.collect()),
                list(next.iter().map(|(path, _)| path).collect())
            );
            return Err(Error::argument("scan", reason));
        }
        Ok(next.into_iter().map(|(_, leaf)| leaf).collect())
    }

    /// Widens the carries to hold what a step gives: none if they did already, otherwise what to say if it never ends.
    fn grow(&mut self, next: &impl TensorTree) -> Result<Option<Error>> {
        let next = self.next(next)?;
        let mut growing = None;
        for (leaf, next) in self.carries.iter_mut().zip(&next) {
            let Some(form) = &mut leaf.form else { continue };
            let wider = form.with(&leaf.path, next)?;
            if wider != *form {
                let reason = format!("carry `{}` grows with every step", leaf.path);
                growing = growing.or_else(|| Some(Error::shape("scan", [&form.shape, &wider.shape], reason)));
                *form = wider;
            }
        }
        Ok(growing)
    }

    fn run<C: TensorTree, Y: TensorTree>(
        &self,
        recorder: Recorder,
        init: &C,
        next: &C,
        output: &Y,
    ) -> Result<(C, Y)> {
        let next = recording(true, || {
            let forms = self.carries.iter().filter_map(|leaf| leaf.form.as_ref());
            let next = self.next(next)?.into_iter().zip(forms);
            next.map(|(next, form)| conformed(&next, form, &self.device)).collect::<Result<Vec<_>>>()
        })?;
        let strong = |leaf: &Tensor| {
            let dtype = if leaf.dtype().is_float() { self.float } else { leaf.dtype() };
            let array = leaf.array().strong_as("scan", &self.device, dtype)?;
            Ok(Tensor::with_axes(array, leaf.axes().clone()))
        };
        let stacked = leaves(output)?.iter().map(|(_, leaf)| strong(leaf)).collect::<Result<Vec<_>>>()?;
        let arrays = |tensors: &[Tensor]| tensors.iter().map(|x| x.array().clone()).collect();
        let outputs = Outputs {
            carries: arrays(&next),
            summed: Vec::new(),
            stacked: arrays(&stacked),
            keeps_carries: false,
        };
        let mut results = recorder.finish(outputs)?.into_iter();
        let last = results.by_ref().take(next.len()).zip(&next);
        let last = last.map(|(array, like)| Tensor::with_axes(array, like.axes().clone())).collect();
        let stacks = results.zip(&stacked).map(|(array, like)| {
            let axes = like.axes().clone();
            Tensor::with_axes(move_dimension(&array, 0, axes.len()), axes)
        });
        Ok((filled(init, last)?, filled(output, stacks.collect())?))
    }
}

impl Form {
    /// The form that holds both this and what a step gives.
    fn with(&self, path: &str, next: &Tensor) -> Result<Form> {
        let fits = next.dtype() == self.dtype
            || next.is_weak() && self.dtype != DType::Bool && next.dtype() != DType::Bool;
        if !fits {
            let reason = format!("carry `{path}` changes its dtype in a step: use `cast`");
            let dtypes = vec![self.dtype, next.dtype()];
            return Err(ErrorKind::DType { op: "scan".into(), dtypes, reason }.into());
        }
        let axes = union(&self.axes, next.axes()).map_err(|(left, right)| {
            Error::axis("scan", format!("carry `{path}`: rows of {left} met rows of {right}"))
        })?;
        let shape = self.shape.broadcast(&next.shape()).ok_or_else(|| {
            let reason =
                format!("carry `{path}` enters a step with the first shape and leaves it with the second");
            Error::shape("scan", [&self.shape, &next.shape()], reason)
        })?;
        Ok(Form { dtype: self.dtype, shape, axes })
    }
}

/// A tensor as a form that holds it.
fn conformed(tensor: &Tensor, form: &Form, device: &Device) -> Result<Tensor> {
    let array = tensor.array().strong_as("scan", device, form.dtype)?;
    let wide = Tensor::with_axes(array, tensor.axes().clone()).broadcast_to(&form.shape);
    form.axes.iter().fold(wide, |wide, &axis| wide.expand_over(axis)).check().cloned()
}

/// The array with dimension `from` as dimension `to`.
fn move_dimension(array: &Array, from: usize, to: usize) -> Array {
    let mut order: Dims = (0..array.shape().rank()).collect();
    let dimension = order.remove(from);
    order.insert(to, dimension);
    array.permute(order)
}

fn leaves(tree: &impl TensorTree) -> Result<Vec<(String, Tensor)>> {
    let mut leaves = Vec::new();
    tree.try_map(&mut TreePath::root(), &mut |path, leaf| {
        leaves.push((path.to_string(), leaf.check()?.clone()));
        Ok(leaf.clone())
    })?;
    Ok(leaves)
}

/// The tree with other leaves, in order.
fn filled<T: TensorTree>(tree: &T, leaves: Vec<Tensor>) -> Result<T> {
    let mut leaves = leaves.into_iter();
    tree.try_map(&mut TreePath::root(), &mut |path, _| {
        leaves.next().ok_or_else(|| Error::argument("scan", format!("there is no value for `{path}`")))
    })
}
