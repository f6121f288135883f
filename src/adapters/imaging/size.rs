//! How large a picture is.

/// Width and height, in pixels.
pub(super) type Size = (u32, u32);
