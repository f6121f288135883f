//! How calls of libjpeg end. The library is C, and what it cannot do it tells by unwinding: that is
//! no panic, so no hook runs and nothing is logged, and it goes no further than this file.

use std::{
    io,
    os::raw::c_int,
    panic::{UnwindSafe, catch_unwind, resume_unwind},
    ptr,
};

use mozjpeg_sys::{jpeg_common_struct, jpeg_error_mgr};

/// The library could not do what it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failed;

/// Does work with the library. What it had allocated is freed on the way out.
///
/// # Errors
/// [`Failed`].
pub(super) fn caught<T>(work: impl FnOnce() -> io::Result<T> + UnwindSafe) -> Result<T, Failed> {
    match catch_unwind(work) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(_)) | Err(_) => Err(Failed),
    }
}

/// Has reading end at the first thing that is wrong with a file. By itself the library makes up what
/// is missing, in grey, and says so only in messages that nobody would see.
pub(super) fn strict() -> jpeg_error_mgr {
    jpeg_error_mgr {
        error_exit: Some(end),
        emit_message: Some(end_at_warnings),
        output_message: None,
        format_message: None,
        reset_error_mgr: Some(begin),
        msg_code: 0,
        msg_parm: mozjpeg_sys::msg_parm_union::default(),
        trace_level: 0,
        num_warnings: 0,
        jpeg_message_table: ptr::null(),
        last_jpeg_message: 0,
        addon_message_table: ptr::null(),
        first_addon_message: 0,
        last_addon_message: 0,
    }
}

#[cold]
extern "C-unwind" fn end(_: &mut jpeg_common_struct) {
    resume_unwind(Box::new(Failed));
}

/// Warnings have a level below zero; the rest is for debugging.
extern "C-unwind" fn end_at_warnings(_: &mut jpeg_common_struct, level: c_int) {
    if level < 0 {
        resume_unwind(Box::new(Failed));
    }
}

/// Nothing is counted, so there is nothing to set back.
extern "C-unwind" fn begin(_: &mut jpeg_common_struct) {}
