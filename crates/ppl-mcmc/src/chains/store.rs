//! A chain on disk, written while it runs: its draws as an array of the Zarr format, version 2, and its state.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ppl_core::{Error, Result, TensorFile};
use serde_json::{Value, json};

use super::clock::Clock;
use crate::{Kernel, LogDensity, Transition};

/// What the file says it is; another number where older files cannot be read.
const FORMAT: &str = "ppl chain 3";

/// At most so much of a run is lost where it is killed.
const INTERVAL: Duration = Duration::from_secs(1);

/// Numbers of a transition in a row, as ArviZ calls them; the energy is NaN of kernels that have none.
const STATISTICS: [&str; 8] = [
    "lp",
    "acceptance_rate",
    "step_size",
    "tree_depth",
    "n_steps",
    "diverging",
    "reached_max_treedepth",
    "energy",
];

/// Bytes of rows that may wait for the next state.
const WAITING: usize = 1 << 20;

/// Where chains are stored, and whether they are to go on from there.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) resume: bool,
}

/// What must be the same for a chain to go on.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    /// The kernel and its options, in words.
    pub(super) kernel: String,
    pub(super) seed: u64,
    pub(super) warmup: usize,
    pub(super) keep_warmup: bool,
    pub(super) width: usize,
}

/// One chain's files: rows of numbers, and the state after the last of them.
pub(super) struct Store {
    identity: Identity,
    rows: BufWriter<File>,
    array: PathBuf,
    state_path: PathBuf,
    /// Number of rows.
    count: usize,
    clock: Clock,
    /// Whether a state was written: what fails before that ends the chain, what fails later does not.
    begun: bool,
    broken: Option<Error>,
}

/// Where a stored chain had come to.
pub(super) struct Stored<S> {
    pub(super) state: S,
    pub(super) taken: usize,
    /// At the state's position.
    pub(super) log_density: f64,
    /// Values and transition of each row.
    pub(super) rows: Vec<(Vec<f64>, Transition)>,
}

/// The folder of the array, and the file of the state.
fn paths(place: &Place, chain: usize) -> (PathBuf, PathBuf) {
    let named = |kind: &str| place.folder.join(format!("chain-{chain}.{kind}"));
    (named("zarr"), named("safetensors"))
}

/// The one chunk of an array: all its rows.
fn chunk(array: &Path) -> PathBuf {
    array.join("0.0")
}

/// Whether there are rows in an array.
fn has_rows(array: &Path) -> bool {
    std::fs::metadata(chunk(array)).is_ok_and(|rows| rows.len() > 0)
}

impl Place {
    /// Makes the folder, in which there is no chain yet unless they are to go on. Those of the first `chains` that are there
    /// are of the same run then.
    pub(super) fn prepare(&self, chains: usize, identity: &Identity) -> Result<()> {
        let found = std::fs::create_dir_all(&self.folder).and_then(|()| self.holds_chains());
        let found = found.map_err(|error| Error::file(&self.folder, error))?;
        let path = self.folder.display();
        match (self.resume, found) {
            (false, true) => {
                Err(Error::argument(format!("{path}: there are chains already, which `resume` goes on with")))
            }
            (true, false) => Err(Error::argument(format!("{path}: there are no chains to go on with"))),
            (true, true) => {
                // A file that cannot be read ends its own chain alone.
                let files = (0..chains).filter_map(|chain| TensorFile::read(paths(self, chain).1).ok());
                files.into_iter().try_for_each(|file| identity.check(&file))
            }
            (false, false) => Ok(()),
        }
    }

