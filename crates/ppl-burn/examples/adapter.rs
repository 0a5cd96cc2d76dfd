//! Prints the GPU, or the software in its place, that feature `wgpu` computes on.

use std::process::ExitCode;

fn main() -> ExitCode {
    match ppl_burn::wgpu_adapter() {
        Ok(name) => {
            println!("{name}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
