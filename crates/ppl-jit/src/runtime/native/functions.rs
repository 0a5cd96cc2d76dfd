//! Functions of machine code: made by Cranelift, kept in memory of their own.

use std::sync::{Mutex, OnceLock};

use cranelift_codegen::Context;
use cranelift_codegen::ir::{AbiParam, InstBuilder, Value, types};
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Module, default_libcall_names};
use ppl_tensor::{Error, Result};

/// A function of where each buffer starts, and of where the program's own memory does.
pub(crate) type Entry = unsafe extern "C" fn(*const *mut u8, *mut u8);

/// The processor that this runs on; none if machine code cannot be made for it.
pub(super) fn isa() -> Option<&'static OwnedTargetIsa> {
    static ISA: OnceLock<Option<OwnedTargetIsa>> = OnceLock::new();
    ISA.get_or_init(|| {
        // Element functions are called in the convention of 64-bit processors.
        if !cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
            return None;
        }
        let mut flags = settings::builder();
        flags.set("opt_level", "none").ok()?;
        flags.set("is_pic", "false").ok()?;
        flags.set("use_colocated_libcalls", "false").ok()?;
        flags.set("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }).ok()?;
        cranelift_native::builder().ok()?.finish(settings::Flags::new(flags)).ok()
    })
    .as_ref()
}

/// What went wrong in the compiler of functions: a fault of this crate.
pub(super) fn failed(reason: impl std::fmt::Display) -> Error {
    Error::argument("compile", format!("machine code: {reason}"))
}

/// Several functions, and the memory that they are in.
pub(crate) struct Functions {
    /// Taken only when this is dropped. Nothing is done with it but to keep it, once the functions are finished.
    module: Mutex<Option<JITModule>>,
    ids: Vec<FuncId>,
    entries: Vec<Entry>,
    /// The arguments that the last function makes of results; none if it does not.
    pub(crate) carried: Vec<usize>,
}

impl Functions {
    /// No function yet.
    pub(super) fn new() -> Result<Self> {
        let isa = isa().ok_or_else(|| failed("not for this processor"))?;
        let module = JITModule::new(JITBuilder::with_isa(isa.clone(), default_libcall_names()));
        Ok(Self {
            module: Mutex::new(Some(module)),
            ids: Vec::new(),
            entries: Vec::new(),
            carried: Vec::new(),
        })
    }

    /// Adds a function, whose statements `body` writes, given the two arguments.
    pub(super) fn add(
        &mut self,
        body: impl FnOnce(&mut FunctionBuilder<'_>, [Value; 2]) -> Result<()>,
    ) -> Result<()> {
        let module = self.module.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        let module = module.as_mut().ok_or_else(|| failed("no memory"))?;
        let mut context: Context = module.make_context();
        let pointer = AbiParam::new(types::I64);
        context.func.signature.params.extend([pointer, pointer]);
        let mut builders = FunctionBuilderContext::new();
        let mut builder = FunctionBuilder::new(&mut context.func, &mut builders);
        let block = builder.create_block();
        builder.append_block_params_for_function_params(block);
        builder.switch_to_block(block);
        builder.seal_block(block);
        let arguments = [builder.block_params(block)[0], builder.block_params(block)[1]];
        body(&mut builder, arguments)?;
        builder.ins().return_(&[]);
        builder.finalize(module.target_config());
        let id = module.declare_anonymous_function(&context.func.signature).map_err(failed)?;
        module.define_function(id, &mut context).map_err(failed)?;
        self.ids.push(id);
        Ok(())
    }

    /// Makes the functions ready to be called.
    pub(super) fn finish(&mut self) -> Result<()> {
        let module = self.module.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        let module = module.as_mut().ok_or_else(|| failed("no memory"))?;
        module.finalize_definitions().map_err(failed)?;
        for &id in &self.ids {
            let entry = module.get_finalized_function(id);
            // SAFETY: the function was declared with these arguments, in this convention.
            self.entries.push(unsafe { std::mem::transmute::<*const u8, Entry>(entry) });
        }
        Ok(())
    }

    /// Makes results the arguments of the numbers in `carried`, where these are.
    ///
    /// # Safety
    /// As [`Functions::call`]; the arguments are memory that may be written.
    #[inline(always)]
    pub(crate) unsafe fn carry(&self, buffers: *const *mut u8, arena: *mut u8) {
        if let (false, Some(entry)) = (self.carried.is_empty(), self.entries.last()) {
            // SAFETY: the caller's.
            unsafe { entry(buffers, arena) }
        }
    }

    /// Function number `number`, to be called as [`Functions::call`] says and while this is there.
    pub(crate) fn entry(&self, number: usize) -> Option<Entry> {
        self.entries.get(number).copied()
    }

    /// Calls function number `number`.
    ///
    /// # Safety
    /// The buffers and the program's own memory are as `emit::region` was told.
    #[inline(always)]
    pub(crate) unsafe fn call(&self, number: usize, buffers: *const *mut u8, arena: *mut u8) {
        // SAFETY: the caller's.
        unsafe { self.entries[number](buffers, arena) }
    }
}

impl Drop for Functions {
    fn drop(&mut self) {
        let module = self.module.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(module) = module.take() {
            // SAFETY: entries are called through this alone.
            unsafe { module.free_memory() };
        }
    }
}
