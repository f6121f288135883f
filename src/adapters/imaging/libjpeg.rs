//! How calls of libjpeg end. The library is C, and reports failures by unwinding. That is no panic,
//! so no hook runs and nothing is logged. The unwinding does not leave this file.

use std::{
    io,
    os::raw::c_int,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr,
};

use mozjpeg_sys::{jpeg_common_struct, jpeg_error_mgr};

/// The library could not do what it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failed;

/// Runs `work` with the library. Memory that the library has allocated is freed on the way out, or when the object that
/// it works on is dropped. After a failure, that object must only be dropped.
///
/// # Errors
/// [`Failed`].
pub(super) fn caught<T>(work: impl FnOnce() -> io::Result<T>) -> Result<T, Failed> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(_)) | Err(_) => Err(Failed),
    }
}

/// Lets reading continue as long as possible. What is missing or wrong is filled in from what is there, as browsers
/// show it. Nothing is written to standard error.
pub(super) fn lenient() -> jpeg_error_mgr {
    jpeg_error_mgr {
        error_exit: Some(end),
        emit_message: Some(go_on),
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

/// Warnings and what is for debugging.
extern "C-unwind" fn go_on(_: &mut jpeg_common_struct, _: c_int) {}

/// Nothing is counted, so there is nothing to set back.
extern "C-unwind" fn begin(_: &mut jpeg_common_struct) {}
