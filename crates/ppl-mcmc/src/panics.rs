//! Panics of users' own code, told as errors.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ppl_core::{Error, Result};

/// What `work` gives; a panic in it as an error that says what panicked, and with which words. Whatever it was changing must
/// not be used again, or be put in order first.
pub(crate) fn caught<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref().copied());
        let words = text.map_or(String::new(), |text| format!(": {text}"));
        Err(Error::argument(format!("{what} panicked{words}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_are_errors_in_their_own_words() {
        assert_eq!(caught("it", || Ok(3)).unwrap(), 3);
        let text = |work: fn() -> Result<()>| caught("it", work).unwrap_err().to_string();
        assert_eq!(text(|| Err(Error::argument("no"))), "no");
        assert_eq!(text(|| panic!("no net")), "it panicked: no net");
        assert_eq!(text(|| panic!("{} nets", 2)), "it panicked: 2 nets");
        assert_eq!(text(|| std::panic::panic_any(2)), "it panicked");
    }
}
