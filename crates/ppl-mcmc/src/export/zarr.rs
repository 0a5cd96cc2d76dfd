//! Folders of the Zarr format, version 2, without compression: one group within another, arrays of one chunk.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use ppl_core::{Error, Result};
use ppl_tensor::{DType, HostData, HostTensor, Tensor};
use serde_json::{Map, Value, json};

/// A store being written: whole in the end, or gone. What a killed process leaves is beside the folder, unless that was
/// there before.
pub(super) struct Store {
    /// Where it is written.
    folder: PathBuf,
    /// Where it is to be in the end, if that is elsewhere.
    target: Option<PathBuf>,
    finished: bool,
    /// All metadata, by the path of their files: readers take them from one file at the root.
    metadata: Map<String, Value>,
}

/// Numbers the folders of this process.
static NUMBER: AtomicUsize = AtomicUsize::new(0);

impl Store {
    /// Begins a folder that is not there yet, or empty.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let (folder, target) = match std::fs::read_dir(folder) {
            Ok(mut content) => {
                if content.next().is_some() {
                    let path = folder.display();
                    let reason = format!("{path}: the folder is not empty, nothing is written");
                    return Err(Error::argument(reason));
                }
                (folder.to_owned(), None)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let beside = beside(folder).map_err(|error| Error::file(folder, error))?;
                (beside, Some(folder.to_owned()))
            }
            Err(error) => return Err(Error::file(folder, error)),
        };
        let mut store = Self { folder, target, finished: false, metadata: Map::new() };
        store.group("", json!({}))?;
        Ok(store)
    }

    /// A group with attributes; `""` is the root.
    pub(super) fn group(&mut self, name: &str, attributes: Value) -> Result<()> {
        self.describe(name, ".zgroup", json!({ "zarr_format": 2 }))?;
        self.describe(name, ".zattrs", attributes)
    }

    /// An array of numbers whose dimensions have names.
    pub(super) fn array(&mut self, path: &str, values: &Tensor, dims: &[String]) -> Result<()> {
        let data = values.check()?.to_host()?;
        let kind = match data.dtype() {
            DType::F64 => "<f8",
            DType::F32 => "<f4",
            DType::I64 => "<i8",
            DType::Bool => "|b1",
        };
        self.chunk(path, data.shape(), kind, dims, &bytes(&data))
    }

    /// An array of texts along one dimension: characters of 32 bits, all texts as long as the longest.
    pub(super) fn texts(&mut self, path: &str, texts: &[String], dim: &str) -> Result<()> {
        let length = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
        let padded = |text: &String| {
            let characters = text.chars().map(u32::from).chain(std::iter::repeat(0)).take(length);
            characters.flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
        };
        let bytes: Vec<u8> = texts.iter().flat_map(padded).collect();
        self.chunk(path, &[texts.len()], &format!("<U{length}"), &[dim.to_owned()], &bytes)
    }

    fn chunk(
        &mut self,
        path: &str,
        shape: &[usize],
        kind: &str,
        dims: &[String],
        bytes: &[u8],
    ) -> Result<()> {
        // A chunk has at least one element in each dimension.
        let chunks: Vec<usize> = shape.iter().map(|size| (*size).max(1)).collect();
        let description = json!({
            "zarr_format": 2, "shape": shape, "chunks": chunks, "dtype": kind, "compressor": null,
            "fill_value": null, "order": "C", "filters": null,
        });
        self.describe(path, ".zarray", description)?;
        self.describe(path, ".zattrs", json!({ "_ARRAY_DIMENSIONS": dims }))?;
        let chunk = if shape.is_empty() { "0".to_owned() } else { vec!["0"; shape.len()].join(".") };
        self.write(&format!("{path}/{chunk}"), bytes)
    }

    /// Writes what readers look at first, and puts the folder where it is to be.
    pub(super) fn finish(mut self) -> Result<()> {
        let metadata = std::mem::take(&mut self.metadata);
        let all = json!({ "zarr_consolidated_format": 1, "metadata": metadata });
        self.write(".zmetadata", all.to_string().as_bytes())?;
        if let Some(target) = &self.target {
            std::fs::rename(&self.folder, target).map_err(|error| Error::file(target, error))?;
        }
        self.finished = true;
        Ok(())
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

/// What was begun and not finished is taken away, as far as that can be done: what went wrong is told already.
impl Drop for Store {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        if self.target.is_some() {
            std::fs::remove_dir_all(&self.folder).ok();
            return;
        }
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                std::fs::remove_dir_all(path).ok()
            } else {
                std::fs::remove_file(path).ok()
            };
        }
    }
}

/// A new folder beside one that is to be: on the same disk, so that it can be renamed.
fn beside(folder: &Path) -> std::io::Result<PathBuf> {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent)?;
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let beside = parent.join(format!(".ppl-{}-{number}.unfinished", std::process::id()));
        match std::fs::create_dir(&beside) {
            // Left by another process of this number, long ago.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => return made.map(|()| beside),
        }
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
