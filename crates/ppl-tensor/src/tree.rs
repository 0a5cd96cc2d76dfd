//! Trees of tensors: what programs take and give.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::{Result, Tensor};

/// Where a leaf sits in its tree: `weights.0.bias`.
#[derive(Debug, Default)]
pub struct TreePath(String);

impl TreePath {
    /// The path of the tree itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// Runs `f` one level further in.
    pub fn with<R>(&mut self, segment: &str, f: impl FnOnce(&mut TreePath) -> R) -> R {
        let outer = self.0.len();
        if outer > 0 {
            self.0.push('.');
        }
        self.0.push_str(segment);
        let result = f(self);
        self.0.truncate(outer);
        result
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "value" } else { &self.0 })
    }
}

/// A structure whose leaves are tensors: tensors, options, vectors, arrays, tuples and maps of them, and structs with
/// `#[derive(TensorTree)]`. What is not a tensor is static: part of a compiled program's cache key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tree of tensors",
    note = "trees are tensors, options, vectors, tuples and maps of trees, and structs with `#[derive(Clone, TensorTree)]`"
)]
pub trait TensorTree: Sized + Clone {
    /// Rebuilds the tree with each tensor replaced, in a fixed order.
    ///
    /// # Errors
    /// The first that `f` returns.
    fn try_map(
        &self,
        path: &mut TreePath,
        f: &mut dyn FnMut(&TreePath, &Tensor) -> Result<Tensor>,
    ) -> Result<Self>;

    /// Feeds everything that is not a tensor to a hasher.
    fn hash_static(&self, state: &mut dyn Hasher);

    /// Visits every tensor, in the order of [`TensorTree::try_map`].
    ///
    /// # Errors
    /// The first that `f` returns.
    fn visit(&self, f: &mut dyn FnMut(&Tensor) -> Result<()>) -> Result<()> {
        self.try_map(&mut TreePath::root(), &mut |_, leaf| f(leaf).map(|()| leaf.clone())).map(|_| ())
    }
}

impl TensorTree for Tensor {
    fn try_map(
        &self,
        path: &mut TreePath,
        f: &mut dyn FnMut(&TreePath, &Tensor) -> Result<Tensor>,
    ) -> Result<Self> {
        f(path, self)
    }

    fn hash_static(&self, _state: &mut dyn Hasher) {}
}

impl<T: TensorTree> TensorTree for Option<T> {
    fn try_map(
        &self,
        path: &mut TreePath,
        f: &mut dyn FnMut(&TreePath, &Tensor) -> Result<Tensor>,
    ) -> Result<Self> {
        self.as_ref().map(|tree| tree.try_map(path, f)).transpose()
    }

    fn hash_static(&self, mut state: &mut dyn Hasher) {
        self.is_some().hash(&mut state);
        if let Some(tree) = self {
            tree.hash_static(state);
        }
    }
}

impl<T: TensorTree> TensorTree for Vec<T> {
    fn try_map(
        &self,
        path: &mut TreePath,
        f: &mut dyn FnMut(&TreePath, &Tensor) -> Result<Tensor>,
    ) -> Result<Self> {
        self.iter()
            .enumerate()
            .map(|(i, tree)| path.with(&i.to_string(), |path| tree.try_map(path, f)))
            .collect()
    }

    fn hash_static(&self, mut state: &mut dyn Hasher) {
        self.len().hash(&mut state);
        for tree in self {
            tree.hash_static(state);
        }
    }
}

impl<T: TensorTree> TensorTree for BTreeMap<String, T> {
    fn try_map(
        &self,
        path: &mut TreePath,
        f: &mut dyn FnMut(&TreePath, &Tensor) -> Result<Tensor>,
    ) -> Result<Self> {
        self.iter()
            .map(|(name, tree)| Ok((name.clone(), path.with(name, |path| tree.try_map(path, f))?)))
            .collect()
    }

    fn hash_static(&self, mut state: &mut dyn Hasher) {
        self.len().hash(&mut state);
        for (name, tree) in self {
            name.hash(&mut state);
            tree.hash_static(state);
        }
    }
}

macro_rules! tuple {
    ($($name:ident $index:tt),*) => {
        impl<$($name: TensorTree),*> TensorTree for ($($name,)*) {
            #[allow(unused_variables)]
            fn try_map(
                &self,
                path: &mut TreePath,
                f: &mut dyn FnMut(&TreePath, &Tensor) -> Result<Tensor>,
            ) -> Result<Self> {
                Ok(($(path.with(stringify!($index), |path| self.$index.try_map(path, f))?,)*))
            }

            #[allow(unused_variables)]
            fn hash_static(&self, state: &mut dyn Hasher) {
                $(self.$index.hash_static(state);)*
            }
        }
    };
}

tuple!();
tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, G 5);
