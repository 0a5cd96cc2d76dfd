//! Chains that are stored where there is no room.

#![cfg(unix)]
// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::process::Command;

use ppl_core::{Ctx, Result};
use ppl_dist::Normal;
use ppl_mcmc::{Chains, Mcmc, Nuts};
use ppl_suite::TemporaryPath;
use ppl_tensor::Tensor;

fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(0.0, 10.0))?;
    ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y).map(|_| ()))
}

fn mcmc() -> Mcmc<Nuts> {
    Mcmc::new(Nuts::new()).warmup(100).draws(1000).chains(2)
}

fn means(chains: &Chains) -> Vec<f64> {
    chains.get("mean").unwrap().to_f64().unwrap()
}

const CHILD: &str = "PPL_MCMC_FULL_DISK_CHILD";

/// Run by the next test in a process of its own, whose files may have a few kilobytes.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let (folder, y) = (Path::new(&folder), Tensor::from([1.0, 2.0]));
    let chains = mcmc().store(folder).run(&model, &y).unwrap();
    assert_eq!(means(&chains), means(&mcmc().run(&model, &y).unwrap()));
    assert_eq!((chains.draw_count(), chains.failures().len(), chains.unstored().len()), (1000, 0, 2));
    let (number, error) = &chains.unstored()[1];
    assert!(*number == 1 && error.to_string().contains("chain-1.zarr: "), "{error}");
    let warnings = chains.summary().unwrap().warnings().to_vec();
    assert!(warnings[0].starts_with("chain 0 is not stored to its end: "), "{warnings:?}");
    // Not a byte more: what cannot even begin is refused.
    std::fs::write(folder.join("big"), vec![0; 1 << 20]).unwrap_err();
}

/// Draws outlive the disk that they were to be written to; what was written before goes on from there.
#[test]
fn a_full_disk_costs_no_draws() {
    let folder = TemporaryPath::new("mcmc-full-disk");
    // Files may be 16 kilobytes long (32 blocks of the shell): writing more is an error, as on a full disk.
    let script = "trap '' XFSZ; ulimit -f 32; exec \"$0\" --exact child --nocapture";
    let program = std::env::current_exe().unwrap();
    let output =
        Command::new("sh").args(["-c", script]).arg(program).env(CHILD, folder.as_os_str()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let y = Tensor::from([1.0, 2.0]);
    let resumed = mcmc().resume(&folder).run(&model, &y).unwrap();
    assert_eq!(means(&resumed), means(&mcmc().run(&model, &y).unwrap()));
    assert!(resumed.unstored().is_empty());
}
