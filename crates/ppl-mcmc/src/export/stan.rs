//! Draws as CSV in the form of Stan's programs.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use ppl_core::{Error, Result};
use ppl_tensor::Shape;

use crate::Chains;

/// Stan's names of what is known of a transition.
const STATISTICS: &str = "lp__,accept_stat__,stepsize__,treedepth__,n_leapfrog__,divergent__";

impl Chains {
    /// Writes `prefix_1.csv`, `prefix_2.csv`, …, one file a chain, in the form of Stan's programs: statistics, energies among
    /// them if the kernel has such, then all numbers of all sites, as `theta.1`, `w.2.1`, counted from 1 with the first index running fastest. Numbers are
    /// written so that they are read back as they were. Returns the files.
    ///
    /// # Errors
    /// If a file cannot be written, or draws cannot be read.
    pub fn write_stan_csv(&self, folder: impl AsRef<Path>, prefix: &str) -> Result<Vec<PathBuf>> {
        let mut header = STATISTICS.to_owned();
        if self.energies().is_some() {
            header.push_str(",energy__");
        }
        let mut columns: Vec<(Vec<f64>, usize, Vec<usize>)> = Vec::new();
        for (name, site) in self.sites() {
            let shape = Shape::from(&site.values.shape()[2..]);
            let places = by_columns(&shape);
            for place in &places {
                header.push(',');
                header.push_str(name);
                place.iter().for_each(|index| header.push_str(&format!(".{}", index + 1)));
            }
            let flat =
                |place: &Vec<usize>| place.iter().zip(shape.iter()).fold(0, |flat, (i, n)| flat * n + i);
            columns.push((site.values.to_f64()?, shape.elements(), places.iter().map(flat).collect()));
        }
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(|error| Error::file(folder, error))?;
        let mut files = Vec::new();
        for (chain, transitions) in self.transitions().iter().enumerate() {
            let path = folder.join(format!("{prefix}_{}.csv", chain + 1));
            let write = || -> std::io::Result<()> {
                let mut file = BufWriter::new(std::fs::File::create(&path)?);
                writeln!(file, "{header}")?;
                for (draw, t) in transitions.iter().enumerate() {
                    let divergent = u8::from(t.divergent);
                    write!(file, "{},{},{},", t.log_density, t.acceptance, t.step_size)?;
                    write!(file, "{},{},{divergent}", t.tree_depth, t.leapfrogs)?;
                    t.energy.iter().try_for_each(|energy| write!(file, ",{energy}"))?;
                    for (values, size, places) in &columns {
                        let row = &values[(chain * self.draw_count() + draw) * size..][..*size];
                        places.iter().try_for_each(|place| write!(file, ",{}", row[*place]))?;
                    }
                    writeln!(file)?;
                }
                file.flush()
            };
            write().map_err(|error| Error::file(&path, error))?;
            files.push(path);
        }
        Ok(files)
    }
}

/// The places of a shape's elements, the first index running fastest.
fn by_columns(shape: &Shape) -> Vec<Vec<usize>> {
    let place = |mut number: usize| {
        let digit = |size: &usize| {
            let index = number % size;
            number /= size;
            index
        };
        shape.iter().map(digit).collect()
    };
    (0..shape.elements()).map(place).collect()
}
