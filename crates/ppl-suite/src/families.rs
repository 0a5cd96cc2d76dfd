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

/// Declares the tests of what makes programs of recorded functions, for each family of operations: the laws of traces, each
/// given with the family to a function that holds all cases to it.
///
/// ```
/// # mod tests {
/// use ppl_suite::laws::TraceLaw;
/// use ppl_suite::{Family, Tolerance, for_each_case};
/// use ppl_tensor::{Device, compile};
///
/// fn check(family: Family, law: TraceLaw) {
///     for_each_case(family, 8, |case| law(case, &Device::cpu(), Tolerance::EXACT, &compile));
/// }
///
/// ppl_suite::trace_tests!(check);
/// # }
/// ```
#[macro_export]
macro_rules! trace_tests {
    ($check:path) => {
        fn a_program_is_its_function(family: $crate::Family) {
            $check(family, $crate::laws::same_as_eager);
        }

        fn gradients_in_a_program_are_those_outside(family: $crate::Family) {
            $check(family, $crate::laws::gradients_in_a_trace);
        }

        fn maps_in_a_program_are_those_outside(family: $crate::Family) {
            $check(family, $crate::laws::maps_in_a_trace);
        }

        $crate::family_tests!(
            a_program_is_its_function,
            gradients_in_a_program_are_those_outside,
            maps_in_a_program_are_those_outside,
        );
    };
}

const _: () = assert!(crate::Family::ALL.len() == 10, "`family_tests` lists another number of families");
