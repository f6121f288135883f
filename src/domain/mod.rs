//! Types and rules: what a tenant, an image, a caption and a publication are.
//!
//! Pure: no I/O, no async, no crate that does either. Imports nothing of this crate but itself;
//! everybody may import it.
