//! The wire types of the API, which make up the spec: nothing but `http` knows them. What comes
//! from the domain is taken apart field by field, so that a new field cannot be forgotten.

pub mod admin;
pub mod analysis;
pub mod config;
pub mod curation;
pub mod health;
pub mod images;
pub mod problem;
pub mod problem_page;
pub mod publications;
pub mod publish;
pub mod thumbnail;
