//! Plain data as two lists of numbers, and back, bit for bit.

use ppl_core::{Result, TensorFile};
use ppl_tensor::{Device, KeyStream, Tensor};

/// The numbers of some data, in the order in which they were put.
#[derive(Debug, Default)]
pub(crate) struct Record {
    floats: Vec<f64>,
    words: Vec<i64>,
}

/// The numbers that are left to be taken.
#[derive(Debug)]
pub(crate) struct Reader {
    floats: std::vec::IntoIter<f64>,
    words: std::vec::IntoIter<i64>,
}

/// Data that are numbers.
pub(crate) trait Plain: Sized {
    /// Puts its numbers.
    fn put(&self, to: &mut Record);

    /// Takes what was put; `None` if the numbers are not such.
    fn take(from: &mut Reader) -> Option<Self>;
}

/// A struct is its fields.
macro_rules! plain {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::record::Plain for $name {
            fn put(&self, to: &mut $crate::record::Record) {
                $($crate::record::Plain::put(&self.$field, to);)+
            }

            fn take(from: &mut $crate::record::Reader) -> Option<Self> {
                Some(Self { $($field: $crate::record::Plain::take(from)?),+ })
            }
        }
    };
}

pub(crate) use plain;

const FLOATS: &str = "state/floats";
const WORDS: &str = "state/words";

/// Writes data to a file.
pub(crate) fn write(data: &impl Plain, file: &mut TensorFile) -> Result<()> {
    let mut record = Record::default();
    data.put(&mut record);
    file.insert(FLOATS, &Tensor::from(record.floats))?;
    file.insert(WORDS, &Tensor::from(record.words))
}

/// Reads data from a file.
pub(crate) fn read<T: Plain>(file: &TensorFile) -> Result<T> {
    let floats = file.tensor(FLOATS, &Device::cpu())?.to_vec::<f64>()?.into_iter();
    let words = file.tensor(WORDS, &Device::cpu())?.to_vec::<i64>()?.into_iter();
    let mut reader = Reader { floats, words };
    let found = T::take(&mut reader).filter(|_| reader.floats.len() + reader.words.len() == 0);
    found.ok_or_else(|| file.damaged("its state is not one of a chain of this kernel"))
}

impl Plain for f64 {
    fn put(&self, to: &mut Record) {
        to.floats.push(*self);
    }

    fn take(from: &mut Reader) -> Option<Self> {
        from.floats.next()
    }
}

impl Plain for i64 {
    fn put(&self, to: &mut Record) {
        to.words.push(*self);
    }

    fn take(from: &mut Reader) -> Option<Self> {
        from.words.next()
    }
}

impl Plain for usize {
    fn put(&self, to: &mut Record) {
        to.words.push(*self as i64);
    }

    fn take(from: &mut Reader) -> Option<Self> {
        usize::try_from(from.words.next()?).ok()
    }
}

impl<T: Plain> Plain for Vec<T> {
    fn put(&self, to: &mut Record) {
        self.len().put(to);
        self.iter().for_each(|x| x.put(to));
    }

    fn take(from: &mut Reader) -> Option<Self> {
        let length = usize::take(from)?;
        // Ends where the numbers do, however long it says it is.
        (0..length).map(|_| T::take(from)).collect()
    }
}

impl Plain for KeyStream {
    fn put(&self, to: &mut Record) {
        let (key, taken) = self.state();
        key.put(to);
        taken.cast_signed().put(to);
    }

    fn take(from: &mut Reader) -> Option<Self> {
        Some(KeyStream::resume((i64::take(from)?, i64::take(from)?.cast_unsigned())))
    }
}