    /// Whether any chain has left a state or a row here, whatever its number: the first may have failed at its start.
    fn holds_chains(&self) -> std::io::Result<bool> {
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name =
                path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("chain-"));
            let Some((number, kind)) = name.and_then(|name| name.split_once('.')) else { continue };
            let is_number = number.parse::<usize>().is_ok();
            if is_number && (kind == "safetensors" || kind == "zarr" && has_rows(&path)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Store {
    /// Begins the files of a chain, or goes on with them if they are there.
    ///
    /// # Errors
    /// If they cannot be read or made, or there are rows without a state.
    pub(super) fn open<K: Kernel>(
        place: &Place,
        chain: usize,
        identity: Identity,
    ) -> Result<(Self, Option<Stored<K::State>>)> {
        let (array, state_path) = paths(place, chain);
        let stored = match place.resume && state_path.exists() {
            true => Some(read::<K>(&chunk(&array), &state_path, &identity)?),
            // Rows are written after a state: somebody took that away, and may want them.
            false if has_rows(&array) => {
                let path = chunk(&array);
                let reason = "there are draws here, and no state from which they go on: move them away";
                return Err(Error::argument(format!("{}: {reason}", path.display())));
            }
            false => None,
        };
        let count = stored.as_ref().map_or(0, |stored| stored.rows.len());
        let length = count * identity.row() * size_of::<f64>();
        let open = || {
            std::fs::create_dir_all(&array)?;
            let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(chunk(&array))?;
            // What came after the last state is drawn again.
            file.set_len(length as u64)?;
            std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0))?;
            Ok(BufWriter::with_capacity(WAITING, file))
        };
        let rows = open().map_err(|error| Error::file(&array, error))?;
        let clock = Clock::new(INTERVAL);
        Ok((Self { identity, rows, array, state_path, count, clock, begun: false, broken: None }, stored))
    }

    /// Why the chain is no longer written: its draws are in memory alone.
    pub(super) fn broken(self) -> Option<Error> {
        self.broken
    }

    /// Writes, unless that has failed before. A disk that is full must not cost what is still to be drawn.
    fn attempt(&mut self, write: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if self.broken.is_some() {
            return Ok(());
        }
        match write(self) {
            Err(error) if self.begun => {
                self.broken = Some(error);
                Ok(())
            }
            written => written,
        }
    }

    /// One more row.
    pub(super) fn append(&mut self, values: &[f64], transition: &Transition) -> Result<()> {
        self.attempt(|store| store.write_row(values, transition))
    }

    fn write_row(&mut self, values: &[f64], t: &Transition) -> Result<()> {
        let statistics: [f64; STATISTICS.len()] = [
            t.log_density,
            t.acceptance,
            t.step_size,
            f64::from(t.tree_depth),
            f64::from(t.leapfrogs),
            f64::from(u8::from(t.divergent)),
            f64::from(u8::from(t.saturated)),
            t.energy.unwrap_or(f64::NAN),
        ];
        self.count += 1;
        let mut numbers = values.iter().chain(&statistics);
        let written = numbers.try_for_each(|x| self.rows.write_all(&x.to_le_bytes()));
        written.map_err(|error| Error::file(&self.array, error))
    }

    /// Saves the state after so many transitions if that is due.
    pub(super) fn save_in_time<K: Kernel>(
        &mut self,
        state: &K::State,
        taken: usize,
        log_density: f64,
    ) -> Result<()> {
        match self.clock.is_due() {
            true => self.save::<K>(state, taken, log_density),
            false => Ok(()),
        }
    }

    /// Saves the state after so many transitions, and the log density there: first the rows, which it counts.
    ///
    /// # Errors
    /// If it is the first one, and cannot be written.
    pub(super) fn save<K: Kernel>(&mut self, state: &K::State, taken: usize, log_density: f64) -> Result<()> {
        self.attempt(|store| store.write_state::<K>(state, taken, log_density))
    }

    fn write_state<K: Kernel>(&mut self, state: &K::State, taken: usize, log_density: f64) -> Result<()> {
        let synced = self.rows.flush().and_then(|()| self.rows.get_ref().sync_data());
        let described = synced.and_then(|()| self.describe());
        described.map_err(|error| Error::file(&self.array, error))?;
        let mut file = TensorFile::new();
        file.insert_text("format", FORMAT);
        for (name, value) in self.identity.texts() {
            file.insert_text(name, value);
        }
        file.insert_text("taken", taken.to_string());
        file.insert_text("rows", self.count.to_string());
        // As Rust writes a number it is read back the same.
        file.insert_text("log density", log_density.to_string());
        K::write_state(state, &mut file)?;
        file.write(&self.state_path)?;
        self.begun = true;
        self.clock.restart();
        Ok(())
    }
}

impl Store {
    /// Says of the array what it has now. A file takes the place of the one before at once.
    fn describe(&self) -> std::io::Result<()> {
        let row = self.identity.row();
        let array = json!({
            "zarr_format": 2, "shape": [self.count, row], "chunks": [self.count.max(1), row], "dtype": "<f8",
            "compressor": null, "fill_value": null, "order": "C", "filters": null,
        });
        let attributes = json!({ "_ARRAY_DIMENSIONS": ["draw", "number"], "last_numbers": STATISTICS });
        let write = |name: &str, content: Value| {
            let new = self.array.join(format!("{name}.new"));
            std::fs::write(&new, content.to_string())?;
            std::fs::rename(&new, self.array.join(name))
        };
        if !self.begun {
            write(".zattrs", attributes)?;
        }
        write(".zarray", array)
    }
}

