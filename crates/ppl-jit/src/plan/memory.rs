//! Where in a program's own memory each buffer is: two share a place if one is no longer read when the other is written.

use crate::code::{Code, Origin, Step, bytes};

/// Distances of buffers, in bytes: a line of the cache.
const ALIGNMENT: usize = 64;

/// Gives every buffer that is neither constant nor argument its place.
pub(crate) fn place(code: &mut Code) {
    let mut lives: Vec<Option<(usize, usize)>> = vec![None; code.buffers.len()];
    let mut touch = |mut buffer: usize, step: usize| {
        while let Origin::Window(of) = code.buffers[buffer].origin {
            buffer = of;
        }
        let life = lives[buffer].get_or_insert((step, step));
        life.1 = step;
    };
    for (number, step) in code.steps.iter().enumerate() {
        visit(code, step, &mut |buffer| touch(buffer, number));
    }
    for (view, _) in &code.outputs {
        touch(view.buffer, code.steps.len());
    }
    // What the first steps make once for an iteration is read in each of its steps.
    for life in lives.iter_mut().flatten().filter(|life| life.0 < code.fixed && life.1 >= code.fixed) {
        life.1 = code.steps.len();
    }
    // The places in use, and until when.
    let mut order: Vec<usize> = (0..code.buffers.len()).filter(|&buffer| lives[buffer].is_some()).collect();
    order.sort_by_key(|&buffer| lives[buffer]);
    let mut used: Vec<(usize, usize, usize)> = Vec::new();
    for buffer in order {
        let Some((first, last)) = lives[buffer] else { continue };
        let target = &mut code.buffers[buffer];
        let Origin::Arena(place) = &mut target.origin else { continue };
        let size = (target.elements * bytes(target.dtype)).max(1).next_multiple_of(ALIGNMENT);
        used.retain(|&(_, _, until)| until >= first);
        used.sort_unstable();
        let mut start = 0;
        for &(from, to, _) in &used {
            if from >= start + size {
                break;
            }
            start = start.max(to);
        }
        *place = start;
        code.arena = code.arena.max(start + size);
        used.push((start, start + size, last));
    }
}

/// Calls `touch` with all buffers that a step uses. What the turns of a loop use is in use all the time.
fn visit(code: &Code, step: &Step, touch: &mut impl FnMut(usize)) {
    let (written, read) = step.slots();
    for slot in written.into_iter().chain(read) {
        touch(code.addresses[slot as usize].buffer);
    }
    match step {
        Step::Loop(one) => {
            for stream in &one.streams {
                touch(code.addresses[stream.slot as usize].buffer);
            }
        }
        Step::Host(call) => {
            call.inputs.iter().for_each(|view| touch(view.buffer));
            touch(call.to);
        }
        Step::Repeat(repeat) => {
            repeat.windows.iter().for_each(|window| touch(window.of));
            repeat.body.iter().for_each(|step| visit(code, step, touch));
        }
        Step::Native(region) => region.windows().iter().for_each(|window| touch(window.of)),
        Step::Run(_) | Step::Copy { .. } | Step::Index(_) => {}
    }
}
