//! Files of named tensors: parameters, fits.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use ppl_tensor::{DType, Device, HostData, HostTensor, Tensor};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::{Error, Result};

/// Named tensors and named texts in one file of the safetensors format, bit for bit.
#[derive(Debug, Clone, Default)]
pub struct TensorFile {
    tensors: IndexMap<String, HostTensor>,
    texts: BTreeMap<String, String>,
    /// Where it was read from, for messages.
    path: PathBuf,
}

impl TensorFile {
    /// A file without content.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tensor, or replaces that of the name.
    ///
    /// # Errors
    /// If its value cannot be read: it failed, is traced, or has implicit axes.
    pub fn insert(&mut self, name: impl Into<String>, value: &Tensor) -> Result<()> {
        self.tensors.insert(name.into(), value.detach().to_host()?);
        Ok(())
    }

    /// Adds a text, or replaces that of the name.
    pub fn insert_text(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.texts.insert(name.into(), text.into());
    }

    /// Whether there is no tensor in it.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// Whether there is a tensor of a name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A tensor, on a device.
    ///
    /// # Errors
    /// If there is none of that name, or the device cannot hold it.
    pub fn tensor(&self, name: &str, device: &Device) -> Result<Tensor> {
        let found = self.tensors.get(name);
        let data = found.ok_or_else(|| self.damaged(format!("the tensor `{name}` is missing")))?;
        Ok(device.upload(data.clone())?)
    }

    /// A text.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn text(&self, name: &str) -> Result<&str> {
        let found = self.texts.get(name).map(String::as_str);
        found.ok_or_else(|| self.damaged(format!("the entry `{name}` is missing")))
    }

    /// Names of the tensors.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Names and values of the texts, in alphabetical order.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// The error for a file whose content is not what it should be.
    pub fn damaged(&self, reason: impl Into<String>) -> Error {
        Error::Format { path: self.path.display().to_string(), reason: reason.into() }
    }

    /// Writes the file. It appears whole or not at all, also if the program or the machine stops meanwhile.
    ///
    /// # Errors
    /// If there are texts but no tensors, or the file cannot be written; one that was there before stays as it was.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let damaged = |error: safetensors::SafeTensorError| Error::Format {
            path: path.display().to_string(),
            reason: error.to_string(),
        };
        let bytes: Vec<Vec<u8>> = self.tensors.values().map(|data| encode(data.data())).collect();
        let views = self
            .tensors
            .iter()
            .zip(&bytes)
            .map(|((name, data), bytes)| {
                Ok((name, TensorView::new(stored(data.dtype()), data.shape().to_vec(), bytes)?))
            })
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(damaged)?;
        // Of texts without tensors the format's library makes a header that nobody can read.
        if views.is_empty() && !self.texts.is_empty() {
            return Err(Error::argument(format!("{}: there are no tensors to write", path.display())));
        }
        let texts = (!self.texts.is_empty()).then(|| self.texts.clone().into_iter().collect());
        let content = safetensors::serialize(views, texts).map_err(damaged)?;
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        write_synced(&partial, &content).map_err(|error| Error::file(&partial, error))?;
        if let Err(error) = std::fs::rename(&partial, path) {
            // What went wrong first is what counts.
            std::fs::remove_file(&partial).ok();
            return Err(Error::file(path, error));
        }
        sync_folder(path).map_err(|error| Error::file(path, error))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, of another format, or holds elements other than `f64`, `f32`, `i64` and `bool`.
    pub fn read(path: impl AsRef<Path>) -> Result<TensorFile> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| Error::file(path, error))?;
        let mut file = TensorFile { path: path.to_owned(), ..TensorFile::default() };
        let content =
            SafeTensors::deserialize(&bytes).map_err(|error| file.damaged(format!("is damaged: {error}")))?;
        let (_, header) = SafeTensors::read_metadata(&bytes)
            .map_err(|error| file.damaged(format!("is damaged: {error}")))?;
        file.texts = header.metadata().clone().unwrap_or_default().into_iter().collect();
        for (name, view) in content.iter() {
            let unknown = || file.damaged(format!("tensor `{name}` is of unknown type {:?}", view.dtype()));
            let data = HostTensor::from_data(view.shape().to_vec(), decode(&view).ok_or_else(unknown)?)?;
            file.tensors.insert(name.to_owned(), data);
        }
        Ok(file)
    }
}

