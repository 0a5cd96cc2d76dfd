//! Lines of Rust in each crate: a file that outgrows its subject is seen here.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Outcome, Result};

/// A file of more lines is named, one of more than [`MOST`] fails the check.
const MANY: usize = 500;
const MOST: usize = 600;

/// Prints the lines of each crate, and names the files that are too long.
pub(crate) fn check(workspace: &Path) -> Result {
    let mut long = Vec::new();
    let mut total = 0;
    println!("{:28} {:>6} {:>7} {:>8}", "crate", "files", "lines", "longest");
    for package in packages(workspace)? {
        let mut files = Vec::new();
        rust_files(&package, &mut files)?;
        let mut counts = Vec::new();
        for file in files {
            let count = read(&file)?.lines().count();
            counts.push(count);
            if count > MANY {
                long.push((count, file));
            }
        }
        let lines: usize = counts.iter().sum();
        let longest = counts.iter().max().copied().unwrap_or(0);
        println!("{:28} {:>6} {lines:>7} {longest:>8}", relative(&package, workspace), counts.len());
        total += lines;
    }
    println!("{:28} {:>6} {total:>7}", "all", "");
    for (count, file) in &long {
        println!("long: {} has {count} lines; cut it by subject", relative(file, workspace));
    }
    match long.iter().filter(|(count, _)| *count > MOST).count() {
        0 => Ok(Outcome::Done),
        files => Err(format!("{files} files have more than {MOST} lines")),
    }
}

/// The folders of the workspace's members, in order.
pub(crate) fn packages(workspace: &Path) -> Result<Vec<PathBuf>> {
    let mut packages = entries(&workspace.join("crates"))?;
    packages.extend([workspace.join("benches"), workspace.join("xtask")]);
    packages.retain(|package| package.join("Cargo.toml").is_file());
    Ok(packages)
}

/// The files below a folder that are Rust.
pub(crate) fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in entries(folder)? {
        if entry.is_dir() {
            rust_files(&entry, files)?;
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let fault = |error| format!("{}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(fault)?;
    let mut paths =
        entries.map(|entry| Ok(entry.map_err(fault)?.path())).collect::<Result<Vec<PathBuf>>>()?;
    paths.sort();
    Ok(paths)
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn relative(path: &Path, workspace: &Path) -> String {
    path.strip_prefix(workspace).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{check, packages};
    use crate::workspace;

    #[test]
    fn a_file_of_too_many_lines_fails() {
        let root = std::env::temp_dir().join(format!("xtask-lines-{}", std::process::id()));
        let source = root.join("crates/one/src");
        fs::create_dir_all(&source).unwrap();
        fs::write(root.join("crates/one/Cargo.toml"), "").unwrap();
        fs::write(source.join("lib.rs"), "\n".repeat(600)).unwrap();
        assert!(check(&root).is_ok());
        fs::write(source.join("lib.rs"), "\n".repeat(601)).unwrap();
        assert_eq!(check(&root).err().as_deref(), Some("1 files have more than 600 lines"));
        fs::remove_dir_all(&root).unwrap();
    }

    /// Who uses what, by manifests and by `docs/dependencies.md`.
    #[test]
    fn the_list_of_dependencies_names_all_users() {
        let list = fs::read_to_string(workspace().join("docs/dependencies.md")).unwrap();
        let rows: Vec<Vec<&str>> =
            list.lines().map(|line| line.split('|').map(str::trim).collect()).collect();
        let mut checked = 0;
        for package in packages(workspace()).unwrap() {
            let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap();
            let user = package.file_name().unwrap().to_str().unwrap();
            let (_, dependencies) = manifest.split_once("dependencies]").unwrap_or_default();
            let named = dependencies.lines().filter_map(|line| line.split(['.', ' ']).next());
            let third = |name: &&str| {
                dependencies.contains(&format!("\n{name}.workspace"))
                    || dependencies.contains(&format!("\n{name} = {{ workspace"))
            };
            for name in named.filter(third).filter(|name| !name.starts_with("ppl")) {
                let is_of = |row: &&Vec<&str>| {
                    let end = name.split_once('-').map_or("", |(_, end)| end);
                    row.len() > 3
                        && (row[1].contains(&format!("`{name}`")) || row[1].contains(&format!("`-{end}`")))
                };
                let users = rows.iter().find(is_of).map(|row| row[2]);
                // That all have tests of a kind is said once.
                let is_told = users
                    .is_some_and(|users| users.contains(&format!("`{user}`")) || users.starts_with("tests,"));
                assert!(is_told, "docs/dependencies.md does not say that {user} uses {name}: {users:?}");
                checked += 1;
            }
        }
        assert!(checked > 40, "{checked}");
    }
}
