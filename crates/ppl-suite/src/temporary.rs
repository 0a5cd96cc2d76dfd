//! Files and folders of tests.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A path of its own in the system's folder for temporary files, where nothing is yet. Whatever a test makes there, a file or
/// a folder, is removed when this is dropped, also where the test fails.
#[derive(Debug)]
pub struct TemporaryPath(PathBuf);

impl TemporaryPath {
    /// A path whose last part has this name in it.
    pub fn new(name: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Self(std::env::temp_dir().join(format!("ppl-{name}-{process}-{number}")));
        // What a process of the same number has left that was killed.
        path.remove();
        path
    }

    fn remove(&self) {
        if self.0.is_dir() {
            std::fs::remove_dir_all(&self.0).ok();
        } else {
            std::fs::remove_file(&self.0).ok();
        }
    }
}

impl Deref for TemporaryPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for TemporaryPath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryPath {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::TemporaryPath;

    #[test]
    fn nothing_stays() {
        let [file, folder] = ["one", "one"].map(TemporaryPath::new);
        assert!(*file != *folder && !file.exists() && !folder.exists());
        std::fs::write(&file, "").unwrap();
        std::fs::create_dir_all(folder.join("below")).unwrap();
        let paths = [file.to_path_buf(), folder.to_path_buf()];
        drop((file, folder));
        assert!(paths.iter().all(|path| !path.exists()));
    }
}
