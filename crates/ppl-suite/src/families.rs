//! Tests by family, so that a failure names the operations.

/// Declares a module of tests for each family of operations, with one test for each of the given functions from a
/// [`Family`](crate::Family).
///
/// ```
/// # mod tests {
/// use ppl_suite::{Family, for_each_case, laws};
/// use ppl_tensor::{DType, Device, HostBackend};
///
/// fn gradients_are_slopes(family: Family) {
///     let device = Device::new(HostBackend, DType::F64);
///     for_each_case(family, 64, |case| laws::gradient_is_slope(case, &device));
/// }
///
/// ppl_suite::family_tests!(gradients_are_slopes);
/// # }
/// ```
#[macro_export]
macro_rules! family_tests {
    ($($law:ident),+ $(,)?) => {
        $crate::family_tests! {
            @each [unary Unary] [binary Binary] [choice Choice] [layout Layout] [index Index] [reduction Reduction]
            [linear Linear] [loops Loop] [random Random] [custom Custom]; ($($law)+)
        }
    };
    (@each $([$module:ident $family:ident])+; $laws:tt) => {
        $($crate::family_tests!(@one $module $family $laws);)+
    };
    (@one $module:ident $family:ident ($($law:ident)+)) => {
        mod $module {
            $(
                #[test]
                fn $law() {
                    super::$law($crate::Family::$family);
                }
            )+
        }
    };
}

const _: () = assert!(crate::Family::ALL.len() == 10, "`family_tests` lists another number of families");
