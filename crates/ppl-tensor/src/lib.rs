//! Tensors for probabilistic programs.
//!
//! One closed table of primitive operations ([`Op`]) serves everything: eager execution runs an operation on a
//! [`Backend`], differentiation ([`grad`]) walks recorded operations backwards, [`trace`] records them into a
//! [`Graph`], implicit axes ([`vmap`]) batch them, and [`compile`] makes a [`Program`] of them. A loop over time
//! ([`scan`]) is one operation.
//!
//! ```
//! use ppl_tensor::{Tensor, grad};
//!
//! let x = Tensor::from([1.0, 2.0, 3.0]).tracked();
//! let y = (x.square() * 0.5).sum_all();
//! let dy_dx = grad(&y, &[&x])?;
//! assert_eq!(dy_dx[0].to_vec::<f64>()?, [1.0, 2.0, 3.0]);
//! # Ok::<(), ppl_tensor::Error>(())
//! ```

extern crate self as ppl_tensor;

mod array;
mod autodiff;
mod axes;
mod backend;
mod data;
mod device;
mod dtype;
mod error;
mod graph;
mod host;
mod key;
pub mod op;
mod provenance;
mod shape;
mod tensor;
mod tree;
mod weak;

pub mod slices {
    //! The host backend's algorithms on slices, for what has memory of its own to run operations in: they allocate nothing
    //! (products but what `gemm` packs), and give what the operations give, to the bit.

    pub use crate::host::{
        arg_max_f64, arg_max_i64, arg_sort_f64, arg_sort_i64, matmul_f32, matmul_f64, subsample_scratch,
        subsamples, symmetric_eigen_f64,
    };
}

pub use array::no_grad;
pub use autodiff::{grad, grad_recorded, linearize};
pub use axes::{Axes, Axis, AxisId};
pub use backend::{Backend, Executable};
pub use data::{Element, HostData, HostTensor, TensorType};
pub use device::Device;
pub use dtype::DType;
pub use error::{Error, ErrorKind, Result};
pub use graph::{Constant, Graph, Interpreter, Node, NodeId, NodeKind, Program, Traced, compile, trace};
pub use host::{HostBackend, KeyStream};
pub use key::Key;
pub use op::{CustomOp, Op};
pub use ppl_derive::TensorTree;
pub use provenance::{Provenance, Source, watch_reads};
pub use shape::{Dims, Shape};
pub use tensor::{OdeCourse, Tensor, integrate_ode, scan, vmap};
pub use tree::{TensorTree, TreePath};
