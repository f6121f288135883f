//! Dropbox as the place where tenants keep their images, spoken to by its HTTP API (v2).

mod access_token;
mod failure;
mod wire;