impl Identity {
    /// Numbers of a row.
    fn row(&self) -> usize {
        self.width + STATISTICS.len()
    }

    fn texts(&self) -> [(&'static str, String); 5] {
        [
            ("kernel", self.kernel.clone()),
            ("seed", self.seed.to_string()),
            ("warm-up", self.warmup.to_string()),
            ("warm-up kept", self.keep_warmup.to_string()),
            ("numbers of a draw", self.width.to_string()),
        ]
    }

    /// Whether a state is of a chain of this run.
    fn check(&self, file: &TensorFile) -> Result<()> {
        match file.text("format") {
            Ok(FORMAT) => {}
            Ok(older) if older.starts_with("ppl chain ") => {
                let reason = format!(
                    "it has the format `{older}`, which only an older version goes on with: {FORMAT} is read here"
                );
                return Err(file.damaged(reason));
            }
            _ => return Err(file.damaged("the file holds no chain")),
        }
        for (name, ours) in self.texts() {
            let theirs = file.text(name)?;
            if theirs != ours {
                return Err(file.damaged(format!("{name}: {theirs} in the file, {ours} here")));
            }
        }
        Ok(())
    }
}

fn read<K: Kernel>(rows_path: &Path, state_path: &Path, identity: &Identity) -> Result<Stored<K::State>> {
    let file = TensorFile::read(state_path)?;
    identity.check(&file)?;
    fn number<T: std::str::FromStr>(file: &TensorFile, name: &str) -> Result<T> {
        let wrong = |_| file.damaged(format!("the entry `{name}` is not a number"));
        file.text(name)?.parse().map_err(wrong)
    }
    let (taken, rows): (usize, usize) = (number(&file, "taken")?, number(&file, "rows")?);
    let log_density = number(&file, "log density")?;
    let state = K::read_state(&file)?;
    let width = identity.row();
    let content = || -> std::io::Result<Vec<f64>> {
        let (mut bytes, length) = (Vec::new(), rows.saturating_mul(width).saturating_mul(size_of::<f64>()));
        BufReader::new(File::open(rows_path)?).take(length as u64).read_to_end(&mut bytes)?;
        Ok(bytes.as_chunks::<8>().0.iter().map(|x| f64::from_le_bytes(*x)).collect())
    };
    let content = content().map_err(|error| Error::file(rows_path, error))?;
    let rows_read: Vec<_> = content.chunks_exact(width).map(|row| row_of(row, identity.width)).collect();
    if rows_read.len() != rows || taken < rows {
        let (path, found) = (rows_path.display(), rows_read.len());
        return Err(file.damaged(format!("{path} has {found} draws, {rows} are needed")));
    }
    Ok(Stored { state, taken, log_density, rows: rows_read })
}

/// Values and transition of a row; numbers that are no counts are cast to some.
fn row_of(row: &[f64], width: usize) -> (Vec<f64>, Transition) {
    let (values, t) = row.split_at(width);
    let transition = Transition {
        log_density: t[0],
        acceptance: t[1],
        step_size: t[2],
        tree_depth: t[3] as u32,
        leapfrogs: t[4] as u32,
        divergent: t[5] != 0.0,
        saturated: t[6] != 0.0,
        energy: Some(t[7]).filter(|energy| !energy.is_nan()),
    };
    (values.to_vec(), transition)
}

/// Whether a density is that of a stored state: the same program on the same data differs in rounding alone, on another
/// machine.
pub(super) fn check_same<K: Kernel>(density: &mut dyn LogDensity, stored: &Stored<K::State>) -> Result<()> {
    let position = K::position(&stored.state);
    let (found, wanted) = (position.len(), density.dimension());
    if found != wanted {
        let reason =
            format!("the stored chain has {found} numbers on unconstrained space, the log density {wanted}");
        return Err(Error::argument(reason));
    }
    let here = density.value_and_gradient(position, &mut vec![0.0; wanted])?;
    let there = stored.log_density;
    match here == there || (here - there).abs() <= 1e-6 * there.abs().max(1.0) {
        true => Ok(()),
        false => {
            let reason = format!(
                "the log density where the stored chain is is {here}, and was {there}: the model or its data are others"
            );
            Err(Error::argument(reason))
        }
    }
}
