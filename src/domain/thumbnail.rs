//! The sizes of thumbnails.

crate::domain::words::words! {
    /// The largest size of a thumbnail, which keeps the shape of its image. Clients and storage use the same names.
    #[derive(Default)]
    pub enum ThumbnailSize {
        /// 256 × 256 pixels.
        W256H256 = "w256h256",
        /// 480 × 320 pixels.
        W480H320 = "w480h320",
        /// 640 × 480 pixels.
        W640H480 = "w640h480",
        /// 960 × 640 pixels.
        #[default]
        W960H640 = "w960h640",
        /// 1024 × 768 pixels.
        W1024H768 = "w1024h768",
    }
}
