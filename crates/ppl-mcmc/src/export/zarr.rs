//! Folders of the Zarr format, version 2, without compression: one group within another, arrays of one chunk.

use std::path::{Path, PathBuf};

use ppl_core::{Error, Result};
use ppl_tensor::{DType, HostData, HostTensor, Tensor};
use serde_json::{Map, Value, json};

/// A store being written.
pub(super) struct Store {
    folder: PathBuf,
    /// All metadata, by the path of their files: readers take them from one file at the root.
    metadata: Map<String, Value>,
}

impl Store {
    /// Begins in a folder that is not there yet, or empty.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let fault = |error| Error::file(folder, error);
        std::fs::create_dir_all(folder).map_err(fault)?;
        if std::fs::read_dir(folder).map_err(fault)?.next().is_some() {
            let path = folder.display();
            return Err(Error::argument(format!("{path}: the folder is not empty, nothing is written")));
        }
        let mut store = Self { folder: folder.to_owned(), metadata: Map::new() };
        store.group("", json!({}))?;
        Ok(store)
    }

    /// A group with attributes; `""` is the root.
    pub(super) fn group(&mut self, name: &str, attributes: Value) -> Result<()> {
        self.describe(name, ".zgroup", json!({ "zarr_format": 2 }))?;
        self.describe(name, ".zattrs", attributes)
    }

    /// An array whose dimensions have names.
    pub(super) fn array(&mut self, path: &str, values: &Tensor, dims: &[String]) -> Result<()> {
        let data = values.check()?.to_host()?;
        let shape = data.shape().to_vec();
        // A chunk has at least one element in each dimension.
        let chunks: Vec<usize> = shape.iter().map(|size| (*size).max(1)).collect();
        let kind = match data.dtype() {
            DType::F64 => "<f8",
            DType::F32 => "<f4",
            DType::I64 => "<i8",
            DType::Bool => "|b1",
        };
        let description = json!({
            "zarr_format": 2, "shape": shape, "chunks": chunks, "dtype": kind, "compressor": null,
            "fill_value": null, "order": "C", "filters": null,
        });
        self.describe(path, ".zarray", description)?;
        self.describe(path, ".zattrs", json!({ "_ARRAY_DIMENSIONS": dims }))?;
        let chunk = if shape.is_empty() { "0".to_owned() } else { vec!["0"; shape.len()].join(".") };
        self.write(&format!("{path}/{chunk}"), &bytes(&data))
    }

    /// Writes what readers look at first.
    pub(super) fn finish(mut self) -> Result<()> {
        let metadata = std::mem::take(&mut self.metadata);
        let all = json!({ "zarr_consolidated_format": 1, "metadata": metadata });
        self.write(".zmetadata", all.to_string().as_bytes())
    }

    fn describe(&mut self, path: &str, file: &str, content: Value) -> Result<()> {
        let path = if path.is_empty() { file.to_owned() } else { format!("{path}/{file}") };
        self.write(&path, content.to_string().as_bytes())?;
        self.metadata.insert(path, content);
        Ok(())
    }

    fn write(&self, path: &str, content: &[u8]) -> Result<()> {
        let path = self.folder.join(path);
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        written.and_then(|()| std::fs::write(&path, content)).map_err(|error| Error::file(&path, error))
    }
}

fn bytes(data: &HostTensor) -> Vec<u8> {
    match data.data() {
        HostData::F64(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        HostData::F32(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        HostData::I64(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        HostData::Bool(values) => values.iter().map(|x| u8::from(*x)).collect(),
    }
}
