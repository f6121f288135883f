//! What a client sees of a tenant's images.

use poem_openapi::{Object, types::Example};

use crate::app::usecases::list_images::ImagePage;

/// One page of the images that stand in the tenant's root folder.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub struct ImageList {
    /// The names on this page, sorted. The last one is `after` for the next page.
    pub filenames: Vec<String>,
    /// How many images there are in all, on this page and on others.
    pub count: u64,
}

impl From<ImagePage> for ImageList {
    fn from(page: ImagePage) -> Self {
        let ImagePage { names, total } = page;
        Self {
            filenames: names.iter().map(|name| name.as_str().to_owned()).collect(),
            count: total as u64,
        }
    }
}

impl Example for ImageList {
    fn example() -> Self {
        Self {
            filenames: vec!["bridge.jpg".to_owned(), "harbour.png".to_owned()],
            count: 2,
        }
    }
}
