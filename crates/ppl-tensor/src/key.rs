//! Splittable counter-based random keys.

use std::fmt;

use crate::op::RandomKind;
use crate::{DType, Device, Error, HostTensor, KeyStream, Op, Result, Shape, Tensor};

/// A random key: draws are a function of it alone, on every backend and in every execution mode.
///
/// There is no generator with a state. Keys for different purposes are derived with [`Key::fold_in`] and
/// [`Key::split`]; using one key twice gives the same numbers twice. The numbers come from Philox 4x32-10 (Salmon et
/// al., "Parallel random numbers: as easy as 1, 2, 3", 2011), with the key's 64 bits as its key.
#[derive(Clone)]
pub struct Key(Tensor);

impl Key {
    /// The key of a seed, on the CPU.
    pub fn new(seed: u64) -> Key {
        Self::on(&Device::cpu(), seed)
    }

    /// The key of a seed, on a device.
    pub fn on(device: &Device, seed: u64) -> Key {
        // Seeds are small and close to each other; keys should not be.
        let mixed = crate::host::fold_in(0, seed.cast_signed());
        Key(device.upload(HostTensor::scalar(mixed)).unwrap_or_else(Tensor::failure))
    }

    /// A key from its bits: an `I64` tensor, one key an element.
    pub fn from_tensor(bits: Tensor) -> Key {
        Key(bits)
    }

    /// The bits: an `I64` tensor.
    pub fn tensor(&self) -> &Tensor {
        &self.0
    }

    /// The key derived with a number, one an element if `data` (`I64`) has several.
    #[track_caller]
    pub fn fold_in(&self, data: impl Into<Tensor>) -> Key {
        Key(Tensor::apply(Op::FoldIn, &[&self.0, &data.into()]))
    }

    /// The key derived with a name.
    #[track_caller]
    pub fn fold_in_name(&self, name: &str) -> Key {
        // FNV-1a, 64 bit: the published offset and prime.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        self.fold_in(hash.cast_signed())
    }

    /// Two independent keys.
    #[track_caller]
    pub fn split(&self) -> (Key, Key) {
        (self.fold_in(0_i64), self.fold_in(1_i64))
    }

    /// An endless stream of draws on the host.
    ///
    /// # Errors
    /// If this is not one key, its value is not known yet because a program is being recorded, or it failed.
    pub fn stream(&self) -> Result<KeyStream> {
        match self.0.to_vec::<i64>()?[..] {
            [bits] => Ok(KeyStream::new(bits)),
            ref bits => Err(Error::argument("stream", format!("takes one key, {} were given", bits.len()))),
        }
    }

    /// Uniform draws on the open interval (0, 1), of shape `shape` for each key.
    #[track_caller]
    pub fn uniform(&self, shape: impl Into<Shape>, dtype: DType) -> Tensor {
        self.draw(RandomKind::Uniform(dtype), shape.into())
    }

    /// Standard normal draws, of shape `shape` for each key.
    #[track_caller]
    pub fn normal(&self, shape: impl Into<Shape>, dtype: DType) -> Tensor {
        self.draw(RandomKind::Normal(dtype), shape.into())
    }

    /// Logarithms of standard gamma draws, of shape `shape` for each key; the concentration broadcasts to it. Their
    /// gradient with respect to the concentration is implicit (Figurnov, Mohamed and Mnih 2018).
    #[track_caller]
    pub fn log_gamma(&self, shape: impl Into<Shape>, concentration: &Tensor) -> Tensor {
        let op = Op::Random { kind: RandomKind::LogGamma, shape: shape.into() };
        Tensor::apply(op, &[&self.0, concentration])
    }

    /// Counts of Poisson distributions, of shape `shape` for each key, floats of the rate's dtype; the rate broadcasts to
    /// it. NaN where the rate is negative, not finite or NaN. No gradient.
    #[track_caller]
    pub fn poisson(&self, shape: impl Into<Shape>, rate: &Tensor) -> Tensor {
        let op = Op::Random { kind: RandomKind::Poisson, shape: shape.into() };
        Tensor::apply(op, &[&self.0, rate])
    }

    /// Numbers of successes among `count` trials of a probability, of shape `shape` for each key; both parameters are
    /// floats of one dtype, which is that of the draws, and broadcast to the shape. NaN unless the count is an integer of
    /// `0..=2⁵³` and the probability is in `[0, 1]`. No gradient.
    #[track_caller]
    pub fn binomial(&self, shape: impl Into<Shape>, count: &Tensor, probability: &Tensor) -> Tensor {
        let op = Op::Random { kind: RandomKind::Binomial, shape: shape.into() };
        Tensor::apply(op, &[&self.0, count, probability])
    }

    /// `size` distinct numbers of `0..population` in random order, `I64`.
    #[track_caller]
    pub fn subsample(&self, population: usize, size: usize) -> Tensor {
        self.draw(RandomKind::Subsample { population }, Shape::from([size]))
    }

    #[track_caller]
    fn draw(&self, kind: RandomKind, shape: Shape) -> Tensor {
        Tensor::apply(Op::Random { kind, shape }, &[&self.0])
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", self.0)
    }
}
