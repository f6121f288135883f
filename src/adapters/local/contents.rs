//! Reading an image in parts, for whoever has a link to it.

use std::{io, ops::Range, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};

use super::{
    failure,
    folder::OpenFile,
    store::{LocalImageStore, stored},
};
use crate::{
    domain::image::{ImageFormat, ImageName},
    ports::{ImageContent, ImageContents, ImageStoreError, OpenedImage},
};

/// The size of a piece, in bytes (64 KiB).
const PIECE: u64 = 64 * 1024;
/// The number of bytes that tell a format.
const HEAD: u64 = 16;

/// A file that was opened by its name once, and is read by its handle: whatever takes its name meanwhile is not read.
struct FileContent(Arc<OpenFile>);

#[async_trait]
impl ImageContents for LocalImageStore {
    async fn open(&self, name: &ImageName) -> Result<OpenedImage, ImageStoreError> {
        let found = self.find_now(name).await?;
        let name = name.clone();
        self.work(move |store| {
            let file = store.open_folder()?.read(name.as_str());
            let file = file.map_err(failure::of_file)?;
            let file = file.ok_or(ImageStoreError::NotFound)?;
            let (state, digest) = found;
            if !file.state.has_content_of(&state) {
                return Err(failure::CHANGING);
            }
            let head = file.read_at(0..HEAD.min(state.size));
            let head = head.map_err(failure::of_reading)?;
            Ok(OpenedImage {
                stored: stored(name, &state, digest),
                format: ImageFormat::sniff(&head),
                content: Box::new(FileContent(Arc::new(file))),
            })
        })
        .await
    }
}

impl ImageContent for FileContent {
    fn read(self: Box<Self>, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
        let pieces = stream::unfold(range, |rest| async move {
            let end = rest.end.min(rest.start + PIECE);
            (rest.start < end).then_some((rest.start..end, end..rest.end))
        });
        let read = move |piece| {
            let file = Arc::clone(&self.0);
            let read = tokio::task::spawn_blocking(move || file.read_at(piece));
            async move { read.await.map_err(io::Error::other)? }
        };
        pieces.map(Ok).and_then(read).boxed()
    }
}
