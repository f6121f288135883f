//! A door for the fuzz targets (`fuzz/`) to the readers of an instance's answers. Not there without the feature
//! `fuzzing`; nothing of the service uses it.

use super::{answer, instance::InstanceLimits};

/// The body of an answer, read as everything that it could be: all ids and addresses that came of it, and the limits of
/// captions, descriptions, files and pixels.
#[must_use]
pub fn read_answer(body: &[u8]) -> (Vec<String>, Vec<String>, [u64; 4]) {
    let statuses = answer::statuses(body).unwrap_or_default();
    let posts = statuses.iter().map(|it| it.post.clone());
    let posts: Vec<_> = posts.chain(answer::posted(body)).collect();
    let media = statuses.iter().flat_map(|it| it.media.iter().cloned());
    let ids = posts.iter().map(|it| it.id.as_str().to_owned());
    let ids = ids.chain(media).chain(answer::id(body)).collect();
    let urls = posts.iter().filter_map(|it| it.url.as_ref());
    let urls = urls.map(|url| url.as_str().to_owned()).collect();
    let document = serde_json::from_slice(body).unwrap_or_default();
    let limits = InstanceLimits::read(&document);
    let limits = [
        limits.characters as u64,
        limits.description as u64,
        limits.bytes,
        limits.pixels,
    ];
    (ids, urls, limits)
}
