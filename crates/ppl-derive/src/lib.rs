//! `#[derive(TensorTree)]`: makes a struct or an enum of tensors usable wherever a tree of tensors is expected.
//!
//! Users import the macro with the trait, from `ppl` or from `ppl_tensor`.

mod attributes;
mod crate_path;
mod expand;
mod model;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `TensorTree` for a struct or an enum, field by field.
///
/// The type must also be `Clone`. The path of a tensor is made of the names of the fields that lead to it (`0`,
/// `1`, … in a tuple struct), which an enum precedes with the name of the variant.
///
/// ```ignore
/// use ppl::tensor::{Tensor, TensorTree};
///
/// #[derive(Clone, TensorTree)]
/// struct Layer {
///     weight: Tensor,
///     bias: Option<Tensor>,
///     #[tensor_tree(static)]
///     activation: Activation,
/// }
///
/// #[derive(Clone, Copy, Hash)]
/// enum Activation {
///     Tanh,
///     Relu,
/// }
///
/// // Its leaves are `layers.0.weight`, `layers.0.bias`, …, `head.Gaussian.scale`.
/// #[derive(Clone, TensorTree)]
/// struct Network<H> {
///     layers: Vec<Layer>,
///     head: H,
/// }
///
/// #[derive(Clone, TensorTree)]
/// enum Head {
///     Gaussian { scale: Tensor },
///     Bernoulli,
/// }
/// ```
///
/// # Fields
///
/// A field without an attribute is a subtree: its type implements `TensorTree`, as `Tensor`, options, vectors and
/// tuples of trees, and other deriving types do.
///
/// `#[tensor_tree(static)]` makes a field part of the structure instead: its type implements `Clone` and `Hash`,
/// mapping the tree clones it as it is, and its hash is part of the key of compiled programs, so a different value
/// compiles another program. The variant of an enum is always part of that key.
///
/// # Type parameters
///
/// A type parameter that occurs in a subtree is bound by `TensorTree`, one that occurs in a static field by `Clone`
/// and `Hash`. Parameters that occur in no field get no bound.
///
/// # The path of the library
///
/// The generated code names the library `::ppl_tensor`, or `::ppl::tensor` in a package whose manifest lists `ppl`
/// and not `ppl-tensor` among its dependencies, and in the package `ppl` itself. Where neither is right (the
/// dependency is renamed, or is reached through another crate), an attribute on the type names it:
///
/// ```ignore
/// #[derive(Clone, TensorTree)]
/// #[tensor_tree(crate = "my_models::reexported::tensor")]
/// struct Scale(Tensor);
/// ```
#[proc_macro_derive(TensorTree, attributes(tensor_tree))]
pub fn derive_tensor_tree(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::derive(&input, crate_path::of_current_package)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
