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

impl ThumbnailSize {
    /// The largest width and height, in pixels.
    #[must_use]
    pub const fn sides(self) -> (u32, u32) {
        match self {
            Self::W256H256 => (256, 256),
            Self::W480H320 => (480, 320),
            Self::W640H480 => (640, 480),
            Self::W960H640 => (960, 640),
            Self::W1024H768 => (1024, 768),
        }
    }
}