fn write_synced(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes a rename last: it is an entry of the folder, which elsewhere than on Unix cannot be opened as a file.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn stored(dtype: DType) -> Dtype {
    match dtype {
        DType::F64 => Dtype::F64,
        DType::F32 => Dtype::F32,
        DType::I64 => Dtype::I64,
        DType::Bool => Dtype::BOOL,
    }
}

fn encode(data: &HostData) -> Vec<u8> {
    match data {
        HostData::F64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        HostData::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        HostData::I64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        HostData::Bool(v) => v.iter().map(|&x| u8::from(x)).collect(),
    }
}

fn decode(view: &TensorView<'_>) -> Option<HostData> {
    let bytes = view.data();
    let eights = || bytes.as_chunks::<8>().0.iter();
    Some(match view.dtype() {
        Dtype::F64 => HostData::F64(eights().map(|b| f64::from_le_bytes(*b)).collect::<Vec<_>>().into()),
        Dtype::I64 => HostData::I64(eights().map(|b| i64::from_le_bytes(*b)).collect::<Vec<_>>().into()),
        Dtype::F32 => {
            let fours = bytes.as_chunks::<4>().0.iter();
            HostData::F32(fours.map(|b| f32::from_le_bytes(*b)).collect::<Vec<_>>().into())
        }
        Dtype::BOOL => HostData::Bool(bytes.iter().map(|&b| b != 0).collect::<Vec<_>>().into()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("ppl-core-{name}-{}", std::process::id()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// NaN payloads, signed zeros and infinities included.
        #[test]
        fn what_is_read_is_what_was_written(
            words in prop::collection::vec(any::<u64>(), 0..9),
            name in "[ -~]{1,12}",
            text in any::<String>(),
        ) {
            let wide: Vec<f64> = words.iter().map(|&word| f64::from_bits(word)).collect();
            let narrow: Vec<f32> = words.iter().map(|&word| f32::from_bits(word as u32)).collect();
            let whole: Vec<i64> = words.iter().map(|&word| word.cast_signed()).collect();
            let truth: Vec<bool> = words.iter().map(|&word| word % 2 == 1).collect();
            let scalar = Device::cpu().upload(HostTensor::scalar(0.1)).unwrap();
            let mut file = TensorFile::new();
            let tensors = [Tensor::from(wide), Tensor::from(narrow), Tensor::from(whole), Tensor::from(truth), scalar];
            for (index, tensor) in tensors.iter().enumerate() {
                file.insert(format!("{name}{index}"), tensor).unwrap();
            }
            file.insert_text(name.clone(), text.clone());
            let path = path("round-trip");
            file.write(&path).unwrap();
            let again = TensorFile::read(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            prop_assert_eq!(again.text(&name).unwrap(), text);
            prop_assert_eq!(again.names().count(), tensors.len());
            for (index, tensor) in tensors.iter().enumerate() {
                let found = again.tensor(&format!("{name}{index}"), &Device::cpu()).unwrap().to_host().unwrap();
                let expected = tensor.to_host().unwrap();
                prop_assert_eq!(found.tensor_type(), expected.tensor_type());
                prop_assert_eq!(encode(found.data()), encode(expected.data()));
            }
        }
    }

    #[test]
    fn what_is_missing_names_itself_and_the_file() {
        let path = path("missing");
        TensorFile::new().write(&path).unwrap();
        let file = TensorFile::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(file.is_empty());
        let message = file.text("format").map(str::to_owned).unwrap_err().to_string();
        assert_eq!(message, format!("{}: the entry `format` is missing", path.display()));
        let message = file.tensor("x", &Device::cpu()).unwrap_err().to_string();
        assert_eq!(message, format!("{}: the tensor `x` is missing", path.display()));
        let mut texts = TensorFile::new();
        texts.insert_text("format", "none");
        let message = texts.write(&path).unwrap_err().to_string();
        assert_eq!(message, format!("{}: there are no tensors to write", path.display()));
        assert!(!path.exists());
    }
}
