//! Derived implementations at work, for a small library with the items that the generated code names.

/// What a library gives.
mod tree {
    use std::hash::Hasher;

    #[derive(Clone, Debug, PartialEq)]
    pub(crate) struct Tensor(pub(crate) f64);

    pub(crate) type Result<T> = std::result::Result<T, String>;

    #[derive(Default)]
    pub(crate) struct TreePath(Vec<String>);

    impl TreePath {
        pub(crate) fn with<R>(&mut self, segment: &str, f: impl FnOnce(&mut TreePath) -> R) -> R {
            self.0.push(segment.to_owned());
            let result = f(self);
            self.0.pop();
            result
        }

        pub(crate) fn text(&self) -> String {
            self.0.join(".")
        }
    }

    pub(crate) trait TensorTree: Sized + Clone {
        fn try_map(
            &self,
            path: &mut TreePath,
            f: &mut dyn FnMut(&TreePath, &Tensor) -> Result<Tensor>,
        ) -> Result<Self>;

        fn hash_static(&self, state: &mut dyn Hasher);
    }

    impl TensorTree for Tensor {
        fn try_map(
            &self,
            path: &mut TreePath,
            f: &mut dyn FnMut(&TreePath, &Tensor) -> Result<Tensor>,
        ) -> Result<Self> {
            f(path, self)
        }

        fn hash_static(&self, _: &mut dyn Hasher) {}
    }

    impl<T: TensorTree> TensorTree for Vec<T> {
        fn try_map(
            &self,
            path: &mut TreePath,
            f: &mut dyn FnMut(&TreePath, &Tensor) -> Result<Tensor>,
        ) -> Result<Self> {
            let items = self.iter().enumerate();
            items.map(|(index, item)| path.with(&index.to_string(), |path| item.try_map(path, f))).collect()
        }

        fn hash_static(&self, state: &mut dyn Hasher) {
            state.write_usize(self.len());
            self.iter().for_each(|item| item.hash_static(state));
        }
    }
}

use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;

use ppl_derive::TensorTree;
use tree::{Tensor, TensorTree, TreePath};

#[derive(Clone, Debug, PartialEq, TensorTree)]
#[tensor_tree(crate = "crate::tree")]
struct Layer {
    r#in: Tensor,
    path: Vec<Tensor>,
    #[tensor_tree(static)]
    width: usize,
}

#[derive(Clone, Debug, PartialEq, TensorTree)]
#[tensor_tree(crate = "tree")]
enum Head<T> {
    Gaussian { scale: T, layer: Layer },
    Pair(T, Tensor),
    Fixed(#[tensor_tree(static)] u32),
    None,
}

#[derive(Clone, Debug, PartialEq, TensorTree)]
#[tensor_tree(crate = "self::tree")]
struct Unit;

#[derive(Clone, TensorTree)]
#[tensor_tree(crate = "self::tree")]
enum Never {}

#[derive(Clone, Debug, PartialEq, TensorTree)]
#[tensor_tree(crate = "self::tree")]
struct Model<'a, T, K, P = (), const N: usize = 2>(
    Vec<Head<T>>,
    #[tensor_tree(static)] [K; N],
    Unit,
    #[tensor_tree(static)] &'a str,
    #[tensor_tree(static)] PhantomData<P>,
)
where
    T: Debug;

fn layer(value: f64) -> Layer {
    Layer { r#in: Tensor(value), path: vec![Tensor(value + 1.0), Tensor(value + 2.0)], width: 3 }
}

fn model(value: f64) -> Model<'static, Tensor, char> {
    let heads = vec![
        Head::Gaussian { scale: Tensor(value), layer: layer(value + 1.0) },
        Head::Pair(Tensor(value + 4.0), Tensor(value + 5.0)),
        Head::Fixed(7),
        Head::None,
    ];
    Model(heads, ['a', 'b'], Unit, "name", PhantomData)
}

fn hash(tree: &impl TensorTree) -> u64 {
    let mut state = DefaultHasher::new();
    tree.hash_static(&mut state);
    state.finish()
}

#[test]
fn mapping_visits_every_leaf_once_in_order_under_its_path() {
    let mut seen = Vec::new();
    let mapped = model(0.0)
        .try_map(&mut TreePath::default(), &mut |path, tensor| {
            seen.push((path.text(), tensor.0));
            Ok(Tensor(tensor.0 + 10.0))
        })
        .unwrap();
    assert_eq!(mapped, model(10.0));
    let expected = [
        ("0.0.Gaussian.scale", 0.0),
        ("0.0.Gaussian.layer.in", 1.0),
        ("0.0.Gaussian.layer.path.0", 2.0),
        ("0.0.Gaussian.layer.path.1", 3.0),
        ("0.1.Pair.0", 4.0),
        ("0.1.Pair.1", 5.0),
    ];
    assert_eq!(seen, expected.map(|(path, value)| (path.to_owned(), value)));
}

#[test]
fn an_error_ends_the_mapping() {
    let mut calls = 0;
    let result = model(0.0).try_map(&mut TreePath::default(), &mut |path, _| {
        calls += 1;
        Err(path.text())
    });
    assert_eq!(result.unwrap_err(), "0.0.Gaussian.scale");
    assert_eq!(calls, 1);
}

#[test]
fn the_hash_depends_on_the_static_part_only() {
    assert_eq!(hash(&model(0.0)), hash(&model(1.0)));
    let original = model(0.0);
    let wider = Head::Gaussian { scale: Tensor(0.0), layer: Layer { width: 4, ..layer(1.0) } };
    let changed = [
        Model { 0: vec![], ..original.clone() },
        Model { 1: ['a', 'c'], ..original.clone() },
        Model { 3: "other", ..original.clone() },
        Model { 0: [vec![wider], original.0[1..].to_vec()].concat(), ..original.clone() },
    ];
    let mut hashes: Vec<u64> = changed.iter().map(hash).chain([hash(&original)]).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 5);
}

#[test]
fn the_variant_is_part_of_the_hash() {
    let heads: [Head<Tensor>; 3] = [Head::Fixed(1), Head::Fixed(2), Head::None];
    assert_ne!(hash(&heads[0]), hash(&heads[1]));
    assert_ne!(hash(&heads[0]), hash(&heads[2]));
    let mut written = DefaultHasher::new();
    "None".hash(&mut written);
    assert_eq!(hash(&heads[2]), written.finish());
}

#[test]
fn types_without_fields_derive() {
    fn is_tree<T: TensorTree>() {}
    is_tree::<Never>();
    assert_eq!(Unit.try_map(&mut TreePath::default(), &mut |_, _| Err(String::new())), Ok(Unit));
    assert_eq!(hash(&Unit), DefaultHasher::new().finish());
}
